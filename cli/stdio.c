/*
 * What an app reads and writes, in words, in the plan, and in the pod manifest.
 * Conductor, user rkt.  HOSTILE: the manifest of a pod, when it is read back.
 */
#include "cli/stdio.h"

#include <string.h>

#include "cli/experiment.h"
#include "privsep/log.h"
#include "privsep/streams.h"

#define INTERACTIVE 255
#define MAX_NAME 90u /* of an app with streams: its socket's path has a bound */

static const char *const keys[] = { "coreos.com/rkt/stage2/stdin",
	"coreos.com/rkt/stage2/stdout", "coreos.com/rkt/stage2/stderr" };
static const char *const flags[] = { "--stdin", "--stdout", "--stderr" };

static const struct value {
	const char *word;
	uint8_t in, out; /* PS_STDIO_*; NONE: not one of these */
} values[] = {
#define NONE 254
	{ "null", PS_STDIO_DEFAULT, PS_STDIO_NULL },
	{ "log", NONE, PS_STDIO_DEFAULT },
	{ "stream", PS_STDIO_STREAM, PS_STDIO_STREAM },
	{ "tty", PS_STDIO_TTY, PS_STDIO_TTY },
	{ "interactive", INTERACTIVE, NONE },
};

static int
find(unsigned fd, const char *word)
{
	for (size_t i = 0; i < PS_COUNT(values); i++) {
		uint8_t v = fd == 0 ? values[i].in : values[i].out;

		if (strcmp(values[i].word, word) == 0 && v != NONE)
			return v;
	}
	return -1;
}

const char *
cli_stdio_wrong(unsigned fd, const char *value)
{
	if (find(fd, value) >= 0)
		return NULL;
	return fd == 0 ? "must be null, stream, tty or interactive" :
			 "must be log, null, stream or tty";
}

static bool
is_key(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(keys); i++)
		if (strcmp(keys[i], name) == 0)
			return true;
	return false;
}

const char *
cli_stdio_off(const struct cli_run_pod *pod)
{
	const char *off = cli_experiment_off("ATTACH");

	for (size_t i = 0; off && i < pod->n_apps * 3; i++)
		if (pod->apps[i / 3].stdio[i % 3])
			return cli_format("%s: %s", flags[i % 3], off);
	return NULL;
}

/* What each is to be; NULL not said. */
static const char *
gather(const struct cli_run_app *f, const char *said[3])
{
	const char *off = cli_experiment_off("ATTACH");

	for (size_t i = 0; i < f->annotations.n * 3; i++) {
		const char *text = f->annotations.v[i / 3], *key = keys[i % 3];

		if (strncmp(text, key, strlen(key)) == 0 &&
		    text[strlen(key)] == '=')
			return cli_format("--annotation: say %s instead of %s",
			    flags[i % 3], key);
	}
	for (unsigned fd = 0; fd < 3; fd++) {
		said[fd] = f->stdio[fd];
		if (said[fd] && off)
			return cli_format("%s: %s", flags[fd], off);
		if (said[fd] == NULL && f->said)
			said[fd] = ac_find(&f->said->annotations, keys[fd]);
		if (said[fd] && off) {
			ps_log("warning: app \"%s\": annotation %s has no "
			       "effect: %s", f->said->name, keys[fd], off);
			said[fd] = NULL;
		}
		if (said[fd] && cli_stdio_wrong(fd, said[fd]))
			return cli_format("has an annotation %s that is \"%s\": "
					  "it %s", keys[fd], said[fd],
			    cli_stdio_wrong(fd, said[fd]));
	}
	return NULL;
}

/* The pod's terminal: of the one app, and of all three. */
static const char *
set_interactive(struct cli_plan *p, const struct cli_run_app *f,
    const char *const said[3])
{
	const bool asked = said[0] && find(0, said[0]) == INTERACTIVE;

	if (!asked && !p->pod.interactive)
		return NULL;
	if (asked && p->pod.mutable)
		return "--stdin=interactive is for a pod of one app: take tty, and "
		       "rkt attach";
	if (asked && p->said->n_apps != 1)
		return "--stdin=interactive: interactive option only supports one "
		       "image";
	if (asked && f->stdio[0] == NULL && !p->pod.interactive)
		return cli_format("has an annotation %s that is \"interactive\": "
				  "say --interactive too", keys[0]);
	if ((!asked && said[0]) || said[1] || said[2])
		return "is interactive, with rkt's own terminal: that goes with no "
		       "other --stdin, --stdout or --stderr";
	p->pod.interactive = 1;
	return NULL;
}

/* All others, and those in force. */
static void
tell(struct ac_pairs *all, const char *const said[3])
{
	struct ac_pairs to = { .v = cli_alloc((all->n + 4) * sizeof(*to.v)) };

	for (size_t i = 0; i < all->n; i++)
		if (!is_key(all->v[i].name))
			to.v[to.n++] = all->v[i];
	for (unsigned fd = 0; fd < 3; fd++)
		if (said[fd])
			to.v[to.n++] = (struct ac_pair){ .name = keys[fd],
				.value = said[fd] };
	*all = to;
}

const char *
cli_plan_stdio(struct cli_plan *p, const struct cli_run_app *f,
    struct cli_planned *ret)
{
	uint8_t *const to[] = { &ret->app.std_in, &ret->app.std_out,
		&ret->app.std_err };
	const char *said[3] = { NULL, NULL, NULL };
	const char *wrong = gather(f, said);

	if (wrong == NULL)
		wrong = set_interactive(p, f, said);
	if (wrong)
		return wrong;
	for (unsigned fd = 0; fd < 3; fd++) {
		int v = said[fd] ? find(fd, said[fd]) : PS_STDIO_DEFAULT;

		*to[fd] = (uint8_t)(v == INTERACTIVE ? PS_STDIO_DEFAULT : v);
	}
	if (ps_offered_streams(&ret->app) != 0 &&
	    strlen(ret->app.name) > MAX_NAME)
		return cli_format("with streams: the name of the app is longer "
				  "than %u bytes (try --name)", MAX_NAME);
	tell(&ret->manifest.annotations, said);
	return NULL;
}

uint32_t
cli_offered_streams(const struct ac_pod_app *app)
{
	static struct ps_msg_PLAN_APP a;
	uint8_t *const to[] = { &a.std_in, &a.std_out, &a.std_err };

	for (unsigned fd = 0; fd < 3; fd++) {
		const char *word = ac_find(&app->annotations, keys[fd]);
		int v = word ? find(fd, word) : PS_STDIO_DEFAULT;

		*to[fd] = (uint8_t)(v < 0 || v == INTERACTIVE ?
			PS_STDIO_DEFAULT : v);
	}
	return ps_offered_streams(&a);
}
