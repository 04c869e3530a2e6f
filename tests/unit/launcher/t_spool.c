/* link: @launcher @privsep */
/* What members of group rkt have spooled: by which names it is opened, what of
 * it is taken, and when it goes. */
#include "tests/unit/launcher/world.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define N32 "0123456789abcdef0123456789abcdef"
#define SPOOL "/var/lib/rkt/spool/"

static const char *
real(const char *path)
{
	static char text[2][256];
	static unsigned i;

	i ^= 1;
	(void)snprintf(text[i], sizeof(text[i]), "%s%s", fake.root, path);
	return text[i];
}

/* The one form of its names; whatever else is said is no path of the
 * operator's either. */
static void
names(void **state)
{
	static const struct {
		const char *path;
		uint8_t kind;
		bool good;
	} rows[] = {
		{ "spool/" N32 ".aci", PS_SLOT_IMAGE, true },
		{ "spool/" N32 ".asc", PS_SLOT_SIGNATURE, true },
		{ "spool/" N32 ".aci", PS_SLOT_SIGNATURE, false },
		{ "spool/" N32 ".asc", PS_SLOT_IMAGE, false },
		{ "spool/" N32 ".aci", PS_SLOT_KEY, false },
		{ "spool/" N32 ".aci", PS_SLOT_TEXT, false },
		{ "spool/" N32 ".meta", PS_SLOT_IMAGE, false },
		{ "spool/" N32 "", PS_SLOT_IMAGE, false },
		{ "spool/" N32 "0.aci", PS_SLOT_IMAGE, false },
		{ "spool/" N32 ".aci.aci", PS_SLOT_IMAGE, false },
		{ "spool/../image/aaaaaaaaaaaaaaaaaaaa.aci", PS_SLOT_IMAGE, false },
		{ "spool/ABCDEF89abcdef0123456789abcdef01.aci", PS_SLOT_IMAGE, false },
		{ "spool//123456789abcdef0123456789abcdef.aci", PS_SLOT_IMAGE, false },
		{ "/spool/" N32 ".aci", PS_SLOT_IMAGE, false },
		{ "./spool/" N32 ".aci", PS_SLOT_IMAGE, false },
		{ N32 ".aci", PS_SLOT_IMAGE, false },
		{ SPOOL N32 ".aci", PS_SLOT_IMAGE, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int r;

		world_begin(ARGV("rkt", "run", NAME));
		fake_put(SPOOL N32 ".aci", "an image");
		fake_put(SPOOL N32 ".asc", "a signature");
		fake_put(SPOOL N32 ".meta", "a word");
		SAY(GET_FILE, .path = rows[i].path, .kind = rows[i].kind);
		r = world_serve();
		if (r != (rows[i].good ? 0 : -EPROTO) ||
		    (!rows[i].good && fake.at != 0))
			fail_msg("%s as %u: %d", rows[i].path, rows[i].kind, r);
		if (rows[i].good) {
			world_expect(PS_SLOT);
			assert_true(world.s.slots[0].spooled);
		}
		world_end();
	}
}

static void
odd_link(void)
{
	assert_int_equal(symlink("/etc/rkt", real(SPOOL N32 ".aci")), 0);
}

static void
odd_hard(void)
{
	fake_put("/var/lib/rkt/spool/secret", "root's");
	assert_int_equal(link(real(SPOOL "secret"), real(SPOOL N32 ".aci")), 0);
}

static void
odd_pipe(void)
{
	assert_int_equal(mkfifo(real(SPOOL N32 ".aci"), 0666), 0);
}

static void
odd_directory(void)
{
	fake_mkdir(SPOOL N32 ".aci");
}

static void
odd_size(void)
{
	fake_put(SPOOL N32 ".aci", "longer than this session takes");
	world.s.policy.max_image = 8;
}

static void
odd_none(void)
{
}

static void
odd(void **state)
{
	static const struct {
		void (*make)(void);
		uint32_t code;
	} rows[] = { { odd_link, PS_REFUSED_NOTFOUND },
		{ odd_hard, PS_REFUSED_NOTFOUND },
		{ odd_pipe, PS_REFUSED_NOTFOUND },
		{ odd_directory, PS_REFUSED_NOTFOUND },
		{ odd_size, PS_REFUSED_IMAGE },
		{ odd_none, PS_REFUSED_NOTFOUND } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(ARGV("rkt", "run", NAME));
		rows[i].make();
		SAY(GET_FILE, .path = "spool/" N32 ".aci", .kind = PS_SLOT_IMAGE);
		assert_int_equal(world_serve(), 0);
		world_refused(rows[i].code);
		assert_int_equal(world.s.slots[0].kind, 0);
		world_end();
	}
}

/* --insecure-options=image is the operator's word for what he named. */
static void
never_unsigned(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		world_begin(ARGV("rkt", "--insecure-options=image", "run", NAME,
		    "/home/op/hello.aci"));
		fake.may_open[0] = "/home/op/hello.aci";
		fake_put(SPOOL N32 ".aci", "an image");
		SAY(GET_FILE, .path = i ? "/home/op/hello.aci" : "spool/" N32 ".aci",
		    .kind = PS_SLOT_IMAGE);
		SAY(ADMIT_IMAGE, .image = 0, .signature = PS_NO_SLOT, .name = NAME,
		    .insecure = PS_INSECURE_IMAGE);
		assert_int_equal(world_serve(), i ? 0 : -EPROTO);
		world_end();
	}
}

/* A slot that was used for a spooled file is any slot afterwards. */
static void
slot_again(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "run", NAME));
	fake_put(SPOOL N32 ".aci", "an image");
	SAY(GET_FILE, .path = "spool/" N32 ".aci", .kind = PS_SLOT_IMAGE);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_SLOT);
	ln_slot_free(&world.s.slots[0]);
	assert_false(world.s.slots[0].spooled);
	world_end();
}

/* gc takes what is older than a day, and looks into nothing. */
static void
sweep(void **state)
{
	static const struct {
		char *word;
		int64_t age;
		bool gone;
	} rows[] = { { "gc", 86401, true }, { "gc", 86400, false },
		{ "gc", 0, false }, { "gc", -5, false }, { "list", 86401, false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin_mute(ARGV("rkt", rows[i].word));
		fake_mkdir("/var/lib/rkt/pods");
		fake_put(SPOOL N32 ".aci", "an image");
		fake_put(SPOOL "junk", "");
		fake_mkdir(SPOOL "empty");
		fake_put(SPOOL "full/file", "x");
		fake_put("/home/op/victim", "x");
		assert_int_equal(symlink(real("/home/op/victim"), real(SPOOL "link")),
		    0);
		fake.age = rows[i].age;
		SAY(HELLO, .dir = "");
		assert_int_equal(world_serve(), 0);
		world_expect(PS_WELCOME);
		if (fake_exists(SPOOL N32 ".aci") == rows[i].gone ||
		    fake_exists(SPOOL "junk") == rows[i].gone ||
		    fake_exists(SPOOL "empty") == rows[i].gone ||
		    !fake_exists(SPOOL "full/file") ||
		    !fake_exists("/home/op/victim") ||
		    (unlink(real(SPOOL "link")) < 0) != rows[i].gone)
			fail_msg("row %zu:\n%s", i, fake.trace);
		world_end();
	}
	fake_clear("/home/op/victim");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(odd),
		cmocka_unit_test(never_unsigned),
		cmocka_unit_test(slot_again),
		cmocka_unit_test(sweep),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
