/* link: privsep/fds.c */
/* The zoo of descriptors (R12, R13): what may be a file, a sealed memory
 * file, a directory, and what may not. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "privsep/fds.h"

#define ALL (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static char dir[] = "/tmp/t_fds.XXXXXX";
static char file[64];

static int
set_up(void **state)
{
	FILE *f;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/f", dir);
	f = fopen(file, "w");
	(void)fputs("hello", f);
	return fclose(f);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(file);
	return rmdir(dir);
}

static void
files(void **state)
{
	_cleanup_fd_ int fd = open(file, O_RDONLY);
	uint64_t size = 99;

	(void)state;
	assert_int_equal(ps_check_file(fd, 4, &size), -EFBIG);
	assert_int_equal(size, 99);
	assert_int_equal(ps_check_file(fd, 5, &size), 0);
	assert_int_equal(size, 5);
}

/* Each fails as a file, as a sealed file, and, but the last, as a directory. */
static void
zoo(void **state)
{
	int p[2], s[2], fds[14];
	size_t n = 0;
	uint64_t size = 99;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	fds[n++] = p[0];
	fds[n++] = p[1];
	fds[n++] = s[0];
	fds[n++] = s[1];
	fds[n++] = epoll_create1(0);
	fds[n++] = eventfd(0, 0);
	fds[n++] = open("/dev/null", O_RDONLY);
	fds[n++] = open("/proc/self/status", O_RDONLY); /* regular, not real */
	fds[n++] = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
	fds[n++] = open(file, O_WRONLY);
	fds[n++] = open(file, O_RDWR);
	fds[n++] = open(file, O_PATH);
	fds[n++] = -1;
	fds[n++] = open(dir, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < n; i++) {
		if (ps_check_file(fds[i], 100, &size) != -EBADF)
			fail_msg("number %zu was taken for a file", i);
		if (ps_check_sealed(fds[i], 100, &size) != -EBADF)
			fail_msg("number %zu was taken for a sealed file", i);
		if (ps_check_dir(fds[i]) != (i == n - 1 ? 0 : -EBADF))
			fail_msg("number %zu as a directory", i);
		ps_close_fd(&fds[i]);
	}
	assert_int_equal(size, 99);
}

/* Each seal alone missing is a refusal. */
static void
seals(void **state)
{
	static const int one[] = { F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK,
		F_SEAL_SEAL };
	uint64_t size;

	(void)state;
	for (size_t i = 0; i <= PS_COUNT(one); i++) {
		_cleanup_fd_ int fd = memfd_create("t", MFD_ALLOW_SEALING);

		assert_int_equal(write(fd, "ab", 2), 2);
		assert_int_equal(fcntl(fd, F_ADD_SEALS,
			i < PS_COUNT(one) ? ALL & ~one[i] : ALL), 0);
		assert_int_equal(ps_check_sealed(fd, 2, &size),
		    i < PS_COUNT(one) ? -EBADF : 0);
		assert_int_equal(ps_check_sealed(fd, 1, &size),
		    i < PS_COUNT(one) ? -EBADF : -EFBIG);
	}
}

static void
sealed(void **state)
{
	_cleanup_fd_ int fd = ps_sealed("t", "text", 4);
	uint64_t size = 0;
	char back[4];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ps_check_sealed(fd, 4, &size), 0);
	assert_int_equal(size, 4);
	assert_int_equal(ps_pread_full(fd, back, 4, 0), 0);
	assert_memory_equal(back, "text", 4);
	assert_int_equal(ps_pread_full(fd, back, 4, 1), -EIO);
	assert_true(write(fd, "x", 1) < 0);
	assert_true(ftruncate(fd, 0) < 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(zoo),
		cmocka_unit_test(seals),
		cmocka_unit_test(sealed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
