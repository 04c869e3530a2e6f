/*
 * From the record to the program: confine, then execute with the record's
 * words and environment and what the pod's systemd gave for the app.  Runs as
 * the pod's root, at the end as the app.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "stage1/common/contract.h"

#define MAX_OURS 4 /* variables that are not the record's */

static char program[4096];
static char ours[MAX_OURS][8192];
static size_t n_ours;

/* execve's vectors: the record's strings, ended by NULL. */
static const char *args[PS_COUNT(((struct ps_msg_PLAN_APP *)0)->exec) + 1];
static const char
    *envs[PS_COUNT(((struct ps_msg_PLAN_APP *)0)->env) + MAX_OURS + 1];

static int
no_program(int error)
{
	bool lacks = error == -ENOENT && s1_lacks;

	(void)dprintf(2, "Error: Unable to open \"%s\": %s%s%s%s\n", program,
	    strerror(-error), lacks ? " (it is there, its interpreter is not: " : "",
	    lacks ? s1_lacks : "", lacks ? ")" : "");
	return S1_EXIT_EXEC;
}

int
s1_set_variable(const char *name, const char *value)
{
	int n;

	if (n_ours == MAX_OURS)
		return -E2BIG;
	n = snprintf(ours[n_ours], sizeof(ours[0]), "%s=%s", name, value);
	if (n < 0 || (size_t)n >= sizeof(ours[0]))
		return -E2BIG;
	n_ours++;
	return 0;
}

static bool
is_ours(const char *variable)
{
	size_t n = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < n_ours; i++)
		if (strncmp(ours[i], variable, n) == 0)
			return true;
	return false;
}

static void
fill_vectors(const struct ps_msg_PLAN_APP *a)
{
	size_t n = 0;

	memcpy(args, a->exec, a->n_exec * sizeof(args[0]));
	args[a->n_exec] = NULL;
	for (size_t i = 0; i < n_ours; i++)
		envs[n++] = ours[i];
	for (size_t i = 0; i < a->n_env; i++)
		if (!is_ours(a->env[i]))
			envs[n++] = a->env[i];
	envs[n] = NULL;
}

int
s1_become(const struct ps_msg_PLAN_APP *a)
{
	char **argv, **envp;
	void *p;
	int code = S1_EXIT_PLAN, r = s1_confine(a, program, &code);

	if (r < 0 && code == S1_EXIT_EXEC)
		return no_program(r);
	if (r < 0) {
		(void)ps_log_error(r, "cannot start %s: %s", a->name, s1_why);
		return code;
	}
	fill_vectors(a);
	/* execve's prototype lacks the const that it keeps. */
	p = args;
	argv = p;
	p = envs;
	envp = p;
	(void)execve(program, argv, envp);
	return no_program(-errno);
}
