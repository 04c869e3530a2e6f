/*
 * What a command or an app reads and writes.  Descriptors are the operator's,
 * the pod's, pipes to the app's mux, or one side of a terminal that is made
 * here, in its own /dev/pts, as the user that it runs as; the other side goes
 * to the host, or to the mux.  Runs as the pod's root, then as the app but for
 * its filters.  HOSTILE: nothing is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/mux.h"

#define AWAY 64 /* beyond what is wanted: a socket of the app's is below */

static const struct s1_request *request;
static int kept; /* the door, across s1_confine */

static int
open_pty(int *ret_master, int *ret_slave)
{
	_cleanup_fd_ int master =
	    open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, slave;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	*ret_master = take_fd(master);
	*ret_slave = slave;
	return 0;
}

/* Line by line, as the caller's terminal would: unless nobody types. */
static void
adjust(int slave)
{
	struct winsize w = {.ws_row = (unsigned short)(request->m.b >> 16),
	    .ws_col = (unsigned short)request->m.b};
	struct termios t;

	(void)ioctl(slave, TIOCSWINSZ, &w);
	if ((request->m.a & 1u) != 0 || tcgetattr(slave, &t) < 0)
		return;
	t.c_oflag &= ~(tcflag_t)OPOST;
	(void)tcsetattr(slave, TCSANOW, &t);
}

static int
make_terminal(void)
{
	const struct s1_door m = {.kind = S1_DOOR_TERMINAL};
	_cleanup_fd_ int master = -1, slave = -1;
	int r = open_pty(&master, &slave);

	s1_why = "terminal";
	if (r < 0)
		return r;
	adjust(slave);
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return -errno;
	r = s1_door_send(kept, &m, &master, 1);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		if ((request->m.a & 1u << fd) != 0 && dup2(slave, fd) < 0)
			r = -errno;
	if (r < 0)
		return r;
	(void)take_fd(master); /* both are closed with all else */
	(void)take_fd(slave);
	return close_range((unsigned)kept, ~0u, 0) < 0 ? -errno : 0;
}

/* To places that none of them has first, for what stands there is wanted.  The
 * door is behind the sockets of an app. */
int
s1_place_stdio(const struct s1_request *q)
{
	int fds[3], door = fcntl(q->door, F_DUPFD_CLOEXEC, AWAY), r = 0;

	s1_why = "descriptors";
	request = q;
	kept = 3 + (int)s1_kept;
	for (int fd = 0; fd < 3; fd++)
		fds[fd] = q->stdio[fd] >= 0
			      ? fcntl(q->stdio[fd], F_DUPFD_CLOEXEC, AWAY)
			      : open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		if (fds[fd] < 0 || dup2(fds[fd], fd) < 0)
			r = -errno;
	if (r == 0 && (door < 0 || dup2(door, kept) < 0))
		r = -errno;
	if (r < 0)
		return r;
	if (q->m.a != 0) {
		s1_kept++;
		s1_as_app = make_terminal;
		return close_range((unsigned)kept + 1, ~0u, 0) < 0 ? -errno : 0;
	}
	return 0;
}

/* A pipe of which the app has one end; whoever it is, it may open it again as
 * /dev/stdout. */
static int
make_pipe(int fd, int *ret_app, int *ret_mux)
{
	const bool reads = fd == 0;
	int both[2];

	if (pipe2(both, O_CLOEXEC) < 0)
		return -errno;
	*ret_app = both[reads ? 0 : 1];
	*ret_mux = both[reads ? 1 : 0];
	return fchmod(*ret_app, reads ? 0444 : 0222) < 0 ? -errno : 0;
}

static int
place_null(int fd)
{
	_cleanup_fd_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	s1_why = "/dev/null";
	return null < 0 || dup2(null, fd) < 0 ? -errno : 0;
}

int
s1_place_streams(const struct ps_msg_PLAN_APP *a)
{
	static struct s1_request q;
	const uint8_t stdio[] = {a->std_in, a->std_out, a->std_err};
	const struct s1_door m = {
	    .kind = S1_MUX_APP, .a = ps_offered_streams(a)};
	int ends[3], r = 0;
	size_t n = 0;

	for (int fd = 1; r == 0 && fd < 3; fd++)
		if (stdio[fd] == PS_STDIO_NULL)
			r = place_null(fd);
	if (r < 0 || m.a == 0)
		return r;
	q.door = s1_call_mux(a->name);
	if (q.door < 0)
		return q.door;
	for (int fd = 0; fd < 3; fd++) {
		q.stdio[fd] = fd;
		if (stdio[fd] == PS_STDIO_TTY) {
			q.m.a |= 1u << fd;
			q.stdio[fd] = fd == 2 ? 2 : -1;
		} else if (stdio[fd] == PS_STDIO_STREAM) {
			s1_why = "pipe";
			r = make_pipe(fd, &q.stdio[fd], &ends[n++]);
			if (r < 0)
				return r;
		}
	}
	s1_why = "mux";
	r = s1_door_send(q.door, &m, ends, n);
	return r < 0 ? r : s1_place_stdio(&q);
}
