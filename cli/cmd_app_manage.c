/*
 * rkt app start, stop, rm: one app of a pod whose apps come and go.  Conductor,
 * user rkt; the launcher proves the words again, and the pod does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/experiment.h"
#include "cli/files.h"
#include "cli/mem.h"
#include "cli/session.h"
#include "privsep/fds.h"
#include "privsep/name.h"

static struct options {
	const char *app;
} o;

static const struct cli_flag flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "the app (required)"),
	{ 0 }
};

static int
prepare(struct cli *c)
{
	int r = cli_experiment("APP");

	if (r == 0 && c->argc != 1)
		r = cli_fail("takes one UUID");
	if (r == 0 && o.app == NULL)
		r = cli_fail("requires --app");
	if (r == 0 && !ps_is_acname(o.app, strlen(o.app)))
		r = cli_fail("--app: \"%s\" is not the name of an app", o.app);
	return r;
}

static int
no_app(const struct cli_pod *pod)
{
	return cli_fail("pod \"%s\" has no app \"%s\"", pod->uuid, o.app);
}

/* Start or stop, by its name. */
static int
ask(struct cli *c, uint8_t how)
{
	struct ps_msg_ENTER_POD m = { .how = how, .app = o.app };
	struct ps_msg_STARTING answer;
	struct cli_pod pod;
	struct ac_pod *told;
	int r = cli_in_full(c);

	if (r == 0)
		r = cli_find_mutable(c, c->argv[0], &pod, &told);
	if (r != 0)
		return r;
	m.uuid = pod.uuid;
	if (cli_app_index(told, o.app) == told->n_apps)
		r = no_app(&pod);
	else if (CLI_ASK(c, ENTER_POD, &m, NULL, 0, STARTING, &answer) < 0)
		r = CLI_FAILED;
	ac_pod_free(told);
	ps_close_fd(&pod.dir);
	return r;
}

static int
start(struct cli *c)
{
	return ask(c, PS_ENTER_START);
}

static int
stop(struct cli *c)
{
	return ask(c, PS_ENTER_STOP);
}

static bool
mounts(const struct ac_pod_app *app, const char *volume)
{
	for (size_t i = 0; i < app->n_mounts; i++)
		if (strcmp(app->mounts[i].volume, volume) == 0)
			return true;
	return false;
}

/* The pod as it is without the app and what came with it. */
static int
tell(const struct ac_pod *m, char **ret)
{
	size_t gone = cli_app_index(m, o.app);
	struct ac_pod rest = *m;

	if (gone == m->n_apps)
		return ac_pod_write(m, false, ret);
	rest.apps = cli_alloc(m->n_apps * sizeof(*rest.apps));
	rest.volumes = cli_alloc((m->n_volumes + 1) * sizeof(*rest.volumes));
	rest.n_apps = rest.n_volumes = 0;
	for (size_t i = 0; i < m->n_apps; i++)
		if (i != gone)
			rest.apps[rest.n_apps++] = m->apps[i];
	for (size_t i = 0; i < m->n_volumes; i++)
		if (!mounts(&m->apps[gone], m->volumes[i].name))
			rest.volumes[rest.n_volumes++] = m->volumes[i];
	return ac_pod_write(&rest, false, ret);
}

/* Its plan, which is there before all else and after it. */
static bool
has_plan(const struct cli_pod *pod)
{
	_cleanup_fd_ int fd = cli_open_below(pod->dir,
	    cli_format("apps/%s", o.app), O_PATH);

	return fd >= 0;
}

static int
take_away(struct cli *c, const struct cli_pod *pod, const struct ac_pod *told)
{
	const struct ps_msg_ENTER_POD m = { .how = PS_ENTER_REMOVE,
		.since = cli_manifest_since(), .uuid = pod->uuid, .app = o.app };
	_cleanup_fd_ int manifest = -1;
	struct ps_msg_DONE done;
	char *text;
	int r;

	if (cli_app_index(told, o.app) == told->n_apps && !has_plan(pod))
		return no_app(pod);
	r = tell(told, &text);
	manifest = r < 0 ? r : ps_sealed("manifest", text, strlen(text));
	if (manifest < 0)
		return cli_fail("cannot write the pod manifest: %s",
		    strerror(-manifest));
	return CLI_ASK(c, ENTER_POD, &m, &manifest, 1, DONE, &done) < 0
	    ? CLI_FAILED : 0;
}

static int
rm(struct cli *c)
{
	struct cli_pod pod;
	struct ac_pod *told;
	int r = cli_in_full(c);

	if (r == 0)
		r = cli_find_mutable(c, c->argv[0], &pod, &told);
	if (r != 0)
		return r;
	r = take_away(c, &pod, told);
	ac_pod_free(told);
	ps_close_fd(&pod.dir);
	return r;
}

const struct cli_command cli_cmd_app_start = {
	.parent = "app",
	.name = "start",
	.arguments = "UUID",
	.summary = "start an app of a pod (experiment)",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = start,
};

const struct cli_command cli_cmd_app_stop = {
	.parent = "app",
	.name = "stop",
	.arguments = "UUID",
	.summary = "stop an app of a pod (experiment)",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = stop,
};

const struct cli_command cli_cmd_app_rm = {
	.parent = "app",
	.name = "rm",
	.arguments = "UUID",
	.summary = "take an app out of a pod (experiment)",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = rm,
};
