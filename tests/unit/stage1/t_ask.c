/* link: stage1/common/door.c privsep/codec.c privsep/fds.c */
/* What a pod may make of a request to change its apps (stage1/enter/manage.c,
 * included, with time of the test's): a pod that is silent is given up, and
 * what it says is printable and bounded. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int slept; /* ms, of the last time that nothing came; -1 for ever */
static bool hurry;

/* Who would wait has waited. */
static int
no_time(struct pollfd *p, nfds_t n, int ms)
{
	int r = poll(p, n, 0);

	if (r == 0)
		slept = ms;
	return r == 0 && !hurry ? poll(p, n, 5000) : r;
}

#define poll no_time
#include "stage1/enter/manage.c"
#undef poll

static int ended; /* s1_say_end's */

void
s1_say_end(int r)
{
	ended = r;
}

void
ps_die(int code, const char *format, ...)
{
	(void)format;
	_exit(code);
}

int
ps_landlock(const struct ps_reach *reach, const int *dirs, size_t n)
{
	(void)reach;
	(void)dirs;
	(void)n;
	return 0;
}

int
ps_seccomp(const struct sock_filter *filter, size_t length)
{
	(void)filter;
	(void)length;
	return 0;
}

static const struct s1_door started = {.kind = S1_DOOR_STARTED};
static const struct s1_door done = {.kind = S1_DOOR_ENDED};
static int pod; /* its end of the door */

/* The request, to a pod that has said all that it will say. */
static int
request(const struct s1_door *first, const struct s1_door *second)
{
	static char word[] = "add", *const line[] = {word, NULL};
	int both[2], r;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
	pod = both[1];
	if (first)
		assert_int_equal(s1_door_send(pod, first, NULL, 0), 0);
	if (second)
		assert_int_equal(s1_door_send(pod, second, NULL, 0), 0);
	slept = 0;
	hurry = true;
	r = s1_ask(both[0], memfd_create("record", MFD_CLOEXEC), line);
	(void)close(both[0]);
	(void)close(pod);
	return r;
}

/* Nothing for half a minute is no.  A pod that has begun has as long as it
 * takes: an app may end slowly, and the launcher has a bound of its own. */
static void
silent(void **state)
{
	(void)state;
	assert_int_equal(request(NULL, NULL), S1_FAILED);
	assert_int_equal(slept, 30000);
	assert_int_equal(ended, -ETIMEDOUT);
}

static void
answers(void **state)
{
	static const struct s1_door bad = {.kind = S1_DOOR_ENDED, .b = 1},
	    killed = {.kind = S1_DOOR_ENDED, .a = S1_ENDED_SIGNAL},
	    other = {.kind = S1_DOOR_TERMINAL};
	static const struct {
		const struct s1_door *first, *second;
		int code, end;
	} rows[] = {{&started, &done, 0, 1}, {&done, NULL, 0, 1},
	    {&started, &bad, S1_FAILED, 1}, {&started, &killed, S1_FAILED, 1},
	    {&started, &started, S1_FAILED, -EPROTO},
	    {&other, &done, S1_FAILED, -EPROTO}};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		assert_int_equal(
		    request(rows[i].first, rows[i].second), rows[i].code);
		assert_int_equal(ended, rows[i].end);
	}
}

/* A pod that talks without end, and not to people. */
static _noreturn_ void
babble(int door)
{
	static const char text[] = "\033]0;title\007\r words\n";
	int fds[S1_DOOR_FDS];
	struct s1_door m;
	size_t n;

	(void)signal(SIGPIPE, SIG_IGN);
	if (s1_door_recv(door, &m, fds, &n) < 0 || n != 2)
		_exit(1);
	for (unsigned i = 0; i < 20000; i++)
		if (write(fds[1], text, sizeof(text) - 1) < 0 && errno != EAGAIN)
			break;
	(void)s1_door_send(door, &done, NULL, 0);
	_exit(0);
}

static void
babbling(void **state)
{
	static char word[] = "stop", *const line[] = {word, NULL};
	static char said[1 << 20];
	int both[2], file = memfd_create("said", MFD_CLOEXEC), saved = dup(2);
	int code;
	ssize_t n;
	pid_t pid;

	(void)state;
	hurry = false;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
	pid = fork();
	if (pid == 0)
		babble(both[1]);
	(void)close(both[1]);
	(void)dup2(file, 2);
	code = s1_ask(both[0], memfd_create("record", MFD_CLOEXEC), line);
	(void)dup2(saved, 2);
	assert_int_equal(code, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	n = pread(file, said, sizeof(said), 0);
	assert_in_range(n, 1000, MAX_WORDS);
	for (ssize_t i = 0; i < n; i++)
		assert_true(said[i] == '\n' || (said[i] >= 0x20 && said[i] < 0x7f));
	(void)close(both[0]);
	(void)close(file);
	(void)close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(silent),
	    cmocka_unit_test(answers), cmocka_unit_test(babbling)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
