/*
 * A command in an app of a running pod.  Conductor, user rkt: it finds the pod
 * and the app; the launcher proves that the operator said so, and becomes the
 * way in.  HOSTILE: the pod's manifest.
 */
#include "cli/enter.h"

#include <string.h>

#include "appc/image.h"
#include "cli/pods.h"
#include "cli/session.h"
#include "privsep/name.h"

#define DEFAULT_COMMAND "/bin/bash"
#define MAX_COMMAND 60000u /* bytes: one message */

static struct options {
	const char *app;
} o;

const struct cli_flag cli_enter_flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "the app, where the pod has several"),
	{ 0 }
};

int
cli_enter_prepare(struct cli *c)
{
	const struct cli_flagset sets[] = {
		{ .flags = cli_enter_flags, .options = &o },
		{ .flags = cli_global_flags, .options = &c->g },
	};
	int at = 0;
	const char *wrong =
	    cli_parse_flags(sets, PS_COUNT(sets), c->argv, &at);

	if (wrong)
		return cli_fail("%s", wrong);
	if (c->g.help)
		return 0;
	if (c->argv[at] == NULL)
		return cli_fail("takes a UUID and a command");
	if (o.app && !ps_is_acname(o.app, strlen(o.app)))
		return cli_fail("--app: \"%s\" is not the name of an app", o.app);
	c->argv += at;
	c->argc -= at;
	return 0;
}

static bool
has_app(const struct ac_pod *m, const char *name)
{
	for (size_t i = 0; i < m->n_apps; i++)
		if (strcmp(m->apps[i].name, name) == 0)
			return true;
	return false;
}

int
cli_choose_app(const struct cli *c, const struct ac_pod *m,
    const char *asked, const char **ret)
{
	if (asked == NULL && m->n_apps == 1) {
		*ret = cli_copy(m->apps[0].name);
		return 0;
	}
	if (asked && has_app(m, asked)) {
		*ret = asked;
		return 0;
	}
	if (asked)
		(void)cli_fail("the pod has no app \"%s\"; it has:", asked);
	else if (m->n_apps == 0)
		return cli_fail("the pod has no apps");
	else
		(void)cli_fail("pod contains multiple apps:");
	for (size_t i = 0; i < m->n_apps; i++)
		(void)cli_fail("    %s", m->apps[i].name);
	return cli_fail("specify app using \"rkt %s --app= ...\"",
	    cli_full_name(c->command));
}

static int
find_app(const struct cli *c, const struct cli_pod *pod, const char **ret)
{
	struct ac_pod *m;
	int r;

	if (pod->state != CLI_RUNNING)
		return cli_fail("pod \"%s\" isn't currently running", pod->uuid);
	if (cli_pod_parse(pod, &m) < 0)
		return cli_fail("unable to determine app name: cannot read the "
				"manifest of pod \"%s\"", pod->uuid);
	r = cli_choose_app(c, m, o.app, ret);
	ac_pod_free(m);
	return r;
}

/* The words of the command; "--" in front of them is no word of it. */
static int
take_command(const struct cli *c, struct ps_msg_ENTER_POD *ret)
{
	size_t sum = 0;
	int at = 1;

	if (c->argv[at] && strcmp(c->argv[at], "--") == 0)
		at++;
	if (c->argv[at] == NULL) {
		(void)cli_fail("no command specified, assuming \"%s\"",
		    DEFAULT_COMMAND);
		ret->exec[ret->n_exec++] = DEFAULT_COMMAND;
	}
	for (; c->argv[at]; at++) {
		if (ret->n_exec == PS_COUNT(ret->exec))
			return cli_fail("a command has at most %zu words",
			    PS_COUNT(ret->exec));
		if (strlen(c->argv[at]) > AC_MAX_ARG)
			return cli_fail("a word of the command has %zu bytes: %u are "
					"the most", strlen(c->argv[at]), AC_MAX_ARG);
		sum += strlen(c->argv[at]) + 8;
		if (sum > MAX_COMMAND)
			return cli_fail("a command has at most some %u bytes",
			    MAX_COMMAND);
		ret->exec[ret->n_exec++] = c->argv[at];
	}
	return 0;
}

/* What the command learns of the caller: its kind of terminal. */
static void
take_env(struct ps_msg_ENTER_POD *ret)
{
	for (char **e = environ; *e && ret->n_env == 0; e++)
		if (strncmp(*e, "TERM=", 5) == 0 && ps_is_env(*e, strlen(*e)))
			ret->env[ret->n_env++] = *e;
}

int
cli_enter_run(struct cli *c)
{
	static struct ps_msg_ENTER_POD m;
	struct ps_msg_STARTING answer;
	struct cli_pod pod;
	int r = cli_find_pod(c, c->argv[0], &pod);

	if (r != 0)
		return r;
	m.uuid = pod.uuid;
	r = find_app(c, &pod, &m.app);
	ps_close_fd(&pod.dir);
	if (r == 0)
		r = take_command(c, &m);
	take_env(&m);
	if (r != 0)
		return r;
	return CLI_ASK(c, ENTER_POD, &m, NULL, 0, STARTING, &answer) < 0
	    ? CLI_FAILED : 0;
}
