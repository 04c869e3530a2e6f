/*
 * rkt attach: the streams of an app that runs.  Conductor, user rkt: it finds
 * the pod, the app, and what that offers; the launcher proves that the operator
 * said so, and becomes the way in.  HOSTILE: the pod's manifest.
 */
#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/enter.h"
#include "cli/experiment.h"
#include "cli/pods.h"
#include "cli/session.h"
#include "cli/stdio.h"
#include "privsep/name.h"
#include "privsep/streams.h"

static struct options {
	const char *app, *mode;
} o = { .mode = "auto" };

static const struct cli_flag flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "the app, where the pod has several"),
	CLI_FLAG("mode", cli_set_string, options, mode, "MODE", "auto",
	    "auto: all that the app offers; list: print what that is; or some of "
	    "stdin,stdout,stderr, or of tty,tty-in,tty-out"),
	{ 0 }
};

/* The launcher wants the pod as the last word. */
static int
prepare(struct cli *c)
{
	const struct cli_flagset sets[] = {
		{ .flags = flags, .options = &o },
		{ .flags = cli_global_flags, .options = &c->g },
	};
	int at = 0, r = 0;
	uint32_t streams;
	const char *wrong = cli_parse_flags(sets, PS_COUNT(sets), c->argv, &at);

	if (wrong)
		return cli_fail("%s", wrong);
	if (c->g.help)
		return 0;
	if (c->argv[at] == NULL || c->argv[at + 1])
		return cli_fail("takes one UUID, behind the flags");
	if (o.app && !ps_is_acname(o.app, strlen(o.app)))
		return cli_fail("--app: \"%s\" is not the name of an app", o.app);
	if (strcmp(o.mode, "list") != 0)
		r = ps_parse_streams(o.mode, &streams);
	if (r == -EXDEV)
		return cli_fail("--mode=%s: the streams and the terminal of an "
				"app do not mix", o.mode);
	if (r < 0)
		return cli_fail("--mode=%s: want auto, list, some of "
				"stdin,stdout,stderr, or some of "
				"tty,tty-in,tty-out", o.mode);
	c->argv += at;
	c->argc -= at;
	r = cli_experiment("ATTACH");
	if (r == 0 && !c->launched && strcmp(o.mode, "list") != 0)
		r = cli_fail("cannot run as unprivileged user");
	return r;
}

static void
print(uint32_t offered)
{
	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1)
		if ((offered & bit) != 0)
			(void)printf("%s\n", ps_stream_name(bit));
}

/* What is wanted is there. */
static int
check(const char *app, uint32_t offered)
{
	char names[PS_STREAM_NAMES];
	uint32_t wanted = 0;

	(void)ps_parse_streams(o.mode, &wanted);
	ps_stream_names(offered, names);
	if (offered == 0)
		return cli_fail("app \"%s\" offers nothing to attach to: it has "
				"to be run with --stdin=stream, --stdout=stream, "
				"--stderr=stream, or tty in their place", app);
	if ((wanted & ~offered) != 0)
		return cli_fail("--mode=%s: app \"%s\" offers %s", o.mode, app,
		    names);
	return 0;
}

static int
look(const struct cli *c, const struct cli_pod *pod, const char **ret)
{
	uint32_t offered = 0;
	struct ac_pod *m;
	int r;

	if (pod->state != CLI_RUNNING)
		return cli_fail("pod \"%s\" isn't currently running", pod->uuid);
	if (cli_pod_parse(pod, &m) < 0)
		return cli_fail("cannot read the manifest of pod \"%s\"",
		    pod->uuid);
	r = cli_choose_app(c, m, o.app, ret);
	for (size_t i = 0; r == 0 && i < m->n_apps; i++)
		if (strcmp(m->apps[i].name, *ret) == 0)
			offered = cli_offered_streams(&m->apps[i]);
	ac_pod_free(m);
	if (r == 0 && strcmp(o.mode, "list") == 0)
		print(offered);
	else if (r == 0)
		r = check(*ret, offered);
	return r;
}

static int
run(struct cli *c)
{
	static struct ps_msg_ENTER_POD m;
	struct ps_msg_STARTING answer;
	struct cli_pod pod;
	int r = cli_find_pod(c, c->argv[0], &pod);

	if (r != 0)
		return r;
	r = look(c, &pod, &m.app);
	ps_close_fd(&pod.dir);
	if (r != 0 || strcmp(o.mode, "list") == 0)
		return r;
	m.how = PS_ENTER_ATTACH;
	m.uuid = pod.uuid;
	m.exec[m.n_exec++] = o.mode;
	return CLI_ASK(c, ENTER_POD, &m, NULL, 0, STARTING, &answer) < 0
	    ? CLI_FAILED : 0;
}

const struct cli_command cli_cmd_attach = {
	.name = "attach",
	.arguments = "UUID",
	.summary = "join the streams or the terminal of an app (experiment)",
	.needs = CLI_OWN_ARGS | CLI_ALONE,
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
