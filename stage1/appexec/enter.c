/*
 * A command in an app, for whoever is at the door, descriptor 0: by the way
 * that the app itself was started, in the app's cgroup.  Runs as the pod's root and
 * waits, with one capability left.  HOSTILE: the app, which is running and may
 * kill this process, but neither trace it nor see what it has open.
 */
#include "stage1/appexec/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "stage1/appexec/appexec.h"
#include "stage1/common/contract.h"

#define DOOR S1_VISITOR
#define HANGUP_MS 2000 /* between SIGHUP and SIGKILL */

static struct ps_msg_PLAN_APP app;

/* In memory that the child shares until it executes: it did not get so far. */
static bool *failed;

/* The request: its record, and what becomes 0 1 2 (-1: a terminal). */
static int
hear(const struct s1_door *m, const int *fds, size_t n, struct s1_request *ret)
{
	size_t used = 1;

	s1_why = "request";
	ret->m = *m;
	if (m->a > 7 || n == 0)
		return -EPROTO;
	for (int fd = 0; fd < 3; fd++) {
		const bool terminal = (m->a & 1u << fd) != 0;

		ret->stdio[fd] = -1;
		if (terminal && fd < 2)
			continue;
		if (used == n)
			return -EPROTO;
		ret->stdio[fd] = fds[used++];
	}
	return used == n ? s1_read_record(fds[0], &app) : -EPROTO;
}

/* Only to kill the command, whatever its user. */
static int
keep_kill(void)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {
	    {.effective = 1u << CAP_KILL, .permitted = 1u << CAP_KILL}};

	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static _noreturn_ void
command(int pod_root, const struct s1_request *q)
{
	int code = S1_EXIT_CGROUP, r;

	(void)setsid();
	r = dup2(q->stdio[2], 2) < 0 ? -errno : 0;
	if (r == 0)
		r = s1_enter_cgroups(pod_root, app.name);
	if (r == 0)
		r = s1_check_cgroup(pod_root, &app);
	if (r == 0)
		r = s1_place_stdio(q);
	if (r < 0)
		(void)ps_log_error(r, "cannot start %s: %s", app.name, s1_why);
	else
		code = s1_become(&app);
	*failed = true;
	_exit(code);
}

static void
strike(pid_t pid, int number)
{
	if (kill(-pid, number) < 0) /* its session may not be there yet */
		(void)kill(pid, number);
}

/* The caller has gone, or the app's unit ends. */
static void
hang_up(pid_t pid, int *timeout)
{
	if (*timeout >= 0)
		return;
	strike(pid, SIGHUP);
	strike(pid, SIGTERM);
	strike(pid, SIGCONT);
	*timeout = HANGUP_MS;
}

/* false: nothing more will come. */
static bool
on_door(pid_t pid)
{
	int fds[S1_DOOR_FDS];
	struct s1_door m;
	size_t n;

	if (s1_door_recv(DOOR, &m, fds, &n) < 0)
		return false;
	while (n > 0)
		(void)close(fds[--n]);
	if (m.kind == S1_DOOR_SIGNAL && m.a > 0 && m.a < NSIG)
		strike(pid, (int)m.a);
	return m.kind == S1_DOOR_SIGNAL;
}

/* Until the command has ended. */
static void
watch(pid_t pid, int signals)
{
	struct pollfd p[] = {{.fd = DOOR, .events = POLLIN},
	    {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo s;
	int timeout = -1;

	for (;;) {
		int r = poll(p, PS_COUNT(p), timeout);

		if (r == 0)
			strike(pid, SIGKILL);
		if (r > 0 && p[0].revents != 0 && !on_door(pid)) {
			p[0].fd = -1;
			hang_up(pid, &timeout);
		}
		if (r <= 0 || p[1].revents == 0 ||
		    read(signals, &s, sizeof(s)) != sizeof(s))
			continue;
		if (s.ssi_signo == SIGCHLD) {
			siginfo_t i = {0};

			if (waitid(P_PID, (id_t)pid, &i,
				WEXITED | WNOHANG | WNOWAIT) == 0 &&
			    i.si_pid == pid)
				return;
		} else {
			hang_up(pid, &timeout);
		}
	}
}

static int
report(pid_t pid)
{
	struct s1_door m = {.kind = S1_DOOR_ENDED};
	siginfo_t i = {0};

	while (waitid(P_PID, (id_t)pid, &i, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	m.b = (uint32_t)i.si_status;
	if (*failed)
		m.a = S1_ENDED_NOT_STARTED;
	else if (i.si_code != CLD_EXITED)
		m.a = S1_ENDED_SIGNAL;
	return s1_door_send(DOOR, &m, NULL, 0);
}

static int
catch_signals(void)
{
	sigset_t set;

	s1_why = "signals";
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The command in its process; this one with as little as can be. */
static int
start(int pod_root, const struct s1_request *q, pid_t *ret)
{
	const struct s1_door started = {.kind = S1_DOOR_STARTED};
	void *shared = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int r;

	s1_why = "process";
	if (shared == MAP_FAILED)
		return -errno;
	failed = shared;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		command(pod_root, q);
	for (size_t i = 0; i < PS_COUNT(q->stdio); i++)
		if (q->stdio[i] > 2)
			(void)close(q->stdio[i]);
	*ret = pid;
	r = s1_door_send(DOOR, &started, NULL, 0);
	return r < 0 ? r : keep_kill();
}

/* Before there is a command: why not, where the caller sees it. */
static int
refuse(const struct s1_request *q, int error)
{
	const struct s1_door m = {
	    .kind = S1_DOOR_ENDED, .a = S1_ENDED_NOT_STARTED};

	if (q->stdio[2] >= 0)
		(void)dup2(q->stdio[2], 2);
	(void)ps_log_error(error, "cannot enter %s: %s",
	    app.name ? app.name : "an app", s1_why);
	(void)s1_door_send(DOOR, &m, NULL, 0);
	return PS_EXIT_SYSTEM;
}

int
s1_enter(int pod_root, const struct s1_door *m, const int *fds, size_t n)
{
	struct s1_request q = {.door = DOOR, .stdio = {-1, -1, -1}};
	int signals = -1, r = hear(m, fds, n, &q);
	pid_t pid = -1;

	if (r == 0)
		r = s1_join_unit(pod_root, app.name);
	if (r == 0)
		r = signals = catch_signals();
	if (r >= 0)
		r = start(pod_root, &q, &pid);
	if (r < 0 && pid < 0)
		return refuse(&q, r);
	if (r < 0)
		strike(pid, SIGKILL);
	watch(pid, signals);
	r = report(pid);
	return r < 0 && r != -EPIPE ? PS_EXIT_SYSTEM : 0;
}
