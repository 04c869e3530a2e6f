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

static void
put_app(struct cli_json *j, const struct cli_pod *pod,
    const struct ac_pod_app *app)
{
	int code = 0, r = cli_app_status(pod, app->name, &code);
	bool running = pod->state == CLI_RUNNING;

	cli_json_open(j, '{');
	cli_json_key(j, "name");
	cli_json_string(j, app->name);
	cli_json_key(j, "state");
	cli_json_string(j, r == 0   ? "exited" :
		running		    ? "running" :
		pod->state < CLI_RUNNING ? "created" :
					   "unknown");
	put_time(j, "created_at", cli_pod_created(pod));
	put_time(j, "started_at", cli_pod_started(pod));
	if (r == 0) {
		put_time(j, "finished_at", cli_app_finished(pod, app->name));
		cli_json_key(j, "exit_code");
		cli_json_int(j, code);
	}
	cli_json_key(j, "image_id");
	cli_json_string(j, app->image_id ? app->image_id : "");
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
		put_app(j, pod, &m->apps[i]);
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
