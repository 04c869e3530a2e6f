/*
 * What a process is, as far as it can see: one "key=value" line for each
 * attribute that a confinement may differ in.  Static; the app of the G7
 * matrix, which compares these lines between all ways into an app.
 *
 *	attributes [sleep]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_CALL 470
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

extern char **environ;

static void
file(const char *key, const char *path)
{
	static char text[262144];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 0;
	size_t n = 0;

	/* A page at a time is what proc gives. */
	while (fd >= 0 && n < sizeof(text) - 1 &&
	    (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	if (got < 0)
		printf("%s=!%s\n", key, strerror(errno));
	for (char *rest = text, *line; got >= 0 && (line = strsep(&rest, "\n"));)
		if (*line)
			printf("%s=%s\n", key, line);
	if (fd >= 0)
		(void)close(fd);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
environment(void)
{
	size_t n = 0;

	while (environ[n])
		n++;
	qsort(environ, n, sizeof(char *), by_text);
	for (size_t i = 0; i < n; i++)
		printf("env=%s\n", environ[i]);
}

static void
identity(void)
{
	gid_t groups[128];
	uid_t r, e, s;
	int n = getgroups(128, groups);

	(void)getresuid(&r, &e, &s);
	printf("uid=%u,%u,%u\n", r, e, s);
	(void)getresgid(&r, &e, &s);
	printf("gid=%u,%u,%u\ngroups=", r, e, s);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	printf("\nsid_is_pid=%d\npgid_is_pid=%d\n", getsid(0) == getpid(),
	    getpgrp() == getpid());
}

/* Lines of status that say what it may do; not how large it is. */
static void
status(void)
{
	static const struct {
		const char *word, *key;
	} rows[] = { { "Umask", "umask" }, { "CapInh", "cap_inh" },
		{ "CapPrm", "cap_prm" }, { "CapEff", "cap_eff" },
		{ "CapBnd", "cap_bnd" }, { "CapAmb", "cap_amb" },
		{ "NoNewPrivs", "no_new_privs" }, { "Seccomp", "seccomp" },
		{ "Seccomp_filters", "seccomp_filters" },
		{ "Speculation_Store_Bypass", "speculation" },
		{ "Cpus_allowed", "cpus" }, { "Mems_allowed", "mems" },
		{ "SigBlk", "sig_blk" }, { "SigIgn", "sig_ign" },
		{ "SigCgt", "sig_cgt" }, { "THP_enabled", "thp" },
		{ "CoreDumping", "core_dumping" }, { "TracerPid", "tracer" } };
	char line[1024];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (colon)
			*colon = '\0';
		for (size_t i = 0; colon && i < COUNT(rows); i++)
			if (strcmp(rows[i].word, line) == 0)
				printf("%s=%s\n", rows[i].key,
				    colon + 1 + strspn(colon + 1, "\t "));
	}
	if (f)
		(void)fclose(f);
}

static void
namespaces(void)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"time", "user", "uts" };
	char path[64], to[64];

	for (size_t i = 0; i < COUNT(kinds); i++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		printf("ns_%s=%s\n", kinds[i], to);
	}
}

static void
limits(void)
{
	struct rlimit l;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (getrlimit((__rlimit_resource_t)i, &l) == 0)
			printf("limit=%d %llx %llx\n", i,
			    (unsigned long long)l.rlim_cur,
			    (unsigned long long)l.rlim_max);
}

static void
process(void)
{
	struct sched_param p = { 0 };
	char text[4096];
	int death = -1;
	struct stat st = { 0 };

	(void)prctl(PR_GET_PDEATHSIG, &death);
	(void)sched_getparam(0, &p);
	printf("dumpable=%d\nsecurebits=%d\nkeepcaps=%d\npdeathsig=%d\n"
	       "subreaper_and_timerslack=%d\n",
	    prctl(PR_GET_DUMPABLE), prctl(PR_GET_SECUREBITS),
	    prctl(PR_GET_KEEPCAPS), death, prctl(PR_GET_TIMERSLACK));
	printf("sched=%d %d\nnice=%d\nioprio=%ld\n", sched_getscheduler(0),
	    p.sched_priority, getpriority(PRIO_PROCESS, 0),
	    syscall(SYS_ioprio_get, 1, 0));
	printf("cwd=%s\n", getcwd(text, sizeof(text)) ? text : "?");
	(void)gethostname(text, sizeof(text));
	printf("hostname=%s\n", text);
	(void)stat("/", &st);
	printf("root=%llx:%llu %o\n", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, st.st_mode);
	errno = 0;
	printf("session_keyring=%ld", syscall(SYS_keyctl, 0, -3, 0));
	printf(" %d\n", errno);
	printf("tty=%s\n", open("/dev/tty", O_RDWR | O_CLOEXEC) < 0
		? strerror(errno) : "yes");
}

static void
descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fds=%d\n", fd);
}

/* --- what the filters say ---------------------------------------------------- */

/* In a process of its own, which may be killed for it: errno, 1000 + signal,
 * or 0. */
static int
outcome(long (*act)(long), long n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)alarm(2);
		errno = 0;
		_exit(act(n) >= 0 ? 0 : errno & 0xff);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Nothing that could succeed at more than a process can undo by its end. */
static long
any_call(long n)
{
	return syscall(n, -1L, -1L, -1L, -1L, -1L, -1L);
}

static int
is_left_out(long n)
{
	static const long left_out[] = { SYS_fork, SYS_vfork, SYS_clone,
		SYS_pause, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_sync,
		SYS_getpid, SYS_gettid, SYS_getppid, SYS_getpgrp, SYS_setsid,
		SYS_time, SYS_times, SYS_getcpu, SYS_brk, SYS_alarm,
		/* these make what outlives the process */
		SYS_msgget, SYS_semget, SYS_shmget };

	for (size_t i = 0; i < COUNT(left_out); i++)
		if (left_out[i] == n)
			return 1;
	return 0;
}

static void
calls(void)
{
	for (long n = 0; n <= LAST_CALL; n++)
		if (!is_left_out(n))
			printf("call=%ld %d\n", n, outcome(any_call, n));
}

static long
special(long n)
{
	char c = 'x';

	switch (n) {
	case 0:
		return socket(38, SOCK_SEQPACKET, 0); /* AF_ALG */
	case 1:
		return socket(40, SOCK_STREAM, 0); /* AF_VSOCK */
	case 2:
		return ioctl(0, TIOCSTI, &c);
	case 3:
		return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	case 4:
		return syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
	case 5:
		return unshare(CLONE_NEWUSER);
	case 6:
		return socket(AF_NETLINK, SOCK_RAW, 9); /* audit */
	case 7:
		return syscall(SYS_personality, 0x0040000); /* no randomization */
	case 8:
		return mknod("/tmp/.device", S_IFBLK | 0600, 0x801);
	case 9:
		return syscall(SYS_keyctl, 1, 0, 0, 0, 0); /* join a new session */
	case 10:
		return socket(AF_INET, SOCK_RAW, 1);
	case 11:
		return syscall(SYS_seccomp, 2, 0, &c); /* is there an action? */
	case 12:
		return syscall(SYS_bpf, 0, &c, 0);
	case 13:
		return setpriority(PRIO_PROCESS, 0, -5);
	default:
		return syscall(SYS_ioctl, 0, 0x100000000L | TIOCSTI, &c);
	}
}

static void
specials(void)
{
	for (long n = 0; n < 15; n++)
		printf("special=%ld %d\n", n, outcome(special, n));
}

int
main(int argc, char **argv)
{
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Until someone is there to hear it. */
	if (argc > 1 && strcmp(argv[1], "wait") == 0)
		(void)!read(0, line, sizeof(line));
	descriptors();
	identity();
	status();
	namespaces();
	limits();
	process();
	environment();
	file("cgroup", "/proc/self/cgroup");
	file("label", "/proc/self/attr/current");
	file("oom", "/proc/self/oom_score_adj");
	file("personality", "/proc/self/personality");
	file("loginuid", "/proc/self/loginuid");
	file("uid_map", "/proc/self/uid_map");
	file("gid_map", "/proc/self/gid_map");
	file("setgroups", "/proc/self/setgroups");
	file("coredump_filter", "/proc/self/coredump_filter");
	file("mount", "/proc/self/mountinfo");
	specials();
	calls();
	printf("done=1\n");
	if (argc > 1 && strcmp(argv[1], "sleep") == 0)
		(void)sleep(600);
	return 0;
}
