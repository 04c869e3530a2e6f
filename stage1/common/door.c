/*
 * Messages of the door.  Runs at both ends: as the pod's root inside, as a
 * user without rights outside.  HOSTILE, at each end: what comes in.
 */
#include "stage1/common/door.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/codec.h"

#define SIZE 16u /* magic, kind, a, b */

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(S1_DOOR_FDS * sizeof(int))];
};

int
s1_door_send(int fd, const struct s1_door *m, const int *fds, size_t n)
{
	uint8_t bytes[SIZE];
	struct ps_writer w = {.p = bytes, .size = sizeof(bytes)};
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t r;

	if (n > S1_DOOR_FDS)
		return -EINVAL;
	ps_put_u32(&w, S1_DOOR_MAGIC);
	ps_put_u32(&w, m->kind);
	ps_put_u32(&w, m->a);
	ps_put_u32(&w, m->b);
	if (n > 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	do
		r = sendmsg(fd, &h, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	/* Who closed it before it had let us in has gone too. */
	if (r < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return r == (ssize_t)SIZE ? 0 : -EIO;
}

/* Every descriptor that came, whatever else is wrong. */
static size_t
take(struct msghdr *h, int fds[S1_DOOR_FDS])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	size_t n;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n > S1_DOOR_FDS)
		n = S1_DOOR_FDS;
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

int
s1_door_recv(int fd, struct s1_door *ret, int fds[S1_DOOR_FDS], size_t *ret_n)
{
	uint8_t bytes[SIZE + 1];
	struct ps_reader r = {.p = bytes, .size = SIZE};
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	union control control = {0};
	struct msghdr h = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    /* Not CMSG_SPACE, in whose padding one more would fit. */
	    .msg_controllen = CMSG_LEN(S1_DOOR_FDS * sizeof(int))};
	struct s1_door m;
	ssize_t got;
	size_t n;

	do
		got = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	n = take(&h, fds);
	if (got == 0 && n == 0)
		return -EPIPE;
	if (ps_get_u32(&r) == S1_DOOR_MAGIC && got == (ssize_t)SIZE &&
	    (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
		m.kind = ps_get_u32(&r);
		m.a = ps_get_u32(&r);
		m.b = ps_get_u32(&r);
		*ret = m;
		*ret_n = n;
		return 0;
	}
	while (n > 0)
		(void)close(fds[--n]);
	return -EPROTO;
}

bool
s1_is_master(int fd)
{
	struct stat st;
	unsigned n;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(5, 2) && ioctl(fd, TIOCGPTN, &n) == 0;
}
