/*
 * appexec APP: confine this process as rkt/plan/APP says and become the app.
 * appexec --pre-start APP, --reap APP: before it, and when it has ended.
 * appexec --ready, --end: behind the start of all apps, and behind their end.
 * appexec --enter, --mux APP: for who comes through the pod's door, and between
 * an app and those who attach to it.
 * appexec --sysctl: before any of them, where the plan sets some.
 * Started by the pod's systemd as the pod's root, inside its user namespace.
 * HOSTILE: the app's image.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/mux.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

static struct ps_msg_PLAN_APP app;

/* Lines reach the console through journald, one by one; whoever reads rkt's
 * output wants them as they were written, without carriage returns.  An app
 * that has the terminal itself keeps it as it is. */
static void
plain_console(void)
{
	_cleanup_fd_ int fd = -1;
	struct termios t;

	if (isatty(0))
		return;
	fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &t) < 0)
		return;
	t.c_oflag &= ~(tcflag_t)ONLCR;
	(void)tcsetattr(fd, TCSANOW, &t);
}

/* An app with a terminal, whose type it was not told: systemd's word for it. */
static int
tell_terminal(char *const *env)
{
	const char *type = s1_value(env, "TERM=");

	for (uint16_t i = 0; i < app.n_env; i++)
		if (strncmp(app.env[i], "TERM=", 5) == 0)
			return 0;
	return isatty(0) ? s1_set_variable("TERM", *type ? type : "vt220") : 0;
}

/* When it started is the file's time.  A name that is another app's is left
 * to that. */
static void
note_start(int pod_root, const char *name)
{
	char path[300];
	_cleanup_fd_ int dir = s1_open(
	    pod_root, S1_STATUS_DIR, O_PATH | O_DIRECTORY, S1_BENEATH);
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), "%s-started", name);
	if (dir >= 0)
		fd = s1_create(dir, path, 0644);
}

/* Its place among the limits, then its record. */
static int
prepare(int pod_root, const char *name, int *ret_code)
{
	int r;

	*ret_code = S1_EXIT_CGROUP;
	r = ps_is_acname(name, strlen(name)) ? s1_enter_cgroups(pod_root, name)
					     : -EINVAL;
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_PLAN;
	r = s1_read_plan(pod_root, name, &app);
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_CGROUP;
	r = s1_check_cgroup(pod_root, &app);
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_FDS;
	return s1_take_sockets(&app);
}

static int
start(int pod_root, char **argv, char *const *env)
{
	int code, r;

	s1_note_sockets(env);
	if (close_range(3 + s1_kept, ~0u, 0) < 0)
		ps_die(S1_EXIT_PLAN, "descriptors");
	pod_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	plain_console();
	r = prepare(pod_root, argv[0], &code);
	if (r == 0 && app.notify)
		r = s1_set_variable("NOTIFY_SOCKET", "/" S1_NOTIFY);
	if (r < 0) {
		(void)ps_log_error(r, "cannot start %s: %s", argv[0], s1_why);
		return code;
	}
	note_start(pod_root, argv[0]);
	s1_note_ready(pod_root);
	(void)close(pod_root);
	r = s1_place_streams(&app);
	if (r == 0)
		r = tell_terminal(env);
	if (r < 0) {
		(void)ps_log_error(r, "cannot start %s: %s", argv[0], s1_why);
		return S1_EXIT_FDS;
	}
	return s1_become(&app);
}

/* The pre-start handler.  What it ended with is the app's own end. */
static int
pre_start(int pod_root, char **argv, char *const *env)
{
	int r = s1_read_plan(pod_root, argv[0], &app);

	(void)env;
	plain_console();
	if (r == 0)
		r = s1_run_event(pod_root, &app, false, -1);
	if (r < 0) {
		(void)ps_log_error(r, "pre-start of %s: %s", argv[0], s1_why);
		r = PS_EXIT_SYSTEM;
	}
	if (r == 0)
		return 0;
	ps_log("pre-start of %s: ended with %d", argv[0], r);
	(void)s1_write_status(pod_root, argv[0], r);
	return r;
}

static const struct command {
	const char *word;
	int words; /* behind it, exactly */
	int (*run)(int pod_root, char **argv, char *const *env);
	bool own_fds; /* looks after descriptors from 3 on itself */
} commands[] = {
    {"--enter", 0, s1_visit, false},
    {"--mux", 1, s1_mux, true},
    {"--pre-start", 1, pre_start, false},
    {"--reap", 1, s1_reap, false},
    {"--ready", 0, s1_ready, false},
    {"--end", 0, s1_end, false},
    {"--sysctl", 0, s1_sysctl, false},
    {NULL, 1, start, true},
};

static const struct command *
find(int argc, char **argv)
{
	const struct command *c = commands;

	while (c->word && (argc < 2 || strcmp(c->word, argv[1]) != 0))
		c++;
	if (argc - (c->word ? 2 : 1) != c->words)
		return NULL;
	return c;
}

int
main(int argc, char **argv, char **env)
{
	const struct command *c;
	int pod_root = -1;

	ps_log_name("stage1");
	c = find(argc, argv);
	if (c == NULL)
		ps_die(PS_EXIT_USAGE,
		    "usage: appexec [--pre-start | --reap] APP | --ready | "
		    "--end | --sysctl");
	if (!c->own_fds) {
		if (close_range(3, ~0u, 0) < 0)
			ps_die(S1_EXIT_PLAN, "descriptors");
		pod_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (pod_root < 0)
			ps_die(S1_EXIT_PLAN, "no root");
	}
	return c->run(pod_root, argv + (c->word ? 2 : 1), env);
}
