/*
 * Between the caller and the streams of an app, until either has had enough:
 * the app goes on.  Runs without any right.  HOSTILE: the door, and what comes
 * out of the pipes, which is the app's and goes on as it is.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "policies/enter.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/proto.h"
#include "privsep/streams.h"
#include "privsep/worker.h"
#include "stage1/common/door.h"
#include "stage1/enter/pty.h"

#define START_MS 30000 /* for the pod to answer */
#define DRAIN_MS 2000  /* for the pipes of an app that has ended to do so */
#define KEY 0x1d       /* control and ], */
#define KEYS 3u	       /* so often */
#define KEYS_MS 1000   /* within */
#define FLOWS 4u       /* streams of an app, at most */

/* One pipe and one descriptor of the caller's; whole chunks, no more than what
 * poll(2) says a pipe takes without blocking. */
struct flow {
	uint32_t bit;
	int from, to; /* -1: it has ended */
	size_t at, n;
	char bytes[4096];
};

enum { DOOR, SIGNALS, FLOW, N_POLL = FLOW + 2 * FLOWS };

struct attach {
	struct s1_terminal terminal;
	struct flow flow[FLOWS];
	size_t n_flows;
	const char *app;
	uint32_t offered, wanted;
	int door, signals;
	bool started, over;
	int code; /* -1 while it goes on */
	unsigned keys;
	int64_t first_key;
};

/* --- what is wanted ------------------------------------------------------ */

/* The record is the one that this process made of root's plan. */
static int
read_record(struct attach *a, int fd)
{
	static struct ps_msg_PLAN_APP app;
	static uint8_t bytes[PS_MAX_PLAN];
	uint64_t n;
	int r = ps_check_sealed(fd, sizeof(bytes), &n);

	if (r == 0)
		r = n < PS_HEADER ? -EBADMSG : ps_pread_full(fd, bytes, n, 0);
	if (r == 0)
		r = ps_decode_PLAN_APP(bytes + PS_HEADER, n - PS_HEADER, &app);
	a->app = app.name;
	a->offered = r == 0 ? ps_offered_streams(&app) : 0;
	return r;
}

static void
choose(struct attach *a, const char *mode)
{
	char offered[PS_STREAM_NAMES];

	ps_stream_names(a->offered, offered);
	if (mode == NULL || ps_parse_streams(mode, &a->wanted) < 0)
		ps_die(S1_FAILED, "--mode: \"%s\" is none", mode ? mode : "");
	if (a->wanted == 0)
		a->wanted = a->offered;
	if (a->wanted == 0 || (a->wanted & ~a->offered) != 0)
		ps_die(S1_FAILED,
		    "app \"%s\" does not offer this: it offers %s", a->app,
		    offered);
}

/* A pipe for a stream; the pod's end is the answer. */
static int
add_flow(struct attach *a, uint32_t bit)
{
	const bool input = (bit & (PS_STREAM_IN | PS_STREAM_TTY_IN)) != 0;
	struct flow *f = &a->flow[a->n_flows];
	int both[2];

	if (a->n_flows == FLOWS || pipe2(both, O_CLOEXEC | O_NONBLOCK) < 0)
		ps_die(S1_FAILED, "pipes: %s", strerror(errno));
	a->n_flows++;
	f->bit = bit;
	f->from = input ? 0 : both[0];
	f->to = input ? both[1] : bit == PS_STREAM_ERR ? 2 : 1;
	return both[input ? 0 : 1];
}

static int
ask(struct attach *a, int record)
{
	struct s1_door m = {.kind = S1_DOOR_ATTACH, .a = a->wanted};
	int fds[S1_DOOR_FDS] = {record}, r;
	size_t n = 1;

	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1)
		if ((a->wanted & bit) != 0)
			fds[n++] = add_flow(a, bit);
	if ((a->wanted & PS_STREAM_TTY) != 0)
		m.b = s1_terminal_size(&a->terminal);
	r = s1_door_send(a->door, &m, fds, n);
	while (n > 0)
		(void)close(fds[--n]);
	return r;
}

static int
catch_signals(void)
{
	static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
	    SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};
	const struct sigaction ignored = {.sa_handler = SIG_IGN};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < PS_COUNT(caught); i++)
		(void)sigaddset(&set, caught[i]);
	if (sigaction(SIGPIPE, &ignored, NULL) < 0 ||
	    sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- the caller ---------------------------------------------------------- */

static void
send_size(struct attach *a)
{
	const struct s1_door m = {
	    .kind = S1_DOOR_RESIZE, .b = s1_terminal_size(&a->terminal)};

	if (a->started && (a->wanted & PS_STREAM_TTY) != 0 && m.b != 0)
		(void)s1_door_send(a->door, &m, NULL, 0);
}

/* What is no word about the terminal is the wish to leave. */
static void
on_signal(struct attach *a)
{
	struct signalfd_siginfo s;

	if (read(a->signals, &s, sizeof(s)) != sizeof(s))
		return;
	if (s.ssi_signo == SIGWINCH) {
		send_size(a);
	} else if (s.ssi_signo == SIGTSTP) {
		s1_terminal_restore(&a->terminal);
		(void)kill(getpid(), SIGSTOP);
	} else if (s.ssi_signo == SIGCONT) {
		s1_terminal_raw(&a->terminal);
		send_size(a);
	} else {
		a->code = 0;
	}
}

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Where it is raw a terminal has no signals of its own. */
static void
look_for_keys(struct attach *a, const char *p, size_t n)
{
	for (size_t i = 0; a->terminal.raw && i < n; i++) {
		if (p[i] != KEY) {
			a->keys = 0;
			continue;
		}
		if (a->keys == 0 || now() - a->first_key > KEYS_MS) {
			a->keys = 0;
			a->first_key = now();
		}
		if (++a->keys == KEYS)
			a->code = 0;
	}
}

/* --- the pod ------------------------------------------------------------- */

static void
not_started(struct attach *a, uint32_t why)
{
	static const char *const texts[] = {
	    [S1_ATTACH_BAD] = "the pod does not understand it",
	    [S1_ATTACH_GONE] = "it is not running",
	    [S1_ATTACH_NONE] = "it offers nothing any more",
	    [S1_ATTACH_FULL] = "too many are attached already",
	};

	ps_log("cannot attach to %s: %s", a->app,
	    why < PS_COUNT(texts) ? texts[why] : texts[S1_ATTACH_BAD]);
	a->code = S1_FAILED;
}

/* 0, or negative: the pod does not keep to the form. */
static int
on_door(struct attach *a)
{
	int fds[S1_DOOR_FDS], r;
	struct s1_door m;
	size_t n;

	r = s1_door_recv(a->door, &m, fds, &n);
	if (r < 0)
		return r;
	if (n > 0) {
		while (n > 0)
			(void)close(fds[--n]);
		return -EPROTO;
	}
	if (m.kind == S1_DOOR_ENDED &&
	    m.a == (a->started ? S1_ENDED_EXIT : S1_ENDED_NOT_STARTED)) {
		a->over = true;
		if (!a->started)
			not_started(a, m.b);
		return 0;
	}
	if (m.kind == S1_DOOR_ENDED && m.a == S1_ENDED_LET_GO && a->started) {
		ps_log("%s wrote more than was taken: let go", a->app);
		a->code = S1_FAILED;
		return 0;
	}
	if (m.kind != S1_DOOR_STARTED || a->started || m.b != a->wanted)
		return -EPROTO;
	a->started = true;
	a->terminal.remote = (a->wanted & PS_STREAM_TTY_IN) != 0;
	if (a->terminal.remote && (a->terminal.mask & 1u) != 0)
		ps_log(
		    "attached to %s: ^] three times within a second leaves it",
		    a->app);
	s1_terminal_raw(&a->terminal);
	return 0;
}

/* --- flows --------------------------------------------------------------- */

static bool
is_input(const struct flow *f)
{
	return (f->bit & (PS_STREAM_IN | PS_STREAM_TTY_IN)) != 0;
}

/* 0, 1 and 2 stay open: the process ends soon. */
static void
end_flow(struct flow *f)
{
	if (f->from > 2)
		(void)close(f->from);
	if (f->to > 2)
		(void)close(f->to);
	f->from = f->to = -1;
	f->n = 0;
}

static void
fill(struct attach *a, struct flow *f)
{
	const struct s1_door end = {.kind = S1_DOOR_INPUT_END};
	ssize_t n = read(f->from, f->bytes, sizeof(f->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		f->at = 0;
		f->n = (size_t)n;
		if (is_input(f))
			look_for_keys(a, f->bytes, f->n);
		return;
	}
	/* Said first: who only dies does not end the app's input. */
	if (n == 0 && f->bit == PS_STREAM_IN)
		(void)s1_door_send(a->door, &end, NULL, 0);
	end_flow(f);
}

static void
empty(struct attach *a, struct flow *f)
{
	ssize_t n = write(f->to, f->bytes + f->at, f->n - f->at);

	if (n > 0) {
		f->at += (size_t)n;
	} else if (errno != EAGAIN && errno != EINTR) {
		if (!is_input(f) && errno != EPIPE) {
			(void)ps_log_error(
			    -errno, "what %s wrote is lost", a->app);
			a->code = S1_FAILED;
		}
		end_flow(f);
	}
	if (f->at == f->n)
		f->n = 0;
}

static bool
is_flowing(const struct attach *a)
{
	for (size_t i = 0; i < a->n_flows; i++)
		if (a->flow[i].from >= 0 && !(a->over && is_input(&a->flow[i])))
			return true;
	return false;
}

static void
prepare(const struct attach *a, struct pollfd q[N_POLL])
{
	q[DOOR] =
	    (struct pollfd){.fd = a->over ? -1 : a->door, .events = POLLIN};
	q[SIGNALS] = (struct pollfd){.fd = a->signals, .events = POLLIN};
	for (size_t i = 0; i < FLOWS; i++) {
		const struct flow *f = &a->flow[i];
		const bool on = i < a->n_flows && a->started && f->from >= 0;

		q[FLOW + 2 * i] = (struct pollfd){
		    .fd = on && f->n == 0 ? f->from : -1, .events = POLLIN};
		/* Of a pipe for input also whether anyone reads it. */
		q[FLOW + 2 * i + 1] = (struct pollfd){
		    .fd = on && (f->n > 0 || is_input(f)) ? f->to : -1,
		    .events = f->n > 0 ? POLLOUT : 0};
	}
}

/* One round; 0 or negative errno. */
static int
turn(struct attach *a)
{
	struct pollfd q[N_POLL];
	int r = 0;

	prepare(a, q);
	r = poll(q, N_POLL, a->over ? DRAIN_MS : a->started ? -1 : START_MS);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	if (r == 0 && !a->over)
		return -ETIMEDOUT;
	if (r == 0)
		a->code = 0;
	r = 0;
	if (q[SIGNALS].revents != 0)
		on_signal(a);
	if (q[DOOR].revents != 0)
		r = on_door(a);
	for (size_t i = 0; i < a->n_flows; i++) {
		struct flow *f = &a->flow[i];

		if (q[FLOW + 2 * i + 1].revents & (POLLERR | POLLNVAL))
			end_flow(f);
		else if (q[FLOW + 2 * i + 1].revents & POLLOUT)
			empty(a, f);
		else if (q[FLOW + 2 * i].revents != 0)
			fill(a, f);
	}
	return r;
}

/* Until all has gone where it belongs.  A door that closes without a word is
 * the pod's end: what it wrote before is still there. */
static int
run(struct attach *a)
{
	int gone = 0;

	while (a->code < 0 && (!a->started || is_flowing(a))) {
		int r = turn(a);

		if (r == -EPIPE && a->started)
			gone = r;
		else if (r < 0)
			return r;
		a->over = a->over || gone < 0;
	}
	return gone;
}

int
s1_run_attach(int door, int record, char *const *words)
{
	static struct attach a;
	struct pollfd last = {.fd = door, .events = POLLIN};
	int r;

	ps_log_name("attach");
	a = (struct attach){.door = door, .code = -1};
	s1_terminal_begin(&a.terminal);
	if (read_record(&a, record) < 0)
		ps_die(S1_FAILED, "the record of the app");
	choose(&a, words[0]);
	a.signals = catch_signals();
	r = a.signals < 0 ? a.signals : ask(&a, record);
	/* All is open that will be; what is heard from here on is hostile. */
	if (r == 0)
		r = ps_landlock(NULL, NULL, 0);
	if (r == 0)
		r = ps_seccomp(policy_enter, PS_COUNT(policy_enter));
	if (r == 0)
		r = run(&a);
	/* Why the pipes ended may be said already. */
	if (r == 0 && a.code < 0 && !a.over && poll(&last, 1, 0) > 0)
		(void)on_door(&a);
	s1_terminal_restore(&a.terminal);
	s1_say_end(r);
	return r < 0 ? S1_FAILED : a.code < 0 ? 0 : a.code;
}
