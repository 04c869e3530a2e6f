/* link: @launcher @privsep */
/* Which key speaks for which name: by path element, and a mask anywhere wins
 * (H). */
#include "tests/unit/launcher/world.h"

#include "launcher/trust.h"

#define KEY_R "dddddddddddddddddddddddddddddddddddddddd"
#define LOCAL "/etc/rkt/trustedkeys/"
#define SYSTEM "/usr/lib/rkt/trustedkeys/"

static int
begin(void **state)
{
	(void)state;
	fake_put(LOCAL "root.d/" KEY_R, "key");
	fake_put(LOCAL "prefix.d/a.com/et/" KEY_N, "key");
	world_begin((char *const[]){ "rkt", NULL });
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_end();
	fake_clear("/etc/rkt/trustedkeys/root.d");
	fake_clear("/etc/rkt/trustedkeys/prefix.d/a.com");
	return 0;
}

static bool
holds(const char *name, const char *key)
{
	return ln_trust_holds(&world.s, name, key);
}

static void
by_element(void **state)
{
	(void)state;
	assert_true(holds("a.com/et", KEY_N));
	assert_true(holds("a.com/et/c", KEY_N));
	assert_false(holds("a.com/etcd", KEY_N));
	assert_false(holds("a.com/e", KEY_N));
	assert_false(holds("a.com", KEY_N));
	assert_false(holds("x.com/a.com/et", KEY_N));
	assert_false(holds("a.com/et", KEY_A));
	assert_true(holds("example.com", KEY_A));
	assert_true(holds("example.com/x/y/z", KEY_A));
	assert_false(holds("example.com.evil/x", KEY_A));
}

static void
root_key(void **state)
{
	(void)state;
	assert_true(holds("any.org/thing", KEY_R));
	assert_false(holds("any.org/thing", KEY_N));
}

/* KEY_M stands in the system's root.d; an empty file in the local prefix. */
static void
mask_wins(void **state)
{
	static const char *const masks[] = { LOCAL "root.d/" KEY_N,
		SYSTEM "root.d/" KEY_N, SYSTEM "prefix.d/a.com/" KEY_N,
		LOCAL "prefix.d/a.com/et/deep/" KEY_N, SYSTEM "prefix.d/a.com/et/" KEY_N };

	(void)state;
	assert_false(holds("example.com/x", KEY_M));
	assert_true(holds("other.com/x", KEY_M));
	for (size_t i = 0; i < PS_COUNT(masks); i++) {
		char path[300];

		assert_true(holds("a.com/et/deep", KEY_N));
		fake_put(masks[i], "");
		if (holds("a.com/et/deep", KEY_N))
			fail_msg("mask %zu did not win", i);
		(void)snprintf(path, sizeof(path), "%s%s", fake.root, masks[i]);
		assert_int_equal(unlink(path), 0);
	}
}

static void
denied(void **state)
{
	(void)state;
	world.s.policy.deny_key[0] = KEY_N;
	world.s.policy.n_deny_key = 1;
	assert_false(holds("a.com/et", KEY_N));
	assert_true(holds("any.org", KEY_R));
	world.s.policy.n_deny_key = 0;
	assert_true(holds("a.com/et", KEY_N));
}

/* A key file that another could have written, or that is none. */
static void
odd_files(void **state)
{
	static const char path[] = LOCAL "prefix.d/a.com/et/" KEY_N;
	char real[300], to[300];

	(void)state;
	fake_own(path, 0, 0, 0664);
	assert_false(holds("a.com/et", KEY_N));
	fake_own(path, 0, 0, 0646);
	assert_false(holds("a.com/et", KEY_N));
	fake_own(path, 900, 0, 0644);
	assert_false(holds("a.com/et", KEY_N));
	fake_own(path, 0, 0, 0644);
	assert_true(holds("a.com/et", KEY_N));
	(void)snprintf(real, sizeof(real), "%s%s", fake.root, path);
	(void)snprintf(to, sizeof(to), "%s" LOCAL "root.d/" KEY_R, fake.root);
	assert_int_equal(unlink(real), 0);
	assert_int_equal(symlink(to, real), 0);
	assert_false(holds("a.com/et", KEY_N));
	assert_int_equal(unlink(real), 0);
	fake_mkdir(path);
	assert_false(holds("a.com/et", KEY_N));
}

static void
no_store(void **state)
{
	(void)state;
	ps_close_fd(&world.s.local_trust);
	assert_false(holds("a.com/et", KEY_N));
	ps_close_fd(&world.s.system_trust);
	assert_false(holds("other.com", KEY_M));
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(by_element),
		with(root_key),
		with(mask_wins),
		with(denied),
		with(odd_files),
		with(no_store),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
