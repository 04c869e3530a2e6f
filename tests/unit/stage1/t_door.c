/* link: stage1/common/door.c privsep/codec.c privsep/name.c */
/* The door: what is not of its form is refused, and what came with it closed. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "privsep/codec.h"
#include "stage1/common/door.h"

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void
pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd),
	    0);
}

static void
there_and_back(void **state)
{
	const struct s1_door m = {.kind = S1_DOOR_ENTER, .a = 7, .b = ~0u};
	int fd[2], given[S1_DOOR_FDS] = {0, 1, 2, 0, 1}, got[S1_DOOR_FDS];
	unsigned before = open_fds();
	struct s1_door r;
	size_t n;

	(void)state;
	pair(fd);
	for (size_t sent = 0; sent <= S1_DOOR_FDS; sent++) {
		assert_int_equal(s1_door_send(fd[0], &m, given, sent), 0);
		assert_int_equal(s1_door_recv(fd[1], &r, got, &n), 0);
		assert_int_equal(n, sent);
		assert_memory_equal(&r, &m, sizeof(r));
		while (n > 0) {
			assert_int_equal(fcntl(got[--n], F_GETFD), FD_CLOEXEC);
			(void)close(got[n]);
		}
	}
	assert_int_equal(s1_door_send(fd[0], &m, given, S1_DOOR_FDS + 1), -EINVAL);
	assert_int_equal(s1_door_recv(fd[1], &r, got, &n), -EAGAIN);
	(void)close(fd[0]);
	assert_int_equal(s1_door_recv(fd[1], &r, got, &n), -EPIPE);
	assert_int_equal(s1_door_send(fd[1], &m, NULL, 0), -EPIPE);
	(void)close(fd[1]);
	assert_int_equal(open_fds(), before);
}

/* A door that is closed before anyone was let in: gone, as one behind which
 * nobody is. */
static void
closed_before_it_opened(void **state)
{
	const struct s1_door m = {.kind = S1_DOOR_ENTER};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(a.sun_family); /* any name that is free */
	int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(door, (struct sockaddr *)&a, size), 0);
	size = sizeof(a);
	assert_int_equal(getsockname(door, (struct sockaddr *)&a, &size), 0);
	assert_int_equal(listen(door, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, size), 0);
	(void)close(door);
	assert_int_equal(s1_door_send(fd, &m, NULL, 0), -EPIPE);
	(void)close(fd);
}

/* A packet as it stands, with so many descriptors. */
static void
raw(int fd, const void *p, size_t n, size_t fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} c = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = CMSG_LEN(fds * sizeof(int));
	h.msg_control = fds ? c.bytes : NULL;
	h.msg_controllen = fds ? CMSG_SPACE(fds * sizeof(int)) : 0;
	assert_int_equal(sendmsg(fd, &h, MSG_NOSIGNAL), (ssize_t)n);
}

static void
refused(void **state)
{
	uint8_t good[64] = {0x52, 0x4b, 0x44, 0x31, 4}, bad[64];
	unsigned before = open_fds();
	int fd[2], got[S1_DOOR_FDS];
	struct s1_door r;
	size_t n;

	(void)state;
	pair(fd);
	raw(fd[0], good, 16, 0);
	assert_int_equal(s1_door_recv(fd[1], &r, got, &n), 0);
	assert_int_equal(r.kind, S1_DOOR_ENDED);
	for (size_t size = 1; size <= sizeof(good); size++)
		for (size_t fds = 0; fds <= 8; fds += 4) {
			if (size == 16 && fds <= S1_DOOR_FDS)
				continue;
			raw(fd[0], good, size, fds);
			assert_int_equal(s1_door_recv(fd[1], &r, got, &n), -EPROTO);
		}
	for (size_t i = 0; i < 4; i++) {
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= 0x80;
		raw(fd[0], bad, 16, 3);
		assert_int_equal(s1_door_recv(fd[1], &r, got, &n), -EPROTO);
	}
	/* Nothing but descriptors is no message, and no end either. */
	raw(fd[0], good, 0, 2);
	assert_int_equal(s1_door_recv(fd[1], &r, got, &n), -EPROTO);
	(void)close(fd[0]);
	(void)close(fd[1]);
	assert_int_equal(open_fds(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(closed_before_it_opened), cmocka_unit_test(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
