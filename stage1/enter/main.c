/*
 * stage1-enter APP COMMAND [ARGUMENTS]: the launcher has become this.  It is
 * host root until it has found the pod's door, and no process of the host ever
 * joins a pod: the pod's own systemd starts the command, by the way that apps
 * are started (stage1/common/door.h).  Its environment is what the command
 * gets beside the app's own.  Links only libc.  HOSTILE: the pod.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"

int
main(int argc, char **argv, char **env)
{
	const struct rlimit none = {0, 0};
	static char apps[S1_APP_NAMES];
	_cleanup_fd_ int door = -1;
	const char *words[512];
	size_t n = 0;
	int record;

	ps_log_name("enter");
	if (argc < 3 || (size_t)argc - 2 > PS_COUNT(words))
		ps_die(S1_FAILED, "usage: stage1-enter APP COMMAND [ARGUMENTS]");
	(void)umask(022);
	if (close_range(S1_ENTER_INIT + 1, ~0u, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		ps_die(S1_FAILED, "descriptors");
	for (int i = 2; i < argc; i++)
		words[n++] = argv[i];
	record =
	    s1_make_record(S1_ENTER_PLAN, argv[1], words, n, env, apps);
	if (record == -ENOENT)
		ps_die(S1_FAILED, "no app \"%s\" in the pod: it has %s", argv[1],
		    apps);
	if (record < 0)
		ps_die(S1_FAILED, "the command cannot be given to %s: %s",
		    argv[1], strerror(-record));
	door = s1_knock();
	(void)close(S1_ENTER_PLAN);
	(void)close(S1_ENTER_POD);
	(void)close(S1_ENTER_INIT);
	return s1_proxy(door, record);
}
