/* link: @launcher @privsep */
/* Numbers of the service users, out of a passwd that may be odd. */
#include "tests/unit/launcher/world.h"

#include "launcher/users.h"

static int
find(const char *text, const char *name, struct ln_user *ret)
{
	return ln_find_user(text, strlen(text), name, ret);
}

static void
good(void **state)
{
	static const char text[] = "root:x:0:0:r:/:/bin/sh\nrkt-fetch:x:901:902::/:\n"
				   "rkt:x:900:899::/:/x\n";
	struct ln_user u;

	(void)state;
	assert_int_equal(find(text, "rkt", &u), 0);
	assert_int_equal(u.uid, 900);
	assert_int_equal(u.gid, 899);
	assert_int_equal(find(text, "rkt-fetch", &u), 0);
	assert_int_equal(u.uid, 901);
	assert_int_equal(find("rkt:x:5:6", "rkt", &u), 0);
	assert_int_equal(u.gid, 6);
	assert_int_equal(find(text, "rkt-verify", &u), -ENOENT);
	assert_int_equal(find("", "rkt", &u), -ENOENT);
	assert_int_equal(find("xrkt:x:1:1::/:\n", "rkt", &u), -ENOENT);
	assert_int_equal(find("rktx:x:1:1::/:\n", "rkt", &u), -ENOENT);
}

static void
odd(void **state)
{
	static const char *const rows[] = { "rkt:x:0:5::/:\n", "rkt:x:5:0::/:\n",
		"rkt:x::5::/:\n", "rkt:x:5\n", "rkt:x\n", "rkt:\n", "rkt:x:-1:5::/:\n",
		"rkt:x:5x:5::/:\n", "rkt:x: 5:5::/:\n", "rkt:x:05:5::/:\n",
		"rkt:x:4294967295:5::/:\n", "rkt:x:4294967296:5::/:\n",
		"rkt:x:5:18446744073709551617::/:\n" };
	struct ln_user u = { 77, 77 };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (find(rows[i], "rkt", &u) != -EINVAL)
			fail_msg("row %zu was taken", i);
	assert_int_equal(u.uid, 77);
}

/* A line is cut where the text ends, not beyond. */
static void
cut(void **state)
{
	static const char text[] = "rkt:x:900:899::/:\n";
	struct ln_user u;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, text, n);
		(void)ln_find_user(copy, n, "rkt", &u);
		free(copy);
	}
}

static void
missing(void **state)
{
	const char *name = NULL;

	(void)state;
	world_begin((char *const[]){ "rkt", NULL });
	assert_int_equal(ln_find_users(&world.s, &name), -ENOENT);
	assert_string_equal(name, "rkt-fetch");
	fake_put("/etc/passwd", "rkt:x:1:2\nrkt-fetch:x:3:4\nrkt-verify:x:5:6\n");
	assert_int_equal(ln_find_users(&world.s, &name), 0);
	assert_int_equal(world.s.verify.gid, 6);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(odd),
		cmocka_unit_test(cut),
		cmocka_unit_test(missing),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
