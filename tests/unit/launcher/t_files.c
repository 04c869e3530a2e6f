/* link: @launcher @privsep */
/* How files come in: HELLO's directories, operator-named files, the fetcher's
 * slots.  Nothing opens that argv does not name. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

static void
hello_names(void **state)
{
	static const struct {
		const char *dir, *system, *local;
		bool good;
	} rows[] = {
		{ "", "", "", true },
		{ "/var/lib/rkt", "/usr/lib/rkt", "/etc/rkt", true },
		{ "/srv/rkt", "", "", false },
		{ "/etc", "", "", false },
		{ "", "/etc", "", false },
		{ "", "", "/tmp", false },
		{ "/d", "/s", "/l", false }, /* named, but by other flags */
		{ "relative", "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int r;

		world_begin_mute(ARGV("rkt", "--x=/d", "--dir=/l", "--system-config=/d",
		    "--local-config", "/s", "--dir=relative"));
		SAY(HELLO, .dir = rows[i].dir, .system_config = rows[i].system,
		    .local_config = rows[i].local);
		r = world_serve();
		if (r != (rows[i].good ? 0 : -EPROTO) || (!rows[i].good && fake.at))
			fail_msg("row %zu: %d", i, r);
		world_end();
	}
	world_begin_mute(ARGV("rkt", "--dir=/srv/x"));
	fake.may_open[0] = "/srv";
	fake.may_open[1] = "/srv/x";
	SAY(HELLO, .dir = "/srv/x");
	assert_int_equal(world_serve(), 0);
	world_expect(PS_WELCOME);
	world_end();
}

/* Site policy's data-dir is a default too. */
static void
hello_policy_dir(void **state)
{
	(void)state;
	world_begin_mute(ARGV("rkt"));
	world.s.policy.data_dir = "/srv/y";
	fake.may_open[0] = "/srv";
	fake.may_open[1] = "/srv/y";
	SAY(HELLO, .dir = "");
	assert_int_equal(world_serve(), 0);
	world_expect(PS_WELCOME);
	assert_true(fake_exists("/srv/y/quarantine"));
	world_end();
}

static void
get_file(void **state)
{
	struct ps_msg_SLOT m;
	struct ps_frame *f;
	char text[8];

	(void)state;
	world_begin(ARGV("rkt", "fetch", "/home/op/hello.aci"));
	fake.may_open[0] = "/home/op/hello.aci";
	fake.may_open[1] = "/home/op/hello.aci.asc";
	SAY(GET_FILE, .path = "/home/op/hello.aci", .kind = PS_SLOT_IMAGE);
	SAY(GET_FILE, .path = "/home/op/hello.aci.asc", .kind = PS_SLOT_SIGNATURE);
	assert_int_equal(world_serve(), 0);
	assert_int_equal(world_hear(&f), PS_SLOT);
	assert_int_equal(ps_decode_SLOT(f->payload, f->length, &m), 0);
	assert_int_equal(m.slot, 0);
	assert_int_equal(m.size, 8);
	world_expect(PS_SLOT);
	/* a copy of its own, for reading alone */
	assert_int_equal(fcntl(world.s.slots[0].fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(world.s.slots[0].pending, -1);
	fake_put("/home/op/hello.aci", "a change");
	assert_int_equal(pread(world.s.slots[0].fd, text, 8, 0), 8);
	assert_memory_equal(text, "an image", 8);
	fake_put("/home/op/hello.aci", "an image");
	world_end();
}

/* A path that argv does not name ends the session, before any open. */
static void
get_file_unnamed(void **state)
{
	static const char *const paths[] = { "/etc/shadow", "/home/op/hello.ac",
		"/home/op/hello.aci/", "/home/op/../op/hello.aci", "", "home/op/hello.aci",
		"/home/op/hello.aci.asc.asc.asc.x", "/secret" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(paths); i++) {
		world_begin(ARGV("rkt", "run", "/home/op/hello.aci", "--", "/secret"));
		SAY(GET_FILE, .path = paths[i], .kind = PS_SLOT_IMAGE);
		if (world_serve() != -EPROTO || fake.at != 0)
			fail_msg("\"%s\" was opened", paths[i]);
		world_end();
	}
	for (unsigned kind = 0; kind < 256; kind += kind ? 63 : 4) {
		world_begin(ARGV("rkt", "run", "/home/op/hello.aci"));
		SAY(GET_FILE, .path = "/home/op/hello.aci", .kind = (uint8_t)kind);
		assert_int_equal(world_serve(), -EPROTO);
		world_end();
	}
}

/* What the conductor may read itself: only what a flag says is for it. */
static void
get_text(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = { { "/home/op/env", true }, { "/home/op/hello.aci", false },
		{ "/etc/shadow", false }, { "/home/op/app", false } };
	struct ps_msg_SLOT m;
	struct ps_frame *f;

	(void)state;
	fake_put("/home/op/env", "A=b\n");
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(ARGV("rkt", "run", "--set-env-file=/home/op/env",
		    "/home/op/hello.aci", "--", "--set-env-file=/home/op/app"));
		fake.may_open[0] = "/home/op/env";
		SAY(GET_FILE, .path = rows[i].path, .kind = PS_SLOT_TEXT);
		if (world_serve() != (rows[i].good ? 0 : -EPROTO))
			fail_msg("row %zu", i);
		if (rows[i].good) {
			assert_int_equal(world_hear(&f), PS_SLOT);
			assert_int_equal(ps_decode_SLOT(f->payload, f->length, &m), 0);
			assert_int_equal(m.slot, PS_NO_SLOT);
			assert_int_equal(f->nfds, 1);
			assert_int_equal(fcntl(f->fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
			assert_int_equal(world.s.slots[0].kind, 0);
			assert_int_equal(world_hear(NULL), 0);
		}
		world_end();
	}
}

static void
get_file_odd(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "run", "/home/op", "/home/no", "/home/op/hello.aci"));
	fake.may_open[0] = "/home/op";
	fake.may_open[1] = "/home/no";
	fake.may_open[2] = "/home/op/hello.aci";
	world.s.policy.max_image = 7;
	SAY(GET_FILE, .path = "/home/op", .kind = PS_SLOT_IMAGE);
	SAY(GET_FILE, .path = "/home/no", .kind = PS_SLOT_IMAGE);
	SAY(GET_FILE, .path = "/home/op/hello.aci", .kind = PS_SLOT_IMAGE);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_IMAGE);
	world_refused(PS_REFUSED_NOTFOUND);
	world_refused(PS_REFUSED_IMAGE);
	assert_int_equal(world.s.slots[0].kind, 0);
	world_end();
}

/* Slots of a fetcher cannot be read before it has exited 0; if it did not,
 * they are gone (A1.8). */
static void
fetcher_slots(void **state)
{
	static const int ends[] = { 0, 1, 120, 256 + 9, FAKE_TIMEOUT };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(ends); i++) {
		world_begin(ARGV("rkt", "fetch", NAME));
		world.script.fetcher_ends = ends[i];
		SAY(START_FETCHER, .count = 2, .n_kinds = 2,
		    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
		assert_int_equal(world_serve(), 0);
		assert_int_equal(world.s.state, LN_FETCHING);
		assert_null(ln_slot_get(&world.s, 0, PS_SLOT_IMAGE));
		SAY(REAP_FETCHER, .end_ = 0);
		assert_int_equal(world_serve(), 0);
		assert_int_equal(ln_slot_get(&world.s, 0, PS_SLOT_IMAGE) != NULL,
		    ends[i] == 0);
		assert_null(ln_slot_get(&world.s, 0, PS_SLOT_SIGNATURE));
		assert_null(ln_slot_get(&world.s, 0, PS_SLOT_KEY));
		assert_null(ln_slot_get(&world.s, 2, PS_SLOT_IMAGE));
		assert_null(ln_slot_get(&world.s, 0xffff, PS_SLOT_IMAGE));
		assert_int_equal(world.s.state, LN_READY);
		world_end();
	}
}

/* Whatever a fetcher managed to write beyond the bound of its slot's kind. */
static void
fetcher_too_much(void **state)
{
	static char key[PS_MAX_KEY + 2];

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	world_begin(ARGV("rkt", "trust"));
	world.script.fetched[0] = key;
	SAY(START_FETCHER, .count = 1, .n_kinds = 1,
	    .kinds = (const uint8_t[]){ PS_SLOT_KEY });
	SAY(REAP_FETCHER, .end_ = 0);
	assert_int_equal(world_serve(), 0);
	assert_null(ln_slot_get(&world.s, 0, PS_SLOT_KEY));
	world_end();
}

static void
fetcher_odd_requests(void **state)
{
	static const struct {
		uint16_t count;
		uint32_t n;
		uint8_t kind;
	} rows[] = { { 0, 0, 1 }, { 1, 2, 1 }, { 2, 1, 1 }, { 17, 17, 1 }, { 1, 1, 0 },
		{ 1, 1, 4 }, { 65535, 64, 1 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint8_t kinds[64];

		memset(kinds, rows[i].kind, sizeof(kinds));
		world_begin(ARGV("rkt", "fetch", NAME));
		SAY(START_FETCHER, .count = rows[i].count, .n_kinds = rows[i].n,
		    .kinds = kinds);
		assert_int_equal(world_serve(), -EPROTO);
		assert_int_equal(fake.at, 0);
		world_end();
	}
}

/* No more slots than there are, and none lost. */
static void
slots_run_out(void **state)
{
	static const uint8_t kinds[16] = { [0 ... 15] = PS_SLOT_IMAGE };

	(void)state;
	world_begin(ARGV("rkt", "fetch", NAME));
	for (int i = 0; i < 5; i++) {
		SAY(START_FETCHER, .count = 15, .n_kinds = 15, .kinds = kinds);
		if (i < 4)
			SAY(REAP_FETCHER, .end_ = 0);
	}
	assert_int_equal(world_serve(), 0);
	for (int i = 0; i < 4; i++) {
		world_expect(PS_FETCHER);
		world_expect(PS_FETCHED);
	}
	world_refused(PS_REFUSED_SYSTEM);
	for (size_t i = 60; i < PS_MAX_SLOTS; i++)
		assert_int_equal(world.s.slots[i].kind, 0);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_names),
		cmocka_unit_test(hello_policy_dir),
		cmocka_unit_test(get_file),
		cmocka_unit_test(get_file_unnamed),
		cmocka_unit_test(get_text),
		cmocka_unit_test(get_file_odd),
		cmocka_unit_test(fetcher_slots),
		cmocka_unit_test(fetcher_too_much),
		cmocka_unit_test(fetcher_odd_requests),
		cmocka_unit_test(slots_run_out),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
