/*
 * What the command reads and writes.  Descriptors are the operator's, or one
 * side of a terminal that is made here, in the command's own /dev/pts, as the
 * user that it runs as; the other side goes to the host.  Runs as the pod's
 * root, then as the app but for its filters.  HOSTILE: nothing is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"

#define KEPT 3 /* the door, across s1_confine */

static const struct s1_request *request;

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
	r = s1_door_send(KEPT, &m, &master, 1);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		if ((request->m.a & 1u << fd) != 0 && dup2(slave, fd) < 0)
			r = -errno;
	if (r < 0)
		return r;
	(void)take_fd(master); /* both are closed with all else */
	(void)take_fd(slave);
	return close_range(KEPT, ~0u, 0) < 0 ? -errno : 0;
}

/* To places that are none of 0 1 2 3 first, for what stands there is wanted. */
int
s1_place_stdio(const struct s1_request *q)
{
	int fds[4], r = 0;

	s1_why = "descriptors";
	request = q;
	for (int fd = 0; fd < 3; fd++)
		fds[fd] = q->stdio[fd] >= 0
			      ? fcntl(q->stdio[fd], F_DUPFD_CLOEXEC, 8)
			      : open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[3] = fcntl(0, F_DUPFD_CLOEXEC, 8);
	for (int fd = 0; r == 0 && fd < 4; fd++)
		if (fds[fd] < 0 || dup2(fds[fd], fd) < 0)
			r = -errno;
	if (r < 0)
		return r;
	if (q->m.a != 0) {
		s1_kept = 1;
		s1_as_app = make_terminal;
		return close_range(KEPT + 1, ~0u, 0) < 0 ? -errno : 0;
	}
	return 0;
}
