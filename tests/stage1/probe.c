/*
 * The app of the tests: says what it is and tries what it may not.  Static, so
 * that it runs in an image that has nothing else.  The words of argv are done
 * in order.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
cat(const char *path)
{
	char b[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0) {
		printf("cat %s: %s\n", path, strerror(errno));
		return;
	}
	while ((n = read(fd, b, sizeof(b))) > 0)
		fwrite(b, 1, (size_t)n, stdout);
	close(fd);
	fflush(stdout);
}

static void
try(const char *what, long r)
{
	printf("try %s %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}

static void
fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char to[256];

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d)) {
			ssize_t n = readlinkat(dirfd(d), e->d_name, to, 255);

			printf("fd %s %.*s\n", e->d_name, (int)n, to);
		}
}

static void
calls(void)
{
	try("unshare-user", unshare(CLONE_NEWUSER));
	try("unshare-ns", unshare(CLONE_NEWNS));
	try("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	try("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	try("open_tree", syscall(SYS_open_tree, -100, "/", 1));
	try("bpf", syscall(SYS_bpf, 0, 0, 0));
	try("keyctl", syscall(SYS_keyctl, 0, -3, 0));
	try("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
	try("io_uring", syscall(SYS_io_uring_setup, 1, 0));
	try("userfaultfd", syscall(SYS_userfaultfd, 0));
	try("perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
	try("clone3", syscall(SYS_clone3, 0, 0));
	try("clone-newuser",
	    syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	try("unknown", syscall(600));
	try("af_alg", socket(38, SOCK_SEQPACKET, 0));
	try("af_vsock", socket(40, SOCK_STREAM, 0));
	try("af_unix", socket(AF_UNIX, SOCK_STREAM, 0));
	try("af_inet", socket(AF_INET, SOCK_STREAM, 0));
	try("tiocsti", ioctl(1, 0x5412, "x"));
	try("tiocsti-high", syscall(SYS_ioctl, 1, 0x100005412ul, "x"));
	try("personality", syscall(SYS_personality, 0xffffffff));
	try("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
	try("proc1root", open("/proc/1/root/etc/os-release", O_RDONLY));
	try("stage1-plan", open("/rkt/plan", O_RDONLY));
	try("mknod-null", mknod("/tmp/n", S_IFCHR | 0600, makedev(1, 3)));
	try("core_pattern", open("/proc/sys/kernel/core_pattern", O_WRONLY));
	try("sysrq", open("/proc/sysrq-trigger", O_WRONLY));
	try("chown", chown("/tmp", 1, 1));
}

/* The same kernel by its other doors. */
static void
door(const char *which)
{
	long r = -1;

	if (strcmp(which, "x32") == 0)
		r = syscall(SYS_getpid | 0x40000000);
	else
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
	printf("door %s %ld\n", which, r);
}

/* Every number in turn, with arguments that do nothing; what each answers. */
static void
sweep(void)
{
	for (long nr = 0; nr < 600; nr++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(1);
			syscall(nr, -1, -1, -1, -1, -1, -1);
			_exit(errno == ENOSYS ? 2 : errno == EPERM ? 1 : 0);
		}
		while (waitpid(pid, &status, 0) < 0)
			;
		if (WIFEXITED(status) && WEXITSTATUS(status) > 0)
			printf("sweep %ld %s\n", nr,
			    WEXITSTATUS(status) == 2 ? "ENOSYS" : "EPERM");
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			printf("sweep %ld SIGSYS\n", nr);
	}
}

static void
entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	printf("entries %s %d\n", path, d ? n : -errno);
}

static void
node(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		printf("node %s %s\n", path, strerrorname_np(errno));
	else
		printf("node %s %o %u:%u\n", path, st.st_mode & S_IFMT,
		    major(st.st_rdev), minor(st.st_rdev));
}

static void
owner(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		printf("owner %s %s\n", path, strerrorname_np(errno));
	else
		printf("owner %s %u:%u %o\n", path, st.st_uid, st.st_gid,
		    st.st_mode & 07777);
}

static void
ids(void)
{
	gid_t g[64];
	int n = getgroups(64, g);
	char cwd[4096];

	printf("ids %d %d groups", getuid(), getgid());
	for (int i = 0; i < n; i++)
		printf(" %d", g[i]);
	printf("\ncwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	printf("umask %o\n", umask(022));
}

/* One client of each socket that was handed over is told its name. */
static void
serve(void)
{
	const char *n = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	const char *names = getenv("LISTEN_FDNAMES");
	char copy[8192], *rest = copy;

	if (!n || !pid || !names || atoi(pid) != getpid()) {
		printf("serve nothing\n");
		return;
	}
	printf("serve %s %s\n", n, names);
	snprintf(copy, sizeof(copy), "%s", names);
	for (int fd = 3; fd < 3 + atoi(n); fd++) {
		char *name = strsep(&rest, ":"), got[64];
		struct sockaddr_storage from;
		socklen_t size = sizeof(from), length = sizeof(int);
		int type = 0, to;

		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
		if (type == SOCK_DGRAM) {
			if (recvfrom(fd, got, sizeof(got), 0, (void *)&from,
				&size) >= 0)
				sendto(fd, name, strlen(name), 0,
				    (void *)&from, size);
			continue;
		}
		to = accept(fd, NULL, NULL);
		if (to >= 0 && write(to, name, strlen(name)) > 0)
			close(to);
	}
}

static void
notify(const char *text)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (path == NULL || strlen(path) >= sizeof(a.sun_path)) {
		printf("notify nothing\n");
		return;
	}
	strcpy(a.sun_path, path);
	try("notify", sendto(fd, text, strlen(text), 0, (void *)&a, sizeof(a)));
	close(fd);
}

/* path=text */
static void
append(const char *what)
{
	const char *eq = strchr(what, '=');
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%.*s", (int)(eq - what), what);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	try(what, fd < 0 ? -1 : write(fd, eq + 1, strlen(eq + 1)));
	close(fd);
}

static void
on_term(int signal)
{
	(void)signal;
	_exit(33);
}

/* a=b: exchange two names for ever, in a child. */
static void
swap(const char *what)
{
	const char *eq = strchr(what, '=');
	char a[4096];

	snprintf(a, sizeof(a), "%.*s", (int)(eq - what), what);
	if (fork() == 0)
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, eq + 1,
			    2);
}

static void
forks(int most)
{
	int n = 0;

	while (n < most) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		n++;
	}
	printf("forks %d\n", n);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	signal(SIGTERM, SIG_DFL);
}

static void
await(const char *path)
{
	while (access(path, F_OK) < 0)
		usleep(2000);
}

int
main(int argc, char **argv, char **envp)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		const char *w = argv[i], *eq = strchr(w, '=');

		if (strcmp(w, "time") == 0)
			printf("main %ld.%09ld\n", t.tv_sec, t.tv_nsec);
		else if (strcmp(w, "status") == 0)
			cat("/proc/self/status");
		else if (strcmp(w, "ids") == 0)
			ids();
		else if (strcmp(w, "fds") == 0)
			fds();
		else if (strcmp(w, "calls") == 0)
			calls();
		else if (strcmp(w, "sweep") == 0)
			sweep();
		else if (strncmp(w, "door=", 5) == 0)
			door(eq + 1);
		else if (strcmp(w, "env") == 0)
			for (char **e = envp; *e; e++)
				printf("env %s\n", *e);
		else if (strncmp(w, "cat=", 4) == 0)
			cat(eq + 1);
		else if (strncmp(w, "ls=", 3) == 0)
			entries(eq + 1);
		else if (strncmp(w, "node=", 5) == 0)
			node(eq + 1);
		else if (strncmp(w, "owner=", 6) == 0)
			owner(eq + 1);
		else if (strncmp(w, "write=", 6) == 0)
			try(eq + 1, open(eq + 1, O_WRONLY | O_CREAT, 0644));
		else if (strncmp(w, "lines=", 6) == 0)
			for (int n = atoi(eq + 1), k = 0; k < n; k++)
				printf("line %d\n", k);
		else if (strncmp(w, "sleep=", 6) == 0)
			sleep((unsigned)atoi(eq + 1));
		else if (strncmp(w, "kill=", 5) == 0)
			kill(getpid(), atoi(eq + 1));
		else if (strncmp(w, "say=", 4) == 0)
			printf("%s\n", eq + 1);
		else if (strcmp(w, "read") == 0) {
			char line[100];

			if (fgets(line, sizeof(line), stdin))
				printf("read %s", line);
		} else if (strcmp(w, "tty") == 0)
			printf("tty %d\n", isatty(0));
		else if (strncmp(w, "forks=", 6) == 0)
			forks(atoi(eq + 1));
		else if (strcmp(w, "serve") == 0)
			serve();
		else if (strncmp(w, "notify=", 7) == 0)
			notify(eq + 1);
		else if (strncmp(w, "append=", 7) == 0)
			append(eq + 1);
		else if (strncmp(w, "await=", 6) == 0)
			await(eq + 1);
		else if (strncmp(w, "swap=", 5) == 0)
			swap(eq + 1);
		else if (strncmp(w, "term=", 5) == 0)
			signal(SIGTERM,
			    strcmp(eq + 1, "exit") == 0 ? on_term : SIG_IGN);
		else if (strncmp(w, "exit=", 5) == 0)
			return atoi(eq + 1);
	}
	return 0;
}
