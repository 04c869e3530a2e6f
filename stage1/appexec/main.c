/*
 * appexec APP: confine this process as rkt/plan/APP says and become the app.
 * appexec --reap APP: note how it ended, and end the pod when it is time.
 * Started by the pod's systemd as the pod's root, inside its user namespace.
 * HOSTILE: the app's image.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "stage1/common/contract.h"

static struct ps_msg_PLAN_APP app;
static char program[4096];

/* execve's vectors: the record's strings, ended by NULL. */
static const char *args[PS_COUNT(app.exec) + 1];
static const char *envs[PS_COUNT(app.env) + 1];

static int
no_program(int error)
{
	(void)dprintf(
	    2, "Error: Unable to open \"%s\": %s\n", program, strerror(-error));
	return S1_EXIT_EXEC;
}

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

static int
start(int pod_root, const char *name)
{
	char **argv, **envp;
	void *p;
	int code = S1_EXIT_PLAN, r = s1_read_plan(pod_root, name, &app);

	plain_console();
	if (r == 0)
		r = s1_confine(&app, program, &code);
	if (r < 0 && code == S1_EXIT_EXEC)
		return no_program(r);
	if (r < 0) {
		(void)ps_log_error(r, "cannot start %s: %s", name, s1_why);
		return code;
	}
	memcpy(args, app.exec, app.n_exec * sizeof(args[0]));
	memcpy(envs, app.env, app.n_env * sizeof(envs[0]));
	/* execve's prototype lacks the const that it keeps. */
	p = args;
	argv = p;
	p = envs;
	envp = p;
	(void)execve(program, argv, envp);
	return no_program(-errno);
}

int
main(int argc, char **argv, char **env)
{
	int pod_root;

	ps_log_name("stage1");
	if (close_range(3, ~0u, 0) < 0)
		ps_die(S1_EXIT_PLAN, "descriptors");
	pod_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (pod_root < 0)
		ps_die(S1_EXIT_PLAN, "no root");
	if (argc == 3 && strcmp(argv[1], "--reap") == 0)
		return s1_reap(pod_root, argv[2], env);
	if (argc != 2)
		ps_die(PS_EXIT_USAGE, "usage: appexec [--reap] APP");
	return start(pod_root, argv[1]);
}
