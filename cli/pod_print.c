/*
 * Pods as JSON and as words, conductor, user rkt.  HOSTILE: exit codes and
 * times of apps come from files that the pod can write.
 */
#include "cli/pod_print.h"

#include <string.h>

#include "cli/human.h"

const char *
cli_set_format(void *dest, const char *value)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "json-pretty") != 0)
		return "must be json or json-pretty";
	*(const char **)dest = value;
	return NULL;
}

const char *
cli_pod_image_name(const struct ac_pod_app *app)
{
	const char *version = ac_find(&app->image_labels, "version");

	if (app->image_name == NULL)
		return "";
	return version ? cli_format("%s:%s", app->image_name, version) :
			 app->image_name;
}

static void
put_pairs(struct cli_json *j, const char *key, const struct ac_pairs *pairs)
{
	if (pairs->n == 0)
		return;
	cli_json_key(j, key);
	cli_json_open(j, '{');
	for (size_t i = 0; i < pairs->n; i++) {
		cli_json_key(j, pairs->v[i].name);
		cli_json_string(j, pairs->v[i].value);
	}
	cli_json_close(j, '}');
}

static void
put_time(struct cli_json *j, const char *key, int64_t value)
{
	if (value == 0)
		return;
	cli_json_key(j, key);
	cli_json_int(j, value);
}

static const struct ac_volume *
find_volume(const struct ac_pod *m, const char *name)
{
	for (size_t i = 0; i < m->n_volumes; i++)
		if (strcmp(m->volumes[i].name, name) == 0)
			return &m->volumes[i];
	return NULL;
}

/* Read-only as the volume says, or else as the image does. */
static bool
is_read_only(const struct ac_pod_app *app, const struct ac_mount *mount,
    const struct ac_volume *v)
{
	if (v && v->has_read_only)
		return v->read_only;
	for (size_t i = 0; app->has_app && i < app->app.n_mount_points; i++) {
		const struct ac_mount_point *p = &app->app.mount_points[i];

		if (p->read_only && (strcmp(p->path, mount->path) == 0 ||
					strcmp(p->name, mount->volume) == 0))
			return true;
	}
	return false;
}

const struct ac_volume *
cli_app_mount(const struct ac_pod *m, const struct ac_pod_app *app,
    const struct ac_mount *mount, bool *ret_read_only)
{
	const struct ac_volume *v = find_volume(m, mount->volume);

	*ret_read_only = is_read_only(app, mount, v);
	return v;
}

static void
put_mounts(struct cli_json *j, const struct ac_pod *m,
    const struct ac_pod_app *app)
{
	if (app->n_mounts == 0)
		return;
	cli_json_key(j, "mounts");
	cli_json_open(j, '[');
	for (size_t i = 0; i < app->n_mounts; i++) {
		const struct ac_mount *mount = &app->mounts[i];
		bool read_only;
		const struct ac_volume *v =
		    cli_app_mount(m, app, mount, &read_only);

		cli_json_open(j, '{');
		cli_json_key(j, "name");
		cli_json_string(j, mount->volume);
		cli_json_key(j, "container_path");
		cli_json_string(j, mount->path);
		cli_json_key(j, "host_path");
		cli_json_string(j, v && v->source ? v->source : "");
		cli_json_key(j, "read_only");
		cli_json_bool(j, read_only);
		cli_json_close(j, '}');
	}
	cli_json_close(j, ']');
}

void
cli_app_look(const struct cli_pod *pod, const char *app,
    struct cli_app_state *ret)
{
	int64_t created = cli_app_created(pod, app);
	int64_t started = cli_app_started(pod, app);
	bool waits = pod->state < CLI_RUNNING ||
	    (pod->state == CLI_RUNNING && created != 0 && started == 0);

	*ret = (struct cli_app_state){ .created = created ? created :
							     cli_pod_created(pod) };
	ret->exited = cli_app_status(pod, app, &ret->code) == 0;
	ret->word = ret->exited ? "exited" :
	    waits		   ? "created" :
	    pod->state == CLI_RUNNING ? "running" : "unknown";
	if (!waits)
		ret->started = started ? started : cli_pod_started(pod);
	if (ret->exited)
		ret->finished = cli_app_finished(pod, app);
}

void
cli_app_json(struct cli_json *j, const struct cli_pod *pod,
    const struct ac_pod *m, const struct ac_pod_app *app)
{
	struct cli_app_state state;

	cli_app_look(pod, app->name, &state);
	cli_json_open(j, '{');
	cli_json_key(j, "name");
	cli_json_string(j, app->name);
	cli_json_key(j, "state");
	cli_json_string(j, state.word);
	put_time(j, "created_at", state.created);
	put_time(j, "started_at", state.started);
	put_time(j, "finished_at", state.finished);
	if (state.exited) {
		cli_json_key(j, "exit_code");
		cli_json_int(j, state.code);
	}
	cli_json_key(j, "image_id");
	cli_json_string(j, app->image_id ? app->image_id : "");
	put_mounts(j, m, app);
	if (app->has_app) {
		put_pairs(j, "user_annotations", &app->app.user_annotations);
		put_pairs(j, "user_labels", &app->app.user_labels);
	}
	cli_json_close(j, '}');
}

static void
put_apps(struct cli_json *j, const struct cli_pod *pod, const struct ac_pod *m)
{
	cli_json_key(j, "app_names");
	cli_json_open(j, '[');
	for (size_t i = 0; i < m->n_apps; i++)
		cli_json_string(j, m->apps[i].name);
	cli_json_close(j, ']');
	cli_json_key(j, "apps");
	cli_json_open(j, '[');
	for (size_t i = 0; i < m->n_apps; i++)
		cli_app_json(j, pod, m, &m->apps[i]);
	cli_json_close(j, ']');
}

void
cli_pod_json(struct cli_json *j, const struct cli_pod *pod)
{
	struct ac_pod *m = NULL;

	cli_json_open(j, '{');
	cli_json_key(j, "name");
	cli_json_string(j, pod->uuid);
	cli_json_key(j, "state");
	cli_json_string(j, cli_state_name(pod->state));
	if (cli_pod_parse(pod, &m) == 0)
		put_apps(j, pod, m);
	put_time(j, "created_at", cli_pod_created(pod) / CLI_SECOND);
	put_time(j, "started_at", cli_pod_started(pod) / CLI_SECOND);
	if (m) {
		put_pairs(j, "user_annotations", &m->user_annotations);
		put_pairs(j, "user_labels", &m->user_labels);
		ac_pod_free(m);
	}
	cli_json_close(j, '}');
}
