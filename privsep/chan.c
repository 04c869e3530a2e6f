/*
 * Sending and receiving.  Linked into root; the peer may be compromised and
 * may send anything, or nothing.
 */
#include "privsep/chan.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "privsep/attr.h"

#define SEND_TIMEOUT 10000 /* ms */

union control {
	char bytes[CMSG_SPACE(sizeof(int) * PS_MAX_FDS)];
	struct cmsghdr align;
};

struct ps_writer
ps_writer_begin(void)
{
	static uint8_t buffer[PS_MAX_MSG];

	return (struct ps_writer){ .p = buffer, .size = sizeof(buffer), .at = PS_HEADER };
}

static int
wait_for(int fd, short events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, timeout);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static void
attach(struct msghdr *msg, union control *control, const int *fds, size_t nfds)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
}

int
ps_send_raw(struct ps_chan *c, uint16_t type, struct ps_writer *w,
    const int *fds, size_t nfds)
{
	struct ps_header h = { .type = type,
		.nfds = (uint16_t)nfds,
		.length = (uint32_t)(w->at - PS_HEADER),
		.serial = c->sent + 1 };
	struct ps_writer head = { .p = w->p, .size = PS_HEADER };
	struct iovec iov = { .iov_base = w->p, .iov_len = w->at };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	if (w->error != 0 || nfds > PS_MAX_FDS)
		return w->error ? w->error : -EINVAL;
	ps_put_header(&head, &h);
	if (nfds > 0)
		attach(&msg, &control, fds, nfds);
	do {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(c->fd, POLLOUT, SEND_TIMEOUT);

			if (r < 0)
				return r;
			errno = EINTR;
		}
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	c->sent++;
	return 0;
}

void
ps_frame_close(struct ps_frame *f)
{
	for (size_t i = 0; i < f->nfds; i++)
		ps_close_fd(&f->fds[i]);
	f->nfds = 0;
}

/* Every descriptor that came, also those of control messages that we did not
 * ask for, so that none stays behind. */
static int
collect_fds(struct msghdr *msg, struct ps_frame *f)
{
	int r = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			r = -EPROTO;
			continue;
		}
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (f->nfds < PS_MAX_FDS)
				f->fds[f->nfds++] = fd;
			else
				(void)close(fd);
		}
	}
	return r;
}

/* HOSTILE: n bytes in f->bytes, by whoever holds the other end. */
static int
accept_frame(struct ps_chan *c, struct ps_frame *f, size_t n)
{
	const struct ps_info *info;
	struct ps_header h;

	if (ps_get_header(f->bytes, n, &h) < 0)
		return -EPROTO;
	info = ps_info(h.type);
	if (info == NULL || info->from != c->peer || h.serial != c->heard + 1 ||
	    h.nfds != f->nfds || f->nfds < info->least_fds ||
	    f->nfds > info->most_fds)
		return -EPROTO;
	c->heard++;
	f->type = h.type;
	f->payload = f->bytes + PS_HEADER;
	f->length = h.length;
	return 0;
}

int
ps_recv(struct ps_chan *c, struct ps_frame *ret, int timeout)
{
	union control control;
	struct iovec iov = { .iov_base = ret->bytes, .iov_len = sizeof(ret->bytes) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	int r = wait_for(c->fd, POLLIN, timeout);

	ret->nfds = 0;
	if (r < 0)
		return r;
	do {
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	r = collect_fds(&msg, ret);
	if (n == 0 && r == 0 && ret->nfds == 0)
		return -EPIPE;
	if (r == 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		r = -EPROTO;
	if (r == 0)
		r = accept_frame(c, ret, (size_t)n);
	if (r < 0)
		ps_frame_close(ret);
	return r;
}
