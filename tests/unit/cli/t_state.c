/* link: privsep/name.c */
/* What a look at a pod may do: the lock of one that is being made, or waits to be
 * started, is its maker's and starter's, and a look would be in their way.
 * pod_state.c is included, to see what it asks for. */
#include "tests/unit/test.h"

#include <sys/file.h>

static unsigned asked;
static int answer;

static int
ask(int fd, int how)
{
	assert_int_equal(fd, 77);
	asked += (how & LOCK_UN) == 0;
	errno = EWOULDBLOCK;
	return (how & LOCK_UN) ? 0 : answer;
}

#define flock ask
#include "cli/pod_state.c"
#undef flock

static void
states(void **state)
{
	static const struct {
		enum cli_state free, held;
		bool asks;
	} want[] = { { CLI_EMBRYO, CLI_EMBRYO, false },
		{ CLI_ABORTED_PREPARE, CLI_PREPARING, true },
		{ CLI_PREPARED, CLI_PREPARED, false },
		{ CLI_EXITED, CLI_RUNNING, true },
		{ CLI_EXITED_GARBAGE, CLI_EXITED_DELETING, true },
		{ CLI_GARBAGE, CLI_DELETING, true } };

	(void)state;
	assert_int_equal(PS_COUNT(want), CLI_PLACES);
	for (size_t i = 0; i < CLI_PLACES; i++) {
		asked = 0;
		answer = 0;
		assert_int_equal(cli_pod_state(i, 77), want[i].free);
		answer = -1;
		assert_int_equal(cli_pod_state(i, 77), want[i].held);
		assert_int_equal(asked, want[i].asks ? 2 : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(states) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
