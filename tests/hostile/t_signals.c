/* link: privsep/worker.c privsep/log.c privsep/name.c */
/* Conductors share a user and the host's processes: none may signal another,
 * by no call that comes to kill(2). */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policies/conductor.h"
#include "privsep/attr.h"
#include "privsep/worker.h"
#include "tests/unit/test.h"

static long own(void) { return fcntl(0, F_SETOWN, getppid()); }
static long own_ex(void) { return fcntl(0, F_SETOWN_EX, NULL); }
static long set_signal(void) { return fcntl(0, F_SETSIG, SIGKILL); }
static long lease(void) { return fcntl(0, F_SETLEASE, F_RDLCK); }
static long send(void) { return kill(getppid(), 0); }
static long pidfd(void) { return syscall(SYS_pidfd_open, getppid(), 0); }
static long trace(void) { return syscall(SYS_ptrace, 16, getppid(), 0, 0); }
static long limits(void) { return syscall(SYS_prlimit64, getppid(), 7, 0, 0); }
static long fine(void) { return fcntl(0, F_GETFD); }

/* The signal that ended it; 0: it was let. */
static int
ends_by(long (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    ps_seccomp(policy_conductor, PS_COUNT(policy_conductor)) < 0)
			_exit(1);
		(void)act();
		(void)syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
no_signal_to_a_peer(void **state)
{
	static long (*const acts[])(void) = { own, own_ex, set_signal, lease, send,
		pidfd, trace, limits };

	(void)state;
	assert_int_equal(ends_by(fine), 0);
	for (size_t i = 0; i < PS_COUNT(acts); i++)
		if (ends_by(acts[i]) != SIGSYS)
			fail_msg("act %zu was let", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_signal_to_a_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
