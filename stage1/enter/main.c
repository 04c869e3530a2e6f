/*
 * stage1-enter VERB APP [WORDS]: the launcher has become this.  It is
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

static const struct verb {
	const char *name;
	bool words; /* they take the place of the app's own in the record */
	int (*run)(int door, int record, char *const *words);
} verbs[] = {
	{"command", true, s1_proxy},
	{"attach", false, s1_run_attach},
	{"manage", false, s1_ask},
};

static const struct verb *
find(int argc, char **argv)
{
	for (size_t i = 0; argc >= 3 && i < PS_COUNT(verbs); i++)
		if (strcmp(verbs[i].name, argv[1]) == 0)
			return &verbs[i];
	ps_die(S1_FAILED, "usage: stage1-enter VERB APP [WORDS]");
}

static int
make_record(const struct verb *v, char **argv, char *const *env)
{
	static char apps[S1_APP_NAMES];
	const char *words[512];
	size_t n = 0;
	int r;

	for (char **word = argv + 3; v->words && *word; word++) {
		if (n == PS_COUNT(words))
			ps_die(S1_FAILED, "too many words");
		words[n++] = *word;
	}
	r = s1_make_record(S1_ENTER_PLAN, argv[2], words, n, env, apps);
	if (r == -ENOENT)
		ps_die(S1_FAILED, "no app \"%s\" in the pod: it has %s", argv[2],
		    apps);
	if (r < 0)
		ps_die(S1_FAILED, "the command cannot be given to %s: %s",
		    argv[2], strerror(-r));
	return r;
}

int
main(int argc, char **argv, char **env)
{
	const struct rlimit none = {0, 0};
	const struct verb *v;
	_cleanup_fd_ int door = -1;
	int record;

	ps_log_name("enter");
	v = find(argc, argv);
	(void)umask(022);
	if (close_range(S1_ENTER_LOCK + 1, ~0u, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		ps_die(S1_FAILED, "descriptors");
	record = make_record(v, argv, env);
	door = s1_knock();
	(void)close(S1_ENTER_PLAN);
	(void)close(S1_ENTER_POD);
	(void)close(S1_ENTER_INIT);
	return v->run(door, record, argv + 3);
}
