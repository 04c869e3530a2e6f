/*
 * Starting a worker, and becoming stage1.  The child does, in this order and
 * each with its result checked: descriptors, session keyring, working
 * directory, limits, /tmp, groups, gid, uid, capabilities, no_new_privs, read
 * back, execve by descriptor.  Runs as root until it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/log.h"
#include "privsep/paths.h"

#define LAST_CAP 63
/* What unpack keeps, in its own user namespace: to give files their owners,
 * modes and security.capability.  CAP_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID,
 * _SETFCAP. */
#define UNPACK_CAPS (1ull << 0 | 1ull << 1 | 1ull << 3 | 1ull << 4 | 1ull << 31)

static void
must(int r, const char *what)
{
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "cannot start a worker: %s: %s", what,
		    strerror(errno));
}

static int
set_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { 0 };

	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(caps >> (32 * i));
	return (int)syscall(SYS_capset, &head, data);
}

static void
drop_bounding(uint64_t keep)
{
	for (unsigned long c = 0; c <= LAST_CAP; c++)
		if ((keep & 1ull << c) == 0 &&
		    prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
			must(-1, "bounding set");
}

/* What was set must be what is; a kernel or a tracer that pretends is not
 * believed. */
static void
read_back(const struct ln_room *room, uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	uid_t u[3];
	gid_t g[3];
	bool good = getresuid(&u[0], &u[1], &u[2]) == 0 &&
	    getresgid(&g[0], &g[1], &g[2]) == 0 && getgroups(0, NULL) == 0 &&
	    syscall(SYS_capget, &head, data) == 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;

	for (int i = 0; good && i < 3; i++)
		good = u[i] == room->uid && g[i] == room->gid;
	good = good && data[0].permitted == (uint32_t)caps &&
	    data[1].permitted == (uint32_t)(caps >> 32) &&
	    data[0].inheritable == 0 && data[1].inheritable == 0;
	if (good && !room->mapped && setresuid(0, 0, 0) == 0)
		good = false;
	if (!good)
		ps_die(PS_EXIT_SYSTEM, "cannot start a worker: privilege was not dropped");
}

static void
drop(const struct ln_room *room)
{
	uint64_t caps = room->mapped ? UNPACK_CAPS : 0;

	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient set");
	drop_bounding(caps);
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(room->gid, room->gid, room->gid), "setresgid");
	must(setresuid(room->uid, room->uid, room->uid), "setresuid");
	must(set_caps(caps), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "parent death signal");
	read_back(room, caps);
}

static void
limit(int what, uint64_t n)
{
	struct rlimit l = { .rlim_cur = n, .rlim_max = n };

	must(setrlimit((__rlimit_resource_t)what, &l), "limit");
}

static void
limits(const struct ln_room *room)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, room->max_fds);
	if (!room->conductor)
		limit(RLIMIT_FSIZE, room->max_file);
}

static void
own_tmp(const struct ln_room *room)
{
	char options[96];

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	(void)snprintf(options, sizeof(options),
	    "mode=0700,uid=%u,gid=%u,size=16m,nr_inodes=4096", room->uid, room->gid);
	must(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		 options),
	    "tmpfs on /tmp");
	must(chdir("/tmp"), "/tmp"); /* gpg must be able to name where it is */
}

/* 0, 1, 2, the edge, the slots, the program: all out of the way, then in place.
 * The person's terminal is the conductor's alone: a worker has it neither as a
 * descriptor, nor as what controls its session. */
static void
place_fds(const struct ln_room *room, int *exe)
{
	const int high = 512, n = PS_SLOT_FD + (int)room->nfds;
	const bool own = room->conductor;
	const int first[PS_SLOT_FD] = { own ? 0 : open("/dev/null", O_RDONLY),
		own ? 1 : room->err, own ? 2 : room->err, room->chan };

	must(first[0], "/dev/null");
	for (int i = 0; i <= n; i++)
		must(dup2(i < PS_SLOT_FD ? first[i]
			 : i < n	 ? room->fds[i - PS_SLOT_FD]
					 : *exe, high + i), "descriptor");
	if (!own) {
		must(fchdir(room->cwd), "working directory");
		must(setsid(), "session");
	}
	for (int i = 0; i <= n; i++)
		must(dup2(high + i, i), "descriptor");
	*exe = n;
	must(fcntl(n, F_SETFD, FD_CLOEXEC), "descriptor");
	must((int)syscall(SYS_close_range, n + 1, ~0u, 0), "close_range");
}

static _noreturn_ void
child(const struct ln_room *room, int exe, int ready)
{
	char *const alone[] = { (char *)(uintptr_t)room->program, NULL };
	char *const nothing[] = { NULL };
	sigset_t none;
	char go;

	if (room->mapped && read(ready, &go, 1) != 1)
		_exit(PS_EXIT_SYSTEM);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(room, &exe);
	must(sys_keyring() < 0 ? -1 : 0, "session keyring");
	if (room->tmp)
		own_tmp(room);
	limits(room);
	(void)umask(022);
	drop(room);
	(void)syscall(SYS_execveat, exe, "", room->argv ? room->argv : alone,
	    room->env ? room->env : nothing, AT_EMPTY_PATH);
	must(-1, room->program);
	_exit(PS_EXIT_SYSTEM);
}

static int
open_program(const char *name)
{
	_cleanup_fd_ int dir = sys_open(AT_FDCWD, ps_libexec_dir,
	    O_RDONLY | O_DIRECTORY, 0, SYS_HOST);

	return dir < 0 ? dir : sys_open(dir, name, O_PATH, 0, SYS_CROSS);
}

int
sys_spawn(const struct ln_room *room, int *ret_pidfd)
{
	_cleanup_fd_ int exe = open_program(room->program), ready = -1, go = -1;
	const uint32_t base = room->base ? room->base : PS_FOREIGN_BASE;
	int pidfd = -1, pipes[2], r = 0;
	struct clone_args args = { .flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD };
	long pid;

	if (exe < 0)
		return exe;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	ready = pipes[0];
	go = pipes[1];
	if (!room->conductor)
		args.flags |= CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	if (room->own_net)
		args.flags |= CLONE_NEWNET;
	if (room->tmp)
		args.flags |= CLONE_NEWNS;
	if (room->mapped)
		args.flags |= CLONE_NEWUSER;
	/* PRIV: the child is root until drop(). */
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		ps_close_fd(&go);
		child(room, exe, ready);
	}
	if (room->mapped) {
		r = sys_map_ids((pid_t)pid, 0, base, PS_RANGE);
		if (r == 0 && write(go, "x", 1) != 1)
			r = -EIO;
	}
	if (r < 0) {
		(void)sys_kill(pidfd);
		(void)close(pidfd);
		return r;
	}
	ps_debug("%d |- %s[%ld] uid %u gid %u:%s%s%s%s", getpid(), room->program, pid,
	    room->mapped ? base : room->uid, room->mapped ? base : room->gid,
	    room->conductor ? " the caller's terminal" : " own pid, ipc, uts",
	    room->own_net ? ", net" : "", room->tmp ? ", mnt" : "",
	    room->mapped ? ", user" : "");
	*ret_pidfd = pidfd;
	return (int)pid;
}

int
sys_wait(int pidfd, int timeout, int *ret_status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int n;

	do {
		n = poll(&p, 1, timeout);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ETIMEDOUT;
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		return -errno;
	*ret_status = info.si_code == CLD_EXITED ? info.si_status
						 : 256 + info.si_status;
	return 0;
}

int
sys_kill(int pidfd)
{
	int status, r = sys_signal(pidfd, SIGKILL);

	return r < 0 && r != -ESRCH ? r : sys_wait(pidfd, 10000, &status);
}

int
sys_pidfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

int
sys_signal(int pidfd, int number)
{
	/* PRIV: to a process that the pod's directory named and proved. */
	return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0
	    ? -errno : 0;
}

bool
sys_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

int
sys_start(char *const argv[], char *const env[], const int *fds, size_t n,
    int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD };
	/* PRIV: the child is root until its program gives that up. */
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return -errno;
	if (pid == 0)
		sys_exec(argv, env, fds, n);
	*ret_pidfd = pidfd;
	return 0;
}

void
sys_exec(char *const argv[], char *const env[], const int *fds, size_t n)
{
	const int high = 512;
	char path[1100];
	bool placed = true;

	(void)snprintf(path, sizeof(path), "%s/%s", ps_libexec_dir, argv[0]);
	ps_debug("%d becomes %s", getpid(), path);
	for (size_t i = 0; i < n; i++)
		placed = placed && dup2(fds[i], high + (int)i) >= 0;
	for (size_t i = 0; i < n; i++)
		placed = placed && dup2(high + (int)i, PS_CHAN_FD + (int)i) >= 0;
	if (placed &&
	    syscall(SYS_close_range, PS_CHAN_FD + (unsigned)n, ~0u, 0) == 0)
		(void)execve(path, argv, env);
	ps_die(254, "cannot execute %s: %s", path, strerror(errno));
}
