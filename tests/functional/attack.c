/*
 * What a program tries that wants out of its pod.  Runs as an app, as the
 * pod's root or a user of it: `attack` prints "NAME=ok" where an attempt
 * worked, else "NAME=ERRNO" or "NAME=signal N".  On a host (uid 0 is uid 0) it
 * tries nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PATHS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static long
int80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
	return r;
}

static long
x32(void)
{
	return syscall(0x40000000 | SYS_getpid);
}

/* Only the low 32 bits count for the kernel, and for us. */
static long
tiocsti_high(void)
{
	char c = 'x';

	return syscall(SYS_ioctl, 0, 0x100005412ul, &c);
}

static long
alg_high(void)
{
	return syscall(SYS_socket, 0x100000026ul, 5, 0);
}

static long
clone_with(unsigned long flag)
{
	long pid = syscall(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long clone_mnt(void) { return clone_with(CLONE_NEWNS); }
static long clone_user(void) { return clone_with(CLONE_NEWUSER); }
static long clone_pid(void) { return clone_with(CLONE_NEWPID); }
static long clone_net(void) { return clone_with(CLONE_NEWNET); }
static long clone_ipc(void) { return clone_with(CLONE_NEWIPC); }
static long clone_uts(void) { return clone_with(CLONE_NEWUTS); }
static long clone_cgroup(void) { return clone_with(CLONE_NEWCGROUP); }
static long unshare_time(void) { return unshare(CLONE_NEWTIME); }
static long unshare_files(void) { return unshare(CLONE_NEWUSER | CLONE_FILES); }

static long
open_any(int flags, const char *const *paths)
{
	int fd = -1, error = 0;

	for (; *paths; paths++) {
		fd = open(*paths, flags | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0) {
			printf("opened=%s\n", *paths);
			return 0;
		}
		error = errno == ENOENT && error ? error : errno;
	}
	errno = error;
	return -1;
}

static long
proc1_root(void)
{
	return open_any(O_RDONLY, PATHS("/proc/1/root/", "/proc/1/root/etc",
	    "/proc/1/cwd/", "/proc/1/cwd/usr"));
}

static long
proc1_fds(void)
{
	return open_any(O_RDONLY, PATHS("/proc/1/fd/0", "/proc/1/fd/3",
	    "/proc/1/fdinfo/3", "/proc/1/environ", "/proc/1/ns/mnt"));
}

static long
proc1_memory(void)
{
	return open_any(O_RDWR, PATHS("/proc/1/mem"));
}

static long
proc1_exe(void)
{
	return open_any(O_WRONLY, PATHS("/proc/1/exe", "/proc/1/root/usr/lib/rkt/appexec"));
}

/* The pod's other processes: systemd's and journald's. */
static long
others(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char path[64];
	int error = ENOENT;

	while (d && (e = readdir(d)) != NULL) {
		static const char *const what[] = { "root/", "mem", "cwd/", "fd/0" };
		int pid = atoi(e->d_name);

		if (pid <= 0 || pid == getpid() || pid == getppid())
			continue;
		for (size_t i = 0; i < 4; i++) {
			(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, what[i]);
			if (open(path, i == 1 ? O_RDWR : O_RDONLY) >= 0) {
				printf("opened=%s\n", path);
				return 0;
			}
			error = errno;
		}
	}
	errno = error;
	return -1;
}

static long
vm_read(void)
{
	char to[8];
	struct iovec in = { to, 8 }, out = { (void *)0x400000, 8 };

	return process_vm_readv(1, &in, 1, &out, 1, 0);
}

static long
pidfd_getfd_init(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	return pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, 3, 0);
}

static long ptrace_seize(void) { return ptrace(0x4206, 1, NULL, NULL); }

static long
kernel_settings(void)
{
	return open_any(O_WRONLY, PATHS("/proc/sys/kernel/core_pattern",
	    "/proc/sys/kernel/modprobe", "/proc/sys/vm/panic_on_oom",
	    "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward",
	    "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger",
	    "/proc/irq/default_smp_affinity", "/proc/acpi/wakeup"));
}

static long
sysfs_settings(void)
{
	return open_any(O_WRONLY, PATHS("/sys/kernel/uevent_helper",
	    "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/power/state",
	    "/sys/kernel/security/apparmor/.load", "/sys/module/kernel/parameters/panic",
	    "/sys/kernel/kexec_crash_size", "/sys/class/net/lo/mtu"));
}

/* CVE-2022-0492: a release_agent runs as the host's root. */
static long
release_agent(void)
{
	char line[4096], path[4200];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int error = ENOENT;

	while (f && fgets(line, sizeof(line), f)) {
		char at[2048];

		if (!strstr(line, " cgroup") ||
		    sscanf(line, "%*d %*d %*s %*s %2047s", at) != 1)
			continue;
		static const char *const files[] = { "release_agent",
			"cgroup.procs", "devices.allow", "cgroup.subtree_control",
			"notify_on_release" };

		for (size_t i = 0; i < 5; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", at, files[i]);
			if (open(path, O_WRONLY) >= 0) {
				printf("opened=%s\n", path);
				return 0;
			}
			error = errno;
		}
	}
	errno = error;
	return -1;
}

static long
hidden(void)
{
	static const char *const files[] = { "/proc/kcore", "/proc/keys",
		"/proc/key-users", "/proc/kallsyms", "/proc/timer_list",
		"/proc/vmallocinfo", "/proc/sched_debug", "/proc/config.gz" };
	char c;

	errno = ENOENT;
	for (size_t i = 0; i < 8; i++) {
		int fd = open(files[i], O_RDONLY);

		if (fd >= 0 && read(fd, &c, 1) == 1) {
			printf("opened=%s\n", files[i]);
			return 0;
		}
	}
	errno = EACCES;
	return -1;
}

static long
device(void)
{
	if (mknod("/tmp/mem", S_IFCHR | 0600, 1 << 8 | 1) < 0 ||
	    mknod("/tmp/disk", S_IFBLK | 0600, 8 << 8) < 0)
		return -1;
	return open_any(O_RDONLY, PATHS("/tmp/mem", "/tmp/disk"));
}

static long
namespace_parent(void)
{
	int fd = open("/proc/self/ns/user", O_RDONLY);

	return fd < 0 ? -1 : ioctl(fd, NS_GET_PARENT);
}

static long
namespace_owner(void)
{
	int fd = open("/proc/self/ns/user", O_RDONLY), up;

	up = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);
	return up < 0 ? -1 : setns(up, 0);
}

static long
set_own_ns(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);

	return fd < 0 ? -1 : setns(fd, 0);
}

/* CVE-2014-3519 and its kin: a handle of the root inode, number 2. */
static long
handle(void)
{
	struct {
		unsigned bytes;
		int type;
		unsigned words[2];
	} h = { 8, 1, { 2, 0 } };
	int fd = open("/", O_RDONLY);

	return syscall(SYS_open_by_handle_at, fd, &h, O_RDONLY);
}

/* The old way out of a chroot: it leads to the app's own root. */
static long
chroot_escape(void)
{
	struct stat before, after;
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	if (stat("/", &before) < 0 || mkdir("/tmp/jail", 0755) < 0 ||
	    chroot("/tmp/jail") < 0 || fchdir(fd) < 0)
		return -1;
	for (int i = 0; i < 64; i++)
		(void)chdir("..");
	if (chroot(".") < 0 || stat("/", &after) < 0)
		return -1;
	errno = EXDEV;
	return before.st_ino == after.st_ino && before.st_dev == after.st_dev ? -1 : 0;
}

static long
trusted_xattr(void)
{
	return setxattr("/tmp", "trusted.overlay.redirect", "/", 1, 0);
}

static long
immutable(void)
{
	int fd = open("/tmp/immutable", O_WRONLY | O_CREAT, 0600);
	int flags = 0x10;

	return fd < 0 ? -1 : ioctl(fd, _IOW('f', 2, long), &flags);
}

static long
host_abstract(void)
{
	return open_any(O_RDWR, PATHS("/run/systemd/private", "/run/dbus/system_bus_socket",
	    "/run/docker.sock", "/run/systemd/notify", "/run/host"));
}

static long
remap(void)
{
	int fd = open("/proc/self/uid_map", O_WRONLY);

	return fd < 0 ? -1 : write(fd, "0 0 1\n", 6) == 6 ? 0 : -1;
}

static const struct attempt {
	const char *name;
	long (*act)(void);
} attempts[] = {
	{ "int80", int80 }, { "x32", x32 }, { "tiocsti_high", tiocsti_high },
	{ "alg_high", alg_high }, { "clone_mnt", clone_mnt },
	{ "clone_user", clone_user }, { "clone_pid", clone_pid },
	{ "clone_net", clone_net }, { "clone_ipc", clone_ipc },
	{ "clone_uts", clone_uts }, { "clone_cgroup", clone_cgroup },
	{ "unshare_time", unshare_time }, { "unshare_files", unshare_files },
	{ "proc1_root", proc1_root }, { "proc1_fds", proc1_fds },
	{ "proc1_memory", proc1_memory }, { "proc1_exe", proc1_exe },
	{ "others", others }, { "vm_read", vm_read },
	{ "pidfd_getfd", pidfd_getfd_init }, { "ptrace_seize", ptrace_seize },
	{ "kernel_settings", kernel_settings },
	{ "sysfs_settings", sysfs_settings },
	{ "release_agent", release_agent }, { "hidden", hidden },
	{ "device", device }, { "namespace_parent", namespace_parent },
	{ "namespace_owner", namespace_owner }, { "set_own_ns", set_own_ns },
	{ "handle", handle }, { "chroot_escape", chroot_escape },
	{ "trusted_xattr", trusted_xattr }, { "immutable", immutable },
	{ "host_sockets", host_abstract }, { "remap", remap },
};

static void
attempt(const struct attempt *a)
{
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long r = a->act();
		int error = errno;

		(void)fflush(stdout);
		_exit(r < 0 ? (error ? error : 200) : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("%s=fork\n", a->name);
	else if (WIFSIGNALED(status))
		printf("%s=signal %d\n", a->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0)
		printf("%s=ok\n", a->name);
	else
		printf("%s=%s\n", a->name, strerrorname_np(WEXITSTATUS(status)));
}

/* What must be found from outside as harmless. */
static void
leave_behind(void)
{
	static const unsigned char caps[20] = { 1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff,
		0, 0, 0, 0, 0xff, 1 };
	int fd = open("/tmp/setuid", O_WRONLY | O_CREAT, 0755);

	(void)fchmod(fd, 04755);
	fd = open("/tmp/fscaps", O_WRONLY | O_CREAT, 0755);
	printf("fscaps=%s\n", fsetxattr(fd, "security.capability", caps, 20, 0) == 0
	    ? "ok" : strerrorname_np(errno));
}

int
main(int argc, char **argv)
{
	unsigned long inside = 0, outside = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (f == NULL || fscanf(f, "%lu %lu", &inside, &outside) != 2 || outside == 0)
		return 3;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		attempt(&attempts[i]);
	if (argc > 1 && strcmp(argv[1], "leave") == 0)
		leave_behind();
	printf("done=%d\n", (int)(sizeof(attempts) / sizeof(attempts[0])));
	(void)fflush(stdout);
	if (argc > 2)
		(void)sleep((unsigned)atoi(argv[2]));
	return 0;
}
