/*
 * The acts.  Raw system calls: what is tested is the kernel's answer to the
 * call, not what libc makes of it.  Trusts nothing and is trusted by nothing.
 */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

pid_t act_victim;

static int
done(long r)
{
	return r < 0 ? -errno : 0;
}

static int
opened(const char *path, int flags)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);

	return done(fd);
}

static int
open_passwd(void)
{
	return opened("/etc/passwd", O_RDONLY);
}
static int
open_shadow(void)
{
	return opened("/etc/shadow", O_RDONLY);
}
static int
open_home(void)
{
	return opened("/root", O_RDONLY | O_DIRECTORY);
}
static int
open_root(void)
{
	return opened("/", O_RDONLY | O_DIRECTORY);
}
static int
open_device(void)
{
	return opened("/dev/full", O_RDWR);
}
static int
create_file(void)
{
	return opened("/var/tmp/rkt-sandbox-probe", O_CREAT | O_WRONLY);
}

static int
create_tmp(void)
{
	return opened("/tmp/rkt-sandbox-probe", O_CREAT | O_WRONLY);
}

static int
open_victim(const char *what, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", act_victim, what);
	return opened(path, flags);
}

static int
proc_environ(void)
{
	return open_victim("environ", O_RDONLY);
}
static int
proc_mem(void)
{
	return open_victim("mem", O_RDWR);
}
static int
proc_cmdline(void)
{
	return open_victim("cmdline", O_RDONLY);
}
static int
proc_sysctl(void)
{
	return opened("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int
sock(int domain, int type, int protocol)
{
	return done(syscall(SYS_socket, domain, type, protocol));
}

static int
socket_inet(void)
{
	return sock(AF_INET, SOCK_STREAM, 0);
}
static int
socket_inet6(void)
{
	return sock(AF_INET6, SOCK_DGRAM, 0);
}
static int
socket_unix(void)
{
	return sock(AF_UNIX, SOCK_STREAM, 0);
}
static int
socket_alg(void)
{
	return sock(AF_ALG, SOCK_SEQPACKET, 0);
}
static int
socket_packet(void)
{
	return sock(AF_PACKET, SOCK_RAW, 0x300);
}
static int
socket_route(void)
{
	return sock(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int
socket_audit(void)
{
	return sock(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
}

/* A datagram socket connects at once, where there is a route. */
static int
connect_inet(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(9),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	long fd = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? done(fd)
		      : done(syscall(SYS_connect, fd, &to, sizeof(to)));
}

static int
listen_inet(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return done(fd);
	if (syscall(SYS_bind, fd, &at, sizeof(at)) < 0)
		return -errno;
	return done(syscall(SYS_listen, fd, 1));
}

/* A program that ends with 0 within any policy that lets a program begin. */
static int
execve_true(void)
{
	char *argv[] = {(char *)"true", NULL}, *env[] = {NULL};

	return done(syscall(SYS_execve, "/usr/bin/true", argv, env));
}

static int
execveat_self(void)
{
	char *argv[] = {(char *)"true", NULL}, *env[] = {NULL};
	long fd = syscall(SYS_openat, AT_FDCWD, "/usr/bin/true", O_PATH, 0);

	if (fd < 0)
		return -errno;
	return done(syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH));
}

static int
fork_child(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int
clone_userns(void)
{
	long pid = syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int
unshare_user(void)
{
	return done(syscall(SYS_unshare, CLONE_NEWUSER));
}
static int
unshare_mount(void)
{
	return done(syscall(SYS_unshare, CLONE_NEWNS));
}
static int
setns_self(void)
{
	long fd =
	    syscall(SYS_openat, AT_FDCWD, "/proc/self/ns/uts", O_RDONLY, 0);

	return done(syscall(SYS_setns, fd < 0 ? 2 : fd, CLONE_NEWUTS));
}

static int
mount_tmpfs(void)
{
	return done(syscall(SYS_mount, "tmpfs", "/mnt", "tmpfs", 0, NULL));
}

static int
umount_root(void)
{
	return done(syscall(SYS_umount2, "/mnt", 0));
}
static int
fsopen_tmpfs(void)
{
	return done(syscall(SYS_fsopen, "tmpfs", 1));
}
static int
open_tree_root(void)
{
	return done(syscall(SYS_open_tree, AT_FDCWD, "/", 1 | O_CLOEXEC));
}

static int
pivot(void)
{
	return done(syscall(SYS_pivot_root, "/", "/"));
}

static int
chroot_root(void)
{
	return done(syscall(SYS_chroot, "/"));
}

static int
ptrace_victim(void)
{
	return done(syscall(SYS_ptrace, PTRACE_SEIZE, act_victim, 0, 0));
}

static int
vm_read(void)
{
	char byte;
	struct iovec local = {&byte, 1};
	struct iovec far = {(void *)(uintptr_t)&acts, 1};

	return done(
	    syscall(SYS_process_vm_readv, act_victim, &local, 1, &far, 1, 0));
}

static int
pidfd_steal(void)
{
	long fd = syscall(SYS_pidfd_open, act_victim, 0);

	return fd < 0 ? done(fd) : done(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int
kill_victim(void)
{
	return done(syscall(SYS_kill, act_victim, 0));
}
static int
signal_launcher(void)
{
	return done(syscall(SYS_kill, -1, 0));
}

static int
io_uring(void)
{
	struct io_uring_params p = {0};

	return done(syscall(SYS_io_uring_setup, 1, &p));
}

static int
become_root(void)
{
	return done(syscall(SYS_setresuid, 0, 0, 0));
}

static int
group_root(void)
{
	return done(syscall(SYS_setresgid, 0, 0, 0));
}

static int
bpf_map(void)
{
	union bpf_attr a = {.map_type = BPF_MAP_TYPE_ARRAY,
	    .key_size = 4,
	    .value_size = 4,
	    .max_entries = 1};

	return done(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

static int
keyctl_session(void)
{
	return done(syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3, 1));
}

static int
add_key(void)
{
	return done(syscall(SYS_add_key, "user", "probe", "x", 1, -1));
}

static int
perf(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
	    .size = sizeof(a),
	    .config = PERF_COUNT_SW_TASK_CLOCK,
	    .exclude_kernel = 1};

	return done(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

static int
userfault(void)
{
	return done(syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

static int
by_handle(void)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} u;
	int mount;

	memset(&u, 0, sizeof(u));
	u.h.handle_bytes = 64;
	(void)syscall(SYS_name_to_handle_at, AT_FDCWD, "/etc", &u.h, &mount, 0);
	return done(syscall(SYS_open_by_handle_at, AT_FDCWD, &u.h, O_RDONLY));
}

static int
module(void)
{
	return done(syscall(SYS_init_module, "x", 1, ""));
}
static int
kexec(void)
{
	return done(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int
device(void)
{
	return done(syscall(SYS_mknodat, AT_FDCWD, "/var/tmp/rkt-sandbox-null",
	    S_IFCHR | 0600, 0x103));
}

static int
hostname(void)
{
	return done(syscall(SYS_sethostname, "x", 1));
}
static int
swap(void)
{
	return done(syscall(SYS_swapon, "/dev/null", 0));
}

static int
clock_set(void)
{
	struct {
		int64_t s, ns;
	} now;

	(void)syscall(SYS_clock_gettime, 0, &now);
	return done(syscall(SYS_clock_settime, 0, &now));
}

static int
dumpable(void)
{
	return done(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* Typing into the caller's terminal. */
static int
tiocsti(void)
{
	return done(syscall(SYS_ioctl, 0, TIOCSTI, "x"));
}

/* A request that every descriptor knows. */
static int
any_ioctl(void)
{
	return done(syscall(SYS_ioctl, 2, FIOCLEX));
}

static int
code_from_data(void)
{
	return done(
	    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int
persona(void)
{
	return done(syscall(SYS_personality, 0x0040000 /* no randomize */));
}

static int
rename_etc(void)
{
	return done(syscall(SYS_renameat2, AT_FDCWD, "/etc/hostname", AT_FDCWD,
	    "/etc/hostname.probe", 1));
}

static int
link_etc(void)
{
	return done(
	    syscall(SYS_symlinkat, "x", AT_FDCWD, "/var/tmp/rkt-sandbox-link"));
}

#ifdef __x86_64__
/* The other two tables of this machine: i386 and x32. */
static int
i386_getpid(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "cc");
	return r < 0 ? (int)r : 0;
}

static int
x32_getpid(void)
{
	return done(syscall(0x40000000 + SYS_getpid));
}
#endif

/* What is below one of the directories that a worker was given: the one that has
 * this file, which is a layer. */
static int
layer_file(const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH};
	long fd = -1;

	if ((flags & O_CREAT) != 0)
		how.mode = 0600;
	for (int dir = 4; fd < 0 && dir < 12; dir++) {
		fd = syscall(SYS_openat2, dir, "file", &(struct open_how){
		    .flags = O_PATH | O_CLOEXEC}, sizeof(how));
		if (fd >= 0)
			return done(syscall(
			    SYS_openat2, dir, name, &how, sizeof(how)));
	}
	return -ENOTDIR;
}

static int
layer_read(void)
{
	return layer_file("file", O_RDONLY);
}
static int
layer_write(void)
{
	return layer_file("file", O_WRONLY);
}
static int
layer_truncate(void)
{
	return layer_file("file", O_RDONLY | O_TRUNC);
}
static int
layer_create(void)
{
	return layer_file("probe", O_CREAT | O_WRONLY);
}
static int
layer_climb(void)
{
	return layer_file("../rendered", O_RDONLY | O_DIRECTORY);
}

/* No act at all: the driver looks at us, then says go on. */
static int
be_inspected(void)
{
	char go;

	return done(syscall(SYS_read, 2, &go, 1));
}

const struct act act_inspect = {"inspect", be_inspected, false};

const struct act acts[] = {
    {"open_passwd", open_passwd, true},
    {"open_shadow", open_shadow, true},
    {"open_root_home", open_home, true},
    {"open_root_directory", open_root, true},
    {"open_device", open_device, true},
    {"create_var_tmp", create_file, true},
    {"create_tmp", create_tmp, true},
    {"rename_etc", rename_etc, false},
    {"symlink_var_tmp", link_etc, true},
    {"proc_environ", proc_environ, true},
    {"proc_mem", proc_mem, true},
    {"proc_cmdline", proc_cmdline, true},
    {"proc_sysctl", proc_sysctl, false},
    {"socket_inet", socket_inet, true},
    {"socket_inet6", socket_inet6, true},
    {"socket_unix", socket_unix, true},
    {"socket_alg", socket_alg, false},
    {"socket_packet", socket_packet, false},
    {"socket_netlink_route", socket_route, true},
    {"socket_netlink_audit", socket_audit, false},
    {"connect_inet", connect_inet, true},
    {"listen_inet", listen_inet, true},
    {"execve", execve_true, true},
    {"execveat", execveat_self, true},
    {"fork", fork_child, true},
    {"clone_newuser", clone_userns, false},
    {"unshare_newuser", unshare_user, false},
    {"unshare_newns", unshare_mount, true},
    {"setns", setns_self, true},
    {"mount", mount_tmpfs, false},
    {"umount", umount_root, false},
    {"fsopen", fsopen_tmpfs, true},
    {"open_tree", open_tree_root, true},
    {"pivot_root", pivot, false},
    {"chroot", chroot_root, true},
    {"ptrace", ptrace_victim, true},
    {"process_vm_readv", vm_read, true},
    {"pidfd_getfd", pidfd_steal, true},
    {"kill_other", kill_victim, true},
    {"kill_all", signal_launcher, false},
    {"io_uring_setup", io_uring, false},
    {"setresuid_root", become_root, true},
    {"setresgid_root", group_root, true},
    {"bpf", bpf_map, false},
    {"keyctl", keyctl_session, false},
    {"add_key", add_key, false},
    {"perf_event_open", perf, false},
    {"userfaultfd", userfault, false},
    {"open_by_handle_at", by_handle, false},
    {"init_module", module, false},
    {"kexec_load", kexec, false},
    {"mknod_device", device, false},
    {"sethostname", hostname, false},
    {"swapon", swap, false},
    {"clock_settime", clock_set, false},
    {"prctl_dumpable", dumpable, true},
    {"ioctl_tiocsti", tiocsti, false},
    {"ioctl_any", any_ioctl, true},
    {"mmap_executable", code_from_data, true},
    {"personality", persona, true},
#ifdef __x86_64__
    {"i386_call", i386_getpid, false},
    {"x32_call", x32_getpid, false},
#endif
    {NULL, NULL, false},
};

const struct act layer_acts[] = {
    {"layer_read", layer_read, false},
    {"layer_write", layer_write, false},
    {"layer_truncate", layer_truncate, false},
    {"layer_create", layer_create, false},
    {"layer_climb", layer_climb, false},
    {NULL, NULL, false},
};

const struct act *
act_find(const char *name)
{
	for (const struct act *a = acts; a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	for (const struct act *a = layer_acts; a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return strcmp(name, act_inspect.name) == 0 ? &act_inspect : NULL;
}
