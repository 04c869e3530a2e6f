/* link: @privsep */
/* A worker closes the door behind itself: Landlock and seccomp are applied in
 * a child and tried from inside; a worker that was not started as it must be
 * dies before it reads a byte. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "privsep/log.h"
#include "privsep/worker.h"

static char dir[] = "/tmp/t_worker.XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) && chmod(dir, 0777) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", dir);
	(void)unlink(path);
	return rmdir(dir);
}

/* Runs act in a child that is no one; its exit code, or 256 + signal. */
static int
in_child(void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (null < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(99);
		if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(98);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void
need(bool good, int code)
{
	if (!good)
		_exit(code);
}

static bool
can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
act_landlock(void)
{
	const struct ps_reach reach[] = { { dir, true, false },
		{ "/etc/passwd", false, false }, { "/no/such", true, true },
		{ NULL, false, false } };
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/new", dir);
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, 1);
	need(can_open("/etc/group", O_RDONLY), 2);
	need(ps_landlock(reach, NULL, 0) == 0, 3);
	need(can_open("/etc/passwd", O_RDONLY), 4);
	need(!can_open("/etc/passwd", O_WRONLY), 5);
	need(!can_open("/etc/group", O_RDONLY), 6);
	need(!can_open("/proc/self/status", O_RDONLY), 7);
	need(!can_open("/etc", O_RDONLY | O_DIRECTORY), 8);
	need(can_open(path, O_RDWR | O_CREAT), 9);
	need(!can_open("/tmp/t_worker_new", O_RDWR | O_CREAT), 10);
	(void)execl("/bin/true", "true", (char *)NULL);
	need(errno == EACCES, 11);
}

/* No reach at all: nothing opens; what is open stays. */
static void
act_nothing(void)
{
	int fd = open("/etc/passwd", O_RDONLY);
	char c;

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, 1);
	need(ps_landlock(NULL, NULL, 0) == 0, 3);
	need(!can_open("/etc/passwd", O_RDONLY), 4);
	need(!can_open("/", O_RDONLY | O_DIRECTORY), 5);
	need(read(fd, &c, 1) == 1, 6);
}

/* Beneath a directory descriptor, but no devices and no execution. */
static void
act_write_dirs(void)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/new", dir);
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, 1);
	need(ps_landlock(NULL, &fd, 1) == 0, 3);
	need(can_open(path, O_RDWR | O_CREAT), 4);
	need(!can_open("/etc/passwd", O_RDONLY), 5);
	need(mkfifo("/tmp/t_worker_fifo", 0600) < 0, 6);
}

static void
act_landlock_without_nnp(void)
{
	need(ps_landlock(NULL, NULL, 0) == -EPERM, 3);
}

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ANSWER(nr, what)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),              \
	BPF_STMT(BPF_RET | BPF_K, what)

static const struct sock_filter filter[] = { LOAD_NR,
	ANSWER(__NR_socket, SECCOMP_RET_KILL_PROCESS),
	ANSWER(__NR_uname, SECCOMP_RET_ERRNO | EXDEV),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };

static void
act_seccomp(void)
{
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, 1);
	need(ps_seccomp(filter, PS_COUNT(filter)) == 0, 2);
	need(syscall(__NR_uname, NULL) < 0 && errno == EXDEV, 3);
	(void)syscall(__NR_socket, AF_INET, SOCK_STREAM, 0);
	_exit(4);
}

static void
act_seccomp_bad(void)
{
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, 1);
	need(ps_seccomp(filter, 0) == -EINVAL, 2);
	need(ps_seccomp(filter, PS_COUNT(filter) - 1) == -EINVAL, 3);
	need(ps_seccomp(filter, 65537) == -EINVAL, 4);
}

static const struct ps_worker worker = { .name = "test", .peer = 'L',
	.filter = filter, .filter_length = PS_COUNT(filter), .more_fds = 1 };

static void
edge(int type)
{
	int p[2];

	need(socketpair(AF_UNIX, type, 0, p) == 0, 20);
	need(dup2(p[0], PS_CHAN_FD) == PS_CHAN_FD, 21);
	need(dup2(1, 4) == 4 && dup2(1, 5) == 5 && dup2(1, 50) == 50, 22);
}

static void
act_enter(void)
{
	struct ps_chan chan;

	edge(SOCK_SEQPACKET);
	ps_worker_enter(&worker, &chan);
	need(chan.fd == PS_CHAN_FD && chan.peer == 'L', 1);
	need(fcntl(PS_CHAN_FD, F_GETFD) == FD_CLOEXEC, 2);
	need(fcntl(4, F_GETFD) >= 0, 3);
	need(fcntl(5, F_GETFD) < 0 && fcntl(50, F_GETFD) < 0, 4);
	need(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, 5);
	need(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, 6);
	need(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2, 7);
	need(!can_open("/etc/passwd", O_RDONLY), 8);
	(void)syscall(__NR_socket, AF_INET, SOCK_STREAM, 0);
}

static void
act_wrong_edge(void)
{
	struct ps_chan chan;

	edge(SOCK_STREAM);
	ps_worker_enter(&worker, &chan);
}

static void
act_no_edge(void)
{
	struct ps_chan chan;

	(void)close(PS_CHAN_FD);
	ps_worker_enter(&worker, &chan);
}

static void
act_bad_filter(void)
{
	struct ps_worker w = worker;
	struct ps_chan chan;

	edge(SOCK_SEQPACKET);
	w.filter_length = 0;
	ps_worker_enter(&w, &chan);
}

static void
child_test(void **state)
{
	const struct {
		const char *what;
		void (*act)(void);
		int code;
	} rows[] = {
		{ "landlock", act_landlock, 0 },
		{ "landlock with no reach", act_nothing, 0 },
		{ "landlock beneath a descriptor", act_write_dirs, 0 },
		{ "landlock before no_new_privs", act_landlock_without_nnp, 0 },
		{ "seccomp", act_seccomp, 256 + SIGSYS },
		{ "seccomp, bad filters", act_seccomp_bad, 0 },
		{ "enter", act_enter, 256 + SIGSYS },
		{ "enter without an edge", act_no_edge, PS_EXIT_SYSTEM },
		{ "enter with a stream edge", act_wrong_edge, PS_EXIT_SYSTEM },
		{ "enter without a filter", act_bad_filter, PS_EXIT_SYSTEM },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int code = in_child(rows[i].act);

		if (code != rows[i].code)
			fail_msg("%s: %d", rows[i].what, code);
	}
}

/* R3: a worker that is still root does not start. */
static void
root_refused(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		struct ps_chan chan;

		(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		edge(SOCK_SEQPACKET);
		ps_worker_enter(&worker, &chan);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == PS_EXIT_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_test),
		cmocka_unit_test(root_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
