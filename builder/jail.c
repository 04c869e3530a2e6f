/*
 * A small pod for one command.  Runs as whoever builds, never as root: what
 * the command may do, that user may.  HOSTILE: the tree, from the first mount
 * on (no link in it is followed), and then the command itself.
 */
#include "builder/jail.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "builder/build.h"
#include "builder/tree.h"
#include "policies/app-default.h"
#include "policies/app-deny.h"

#define FAILED 255

/* What is mounted over; made before where it is missing, removed behind. */
static const struct place {
	const char *name;
	bool is_dir, net;
} places[] = {
	{ "proc", true, false },
	{ "dev", true, false },
	{ "etc", true, true },
	{ "etc/resolv.conf", false, true },
};

/* Bit i of *ret_made: places[i] was made here. */
static int
make_places(const struct bd_jail *j, unsigned *ret_made)
{
	for (size_t i = 0; i < PS_COUNT(places); i++) {
		const struct place *p = &places[i];
		_cleanup_fd_ int fd = -1;
		int r;

		if (p->net && !j->net)
			continue;
		r = p->is_dir ? mkdirat(j->rootfs, p->name, 0755) :
				mknodat(j->rootfs, p->name, S_IFREG | 0644, 0);
		if (r == 0)
			*ret_made |= 1u << i;
		fd = bd_openat2(j->rootfs, p->name,
		    O_PATH | (p->is_dir ? O_DIRECTORY : 0),
		    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		if (fd < 0)
			return bd_fail_error(fd, "run: /%s in the image must "
				"be a %s, for one is mounted over it", p->name,
			    p->is_dir ? "directory" : "file");
	}
	return 0;
}

static void
remove_places(const struct bd_jail *j, unsigned made)
{
	for (size_t i = PS_COUNT(places); i-- > 0;)
		if (made & 1u << i)
			(void)unlinkat(j->rootfs, places[i].name,
			    places[i].is_dir ? AT_REMOVEDIR : 0);
}

static int
put(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

/* From here on we are root, of ourselves alone. */
static int
unshare_all(const struct bd_jail *j)
{
	int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
	    CLONE_NEWUTS | CLONE_NEWCGROUP | (j->net ? 0 : CLONE_NEWNET);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (unshare(flags) < 0)
		return bd_fail_error(errno, "run: this machine gives a plain "
			"user no user namespace; copy files instead");
	(void)snprintf(map, sizeof(map), "0 %u 1\n", gid);
	if (put("/proc/self/setgroups", "deny") < 0 ||
	    put("/proc/self/gid_map", map) < 0)
		return bd_fail_error(errno, "run: cannot map the group");
	(void)snprintf(map, sizeof(map), "0 %u 1\n", uid);
	if (put("/proc/self/uid_map", map) < 0)
		return bd_fail_error(errno, "run: cannot map the user");
	return 0;
}

static int
bind_over(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND, NULL);
}

/* We stand in the new root; the old one is still there for devices. */
static int
mount_dev(void)
{
	static const char *const nodes[] = { "null", "zero", "full", "random",
		"urandom", "tty" };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" },
	};

	if (mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
		"mode=0755,size=64m") < 0)
		return -errno;
	for (size_t i = 0; i < PS_COUNT(nodes); i++) {
		char from[32], to[32];

		(void)snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		(void)snprintf(to, sizeof(to), "dev/%s", nodes[i]);
		if (mknod(to, S_IFREG | 0666, 0) < 0 || bind_over(from, to) < 0)
			return -errno;
	}
	for (size_t i = 0; i < PS_COUNT(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return -errno;
	return mkdir("dev/shm", 01777) < 0 ? -errno : 0;
}

static int
enter_root(const struct bd_jail *j)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID |
		    MOUNT_ATTR_NODEV };
	_cleanup_free_ char *path = NULL;
	int r = bd_path_of(j->rootfs, &path);

	if (r < 0)
		return r;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    chdir(path) < 0 ||
	    mount_setattr(AT_FDCWD, ".", AT_RECURSIVE, &attr,
		sizeof(attr)) < 0 ||
	    mount("proc", "proc", "proc",
		MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	r = mount_dev();
	if (r == 0 && j->net && access("/etc/resolv.conf", R_OK) == 0)
		r = bind_over("/etc/resolv.conf", "etc/resolv.conf") < 0 ?
		    -errno : 0;
	if (r < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* What installing files takes, and no more. */
static int
drop_capabilities(void)
{
	static const unsigned keep[] = { CAP_CHOWN, CAP_DAC_OVERRIDE,
		CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID,
		CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT };

	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < PS_COUNT(keep); i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
			CAPNG_BOUNDING_SET, keep[i]) < 0)
			return -EINVAL;
	return capng_apply(CAPNG_SELECT_BOTH) < 0 ? -EPERM : 0;
}

static int
filter(const struct sock_filter *f, size_t n)
{
	struct sock_fprog p = { .len = (unsigned short)n };

	memcpy(&p.filter, &f, sizeof(p.filter));
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &p) < 0 ?
	    -errno : 0;
}

static int
confine(void)
{
	int r = drop_capabilities();

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = filter(policy_app_deny, PS_COUNT(policy_app_deny));
	if (r == 0)
		r = filter(policy_app_default, PS_COUNT(policy_app_default));
	return r;
}

/* Returns only if the command did not start. */
static int
run_inner(const struct bd_jail *j)
{
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Not what our caller forgot to close: it may lead out. */
	r = close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ||
		sethostname("rkt-build", 9) < 0 ? -errno : enter_root(j);
	if (r < 0)
		return bd_fail_error(r, "run: cannot mount what the image "
			"needs");
	if (chdir(j->working_dir) < 0)
		return bd_fail_error(errno, "run: directory %s in the image",
			j->working_dir);
	r = confine();
	if (r < 0)
		return bd_fail_error(r, "run: cannot confine the command");
	(void)execvpe(j->argv[0], (char *const *)(uintptr_t)j->argv,
	    (char *const *)(uintptr_t)j->envp);
	return bd_fail_error(errno, "run: cannot execute %s in the image",
		j->argv[0]);
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/* A byte through said, where we have said what went wrong: a command may end
 * with any code. */
static int
run_outer(const struct bd_jail *j, int said)
{
	pid_t pid = -1;
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	r = unshare_all(j);
	if (r == 0) {
		pid = fork();
		if (pid > 0)
			return wait_for(pid);
		r = pid < 0 ? bd_fail_error(errno, "run") : run_inner(j);
	}
	return write(said, "", 1) == 1 && r < 0 ? FAILED : 0;
}

static int
spawn(const struct bd_jail *j)
{
	_cleanup_fd_ int said = -1;
	int fds[2], r;
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return bd_fail_error(errno, "run");
	pid = fork();
	if (pid == 0)
		_exit(run_outer(j, fds[1]));
	(void)close(fds[1]);
	said = fds[0];
	if (pid < 0)
		return bd_fail_error(errno, "run");
	r = wait_for(pid);
	if (r < 0)
		return bd_fail_error(r, "run");
	return read(said, &byte, 1) == 1 ? -1 : r;
}

int
bd_jail_run(const struct bd_jail *j)
{
	unsigned made = 0;
	int r = make_places(j, &made);

	if (r == 0)
		r = spawn(j);
	remove_places(j, made);
	return r;
}
