/*
 * Starting a worker without root: the launcher's sys_spawn.c, as far as it goes
 * with the caller's own rights.  No user of its own, and namespaces only where
 * the kernel lets anyone make them; the worker's own Landlock, seccomp and
 * no_new_privs hold all the same, and it gets an empty environment, a session,
 * limits, and no other descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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
put_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd, path);
	must((int)write(fd, text, strlen(text)), path);
	(void)close(fd);
}

/* A user namespace in which it is who it was.  There it has every capability
 * until it executes its program, and then none. */
static void
own_namespaces(void)
{
	const unsigned uid = geteuid(), gid = getegid();
	char options[96];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
		CLONE_NEWUTS) < 0)
		return;
	/* Its maps are its own to write only while it can be looked into; who
	 * can do that now is its own user. */
	must(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable");
	put_map("/proc/self/setgroups", "deny");
	put_map("/proc/self/uid_map", cli_format("%u %u 1", uid, uid));
	put_map("/proc/self/gid_map", cli_format("%u %u 1", gid, gid));
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	(void)snprintf(options, sizeof(options),
	    "mode=0700,uid=%u,gid=%u,size=16m,nr_inodes=4096", uid, gid);
	must(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		 options),
	    "tmpfs on /tmp");
}

/* *exe, the program, ends behind them. */
static void
place_fds(const struct cli_worker *w, int chan, int *exe)
{
	int high[PS_FETCH_SLOTS], null, last = PS_SLOT_FD + (int)w->nfds;

	chan = fcntl(chan, F_DUPFD_CLOEXEC, HIGH);
	must(chan, "descriptor");
	*exe = fcntl(*exe, F_DUPFD_CLOEXEC, HIGH);
	must(*exe, w->program);
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
	must(dup3(*exe, last, O_CLOEXEC), "descriptor");
	*exe = last;
	must((int)syscall(SYS_close_range, last + 1, ~0u, 0), "close_range");
}

static _noreturn_ void
child(const struct cli_worker *w, int chan, pid_t parent)
{
	char *const argv[] = { cli_copy(w->program), NULL };
	char *const nothing[] = { NULL };
	int exe = open(cli_format("%s/%s", ps_libexec_dir, w->program),
	    O_PATH | O_CLOEXEC);
	sigset_t none;

	must(exe, w->program);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(w, chan, &exe);
	if (w->closed)
		own_namespaces();
	must(chdir("/"), "working directory");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, w->max_file);
	limit(RLIMIT_NOFILE, HIGH);
	(void)umask(022);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "parent death signal");
	if (getppid() != parent)
		_exit(PS_EXIT_SYSTEM);
	(void)syscall(SYS_execveat, exe, "", argv, nothing, AT_EMPTY_PATH);
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
	ps_debug("%d |- %s[%d] uid %u%s", self, w->program, w->pid, geteuid(),
	    w->closed ? ", no network" : "");
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
