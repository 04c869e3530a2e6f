/*
 * rkt app exec, list, status: one app of a pod.  Conductor, user rkt; what
 * lies in a pod is hostile.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/enter.h"
#include "cli/experiment.h"
#include "cli/human.h"
#include "cli/pod_print.h"
#include "cli/table.h"
#include "privsep/name.h"

static struct options {
	bool no_legend;
	const char *format, *app;
} o;

#define FORMAT                                                      \
	CLI_FLAG("format", cli_set_format, options, format, "FORMAT", \
	    NULL, "print json, or json-pretty")

static const struct cli_flag list_flags[] = {
	CLI_BOOL("no-legend", options, no_legend, "leave out the header"),
	FORMAT, { 0 }
};
static const struct cli_flag status_flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "the app (required)"),
	FORMAT, { 0 }
};

static int
prepare(struct cli *c)
{
	int r = cli_experiment("APP");

	if (r == 0 && c->argc != 1)
		r = cli_fail("takes one UUID");
	if (r == 0 && c->command->flags == status_flags && o.app == NULL)
		r = cli_fail("requires --app");
	return r;
}

static int
open_pod(struct cli *c, struct cli_pod *pod, struct ac_pod **ret)
{
	int r = cli_find_pod(c, c->argv[0], pod);

	if (r != 0)
		return r;
	if (cli_pod_parse(pod, ret) == 0)
		return 0;
	ps_close_fd(&pod->dir);
	return cli_fail("cannot read the manifest of pod \"%s\"", pod->uuid);
}

static struct cli_json
json(void)
{
	return (struct cli_json){ .out = stdout,
		.pretty = o.format && strcmp(o.format, "json-pretty") == 0 };
}

static void
list_json(const struct cli_pod *pod, const struct ac_pod *m)
{
	struct cli_json j = json();

	cli_json_open(&j, '[');
	for (size_t i = 0; i < m->n_apps; i++)
		cli_app_json(&j, pod, m, &m->apps[i]);
	cli_json_close(&j, ']');
	(void)fputc('\n', stdout);
}

static int
list(struct cli *c)
{
	struct cli_table t = { .columns = 2 };
	struct cli_app_state state;
	struct cli_pod pod;
	struct ac_pod *m;
	int r = open_pod(c, &pod, &m);

	if (r != 0)
		return r;
	if (!o.no_legend) {
		cli_table_add(&t, "NAME");
		cli_table_add(&t, "STATE");
	}
	for (size_t i = 0; i < m->n_apps; i++) {
		cli_app_look(&pod, m->apps[i].name, &state);
		cli_table_add(&t, m->apps[i].name);
		cli_table_add(&t, state.word);
	}
	if (o.format)
		list_json(&pod, m);
	else
		cli_table_print(&t, stdout);
	ac_pod_free(m);
	ps_close_fd(&pod.dir);
	return 0;
}

/* The texts are the manifest's, whose strings may hold what they like. */
static const char *
clean(const char *text)
{
	char *copy = cli_copy(text);

	if (!ps_is_print(copy, strlen(copy)))
		for (char *p = copy; *p; p++)
			if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
				*p = '?';
	return copy;
}

static void
print_pairs(const char *key, const struct ac_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		(void)printf("%s%s:%s", i == 0 ? key : ",",
		    clean(pairs->v[i].name),
		    clean(pairs->v[i].value));
	if (pairs->n > 0)
		(void)fputc('\n', stdout);
}

static void
print_time(const char *key, int64_t time)
{
	if (time != 0)
		(void)printf("%s=%s\n", key, cli_format_time(time));
}

static void
print_app(const struct cli_pod *pod, const struct ac_pod *m,
    const struct ac_pod_app *app)
{
	struct cli_app_state state;

	cli_app_look(pod, app->name, &state);
	(void)printf("name=%s\nstate=%s\nimage_id=%s\n", app->name, state.word,
	    app->image_id ? app->image_id : "");
	print_time("created_at", state.created);
	print_time("started_at", state.started);
	print_time("finished_at", state.finished);
	if (state.exited)
		(void)printf("exit_code=%d\n", state.code);
	for (size_t i = 0; i < app->n_mounts; i++) {
		bool read_only;
		const struct ac_volume *v =
		    cli_app_mount(m, app, &app->mounts[i], &read_only);

		(void)printf("%s%s:%s:(read_only:%s)", i == 0 ? "mounts=" : ",",
		    clean(v && v->source ? v->source : ""),
		    clean(app->mounts[i].path),
		    read_only ? "true" : "false");
	}
	if (app->n_mounts > 0)
		(void)fputc('\n', stdout);
	if (app->has_app) {
		print_pairs("user_annotations=", &app->app.user_annotations);
		print_pairs("user_labels=", &app->app.user_labels);
	}
}

static int
status(struct cli *c)
{
	struct cli_json j = json();
	struct cli_pod pod;
	struct ac_pod *m;
	size_t i = 0;
	int r = open_pod(c, &pod, &m);

	if (r != 0)
		return r;
	while (i < m->n_apps && strcmp(m->apps[i].name, o.app) != 0)
		i++;
	if (i == m->n_apps)
		r = cli_fail("pod \"%s\" has no app \"%s\"", pod.uuid, o.app);
	else if (o.format) {
		cli_app_json(&j, &pod, m, &m->apps[i]);
		(void)fputc('\n', stdout);
	} else {
		print_app(&pod, m, &m->apps[i]);
	}
	ac_pod_free(m);
	ps_close_fd(&pod.dir);
	return r;
}

static int
prepare_exec(struct cli *c)
{
	int r = cli_enter_prepare(c);

	return r != 0 || c->g.help ? r : cli_experiment("APP");
}

const struct cli_command cli_cmd_app_exec = {
	.parent = "app",
	.name = "exec",
	.arguments = "UUID [CMD [ARGS...]]",
	.summary = "run a command in an app of a running pod (experiment)",
	.needs = CLI_OWN_ARGS,
	.flags = cli_enter_flags,
	.prepare = prepare_exec,
	.run = cli_enter_run,
};

const struct cli_command cli_cmd_app_list = {
	.parent = "app",
	.name = "list",
	.arguments = "UUID",
	.summary = "list the apps of a pod (experiment)",
	.needs = CLI_ALONE,
	.flags = list_flags,
	.options = &o,
	.prepare = prepare,
	.run = list,
};

const struct cli_command cli_cmd_app_status = {
	.parent = "app",
	.name = "status",
	.arguments = "UUID",
	.summary = "print the state of an app (experiment)",
	.needs = CLI_ALONE,
	.flags = status_flags,
	.options = &o,
	.prepare = prepare,
	.run = status,
};
