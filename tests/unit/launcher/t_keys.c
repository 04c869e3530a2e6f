/* link: @launcher @privsep */
/* Trusting a key: the prefix is the operator's word, the key is one that was
 * exported sealed, and it stands where it was said. */
#include "tests/unit/launcher/world.h"

#include "launcher/trust.h"
#include "privsep/fds.h"
#include "privsep/name.h"

#include <fcntl.h>
#include <sys/mman.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define STORED "/etc/rkt/trustedkeys/prefix.d/example.com/" KEY_A
#define WHERE "/etc/rkt/trustedkeys/prefix.d/new.org/x/" KEY_N

static void
begin_with(char *const argv[])
{
	world_begin(argv);
	fake.may_open[0] = "/home/op/key.asc";
	world.script.verdict.n_signers = 0;
	SAY(GET_FILE, .path = "/home/op/key.asc", .kind = PS_SLOT_KEY);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_SLOT);
	fake.at = 0;
	fake.trace[0] = '\0';
}

static void
end(void)
{
	world_end();
	fake_clear("/etc/rkt/trustedkeys/prefix.d/new.org");
	fake_clear("/etc/rkt/trustedkeys/root.d");
}

static void
good(void **state)
{
	(void)state;
	begin_with(ARGV("rkt", "trust", "--prefix=new.org/x", "/home/op/key.asc"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_TRUSTED);
	assert_true(fake_exists(WHERE));
	end();
	begin_with(ARGV("rkt", "trust", "--root", "/home/op/key.asc"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_TRUSTED);
	assert_true(fake_exists("/etc/rkt/trustedkeys/root.d/" KEY_N));
	end();
	begin_with(ARGV("rkt", "--trust-keys-from-https", "fetch", "new.org/x:1,os=linux",
	    "/home/op/key.asc"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_TRUSTED);
	assert_true(fake_exists(WHERE));
	end();
	begin_with(ARGV("rkt", "--trust-keys-from-https", "fetch", "new.org/x",
	    "/home/op/key.asc"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = "abc");
	assert_int_equal(world_serve(), -EPROTO);
	end();
}

/* Site policy: no key without a look at it, whatever flag is given. */
static void
not_from_https(void **state)
{
	char *const argv[] = { "rkt", "--trust-keys-from-https", "fetch",
		"new.org/x", "/home/op/key.asc", NULL };

	(void)state;
	begin_with(argv);
	world.s.policy.trust_from_https = false;
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_POLICY);
	assert_null(strstr(fake.trace, "spawn"));
	assert_false(fake_exists(WHERE));
	end();
	begin_with(ARGV("rkt", "trust", "--prefix=new.org/x", "/home/op/key.asc"));
	world.s.policy.trust_from_https = false;
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_TRUSTED);
	end();
}

/* Not the operator's words. */
static void
unsaid(void **state)
{
	const struct {
		char *const *argv;
		const char *prefix;
	} rows[] = {
		{ ARGV("rkt", "trust", "--prefix=new.org/x", "/home/op/key.asc"), "new.org" },
		{ ARGV("rkt", "trust", "--prefix=new.org/x", "/home/op/key.asc"), "" },
		{ ARGV("rkt", "trust", "--root=false", "/home/op/key.asc"), "" },
		{ ARGV("rkt", "trust", "--root", "/home/op/key.asc"), "new.org/x" },
		{ ARGV("rkt", "run", "new.org/x", "/home/op/key.asc"), "new.org/x" },
		{ ARGV("rkt", "run", "/home/op/key.asc", "--", "--root"), "" },
		/* --trust-keys-from-https: the image's own name, and no other. */
		{ ARGV("rkt", "fetch", "new.org/x:1", "/home/op/key.asc"), "new.org/x" },
		{ ARGV("rkt", "--trust-keys-from-https", "fetch", "new.org/x:1",
		      "/home/op/key.asc"), "new.org" },
		{ ARGV("rkt", "--trust-keys-from-https", "fetch", "new.org/x:1",
		      "/home/op/key.asc"), "new.org/x/y" },
		{ ARGV("rkt", "--trust-keys-from-https", "fetch", "new.org/x:1",
		      "/home/op/key.asc"), "" },
		{ ARGV("rkt", "--trust-keys-from-https=false", "fetch", "new.org/x",
		      "/home/op/key.asc"), "new.org/x" },
		{ ARGV("rkt", "--trust-keys-from-https", "run", "/home/op/key.asc",
		      "--", "new.org/x"), "new.org/x" },
		{ ARGV("rkt", "run", "new.org/x", "/home/op/key.asc", "--",
		      "--trust-keys-from-https"), "new.org/x" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin_with(rows[i].argv);
		SAY(TRUST_KEY, .slot = 0, .prefix = rows[i].prefix, .fingerprint = KEY_N);
		if (world_serve() != -EPROTO || fake.at != 0)
			fail_msg("row %zu was done", i);
		end();
	}
}

/* A key that stands there is one no more, and is masked where it is trusted
 * for a whole prefix above. */
static void
mask_counts(void **state)
{
	(void)state;
	fake_put(WHERE, "a key");
	begin_with(ARGV("rkt", "trust", "--remove", "--prefix", "new.org/x", KEY_N,
	    "/home/op/key.asc"));
	fake_put("/etc/rkt/trustedkeys/root.d/" KEY_N, "a key");
	assert_true(ln_trust_holds(&world.s, "new.org/x", KEY_N));
	SAY(TRUST_KEY, .slot = PS_NO_SLOT, .mask = 1, .prefix = "new.org/x",
	    .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_TRUSTED);
	assert_false(ln_trust_holds(&world.s, "new.org/x", KEY_N));
	assert_true(ln_trust_holds(&world.s, "new.org", KEY_N));
	end();
}

/* A mask has no slot, and a key has one. */
static void
mask_or_key(void **state)
{
	static const struct {
		uint16_t slot;
		uint8_t mask;
	} rows[] = { { 0, 1 }, { PS_NO_SLOT, 0 }, { PS_NO_SLOT, 2 }, { 0, 255 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin_with(ARGV("rkt", "trust", "--remove", "--prefix=new.org/x",
		    KEY_N, "/home/op/key.asc"));
		SAY(TRUST_KEY, .slot = rows[i].slot, .mask = rows[i].mask,
		    .prefix = "new.org/x", .fingerprint = KEY_N);
		if (world_serve() != -EPROTO || fake.at != 0)
			fail_msg("row %zu was done", i);
		end();
	}
}

static int
review(uint16_t slot, int fd)
{
	const struct ps_msg_REVIEW_KEYS m = { .slot = slot };

	assert_int_equal(PS_SEND(&world.conductor, REVIEW_KEYS, &m, &fd, 1), 0);
	return world_serve();
}

/* What the conductor has read of the stores is reviewed, and is no slot: it
 * is for nothing else. */
static void
own(void **state)
{
	static char many[PS_MAX_KEY + 1];
	char *const list[] = { "rkt", "trust", "--root", NULL };
	int key = ps_sealed("key", "a key", 5);

	(void)state;
	world_begin(list);
	for (int i = 0; i < 2; i++) {
		world.script.keys =
		    (struct ps_msg_KEYLIST){ .n_lines = 1, .lines = { "pub x" } };
		assert_int_equal(review(PS_NO_SLOT, key), 0);
		world_expect(PS_KEYS);
	}
	SAY(TRUST_KEY, .slot = 0, .prefix = "", .fingerprint = KEY_A);
	assert_int_equal(world_serve(), -EPROTO);
	end();
	world_begin(list);
	SAY(TRUST_KEY, .slot = PS_NO_SLOT, .prefix = "", .fingerprint = KEY_A);
	assert_int_equal(world_serve(), -EPROTO);
	end();
	for (unsigned i = 0; i < 4; i++) {
		int fd = i == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) :
		    i == 1 ? memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING) :
		    i == 2 ? ps_sealed("many", many, sizeof(many)) : key;

		begin_with(ARGV("rkt", "trust", "--root", "/home/op/key.asc"));
		/* A slot and a key beside it are no question either. */
		if (review(i == 3 ? 0 : PS_NO_SLOT, fd) != -EPROTO || fake.at != 0)
			fail_msg("row %u was reviewed", i);
		end();
		assert_int_equal(close(fd), 0);
	}
	world_begin(list);
	SAY(REVIEW_KEYS, .slot = PS_NO_SLOT);
	assert_int_equal(world_serve(), -EPROTO);
	end();
}

/* No file of root's is opened for it, that of a store no more than another. */
static void
stored(void **state)
{
	static const char *const paths[] = { STORED, "/etc/rkt/trustedkeys",
		"/etc/rkt/policy", "/etc/shadow" };

	(void)state;
	for (unsigned kind = 0; kind < 6; kind++)
		for (size_t i = 0; i < PS_COUNT(paths); i++) {
			world_begin(ARGV("rkt", "trust", "--list"));
			SAY(GET_FILE, .path = paths[i], .kind = (uint8_t)kind);
			assert_int_equal(world_serve(), -EPROTO);
			end();
		}
}

static void
odd_requests(void **state)
{
	char *const argv[] = { "rkt", "trust", "--root", "/home/op/key.asc", NULL };

	(void)state;
	for (unsigned slot = 1; slot < 70; slot += 23) {
		begin_with(argv);
		SAY(TRUST_KEY, .slot = (uint16_t)slot, .prefix = "", .fingerprint = KEY_N);
		assert_int_equal(world_serve(), -EPROTO);
		end();
		begin_with(argv);
		SAY(REVIEW_KEYS, .slot = (uint16_t)slot);
		assert_int_equal(world_serve(), -EPROTO);
		end();
	}
	begin_with(argv);
	SAY(TRUST_KEY, .slot = 0, .prefix = "", .fingerprint = "abc");
	assert_int_equal(world_serve(), -EPROTO);
	assert_int_equal(fake.at, 0);
	end();
}

/* What verify hands over as a key: sealed, not empty, not too large. */
static void
odd_exports(void **state)
{
	char *const argv[] = { "rkt", "trust", "--root", "/home/op/key.asc", NULL };
	const int all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	int fds[4];

	(void)state;
	fds[0] = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* unsealed */
	assert_int_equal(write(fds[0], "key", 3), 3);
	fds[1] = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* empty */
	assert_int_equal(fcntl(fds[1], F_ADD_SEALS, all), 0);
	fds[2] = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fds[2], PS_MAX_KEY + 1), 0);
	assert_int_equal(fcntl(fds[2], F_ADD_SEALS, all), 0);
	fds[3] = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < 4; i++) {
		begin_with(argv);
		world.script.exported = fds[i];
		SAY(TRUST_KEY, .slot = 0, .prefix = "", .fingerprint = KEY_N);
		assert_int_equal(world_serve(), 0);
		world_refused(PS_REFUSED_SYSTEM);
		assert_false(fake_exists("/etc/rkt/trustedkeys/root.d/" KEY_N));
		end();
		(void)close(fds[i]);
	}
}

/* --remove writes a mask, where and for whom the operator said. */
static void
mask(void **state)
{
	const struct {
		char *const *argv;
		const char *prefix, *fingerprint;
		bool good;
	} rows[] = {
		{ ARGV("rkt", "trust", "--remove", "--prefix=new.org/x", KEY_N),
		    "new.org/x", KEY_N, true },
		{ ARGV("rkt", "trust", "--remove", "--root", KEY_N), "", KEY_N, true },
		{ ARGV("rkt", "trust", "--prefix=new.org/x", KEY_N), "new.org/x", KEY_N,
		    false },
		{ ARGV("rkt", "trust", "--remove", "--prefix=new.org/x", KEY_N), "", KEY_N,
		    false },
		{ ARGV("rkt", "trust", "--remove", "--prefix=new.org/x", KEY_N),
		    "new.org/x", KEY_A, false },
		{ ARGV("rkt", "trust", "--remove", "--root", "cccc"), "", "cccc", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int r;

		world_begin(rows[i].argv);
		SAY(TRUST_KEY, .slot = PS_NO_SLOT, .mask = 1, .prefix = rows[i].prefix,
		    .fingerprint = rows[i].fingerprint);
		r = world_serve();
		if (r != (rows[i].good ? 0 : -EPROTO) || (!rows[i].good && fake.at != 0))
			fail_msg("row %zu: %d", i, r);
		if (rows[i].good)
			world_expect(PS_TRUSTED);
		end();
	}
}

/* --trust-keys-from-https speaks for the image's name, and nothing above. */
static void
from_https(void **state)
{
	static const struct {
		const char *prefix;
		bool good;
	} rows[] = { { "new.org/x", true }, { "new.org", false }, { "", false },
		{ "new.org/x:1", false }, { "other.org", false }, { "app.org/y", false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin_with(ARGV("rkt", "fetch", "--trust-keys-from-https", "new.org/x:1.0",
		    "/home/op/key.asc", "--", "app.org/y"));
		if (ps_is_acid0(rows[i].prefix, strlen(rows[i].prefix))) {
			SAY(TRUST_KEY, .slot = 0, .prefix = rows[i].prefix,
			    .fingerprint = KEY_N);
			if (world_serve() != (rows[i].good ? 0 : -EPROTO))
				fail_msg("row %zu", i);
		}
		end();
	}
	begin_with(ARGV("rkt", "fetch", "new.org/x:1.0", "/home/op/key.asc"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "new.org/x", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), -EPROTO);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(not_from_https),
		cmocka_unit_test(unsaid),
		cmocka_unit_test(mask_counts),
		cmocka_unit_test(mask_or_key),
		cmocka_unit_test(mask),
		cmocka_unit_test(from_https),
		cmocka_unit_test(own), cmocka_unit_test(stored),
		cmocka_unit_test(odd_requests),
		cmocka_unit_test(odd_exports),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
