/* link: stage1/appexec/mux_call.c stage1/appexec/reap.c stage1/appexec/manager.c stage1/appexec/sys.c */
/* link: privsep/log.c privsep/name.c */
/* systemd's words for an end, and rkt's numbers. */
#include "tests/unit/test.h"

#include <signal.h>

#include "stage1/appexec/appexec.h"

const char *s1_why = "";

/* Not reached from what is tested here. */
int
s1_read_plan(int pod_root, const char *name, struct ps_msg_PLAN_APP *ret)
{
	(void)pod_root;
	(void)name;
	(void)ret;
	return -ENOENT;
}

int
s1_run_event(int pod_root, struct ps_msg_PLAN_APP *a, bool stop, int seconds)
{
	(void)pod_root;
	(void)a;
	(void)stop;
	(void)seconds;
	return -ENOENT;
}

static void
ends(void **state)
{
	static const struct {
		const char *code, *status;
		int want;
	} rows[] = {{"exited", "0", 0}, {"exited", "255", 255},
	    {"exited", "203", 203}, {"killed", "TERM", SIGTERM},
	    {"killed", "KILL", SIGKILL}, {"dumped", "SEGV", SIGSEGV},
	    {"dumped", "ABRT", SIGABRT}, {"killed", "SYS", SIGSYS},
	    {"killed", "RTMIN+1", -1}, {"killed", "15", 15},
	    {"exited", "256", -EINVAL}, {"exited", "-1", -EINVAL},
	    {"exited", "", -EINVAL}, {"", "", -EINVAL},
	    {"killed", "NOSUCH", -EINVAL}, {"killed", "999", -EINVAL},
	    {"other", "1", -EINVAL}};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_int_equal(s1_exit_number(rows[i].code, rows[i].status),
		    rows[i].want == -1 ? SIGRTMIN + 1 : rows[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
