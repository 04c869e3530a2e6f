/* link: @launcher @privsep */
/* launcher/files.c: root's own files are root's, names are not cut, and a
 * directory that is swept away under its maker is made again. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>

#include "launcher/files.h"
#include "launcher/sys.h"

static char *const argv[] = { "rkt", "list", NULL };

static void
only_roots(void **state)
{
	static const struct {
		uid_t uid;
		mode_t mode;
		int result;
	} rows[] = { { 0, 0640, 0 }, { 0, 0644, 0 }, { 1000, 0640, -EBADMSG },
		{ 0, 0660, -EBADMSG }, { 0, 0602, -EBADMSG } };
	char text[6];
	uint64_t n;

	(void)state;
	fake_put("/var/lib/rkt/ids/f", "12345");
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fake_own("/var/lib/rkt/ids/f", rows[i].uid, 0, rows[i].mode);
		if (ln_read_file(world.s.ids, "f", text, sizeof(text), &n) !=
		    rows[i].result)
			fail_msg("row %zu", i);
	}
	fake_own("/var/lib/rkt/ids/f", 0, 0, 0640);
	memset(text, 'x', sizeof(text));
	assert_int_equal(ln_read_file(world.s.ids, "f", text, 5, &n), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(text, "12345x", 6);
	assert_int_equal(ln_read_file(world.s.ids, "f", text, 4, &n), -EFBIG);
	assert_int_equal(ln_read_file(world.s.ids, "g", text, 5, &n), -ENOENT);
}

/* A name that is too long is not another, shorter one. */
static void
long_names(void **state)
{
	char path[400] = "/var/lib/rkt/", name[256];

	(void)state;
	memset(path + strlen(path), 'a', 300);
	assert_int_equal(ln_make_path(AT_FDCWD, path, SYS_HOST, 0, 0755), -ENAMETOOLONG);
	assert_int_equal(ln_open_parent(path, name), -ENAMETOOLONG);
	assert_null(strstr(fake.trace, "aaa"));
}

static void
no_parent(void **state)
{
	static const char *const rows[] = { "", "/", "a/", ".", "/etc/..", "b/." };
	char name[256];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_int_equal(ln_open_parent(rows[i], name), -EISDIR);
	assert_int_equal(fake.at, 0);
}

/* Another launcher has the lock: it sweeps what looks like a dead one's. */
static void
swept_away(void **state)
{
	char first[LN_TEMPORARY] = "", name[LN_TEMPORARY];
	int fd;

	(void)state;
	fake.verbs = 0;
	fake.fail_at = 4; /* a name, mkdir, open, lock */
	fake.fail_error = EWOULDBLOCK;
	fd = ln_stage(world.s.image, name);
	assert_true(fd >= 0);
	ps_close_fd(&fd);
	assert_non_null(strstr(fake.trace, "lock "));
	assert_non_null(strstr(strstr(fake.trace, "lock ") + 1, "lock "));
	fake.verbs = 0;
	fake.fail_at = 4;
	fake.fail_error = EIO;
	(void)memcpy(first, name, sizeof(first));
	assert_int_equal(ln_stage(world.s.image, name), -EIO);
	assert_string_not_equal(first, name); /* for who cleans up */
}

int
main(void)
{
#define TEST(f) WORLD_TEST(f)
	const struct CMUnitTest tests[] = { TEST(only_roots), TEST(long_names),
		TEST(no_parent), TEST(swept_away) };

	world_words = argv;
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
