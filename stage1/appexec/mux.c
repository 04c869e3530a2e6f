/*
 * appexec --mux APP: what the app writes goes to all who are attached, what
 * they send to the app.  Started by the pod's systemd for who connects, ends
 * with the app.  Runs as the pod's root, not in the app's cgroup.  HOSTILE: the
 * app's bytes, which are not looked at, and its silence: nothing here blocks.
 */
#include "stage1/appexec/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

#define FIRST_FD 3
#define WAITING 4u   /* connections that have not said what they are */
#define APP_MS 3000  /* for the app to come, if a client was first */
#define TERM_MS 2000 /* for its last words, when the pod ends */

enum {
	LISTENER,
	SIGNALS,
	APP,
	IN,
	OUT,
	QUEUE = OUT + S1_OUTPUTS,
	CLIENTS = QUEUE + WAITING,
	N_POLL = CLIENTS + S1_MUX_CLIENTS * (2 + S1_OUTPUTS)
};

static struct s1_mux m;
static int listener = -1, signals = -1, lock = -1;
static int waiting[WAITING] = {-1, -1, -1, -1};
static int app = -1; /* its connection, while a terminal is to come */
static int64_t deadline;
static size_t turn; /* whose input is first */

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
s1_mux_resize(struct s1_mux *mux, uint32_t size)
{
	struct winsize w = {.ws_row = (unsigned short)(size >> 16),
	    .ws_col = (unsigned short)size};

	if (mux->out[S1_TTY].fd >= 0)
		(void)ioctl(mux->out[S1_TTY].fd, TIOCSWINSZ, &w);
}

/* --- the app ------------------------------------------------------------- */

static bool
has_ended(void)
{
	bool open = !m.begun || app >= 0 || m.in.fd >= 0;

	for (size_t k = 0; k < S1_OUTPUTS; k++)
		open = open || m.out[k].fd >= 0;
	return !open;
}

static void
close_input(void)
{
	ps_close_fd(&m.in.fd);
	m.in.at = m.in.n = 0;
	if (!m.in.terminal)
		s1_keep(&m, S1_KEEP_IN, -1);
	s1_clients_close_in(&m);
}

static void
close_output(size_t k)
{
	if (k == S1_TTY && m.in.terminal)
		close_input();
	ps_close_fd(&m.out[k].fd);
	s1_keep(&m, k, -1);
	s1_clients_close(&m, k);
}

/* S1_MUX_APP: what it has is the mux's from now on.  One before it of that name
 * has ended, whoever still has its pipes. */
static bool
take_app(int fd, const struct s1_door *d, const int *fds, size_t n)
{
	int *const ours[] = {&m.in.fd, &m.out[S1_OUT].fd, &m.out[S1_ERR].fd};
	static const size_t kept[] = {S1_KEEP_IN, S1_OUT, S1_ERR};
	size_t used = 0;

	for (size_t i = 0; m.begun && i < S1_KEPT_FDS; i++)
		s1_keep(&m, i, -1);
	m.offered = d->a & PS_STREAM_ALL;
	ps_close_fd(&app);
	ps_close_fd(&m.out[S1_TTY].fd);
	m.in.at = m.in.n = 0;
	m.in.terminal = (d->a & PS_STREAM_TTY_IN) != 0;
	for (size_t i = 0; i < PS_COUNT(ours); i++) {
		ps_close_fd(ours[i]);
		if ((d->a & 1u << i) == 0)
			continue;
		if (used == n || !s1_take_pipe(fds[used], i != 0))
			return false;
		*ours[i] = fds[used++];
		s1_keep(&m, kept[i], *ours[i]);
	}
	m.begun = true;
	deadline = -1;
	if ((d->a & PS_STREAM_TTY) != 0)
		app = fd;
	else
		(void)close(fd);
	s1_clients_start(&m);
	return used == n;
}

/* The second message of an app: once, a terminal. */
static void
hear_app(void)
{
	int fds[S1_DOOR_FDS], fd = -1;
	struct s1_door d;
	size_t n = 0;
	int r = s1_door_recv(app, &d, fds, &n);

	if (r == 0 && n == 1 && d.kind == S1_DOOR_TERMINAL &&
	    s1_is_master(fds[0]) &&
	    fcntl(fds[0], F_SETFL, O_RDWR | O_NONBLOCK) == 0)
		fd = fds[--n];
	while (r == 0 && n > 0)
		(void)close(fds[--n]);
	ps_close_fd(&app);
	m.out[S1_TTY].fd = fd;
	if (fd >= 0)
		s1_keep(&m, S1_TTY, fd);
	if (fd >= 0 && m.in.terminal) {
		ps_close_fd(&m.in.fd);
		m.in.fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	}
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		if (m.clients[i].started && m.clients[i].size != 0)
			s1_mux_resize(&m, m.clients[i].size);
}

static void
read_output(size_t k)
{
	struct s1_source *s = &m.out[k];
	ssize_t n = read(s->fd, s->bytes, sizeof(s->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* a terminal says EIO */
		close_output(k);
		return;
	}
	s->n = (size_t)n;
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++) {
		m.clients[i].at[k] = 0;
		m.clients[i].since[k] = m.now;
		if (m.clients[i].started)
			s1_client_feed(&m, &m.clients[i], k);
	}
	s1_clients_take(&m, k);
}

static void
write_input(void)
{
	ssize_t n = write(m.in.fd, m.in.bytes + m.in.at, m.in.n - m.in.at);

	if (n > 0)
		m.in.at += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_input();
	if (m.in.at == m.in.n)
		m.in.at = m.in.n = 0;
}

/* The end of a client's input is the app's where the client said so; but a
 * terminal has none. */
static void
read_input(struct s1_client *c)
{
	ssize_t n = read(c->in, m.in.bytes, sizeof(m.in.bytes));
	const bool end = c->said_end && !m.in.terminal;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		m.in.n = (size_t)n;
		write_input();
		return;
	}
	ps_close_fd(&c->in);
	if (c->door < 0)
		s1_client_end(c, S1_ENDED_LET_GO, 0);
	if (end)
		close_input();
}

/* --- its socket ---------------------------------------------------------- */

static void
receive(int *fd)
{
	int fds[S1_DOOR_FDS], r;
	struct s1_door d;
	size_t n = 0;

	r = s1_door_recv(*fd, &d, fds, &n);
	if (r == -EAGAIN)
		return;
	if (r == 0 && d.kind == S1_MUX_CLIENT) {
		s1_client_add(&m, &d, fds, n);
	} else if (r == 0 && d.kind == S1_MUX_APP) {
		if (!take_app(*fd, &d, fds, n))
			ps_die(PS_EXIT_SYSTEM, "the app's streams");
		*fd = -1;
	} else {
		while (r == 0 && n > 0)
			(void)close(fds[--n]);
	}
	ps_close_fd(fd);
}

static int *
free_waiting(void)
{
	for (size_t i = 0; i < WAITING; i++)
		if (waiting[i] < 0)
			return &waiting[i];
	return NULL;
}

/* --- the loop ------------------------------------------------------------ */

static void
prepare(struct pollfd q[N_POLL])
{
	struct pollfd *p = q + CLIENTS;

	/* Who comes behind the end of the app is the next mux's. */
	q[LISTENER] = (struct pollfd){
	    .fd = free_waiting() ? listener : -1, .events = POLLIN};
	q[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
	q[APP] = (struct pollfd){.fd = app, .events = POLLIN};
	q[IN] =
	    (struct pollfd){.fd = m.in.fd, .events = m.in.n > 0 ? POLLOUT : 0};
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		q[OUT + k] = (struct pollfd){
		    .fd = m.out[k].n == 0 ? m.out[k].fd : -1, .events = POLLIN};
	for (size_t i = 0; i < WAITING; i++)
		q[QUEUE + i] =
		    (struct pollfd){.fd = waiting[i], .events = POLLIN};
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++) {
		const struct s1_client *c = &m.clients[i];
		const bool reads = c->started && m.in.fd >= 0 && m.in.n == 0;

		*p++ = (struct pollfd){.fd = c->door, .events = POLLIN};
		*p++ =
		    (struct pollfd){.fd = reads ? c->in : -1, .events = POLLIN};
		for (size_t k = 0; k < S1_OUTPUTS; k++)
			*p++ = (struct pollfd){.fd = c->out[k],
			    .events = c->started && c->at[k] < m.out[k].n
					  ? POLLOUT
					  : 0};
	}
}

/* What a client can take, and its door; its place may be empty behind it. */
static void
serve(struct s1_client *c, const struct pollfd *q)
{
	for (size_t k = 0; k < S1_OUTPUTS; k++) {
		if (q[2 + k].revents == 0 || q[2 + k].fd != c->out[k])
			continue;
		if ((q[2 + k].revents & POLLERR) != 0)
			ps_close_fd(&c->out[k]);
		else
			s1_client_feed(&m, c, k);
		s1_clients_take(&m, k);
	}
	if (q[0].revents != 0 && c->door >= 0)
		s1_client_hear(&m, c);
}

static void
serve_clients(const struct pollfd *q)
{
	const size_t each = 2 + S1_OUTPUTS;

	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		serve(&m.clients[i], q + i * each);
	/* One chunk of one of them, and the next time another is first. */
	for (size_t i = 0; i < S1_MUX_CLIENTS && m.in.n == 0; i++) {
		const size_t at = (turn + i) % S1_MUX_CLIENTS;
		const struct pollfd *p = q + at * each + 1;

		if (p->revents == 0 || p->fd != m.clients[at].in || m.in.fd < 0)
			continue;
		turn = at + 1;
		read_input(&m.clients[at]);
		return;
	}
}

static int
timeout(void)
{
	int64_t left = s1_clients_late(&m);

	if (deadline >= 0 && (left < 0 || deadline - m.now < left))
		left = deadline > m.now ? deadline - m.now : 0;
	return (int)left;
}

static void
on_signal(void)
{
	struct signalfd_siginfo s;

	(void)!read(signals, &s, sizeof(s));
	deadline = m.now + TERM_MS;
}

static void
serve_app(const struct pollfd *q)
{
	if (q[APP].revents != 0)
		hear_app();
	if ((q[IN].revents & (POLLERR | POLLHUP)) != 0)
		close_input();
	else if (q[IN].revents != 0)
		write_input();
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		if (q[OUT + k].revents != 0 && m.out[k].fd >= 0)
			read_output(k);
}

/* One round; false: that was all. */
static bool
round_trip(void)
{
	static struct pollfd q[N_POLL];
	int *place, r;

	m.now = now();
	r = timeout();
	prepare(q);
	r = poll(q, N_POLL, r);
	m.now = now();
	if (r < 0)
		return errno == EINTR;
	if (deadline >= 0 && m.now >= deadline)
		return false;
	if (q[SIGNALS].revents != 0)
		on_signal();
	serve_app(q);
	serve_clients(q + CLIENTS);
	if (has_ended())
		return false;
	for (size_t i = 0; i < WAITING; i++)
		if (q[QUEUE + i].revents != 0)
			receive(&waiting[i]);
	place = free_waiting();
	if (q[LISTENER].revents != 0 && place)
		*place =
		    accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return true;
}

static int
catch_signals(void)
{
	const struct sigaction ignored = {.sa_handler = SIG_IGN};
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	if (sigaction(SIGPIPE, &ignored, NULL) < 0 ||
	    sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals < 0 ? -errno : 0;
}

/* Of the pod's root it needs the name. */
static int
drop_rights(void)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};

	return syscall(SYS_capset, &h, none) < 0 ||
		       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		   ? -errno
		   : 0;
}

static int
take_lock(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "/" S1_MUX_LOCK, name);
	lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return 0;
}

int
s1_mux(int pod_root, char **argv, char *const *env)
{
	int r = 0;

	(void)pod_root;
	s1_note_sockets(env);
	if (s1_kept < 1 || s1_kept > 1 + S1_KEPT_FDS || !ps_is_acname(argv[0], strlen(argv[0])))
		return PS_EXIT_USAGE;
	listener = FIRST_FD;
	m.in.fd = -1;
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		m.out[k].fd = -1;
	s1_clients_begin(&m);
	if (close_range(FIRST_FD + s1_kept, ~0u, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    fcntl(listener, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = take_lock(argv[0]);
	if (r == 0)
		r = catch_signals();
	if (r == 0)
		r = drop_rights();
	if (r < 0)
		return ps_log_error(r, "streams of %s", argv[0]),
		       PS_EXIT_SYSTEM;
	s1_keep_restore(&m, env, FIRST_FD, s1_kept);
	deadline = m.begun ? -1 : now() + APP_MS;
	while (round_trip())
		;
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		if (m.clients[i].streams != 0)
			s1_client_end(&m.clients[i],
			    m.begun ? S1_ENDED_EXIT : S1_ENDED_NOT_STARTED,
			    m.begun ? 0 : S1_ATTACH_GONE);
	return 0;
}
