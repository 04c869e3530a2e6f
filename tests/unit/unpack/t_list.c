/* link: @unpack @appc @privsep */
/*
 * The unpacker as a program, for test_differential.py: t_list DIR FILE...
 * extracts each archive (uncompressed) into DIR/0, DIR/1, ..., and prints a
 * line for each: "ok", or why it is refused.  Without arguments it tests
 * itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "privsep/attr.h"
#include "verifier/unpack/digest.h"
#include "verifier/unpack/extract.h"

struct source {
	int fd;
	uint8_t block[65536];
};

static int
next_block(void *arg, const uint8_t **ret, size_t *ret_n)
{
	struct source *s = arg;
	ssize_t n = read(s->fd, s->block, sizeof(s->block));

	if (n < 0)
		return -errno;
	*ret = s->block;
	*ret_n = (size_t)n;
	return n > 0;
}

static int
write_manifest(int dir, const struct vf_extract *x)
{
	_cleanup_fd_ int fd =
	    openat(dir, "manifest", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, x->manifest, x->n_manifest) ==
		(ssize_t)x->n_manifest ? 0 : -1;
}

/* why: of 1024 bytes.  0 or -1. */
static int
list(const char *top, const char *file, char *why)
{
	static struct source s;
	struct vf_failure f = { 0 };
	_cleanup_fd_ int dir = -1, root = -1, archive = -1;
	struct vf_extract x = { .failure = &f, .next = next_block, .arg = &s,
		.max_entries = 10000, .max_manifest = 1048576 };
	int r;

	(void)mkdir(top, 0755);
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "rootfs", 0755) < 0)
		return -1;
	root = openat(dir, "rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	archive = open(file, O_RDONLY | O_CLOEXEC);
	if (root < 0 || archive < 0)
		return -1;
	x.root = root;
	s.fd = archive;
	r = vf_extract(&x);
	(void)snprintf(why, 1024, "%s", r == 0 ? "ok" : f.text);
	r = r == 0 ? write_manifest(dir, &x) : 0;
	vf_extract_free(&x);
	return r;
}

static void
no_archive(void **state)
{
	char top[] = "/tmp/rkt-list-XXXXXX", path[64], why[1024] = "";

	(void)state;
	assert_non_null(mkdtemp(top));
	(void)snprintf(path, sizeof(path), "%s/0", top);
	assert_int_equal(list(path, "/dev/null", why), 0);
	assert_string_not_equal(why, "ok");
	assert_string_not_equal(why, "");
	(void)snprintf(path, sizeof(path), "%s/0/rootfs", top);
	assert_int_equal(rmdir(path), 0);
	path[strlen(path) - 7] = '\0';
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(top), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_archive) };
	char path[4096], why[1024];

	(void)umask(0);
	if (!setlocale(LC_CTYPE, "C.UTF-8") || vf_hash_init() < 0)
		return 2;
	if (argc < 3)
		return cmocka_run_group_tests(tests, NULL, NULL);
	for (int i = 2; i < argc; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", argv[1], i - 2);
		if (list(path, argv[i], why) < 0)
			return 2;
		(void)puts(why);
	}
	return 0;
}
