/* What the guest must not be able to do.  Each in a child, for it may be killed. */
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static long
try_remount_proc(void)
{
	return mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
}

static long
try_umount(void)
{
	return umount2("/proc/sys", MNT_DETACH);
}

static long
try_unshare_user(void)
{
	return unshare(CLONE_NEWUSER);
}

static long
try_clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long
try_af_alg(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static long
try_af_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static long
try_keyctl(void)
{
	return syscall(SYS_keyctl, 0, -3, 1);
}

static long
try_add_key(void)
{
	return syscall(SYS_add_key, "user", "x", "y", 1, -2);
}

static long
try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long
try_fsopen(void)
{
	return syscall(SYS_fsopen, "tmpfs", 0);
}

static long
try_move_mount(void)
{
	return syscall(SYS_move_mount, -1, "", -1, "/tmp", 4);
}

static long
try_open_tree(void)
{
	return syscall(SYS_open_tree, -100, "/", 1);
}

static long
try_io_uring(void)
{
	char params[120] = { 0 };

	return syscall(SYS_io_uring_setup, 1, params);
}

static long
try_perf(void)
{
	char attr[128] = { 0 };

	return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static long
try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 0);
}

static long
try_kexec(void)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, 0);
}

static long
try_init_module(void)
{
	return syscall(SYS_init_module, "", 0, "");
}

static long
try_reboot(void)
{
	return syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL);
}

static long
try_swapon(void)
{
	return syscall(SYS_swapon, "/tmp/none", 0);
}

static long
try_settime(void)
{
	return syscall(SYS_clock_settime, 0, NULL);
}

static long
try_open_by_handle(void)
{
	char handle[136] = { 0 };

	return syscall(SYS_open_by_handle_at, -100, handle, 0);
}

static long
try_ptrace_init(void)
{
	return ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static long
try_personality(void)
{
	return personality(ADDR_NO_RANDOMIZE | 0x4000000);
}

static long
try_setns(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

static long
try_pivot(void)
{
	return syscall(SYS_pivot_root, "/", "/tmp");
}

static long
try_mknod(void)
{
	return mknod("/tmp/kmem", S_IFCHR | 0600, 1 << 8 | 1);
}

static long
try_chroot(void)
{
	return chroot("/");
}

static long
try_setuid0(void)
{
	return setresuid(0, 0, 0);
}

static long
try_kill_init(void)
{
	return kill(1, SIGKILL);
}

static long
try_tiocsti(void)
{
	char c = 'x';
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	return ioctl(fd < 0 ? 0 : fd, TIOCSTI, &c);
}

static long
try_tioclinux(void)
{
	char c[2] = { 3, 0 };

	return ioctl(0, TIOCLINUX, c);
}

static long
try_wx(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
	    ? -1
	    : 0;
}

static long
try_getpid(void)
{
	return syscall(SYS_getpid);
}

static long
try_chown(void)
{
	return chown("/bin/guest", 1, 1);
}

static long
try_mkdir(void)
{
	return mkdir("/tmp/made", 0755);
}

static const struct act {
	const char *name;
	long (*act)(void);
} acts[] = {
	{ "add_key", try_add_key },
	{ "af_alg", try_af_alg },
	{ "af_vsock", try_af_vsock },
	{ "bpf", try_bpf },
	{ "chown", try_chown },
	{ "chroot", try_chroot },
	{ "clone3", try_clone3 },
	{ "clone_user", try_clone_user },
	{ "fsopen", try_fsopen },
	{ "getpid", try_getpid },
	{ "init_module", try_init_module },
	{ "io_uring", try_io_uring },
	{ "kexec", try_kexec },
	{ "keyctl", try_keyctl },
	{ "kill_init", try_kill_init },
	{ "mkdir", try_mkdir },
	{ "mknod", try_mknod },
	{ "mount", try_mount },
	{ "move_mount", try_move_mount },
	{ "open_by_handle", try_open_by_handle },
	{ "open_tree", try_open_tree },
	{ "perf", try_perf },
	{ "personality", try_personality },
	{ "pivot", try_pivot },
	{ "ptrace_init", try_ptrace_init },
	{ "reboot", try_reboot },
	{ "remount_proc", try_remount_proc },
	{ "setns", try_setns },
	{ "settime", try_settime },
	{ "setuid0", try_setuid0 },
	{ "swapon", try_swapon },
	{ "tioclinux", try_tioclinux },
	{ "tiocsti", try_tiocsti },
	{ "umount", try_umount },
	{ "unshare_user", try_unshare_user },
	{ "userfaultfd", try_userfaultfd },
	{ "wx", try_wx },
};

/* In a child, for it may be killed: "try=NAME ok", "... errno" or a signal. */
static void
attempt(const struct act *a)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		errno = 0;
		_exit(a->act() == -1 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("try=%s fork: %s\n", a->name, strerror(errno));
	else if (WIFSIGNALED(status))
		printf("try=%s signal %d\n", a->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		printf("try=%s %s\n", a->name,
		    strerrorname_np(WEXITSTATUS(status)));
	else
		printf("try=%s ok\n", a->name);
}

/* Acts that reach beyond a process are not for a host: where uid 0 is the
 * host's, nothing is tried. */
static int
is_host(void)
{
	unsigned long inside = 0, outside = 0, count = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");
	int n = f ? fscanf(f, "%lu %lu %lu", &inside, &outside, &count) : 0;

	if (f)
		(void)fclose(f);
	return n != 3 || outside == 0 || count > 65536;
}

static void
try(char **words)
{
	if (is_host()) {
		printf("try=%s not on a host\n", words[0]);
		return;
	}
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(words[0], "all") == 0 || strcmp(words[0], acts[i].name) == 0)
			attempt(&acts[i]);
}

const struct word guest_try[] = {
	{ "try", 1, try },
	{ NULL, 0, NULL },
};
