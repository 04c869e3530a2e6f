/*
 * Event handlers of an app: its pre-start and post-stop programs, each in a
 * process that is confined as the app is.  Runs as the pod's root and waits.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "stage1/common/contract.h"

static int
wait_for(pid_t pid, int seconds)
{
	_cleanup_fd_ int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	siginfo_t info = {0};
	int r;

	if (fd < 0)
		return -errno;
	while ((r = poll(&p, 1, seconds < 0 ? -1 : seconds * 1000)) < 0 &&
	       errno == EINTR)
		;
	if (r == 0)
		(void)kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	return r == 0 ? -ETIMEDOUT : info.si_status;
}

int
s1_run_event(int pod_root, struct ps_msg_PLAN_APP *a, bool stop, int seconds)
{
	static struct ps_msg_PLAN_APP event;
	const char *const *words = stop ? a->post_stop : a->pre_start;
	uint16_t n = stop ? a->n_post_stop : a->n_pre_start;
	pid_t pid;

	if (n == 0)
		return 0;
	/* Nobody looks into this process, which is more than the app. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	event = *a;
	memcpy(event.exec, words, n * sizeof(words[0]));
	event.n_exec = n;
	event.notify = 0;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int r = s1_enter_cgroups(pod_root, a->name);

		if (r == 0)
			r = s1_check_cgroup(pod_root, a);
		if (r < 0)
			(void)ps_log_error(
			    r, "cannot start %s: %s", a->name, s1_why);
		_exit(r < 0 ? S1_EXIT_CGROUP : s1_become(&event));
	}
	return wait_for(pid, seconds);
}
