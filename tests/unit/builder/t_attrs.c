/* link: builder/attrs.c */
/* Rows of owners and modes: kept, sorted, and read strictly. */
#include <fcntl.h>
#include <sys/stat.h>

#include "builder/attrs.h"
#include "tests/unit/test.h"

static int dir;
static char where[] = "/tmp/rkt-t-attrs.XXXXXX";

static void
put(const char *text)
{
	int fd = openat(dir, "rows", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
get(char *text, size_t size)
{
	int fd = openat(dir, "rows", O_RDONLY);
	ssize_t n = read(fd, text, size - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(close(fd), 0);
}

static void
modes(void **state)
{
	struct bd_attr plain = { .mode = 0755 }, set = { .mode = 04755 },
		shut = { .mode = 0 }, mine = { .mode = 0644, .gid = 1 };

	(void)state;
	assert_int_equal(bd_disk_mode(04755, false), 0755);
	assert_int_equal(bd_disk_mode(0, false), 0600);
	assert_int_equal(bd_disk_mode(01055, true), 0755);
	assert_false(bd_attr_says(&plain, false));
	assert_true(bd_attr_says(&set, false));
	assert_true(bd_attr_says(&shut, true));
	assert_true(bd_attr_says(&mine, false));
}

static void
round_trip(void **state)
{
	const char *expected = "4755 0 0 - a b\n"
	    "0640 1 65535 0100000200040000000000000000000000000000 b\n"
	    "0755 0 7 -  leading blank\n";
	struct bd_attrs a = { 0 };
	struct bd_attr row = { .mode = 04755 };
	char text[512];

	(void)state;
	put(expected);
	assert_int_equal(bd_attrs_read(&a, dir, "rows"), 0);
	assert_false(a.is_changed);
	assert_int_equal(bd_attrs_find(&a, "a b")->mode, 04755);
	assert_true(bd_attrs_find(&a, "b")->has_cap);
	assert_int_equal(bd_attrs_find(&a, " leading blank")->gid, 7);
	assert_null(bd_attrs_find(&a, "a"));
	assert_int_equal(bd_attrs_set(&a, "a b", &row), 0);
	assert_true(a.is_changed);
	bd_attrs_drop(&a, " leading blank");
	bd_attrs_drop(&a, "not there");
	assert_int_equal(bd_attrs_write(&a, dir, "rows"), 0);
	get(text, sizeof(text));
	assert_true(strncmp(text, expected, strlen(text)) == 0);
	assert_null(strstr(text, "blank"));
	bd_attrs_free(&a);
}

static void
strict(void **state)
{
	static const char *const rows[] = { "x\n", "0755 0 0 -\n",
		"0755 0 0 - a", "0755 65536 0 - a\n", "17777 0 0 - a\n",
		"0755 0 0 00 a\n", "0755 0 0 zz a\n", "\n" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct bd_attrs a = { 0 };

		put(rows[i]);
		if (bd_attrs_read(&a, dir, "rows") != -EBADMSG)
			fail_msg("taken: %s", rows[i]);
		bd_attrs_free(&a);
	}
	assert_int_equal(unlinkat(dir, "rows", 0), 0);
	assert_int_equal(bd_attrs_read(&(struct bd_attrs){ 0 }, dir, "rows"),
	    0);
}

static int
begin(void **state)
{
	(void)state;
	dir = mkdtemp(where) ? open(where, O_RDONLY | O_DIRECTORY) : -1;
	return dir < 0;
}

static int
end(void **state)
{
	(void)state;
	(void)unlinkat(dir, "rows", 0);
	(void)close(dir);
	return rmdir(where);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(strict),
	};

	return cmocka_run_group_tests_name("attrs", tests, begin, end);
}
