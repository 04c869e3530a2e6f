/*
 * A command in an app of a running pod: prove that the operator said so, find
 * the pod, and become stage1-enter, which gives up root.  Runs as root.
 * HOSTILE: the message, of a conductor that may be compromised; every word of
 * it stands at the end of the launcher's own command line.
 */
#include <errno.h>
#include <string.h>

#include "launcher/add.h"
#include "launcher/argv.h"
#include "launcher/running.h"
#include "launcher/session.h"
#include "launcher/files.h"
#include "launcher/sys.h"
#include "privsep/attr.h"

static struct ln_running pod = { -1, -1, -1, -1, LN_STARTS };
static int plan = -1;
/* Words of the frame that asked, which is the last that is heard. */
static struct ps_msg_ENTER_POD asked;

/* The pod by the beginning of its UUID. */
static bool
is_pod(const char *word)
{
	return word[0] != '\0' && strncmp(asked.uuid, word, strlen(word)) == 0;
}

/* The app is the one that --app names, where it does. */
static bool
is_app(struct ln_argv argv)
{
	return !ln_argv_has(argv, "--app") ||
	    ln_argv_option(argv, "--app", asked.app);
}

/* `... UUID [--] CMD ARGS...`, UUID by its beginning; *ret_words: in front of
 * it.  Without a command it is rkt's default. */
static bool
is_said(const struct ln_session *s, int *ret_words)
{
	int at = s->argv.argc - (int)asked.n_exec;

	if (asked.n_exec == 1 && strcmp(asked.exec[0], "/bin/bash") == 0 &&
	    strcmp(s->argv.argv[s->argv.argc - 1], "/bin/bash") != 0)
		at = s->argv.argc;
	if (at < 2)
		return false;
	for (int i = at; i < s->argv.argc; i++)
		if (strcmp(s->argv.argv[i], asked.exec[i - at]) != 0)
			return false;
	if (strcmp(s->argv.argv[at - 1], "--") == 0)
		at--;
	*ret_words = at - 1;
	return at >= 2 && is_pod(s->argv.argv[at - 1]);
}

/* The environment is the caller's TERM or nothing. */
static bool
is_command(const struct ln_session *s)
{
	struct ln_argv argv = s->argv;
	bool found = asked.n_env == 0;

	if (asked.n_exec == 0 || !is_said(s, &argv.argc) || !is_app(argv))
		return false;
	for (char *const *e = s->env; asked.n_env == 1 && *e; e++)
		found = found || (strncmp(*e, "TERM=", 5) == 0 &&
				     strcmp(*e, asked.env[0]) == 0);
	return found;
}

/* `... [--app=NAME] [--mode=WORD] UUID`: that pod, that app, that word. */
static bool
is_attach(const struct ln_session *s)
{
	const struct ln_argv argv = { s->argv.argc - 1, s->argv.argv };

	if (asked.n_env != 0 || asked.n_exec != 1 || argv.argc < 2 ||
	    !is_pod(s->argv.argv[argv.argc]) || !is_app(argv))
		return false;
	return ln_argv_has(argv, "--mode")
	    ? ln_argv_option(argv, "--mode", asked.exec[0])
	    : strcmp(asked.exec[0], "auto") == 0;
}

/* `rkt app VERB UUID --app=NAME` and no other plain word. */
static bool
is_managed(const struct ln_session *s)
{
	static const char *const verbs[] = { [PS_ENTER_START] = "start",
		[PS_ENTER_STOP] = "stop", [PS_ENTER_REMOVE] = "rm" };
	struct ln_argv argv = s->argv, uuid, more;

	return asked.n_exec == 0 && asked.n_env == 0 &&
	    ln_argv_command(argv, "app", verbs[asked.how], &argv) &&
	    ln_argv_app(argv, 0, &uuid) && !ln_argv_app(argv, 1, &more) &&
	    is_pod(uuid.argv[0]) && ln_argv_option(argv, "--app", asked.app);
}

/* What may be asked, and the verb of stage1-enter for it. */
static const struct way {
	const char *verb;
	bool (*is_allowed)(const struct ln_session *s);
	const char *word; /* of its own, where exec has none */
} ways[] = {
	[PS_ENTER_COMMAND] = { "command", is_command, NULL },
	[PS_ENTER_ATTACH] = { "attach", is_attach, NULL },
	[PS_ENTER_START] = { "manage", is_managed, "start" },
	[PS_ENTER_STOP] = { "manage", is_managed, "stop" },
	[PS_ENTER_REMOVE] = { NULL, is_managed, NULL }, /* add.c */
};

/* The plan that the app came with: its own, or the whole pod's; -ENXIO: it has
 * none, and should. */
static int
open_pod(struct ln_session *s)
{
	int r = ln_running_open(s, asked.uuid, LN_INSIDE, &pod);

	if (r != 0)
		return r;
	plan = ln_open_file(pod.pod, ln_path("apps/%s", asked.app));
	if (plan == -ENOENT && ways[asked.how].word == NULL)
		plan = ln_open_file(pod.pod, "plan");
	return plan == -ENOENT ? -ENXIO : plan < 0 ? plan : 0;
}

static _noreturn_ void
become_command(struct ln_session *s)
{
	static char *argv[PS_COUNT(asked.exec) + 4], *env[PS_COUNT(asked.env) + 1];
	static char name[] = "stage1-enter";
	const int fds[] = { plan, pod.pod, pod.init };

	(void)s;
	/* execve lacks the const that it keeps. */
	argv[0] = name;
	memcpy(&argv[1], &ways[asked.how].verb, sizeof(argv[0]));
	memcpy(&argv[2], &asked.app, sizeof(argv[0]));
	memcpy(&argv[3], asked.exec, asked.n_exec * sizeof(argv[0]));
	if (ways[asked.how].word)
		memcpy(&argv[3], &ways[asked.how].word, sizeof(argv[0]));
	memcpy(env, asked.env, asked.n_env * sizeof(env[0]));
	sys_exec(argv, env, fds, PS_COUNT(fds));
}

int
ln_enter_pod(struct ln_session *s, struct ps_frame *f)
{
	int r;

	if (ps_decode_ENTER_POD(f->payload, f->length, &asked) < 0 ||
	    asked.how >= PS_COUNT(ways) || !ways[asked.how].is_allowed(s))
		return -EPROTO;
	if (f->nfds != (asked.how == PS_ENTER_REMOVE))
		return -EPROTO;
	if (asked.how == PS_ENTER_REMOVE)
		return ln_remove_app(s, &asked, f->fds[0]);
	r = open_pod(s);
	if (r == -ENXIO)
		return ln_refuse(s, PS_REFUSED_NOTFOUND, "pod \"%s\" has no app \"%s\" "
		    "that was added to it (rkt app add)", asked.uuid, asked.app);
	r = ln_refuse_error(s, r, "cannot read the app's plan");
	return r != 0 ? r : ln_starting(s, asked.uuid, become_command);
}
