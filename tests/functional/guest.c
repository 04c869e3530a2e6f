/*
 * The app of the functional tests: a static program that tells what it is,
 * or tries what it should not.  Its arguments are acts, one after another,
 * each followed by its own words:
 *
 *	guest facts , read /etc/x , try mount , exit 7
 *
 * Prints "key=value" lines, for a test to compare.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static int all_argc;
static char **all_argv;

/* --- facts ----------------------------------------------------------------- */

static void
lines_of(const char *key, const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		printf("%s!%s\n", key, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s=%s\n", key, line);
	}
	(void)fclose(f);
}

static void
ids(void)
{
	gid_t groups[64];
	uid_t r, e, s;
	int n = getgroups(64, groups);

	(void)getresuid(&r, &e, &s);
	printf("uid=%u\neuid=%u\nsuid=%u\n", r, e, s);
	(void)getresgid(&r, &e, &s);
	printf("gid=%u\negid=%u\nsgid=%u\ngroups=", r, e, s);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	printf("\n");
}

static void
descriptors(void)
{
	char path[64], to[512];

	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		printf("fd=%d %s\n", fd, to);
	}
}

static void
namespaces(void)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"user", "uts" };
	char path[64], to[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		printf("ns=%s\n", to);
	}
}

static void
facts(char **words)
{
	char text[4096];
	struct rlimit core;

	(void)words;
	ids();
	printf("cwd=%s\n", getcwd(text, sizeof(text)) ? text : "?");
	(void)gethostname(text, sizeof(text));
	printf("hostname=%s\npid=%d\nppid=%d\nsid=%d\n", text, getpid(), getppid(),
	    getsid(0));
	for (int i = 0; i < all_argc; i++)
		printf("arg=%s\n", all_argv[i]);
	for (char **e = environ; *e; e++)
		printf("env=%s\n", *e);
	(void)getrlimit(RLIMIT_CORE, &core);
	printf("core=%llu\n", (unsigned long long)core.rlim_max);
	printf("tty=%d%d%d\n", isatty(0), isatty(1), isatty(2));
	lines_of("status", "/proc/self/status");
	lines_of("uid_map", "/proc/self/uid_map");
	lines_of("gid_map", "/proc/self/gid_map");
	lines_of("cgroup", "/proc/self/cgroup");
	lines_of("oom", "/proc/self/oom_score_adj");
	lines_of("mount", "/proc/self/mountinfo");
	descriptors();
	namespaces();
}

/* --- files ----------------------------------------------------------------- */

static void
read_file(char **words)
{
	lines_of("read", words[0]);
}

static void
write_file(char **words)
{
	int fd = open(words[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	size_t n = strlen(words[1]);
	ssize_t done = fd < 0 ? -1 : write(fd, words[1], n);

	printf("write=%s %s\n", words[0], done == (ssize_t)n ? "ok" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void
list(char **words)
{
	DIR *d = opendir(words[0]);
	struct dirent *e;

	if (d == NULL)
		printf("list!%s\n", strerror(errno));
	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			printf("list=%s\n", e->d_name);
	if (d)
		(void)closedir(d);
}

static void
stat_file(char **words)
{
	struct stat st;

	if (lstat(words[0], &st) < 0)
		printf("stat=%s %s\n", words[0], strerror(errno));
	else
		printf("stat=%s %o %u:%u %lld\n", words[0], st.st_mode, st.st_uid,
		    st.st_gid, (long long)st.st_size);
}

/* --- acts that must not work ------------------------------------------------ */

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

/* --- ends and waits --------------------------------------------------------- */

static void
leave(char **words)
{
	(void)fflush(stdout);
	_exit(atoi(words[0]));
}

static void
die(char **words)
{
	(void)fflush(stdout);
	(void)kill(getpid(), atoi(words[0]));
}

static void
pause_for(char **words)
{
	(void)fflush(stdout);
	(void)usleep((useconds_t)(atof(words[0]) * 1e6));
}

/* Takes megabytes, until it has them or is killed. */
static void
take(char **words)
{
	size_t n = (size_t)atoi(words[0]) << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	if (p == MAP_FAILED) {
		printf("take=%s\n", strerror(errno));
		return;
	}
	memset(p, 1, n);
	printf("take=ok\n");
}

/* So many MiB to a file, past the page cache: the seconds that it took. */
static void
direct(char **words)
{
	int fd = open(words[0], O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	struct timespec from, to;
	void *p = NULL;

	if (fd < 0 || posix_memalign(&p, 4096, 1 << 20) != 0) {
		printf("direct=%s\n", strerror(errno));
		return;
	}
	memset(p, 1, 1 << 20);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < atoi(words[1]); i++)
		if (write(fd, p, 1 << 20) != 1 << 20)
			printf("direct=%s\n", strerror(errno));
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	printf("direct=%.2f\n", (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	(void)close(fd);
	free(p);
}

static void
say(char **words)
{
	printf("say=%s\n", words[0]);
}

/* Says it so many times, with a number before. */
static void
many(char **words)
{
	for (int i = 0; i < atoi(words[0]); i++)
		printf("many=%d %s\n", i, words[1]);
}

/* Tells whoever listens on NOTIFY_SOCKET. */
static void
notify(char **words)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = path ? strlen(path) : 0;

	if (n == 0 || n >= sizeof(to.sun_path)) {
		printf("notify=no socket\n");
		return;
	}
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	if (sendto(fd, words[0], strlen(words[0]), 0, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		printf("notify=%s\n", strerror(errno));
	else
		printf("notify=ok\n");
	(void)close(fd);
}

/* One message to a socket of the file system's. */
static void
datagram(char **words)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", words[0]);
	n = sendto(fd, words[1], strlen(words[1]), 0, (struct sockaddr *)&to,
	    sizeof(to));
	printf("datagram=%s\n", n < 0 ? strerror(errno) : "ok");
	(void)close(fd);
}

/* Answers so many connections to the first socket that systemd handed on. */
static void
serve(char **words)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");

	printf("serve=%s of %s, %s\n", fds ? fds : "none", names ? names : "no one",
	    pid && atoi(pid) == getpid() ? "mine" : "not mine");
	(void)fflush(stdout);
	for (int i = atoi(words[0]); i > 0; i--) {
		int fd = accept4(3, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || write(fd, "hello from the pod\n", 19) != 19)
			printf("serve=%s\n", strerror(errno));
		(void)close(fd);
	}
}

/* Reads a line of stdin and says it. */
static void
hear(char **words)
{
	char line[256];

	(void)words;
	printf("hear?\n");
	(void)fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		printf("hear=end\n");
		return;
	}
	line[strcspn(line, "\n")] = '\0';
	printf("hear=%s\n", line);
}

/* The size of the terminal on stdin, and whether it is ours. */
static void
size(char **words)
{
	struct winsize w = { 0 };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	(void)words;
	(void)ioctl(0, TIOCGWINSZ, &w);
	printf("size=%u %u %s\n", w.ws_row, w.ws_col,
	    fd >= 0 ? "yes" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void
ignore(char **words)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };

	(void)words;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)signal(numbers[i], SIG_IGN);
}

/* Until there is such a file: what a test says when it is ready itself. */
static void
await(char **words)
{
	(void)fflush(stdout);
	while (access(words[0], F_OK) < 0)
		(void)usleep(10000);
}

/* As many processes as it may have, at most so many; then they end. */
static void
forks(char **words)
{
	int most = atoi(words[0]), n = 0;

	(void)fflush(stdout);
	while (n < most) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)sleep(30);
			_exit(0);
		}
		if (pid < 0)
			break;
		n++;
	}
	printf("forks=%d %s\n", n, n < most ? strerrorname_np(errno) : "ok");
	(void)fflush(stdout);
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

/* For so many seconds, in the background: moves what a root is made of, and
 * lays links in its place. */
static void
juggle(char **words)
{
	static const char *const names[] = { "/etc", "/run", "/tmp", "/proc", "/sys",
		"/dev", "/etc/hosts", "/etc/resolv.conf", "/run/systemd",
		"/run/systemd/journal" };
	static const char *const to[] = { "/proc", "/", "../../../..", "/bin" };
	time_t end = time(NULL) + atoi(words[0]);
	char aside[] = "/juggle";

	(void)fflush(stdout);
	if (fork() != 0)
		return;
	for (unsigned i = 0; time(NULL) < end; i++) {
		const char *name = names[i % (sizeof(names) / sizeof(names[0]))];

		if (rename(name, aside) < 0)
			continue;
		if (symlink(to[i % 4], name) == 0)
			(void)unlink(name);
		(void)mkdir(name, 0755);
		(void)rmdir(name);
		(void)rename(aside, name);
	}
	_exit(0);
}

static const struct word {
	const char *name;
	int words;
	void (*act)(char **words);
} table[] = {
	{ "await", 1, await },
	{ "datagram", 2, datagram },
	{ "die", 1, die },
	{ "direct", 2, direct },
	{ "exit", 1, leave },
	{ "facts", 0, facts },
	{ "forks", 1, forks },
	{ "hear", 0, hear },
	{ "ignore", 0, ignore },
	{ "juggle", 1, juggle },
	{ "list", 1, list },
	{ "many", 2, many },
	{ "notify", 1, notify },
	{ "read", 1, read_file },
	{ "say", 1, say },
	{ "serve", 1, serve },
	{ "size", 0, size },
	{ "sleep", 1, pause_for },
	{ "stat", 1, stat_file },
	{ "take", 1, take },
	{ "try", 1, try },
	{ "write", 2, write_file },
};

int
main(int argc, char **argv)
{
	all_argc = argc;
	all_argv = argv;
	for (int i = 1; i < argc; i++) {
		for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
			if (strcmp(argv[i], table[k].name) != 0)
				continue;
			if (argc - i - 1 < table[k].words)
				return 99;
			table[k].act(argv + i + 1);
			i += table[k].words;
			break;
		}
		(void)fflush(stdout);
	}
	return fflush(stdout) == 0 ? 0 : 98;
}
