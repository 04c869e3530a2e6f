/*
 * Starting a worker without root: the launcher's sys_spawn.c, as far as it goes
 * with the caller's own rights.  No user of its own and no namespaces; the
 * worker's own Landlock, seccomp and no_new_privs hold all the same, and it
 * gets an empty environment, a session, limits, and no other descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/alone.h"
#include "privsep/log.h"
#include "privsep/paths.h"

#define HIGH 64 /* out of the way of 3, 4, ... */

static void
must(int r, const char *what)
{
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "cannot start a worker: %s: %s", what,
		    strerror(errno));
}

static void
limit(int what, uint64_t n)
{
	struct rlimit l = { .rlim_cur = n, .rlim_max = n };

	must(setrlimit((__rlimit_resource_t)what, &l), "limit");
}

/* It may write to the person's terminal, and not read what is typed there. */
static void
leave_terminal(void)
{
	int fd;

	must(setsid(), "session");
	if (!isatty(2))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	must(fd, "terminal");
	must(dup2(fd, 2), "terminal");
}

static void
place_fds(const struct cli_worker *w, int chan)
{
	int high[PS_FETCH_SLOTS], null;

	chan = fcntl(chan, F_DUPFD_CLOEXEC, HIGH);
	must(chan, "descriptor");
	for (size_t i = 0; i < w->nfds; i++) {
		high[i] = fcntl(w->fds[i], F_DUPFD_CLOEXEC, HIGH);
		must(high[i], "descriptor");
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(null, "/dev/null");
	must(dup2(null, 0), "descriptor");
	leave_terminal();
	must(dup2(2, 1), "descriptor");
	must(dup2(chan, PS_CHAN_FD), "descriptor");
	for (size_t i = 0; i < w->nfds; i++)
		must(dup2(high[i], PS_SLOT_FD + (int)i), "descriptor");
	must((int)syscall(SYS_close_range, PS_SLOT_FD + (unsigned)w->nfds, ~0u, 0),
	    "close_range");
}

static _noreturn_ void
child(const struct cli_worker *w, int chan, pid_t parent)
{
	char *const argv[] = { cli_copy(w->program), NULL };
	char *const nothing[] = { NULL };
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(w, chan);
	must(chdir("/"), "working directory");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, w->max_file);
	limit(RLIMIT_NOFILE, HIGH);
	(void)umask(022);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "parent death signal");
	if (getppid() != parent)
		_exit(PS_EXIT_SYSTEM);
	(void)execve(cli_format("%s/%s", ps_libexec_dir, w->program), argv,
	    nothing);
	must(-1, w->program);
	_exit(PS_EXIT_SYSTEM);
}

int
cli_worker_start(struct cli_worker *w, int *ret_chan)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	pid_t self = getpid();
	int p[2];

	if (w->nfds > PS_FETCH_SLOTS)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return -errno;
	ours = p[0];
	theirs = p[1];
	w->pid = fork();
	if (w->pid < 0)
		return -errno;
	if (w->pid == 0)
		child(w, theirs, self);
	ps_debug("%d |- %s[%d] uid %u, no namespaces of its own", self,
	    w->program, w->pid, geteuid());
	*ret_chan = take_fd(ours);
	return 0;
}

int
cli_worker_end(pid_t pid, int timeout)
{
	_cleanup_fd_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n, status = -1;

	if (fd < 0)
		return -errno;
	do {
		n = poll(&p, 1, timeout);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return n > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 :
								      -EPROTO;
}
