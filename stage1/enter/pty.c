/*
 * The caller's terminal stays outside: the command gets one that is made in
 * the pod, and its other end comes here.  Runs without any right.  HOSTILE:
 * the master, which the pod sent, and what comes out of it, which is the
 * command's and goes to the terminal as it is.
 */
#include "stage1/enter/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "stage1/common/door.h"

static struct termios before;

void
s1_terminal_begin(struct s1_terminal *t)
{
	*t = (struct s1_terminal){.master = -1};
	for (int fd = 2; fd >= 0; fd--)
		if (isatty(fd))
			t->mask |= 1u << fd;
	t->out = (t->mask & 2u) ? 1 : (t->mask & 4u) ? 2 : 0;
}

uint32_t
s1_terminal_size(const struct s1_terminal *t)
{
	struct winsize w = {0};

	if (t->mask == 0 || ioctl(t->out, TIOCGWINSZ, &w) < 0)
		return 0;
	return (uint32_t)w.ws_row << 16 | w.ws_col;
}

void
s1_terminal_resize(const struct s1_terminal *t)
{
	struct winsize w;

	if (t->master >= 0 && ioctl(t->out, TIOCGWINSZ, &w) == 0)
		(void)ioctl(t->master, TIOCSWINSZ, &w);
}

void
s1_terminal_raw(struct s1_terminal *t)
{
	struct termios now;

	if ((t->master < 0 && !t->remote) || (t->mask & 1u) == 0 || t->raw ||
	    tcgetattr(0, &before) < 0)
		return;
	now = before;
	cfmakeraw(&now);
	t->raw = tcsetattr(0, TCSADRAIN, &now) == 0;
}

void
s1_terminal_restore(struct s1_terminal *t)
{
	if (t->raw)
		(void)tcsetattr(0, TCSADRAIN, &before);
	t->raw = false;
}

int
s1_terminal_take(struct s1_terminal *t, int master)
{
	if (t->mask == 0 || t->master >= 0 || !s1_is_master(master) ||
	    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return -ENOTTY;
	t->master = master;
	s1_terminal_resize(t);
	s1_terminal_raw(t);
	return 0;
}

bool
s1_terminal_type(struct s1_terminal *t)
{
	size_t room = sizeof(t->pending) - t->n_pending;
	ssize_t n = read(0, t->pending + t->n_pending, room);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	t->n_pending += (size_t)n;
	return n > 0;
}

void
s1_terminal_feed(struct s1_terminal *t)
{
	ssize_t n = write(t->master, t->pending, t->n_pending);

	if (n <= 0)
		return;
	t->n_pending -= (size_t)n;
	memmove(t->pending, t->pending + n, t->n_pending);
}

bool
s1_terminal_show(struct s1_terminal *t)
{
	char text[4096];
	ssize_t n = read(t->master, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && ps_write_full(t->out, text, (size_t)n) == 0;
}
