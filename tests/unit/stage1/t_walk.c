/* link: stage1/appexec/walk.c stage1/appexec/sys.c */
/* Where a mount goes: inside the root, whatever the names on the way are. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage1/appexec/sys.h"
#include "stage1/appexec/volume.h"

static char top[] = "/tmp/t_walk-XXXXXX";
static int root = -1;

static int
make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("root", 0755), 0);
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(root, "a", 0755), 0);
	assert_int_equal(mkdirat(root, "a/b", 0755), 0);
	close(openat(root, "file", O_CREAT | O_WRONLY, 0644));
	assert_int_equal(symlinkat("/a/b", root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../a/b", root, "a/up"), 0);
	assert_int_equal(symlinkat("/etc/there/is/none", root, "dangling"), 0);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_int_equal(symlinkat("file", root, "tofile"), 0);
	assert_int_equal(symlinkat("/", root, "slash"), 0);
	assert_int_equal(symlinkat("../..", root, "out"), 0);
	return 0;
}

static int
drop(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return chdir("/") | system(command);
}

static void
leads(void **state)
{
	static const struct {
		const char *target;
		bool file;
		int want; /* 0 or negative errno */
		const char *name;
	} rows[] = {
	    {"/a/b", false, 0, "a/b"},
	    {"/absolute", false, 0, "a/b"},
	    {"/a/up", false, 0, "a/b"},
	    {"/a/b/../b", false, 0, "a/b"},
	    {"/absolute/new/er", false, 0, "a/b/new/er"},
	    {"/dangling", false, 0, "etc/there/is/none"},
	    {"/dangling/file", true, 0, "etc/there/is/none/file"},
	    {"/tofile", true, 0, "file"},
	    {"/tofile/x", false, -ENOTDIR, NULL},
	    {"/slash", false, 0, ""},
	    {"/out", false, 0, ""},
	    {"/out/etc/passwd", true, 0, "etc/passwd"},
	    {"/slash/slash/out/a", false, 0, "a"},
	    {"/../../a", false, 0, "a"},
	    {"/loop", false, -ELOOP, NULL},
	    {"/loop/x", false, -ELOOP, NULL},
	    {"/", false, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char name[S1_MAX_TARGET];
		int fd = s1_walk(root, rows[i].target, rows[i].file, name);
		struct stat is, want;

		if (rows[i].want < 0) {
			assert_int_equal(fd, rows[i].want);
			continue;
		}
		assert_true(fd >= 0);
		assert_string_equal(name, rows[i].name);
		assert_int_equal(fstat(fd, &is), 0);
		assert_int_equal(fstatat(root, *name ? name : "", &want,
				     AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW),
		    0);
		assert_true(is.st_ino == want.st_ino);
		close(fd);
	}
	/* Nothing but the root was made. */
	assert_int_equal(access("root", F_OK), 0);
	assert_int_equal(access("etc", F_OK), -1);
	assert_int_equal(access("new", F_OK), -1);
}

static void
bounds(void **state)
{
	char name[S1_MAX_TARGET], path[S1_MAX_TARGET + 2] = "/";
	int before = open("/", O_PATH), fd;

	(void)state;
	memset(path + 1, 'x', S1_MAX_TARGET - 1);
	assert_int_equal(s1_walk(root, path, false, name), -ENAMETOOLONG);
	path[257] = '\0';
	assert_int_equal(s1_walk(root, path, false, name), -ENAMETOOLONG);
	for (size_t i = 0; i < S1_MAX_TARGET - 2; i += 2)
		memcpy(path + i, "/y", 3);
	fd = s1_walk(root, path, false, name);
	assert_true(fd >= 0);
	assert_string_equal(name, path + 1);
	close(fd);
	/* A link doubles it: too long, and nothing is overrun. */
	assert_int_equal(symlinkat(path, root, "long"), 0);
	(void)memmove(path + 5, path, S1_MAX_TARGET - 6);
	memcpy(path, "/long", 5);
	assert_int_equal(s1_walk(root, path, false, name), -ENAMETOOLONG);
	/* No descriptor is left behind. */
	fd = open("/", O_PATH);
	assert_int_equal(fd, before + 1);
	close(fd);
	close(before);
}

static atomic_bool done;

static void *
swap(void *p)
{
	(void)p;
	while (!atomic_load(&done))
		(void)renameat2(root, "flip", root, "flop", RENAME_EXCHANGE);
	return NULL;
}

/* CVE-2021-30465: a name on the way is a directory or a link, in turns. */
static void
raced(void **state)
{
	static const char *const links[] = {"../../../../outside", "/", "/a/b",
	    "../outside", "/proc/self/root"};
	static const char *const targets[] = {"/flip/new/er", "/dots"};
	char inside[64], name[S1_MAX_TARGET], path[256];
	size_t direct = 0, led = 0;

	(void)state;
	assert_int_equal(mkdir("outside", 0755), 0);
	assert_int_equal(mkdirat(root, "flip", 0755), 0);
	assert_int_equal(symlinkat("flip/new/../er", root, "dots"), 0);
	(void)snprintf(inside, sizeof(inside), "%s/root/", top);
	for (size_t i = 0; i < PS_COUNT(links); i++) {
		pthread_t thread;

		assert_int_equal(symlinkat(links[i], root, "flop"), 0);
		atomic_store(&done, false);
		assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
		for (size_t n = 0; n < 5000; n++) {
			int fd = s1_walk(root, targets[n % 2], false, name);
			char link[64];
			ssize_t size;

			if (fd < 0)
				continue;
			direct += strncmp(name, "flip/", 5) == 0;
			led += strncmp(name, "flip/", 5) != 0;
			(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			size = readlink(link, path, sizeof(path) - 1);
			assert_true(size > 0);
			path[size] = '\0';
			assert_int_equal(
			    strncmp(path, inside, strlen(inside)), 0);
			close(fd);
			if (n % 8 < 2) {
				(void)unlinkat(root, "flip/er", AT_REMOVEDIR);
				(void)unlinkat(root, "flip/new/er", AT_REMOVEDIR);
				(void)unlinkat(root, "flip/new", AT_REMOVEDIR);
			}
		}
		atomic_store(&done, true);
		assert_int_equal(pthread_join(thread, NULL), 0);
		if (unlinkat(root, "flop", 0) < 0) {
			assert_int_equal(unlinkat(root, "flip", 0), 0);
			assert_int_equal(
			    renameat(root, "flop", root, "flip"), 0);
		}
	}
	assert_int_equal(rmdir("outside"), 0); /* nothing was made in it */
	assert_int_equal(access("new", F_OK), -1);
	assert_true(direct > 100 && led > 100);
}

static unsigned seed = 1;

static unsigned
draw(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* A path of up to four of few names, so that they meet. */
static const char *
draw_path(char ret[64])
{
	static const char *const names[] = {"a", "b", "c", "..", "d", "."};
	size_t n = 0;

	if (draw(2))
		ret[n++] = '/';
	for (unsigned i = 0, last = 1 + draw(4); i < last; i++)
		n += (size_t)snprintf(ret + n, 64 - n, "%s%s", i ? "/" : "",
		    names[draw(PS_COUNT(names))]);
	return ret;
}

static ino_t
number_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* In trees of random links it goes where the kernel's own RESOLVE_IN_ROOT
 * goes; and where that ends in nothing, what is made is there. */
static void
as_the_kernel(void **state)
{
	size_t found = 0, made = 0, refused = 0;

	(void)state;
	for (size_t tree = 0; tree < 400; tree++) {
		_cleanup_fd_ int top_fd = -1;
		char name[64], path[64], where[S1_MAX_TARGET];

		(void)snprintf(name, sizeof(name), "tree-%zu", tree);
		assert_int_equal(mkdir(name, 0755), 0);
		top_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		for (size_t i = 0; i < 12; i++) {
			int at = s1_open(top_fd, draw_path(path),
			    O_PATH | O_DIRECTORY, S1_IN_ROOT);
			char leaf[] = {(char)('a' + draw(4)), '\0'};

			if (at < 0)
				at = dup(top_fd);
			if (draw(2))
				(void)mkdirat(at, leaf, 0755);
			else
				(void)symlinkat(draw_path(path), at, leaf);
			close(at);
		}
		for (size_t i = 0; i < 20; i++) {
			_cleanup_fd_ int want = s1_open(
			    top_fd, draw_path(path), O_PATH, S1_IN_ROOT);
			_cleanup_fd_ int fd = s1_walk(top_fd, path, false, where);
			_cleanup_fd_ int again = -1;

			if (fd < 0) {
				assert_true(want < 0);
				refused++;
				continue;
			}
			again = s1_open(top_fd, *where ? where : ".", O_PATH,
			    S1_BENEATH);
			assert_true(again >= 0);
			assert_true(number_of(again) == number_of(fd));
			if (want >= 0)
				assert_true(number_of(want) == number_of(fd));
			else
				assert_int_equal(want, -ENOENT);
			found += want >= 0;
			made += want < 0;
		}
	}
	assert_true(found > 1000 && made > 100 && refused > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leads),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(raced),
	    cmocka_unit_test(as_the_kernel),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
