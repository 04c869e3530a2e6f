/*
 * Between the caller and the command, until it ends: signals and what is typed
 * one way, what a terminal shows and the code the other.  Runs without any
 * right.  HOSTILE: the door, and the terminal's master.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "policies/enter.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/worker.h"
#include "stage1/common/door.h"
#include "stage1/enter/pty.h"

enum { DOOR, SIGNALS, LOG, KEYS, MASTER, N_POLL };

#define START_MS 30000 /* for the pod to answer that it has begun */

struct proxy {
	struct s1_terminal terminal;
	int door, signals, log; /* log: what the pod says before the command */
	bool started, typing, showing;
	int code; /* -1 while it runs */
};

static int
catch_signals(void)
{
	static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
	    SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < PS_COUNT(passed); i++)
		(void)sigaddset(&set, passed[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Descriptors 0 1 2 that are no terminals go as they are: they are the
 * operator's choice.  A terminal never does. */
static int
ask(struct proxy *p, int record)
{
	const struct s1_door m = {.kind = S1_DOOR_ENTER,
	    .a = p->terminal.mask,
	    .b = s1_terminal_size(&p->terminal)};
	_cleanup_fd_ int end = -1;
	int fds[S1_DOOR_FDS] = {record}, both[2];
	size_t n = 1;

	for (int fd = 0; fd < 3; fd++)
		if ((p->terminal.mask & 1u << fd) == 0)
			fds[n++] = fd;
	if ((p->terminal.mask & 4u) != 0) {
		if (pipe2(both, O_CLOEXEC) < 0)
			return -errno;
		p->log = both[0];
		end = both[1];
		fds[n++] = end;
	}
	return s1_door_send(p->door, &m, fds, n);
}

static void
on_signal(struct proxy *p)
{
	struct signalfd_siginfo s;
	struct s1_door m = {.kind = S1_DOOR_SIGNAL};

	if (read(p->signals, &s, sizeof(s)) != sizeof(s))
		return;
	if (s.ssi_signo == SIGWINCH) {
		s1_terminal_resize(&p->terminal);
	} else if (s.ssi_signo == SIGTSTP) {
		s1_terminal_restore(&p->terminal);
		(void)kill(getpid(), SIGSTOP);
	} else if (s.ssi_signo == SIGCONT) {
		s1_terminal_raw(&p->terminal);
		s1_terminal_resize(&p->terminal);
	} else if (p->started) {
		m.a = s.ssi_signo;
		(void)s1_door_send(p->door, &m, NULL, 0);
	} else {
		/* There is no command that would get it: the pod may hang. */
		p->code = 128 + (int)s.ssi_signo;
	}
}

/* What the pod says of a command that did not begin: printable, bounded. */
static void
on_log(struct proxy *p)
{
	char text[1024];
	ssize_t n = read(p->log, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++)
		if (text[i] != '\n' && (text[i] < 0x20 || text[i] == 0x7f))
			text[i] = '?';
	if (n <= 0 || ps_write_full(2, text, (size_t)n) < 0)
		ps_close_fd(&p->log);
}

static int
code_of(const struct s1_door *m)
{
	if (m->a == S1_ENDED_EXIT && m->b <= 255)
		return (int)m->b;
	if (m->a == S1_ENDED_SIGNAL && m->b >= 1 && m->b <= 64)
		return 128 + (int)m->b;
	return S1_FAILED;
}

/* 0, or negative: the pod does not keep to the form. */
static int
on_door(struct proxy *p)
{
	int fds[S1_DOOR_FDS], r;
	struct s1_door m;
	size_t n;

	r = s1_door_recv(p->door, &m, fds, &n);
	if (r < 0)
		return r;
	if (m.kind == S1_DOOR_TERMINAL && n == 1) {
		if (s1_terminal_take(&p->terminal, fds[0]) == 0) {
			p->typing = (p->terminal.mask & 1u) != 0;
			p->showing = true;
			return 0;
		}
	} else if (m.kind == S1_DOOR_ENDED && n == 0) {
		p->code = code_of(&m);
		return 0;
	} else if (m.kind == S1_DOOR_STARTED && n == 0 && !p->started) {
		p->started = true;
		return 0;
	}
	while (n > 0)
		(void)close(fds[--n]);
	return -EPROTO;
}

static void
prepare(const struct proxy *p, struct pollfd q[N_POLL])
{
	const struct s1_terminal *t = &p->terminal;
	const bool room = t->n_pending < sizeof(t->pending);

	q[DOOR] = (struct pollfd){.fd = p->door, .events = POLLIN};
	q[SIGNALS] = (struct pollfd){.fd = p->signals, .events = POLLIN};
	q[LOG] = (struct pollfd){.fd = p->log, .events = POLLIN};
	q[KEYS] = (struct pollfd){
	    .fd = p->typing && room ? 0 : -1, .events = POLLIN};
	q[MASTER] = (struct pollfd){.fd = p->showing ? t->master : -1,
	    .events = (short)(POLLIN | (t->n_pending ? POLLOUT : 0))};
}

/* One round; 0 or negative errno. */
static int
turn(struct proxy *p)
{
	struct pollfd q[N_POLL];
	struct s1_terminal *t = &p->terminal;
	int r;

	prepare(p, q);
	r = poll(q, N_POLL, p->started ? -1 : START_MS);
	if (r <= 0)
		return r == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
	if (q[SIGNALS].revents != 0)
		on_signal(p);
	if (q[LOG].revents != 0)
		on_log(p);
	if (q[MASTER].revents & POLLOUT)
		s1_terminal_feed(t);
	if (q[MASTER].revents & (POLLIN | POLLHUP | POLLERR))
		p->showing = s1_terminal_show(t);
	/* A terminal that has gone: so does the command's. */
	if (q[KEYS].revents != 0 && !s1_terminal_type(t)) {
		p->typing = p->showing = false;
		ps_close_fd(&t->master);
	}
	return q[DOOR].revents != 0 ? on_door(p) : 0;
}

/* What was written before the end, and is still on its way. */
static void
drain(struct proxy *p)
{
	struct pollfd log = {.fd = p->log, .events = POLLIN};
	struct pollfd q = {.fd = p->terminal.master, .events = POLLIN};

	for (unsigned i = 0; i < 64 && poll(&log, 1, 0) > 0 && p->log >= 0; i++)
		on_log(p);
	for (unsigned i = 0; i < 1024 && p->showing; i++)
		p->showing = poll(&q, 1, 0) > 0 && s1_terminal_show(&p->terminal);
}

void
s1_say_end(int r)
{
	if (r == -EPIPE)
		ps_log("the pod has ended");
	else if (r == -ETIMEDOUT)
		ps_log("the pod does not answer");
	else if (r < 0)
		(void)ps_log_error(r, "the pod cannot be understood");
}

int
s1_proxy(int door, int record, char *const *words)
{
	static struct proxy p;
	int r;

	(void)words; /* the record has them */

	p = (struct proxy){.door = door, .log = -1, .code = -1};
	s1_terminal_begin(&p.terminal);
	p.signals = catch_signals();
	r = p.signals < 0 ? p.signals : ask(&p, record);
	(void)close(record);
	/* All is open that will be; what is heard from here on is hostile. */
	if (r == 0)
		r = ps_landlock(NULL, NULL, 0);
	if (r == 0)
		r = ps_seccomp(policy_enter, PS_COUNT(policy_enter));
	while (r == 0 && p.code < 0)
		r = turn(&p);
	drain(&p);
	s1_terminal_restore(&p.terminal);
	s1_say_end(r);
	return r < 0 ? S1_FAILED : p.code;
}
