/* link: privsep/log.c privsep/name.c */
/* A door before which too many wait, and nobody is let in: it holds no one for
 * longer than is said.  knock.c is included, to shorten its time. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stage1/enter/enter.h"

static int
shorter(int fd, int level, int name, const void *p, socklen_t n)
{
	struct timeval t;

	assert_int_equal(name, SO_SNDTIMEO);
	assert_int_equal(n, sizeof(t));
	memcpy(&t, p, sizeof(t));
	assert_in_range(t.tv_sec, 1, 60);
	t = (struct timeval){.tv_usec = 200000};
	return setsockopt(fd, level, name, &t, sizeof(t));
}

static int deaf = -1;
static unsigned looks; /* until it listens */

/* The pod lives on. */
static int
look(struct pollfd *p, nfds_t n, int timeout)
{
	assert_int_equal(p->fd, S1_ENTER_INIT);
	assert_int_equal(n, 1);
	assert_in_range(timeout, 1, 1000);
	if (--looks == 0)
		assert_int_equal(listen(deaf, 1), 0);
	return 0;
}

#define setsockopt shorter
#define poll look
#include "stage1/enter/knock.c"
#undef setsockopt
#undef poll

static char dir[] = "/tmp/rkt-knock-XXXXXX", path[64];

/* The door, and as many callers before it as it takes. */
static int
make_door(int *ret_callers, size_t n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(path, sizeof(path), "%s/door", dir);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < n; i++) {
		ret_callers[i] = socket(
		    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(
		    ret_callers[i], (struct sockaddr *)&a, sizeof(a));
	}
	return fd;
}

/* 0: it was let in. */
static int
knock(void)
{
	int status = 0, fd = open(path, O_PATH | O_CLOEXEC);
	pid_t pid = fork();

	assert_true(fd >= 0);
	if (pid == 0) {
		(void)alarm(10);
		_exit(call(fd) >= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
full(void **state)
{
	int callers[4] = {-1, -1, -1, -1}, door;

	(void)state;
	assert_non_null(mkdtemp(dir));
	door = make_door(callers, 0);
	assert_int_equal(knock(), 0);
	(void)close(door);
	(void)unlink(path);
	door = make_door(callers, PS_COUNT(callers));
	assert_int_equal(knock(), S1_FAILED);
	for (size_t i = 0; i < PS_COUNT(callers); i++)
		(void)close(callers[i]);
	(void)close(door);
	(void)unlink(path);
	(void)rmdir(dir);
}

/* systemd binds first and listens a moment later. */
static void
deaf_for_a_moment(void **state)
{
	static char own[] = "/tmp/rkt-knock-XXXXXX";
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	(void)state;
	assert_non_null(mkdtemp(own));
	(void)snprintf(path, sizeof(path), "%s/door", own);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	deaf = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(deaf, (struct sockaddr *)&a, sizeof(a)), 0);
	looks = 1000;
	assert_int_equal(knock(), S1_FAILED);
	looks = 3;
	assert_int_equal(knock(), 0);
	(void)close(deaf);
	deaf = -1;
	(void)unlink(path);
	(void)rmdir(own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(full),
		cmocka_unit_test(deaf_for_a_moment)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
