/* link: privsep/chan.c privsep/codec.c privsep/name.c privsep/proto.c */
/* One end of an edge against a peer that breaks every rule: each is -EPROTO,
 * and no descriptor of a refused message stays behind (R7, R11). */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "privsep/chan.h"

static struct ps_frame frame;
static struct ps_chan chan; /* ours: hears C */
static int peer;

static int
set_up(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0);
	chan = (struct ps_chan){ .fd = p[0], .peer = 'C' };
	peer = p[1];
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ps_close_fd(&chan.fd);
	ps_close_fd(&peer);
	return 0;
}

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* n copies of /dev/null with the bytes, in one datagram. */
static void
send_raw(const void *bytes, size_t n, size_t nfds)
{
	static char control[CMSG_SPACE(sizeof(int) * 253)];
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		for (size_t i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &null, sizeof(int));
	}
	assert_int_equal(sendmsg(peer, &msg, MSG_NOSIGNAL), n);
	(void)close(null);
}

static size_t
message(uint8_t *to, uint16_t type, uint16_t nfds, uint32_t serial,
    const void *body, size_t n)
{
	struct ps_header h = { .type = type, .nfds = nfds, .length = (uint32_t)n,
		.serial = serial };
	struct ps_writer w = { .p = to, .size = PS_MAX_MSG };

	ps_put_header(&w, &h);
	ps_put_bytes(&w, body, n);
	return w.at;
}

static uint8_t bytes[PS_MAX_MSG + 16];
static const uint8_t zeros[PS_MAX_MSG];

/* CHECK_IMAGE carries no descriptors, START_POD exactly one. */
static void
say(uint16_t type, uint16_t said, uint32_t serial, size_t sent)
{
	static const uint8_t digest[PS_DIGEST + 1];
	size_t n = message(bytes, type, said, serial, digest,
	    type == PS_CHECK_IMAGE ? PS_DIGEST + 1 : 0);

	send_raw(bytes, n, sent);
}

static void
refused(unsigned fds)
{
	assert_int_equal(ps_recv(&chan, &frame, 1000), -EPROTO);
	assert_int_equal(frame.nfds, 0);
	assert_int_equal(open_fds(), fds);
}

static void
good(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	say(PS_CHECK_IMAGE, 0, 1, 0);
	say(PS_START_POD, 1, 2, 1);
	assert_int_equal(ps_recv(&chan, &frame, 1000), 0);
	assert_int_equal(frame.type, PS_CHECK_IMAGE);
	assert_int_equal(frame.length, PS_DIGEST + 1);
	assert_int_equal(ps_recv(&chan, &frame, 1000), 0);
	assert_int_equal(frame.nfds, 1);
	assert_int_equal(fcntl(frame.fds[0], F_GETFD), FD_CLOEXEC);
	ps_frame_close(&frame);
	assert_int_equal(open_fds(), fds);
}

static void
serial_replayed(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	say(PS_CHECK_IMAGE, 0, 1, 0);
	say(PS_CHECK_IMAGE, 0, 1, 0);
	assert_int_equal(ps_recv(&chan, &frame, 1000), 0);
	refused(fds);
}

static void
serial_skipped(void **state)
{
	(void)state;
	say(PS_CHECK_IMAGE, 0, 2, 0);
	refused(open_fds());
}

static void
serial_zero(void **state)
{
	(void)state;
	say(PS_CHECK_IMAGE, 0, 0, 0);
	refused(open_fds());
}

/* A message that is our own to say, or another edge's. */
static void
wrong_sender(void **state)
{
	static const uint16_t types[] = { PS_WELCOME, PS_ADMITTED, PS_VERDICT,
		PS_UNPACKED, PS_PLAN_POD, PS_GOT };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(types); i++) {
		say(types[i], 0, 1, 0);
		refused(open_fds());
	}
	say(PS_WELCOME, 4, 1, 4);
	refused(open_fds());
}

static void
unknown_type(void **state)
{
	static const uint16_t types[] = { 0, PS_CONTROL_BASE, PS_PLAN_BASE, 0x7fff,
		0xffff };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(types); i++) {
		say(types[i], 0, 1, 0);
		refused(open_fds());
	}
}

static void
fds_missing(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	say(PS_START_POD, 0, 1, 0); /* says none, sends none */
	refused(fds);
	say(PS_START_POD, 1, 1, 0); /* says one, sends none */
	refused(fds);
}

static void
fds_extra(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	for (size_t n = 2; n <= PS_MAX_FDS; n++) {
		say(PS_START_POD, 1, 1, n);
		refused(fds);
		say(PS_START_POD, (uint16_t)n, 1, n);
		refused(fds);
	}
	say(PS_START_POD, 0, 1, 1); /* what is sent is good, what is said is not */
	refused(fds);
	say(PS_START_POD, 2, 1, 1);
	refused(fds);
	say(PS_CHECK_IMAGE, 0, 1, 1);
	refused(fds);
	say(PS_CHECK_IMAGE, 1, 1, 1);
	refused(fds);
}

static void
fds_253(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	for (size_t n = PS_MAX_FDS + 1; n <= 253; n += 31) {
		say(PS_START_POD, 1, 1, n);
		refused(fds);
	}
	say(PS_START_POD, 1, 1, 253);
	refused(fds);
}

/* Descriptors with an empty datagram, and an empty datagram alone: no message
 * is that short.  Alone it looks like the peer's end. */
static void
empty(void **state)
{
	unsigned fds = open_fds();

	(void)state;
	send_raw("", 0, 1);
	refused(fds);
	send_raw("", 0, 0);
	assert_int_equal(ps_recv(&chan, &frame, 1000), -EPIPE);
}

static void
short_and_long(void **state)
{
	unsigned fds = open_fds();
	size_t n;

	(void)state;
	for (size_t cut = 1; cut < PS_HEADER; cut++) {
		(void)message(bytes, PS_CHECK_IMAGE, 0, 1, NULL, 0);
		send_raw(bytes, cut, 0);
		refused(fds);
	}
	n = message(bytes, PS_CHECK_IMAGE, 0, 1, zeros, PS_DIGEST + 1);
	send_raw(bytes, n - 1, 0); /* length says more */
	refused(fds);
	send_raw(bytes, n + 1, 0); /* length says less */
	refused(fds);
	memset(bytes, 0, sizeof(bytes));
	(void)message(bytes, PS_CHECK_IMAGE, 0, 1, zeros, PS_MAX_MSG - PS_HEADER);
	send_raw(bytes, PS_MAX_MSG + 1, 1); /* truncated */
	refused(fds);
}

/* Credentials that no one asked for are refused, not skipped. */
static void
credentials(void **state)
{
	unsigned fds = open_fds();
	int on = 1;

	(void)state;
	assert_int_equal(setsockopt(chan.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	say(PS_CHECK_IMAGE, 0, 1, 0);
	refused(fds);
}

static void
silence_and_end(void **state)
{
	(void)state;
	assert_int_equal(ps_recv(&chan, &frame, 10), -ETIMEDOUT);
	ps_close_fd(&peer);
	assert_int_equal(ps_recv(&chan, &frame, 1000), -EPIPE);
}

/* What we send, the other side takes; the program's buffer is reused. */
static void
typed(void **state)
{
	struct ps_chan other = { .fd = peer, .peer = 'L' };
	struct ps_msg_REFUSED m;

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(PS_SEND(&chan, REFUSED,
			(&(struct ps_msg_REFUSED){ .code = i, .text = "no" }),
			NULL, 0), 0);
		assert_int_equal(ps_recv(&other, &frame, 1000), 0);
		assert_int_equal(ps_decode_REFUSED(frame.payload, frame.length, &m), 0);
		assert_int_equal(m.code, i);
	}
	assert_int_equal(PS_SEND(&chan, REFUSED,
		(&(struct ps_msg_REFUSED){ .code = 1, .text = "a\nb" }), NULL, 0),
	    -EINVAL);
	ps_close_fd(&peer);
	assert_int_equal(PS_SEND(&chan, REFUSED,
		(&(struct ps_msg_REFUSED){ .code = 1, .text = "x" }), NULL, 0),
	    -EPIPE);
}

#define with(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(good),
		with(serial_replayed),
		with(serial_skipped),
		with(serial_zero),
		with(wrong_sender),
		with(unknown_type),
		with(fds_missing),
		with(fds_extra),
		with(fds_253),
		with(empty),
		with(short_and_long),
		with(credentials),
		with(silence_and_end),
		with(typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
