/*
 * rkt list: the pods and their apps.  Conductor, user rkt; manifests and status
 * files are hostile.
 */
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/pod_print.h"
#include "cli/table.h"

static struct options {
	bool no_legend, full;
	const char *format;
} o;

static const struct cli_flag flags[] = {
	CLI_BOOL("no-legend", options, no_legend, "leave out the header"),
	CLI_BOOL("full", options, full,
	    "full UUIDs, image IDs, and absolute times"),
	CLI_FLAG("format", cli_set_format, options, format, "FORMAT", NULL,
	    "print json, or json-pretty"),
	{ 0 }
};

struct listing {
	struct cli_table table;
	struct cli_json json;
	int64_t now;
};

static const char *
when(const struct listing *l, int64_t ns)
{
	if (ns == 0)
		return "";
	return o.full ? cli_format_time(ns) :
			cli_format_age(ns / CLI_SECOND, l->now);
}

/* app: NULL for a pod without (readable) apps, what then says which. */
static void
add_row(struct listing *l, const struct cli_pod *pod,
    const struct ac_pod_app *app, const char *what, bool first)
{
	const char *uuid = o.full ? pod->uuid : cli_copy_n(pod->uuid, 8);
	const char *id = app && app->image_id ? app->image_id : what;

	cli_table_add(&l->table, first ? uuid : "");
	cli_table_add(&l->table, app ? app->name : what);
	cli_table_add(&l->table, app ? cli_pod_image_name(app) : what);
	if (o.full)
		cli_table_add(&l->table, cli_copy_n(id, strnlen(id, 19)));
	cli_table_add(&l->table, first ? cli_state_name(pod->state) : "");
	cli_table_add(&l->table, first ? when(l, cli_pod_created(pod)) : "");
	cli_table_add(&l->table, first ? when(l, cli_pod_started(pod)) : "");
	cli_table_add(&l->table, "");
}

static int
add_pod(const struct cli_pod *pod, void *arg)
{
	struct listing *l = arg;
	struct ac_pod *m = NULL;

	if (o.format) {
		cli_pod_json(&l->json, pod);
		return 0;
	}
	if (cli_pod_parse(pod, &m) < 0) {
		add_row(l, pod, NULL, "--", true);
		return 0;
	}
	if (m->n_apps == 0)
		add_row(l, pod, NULL, "-", true);
	for (size_t i = 0; i < m->n_apps; i++)
		add_row(l, pod, &m->apps[i], "", i == 0);
	ac_pod_free(m);
	return 0;
}

static void
add_header(struct cli_table *t)
{
	static const char *const words[] = { "UUID", "APP", "IMAGE NAME",
		"IMAGE ID", "STATE", "CREATED", "STARTED", "NETWORKS" };

	t->columns = o.full ? 8 : 7;
	for (size_t i = 0; i < PS_COUNT(words) && !o.no_legend; i++)
		if (o.full || i != 3)
			cli_table_add(t, words[i]);
}

static int
run(struct cli *c)
{
	struct listing l = { .now = time(NULL) };
	int r;

	if (c->argc > 0)
		return cli_fail("takes no arguments");
	l.json = (struct cli_json){ .out = stdout,
		.pretty = o.format && strcmp(o.format, "json-pretty") == 0 };
	if (o.format)
		cli_json_open(&l.json, '[');
	else
		add_header(&l.table);
	r = cli_each_pod(c, CLI_MOST_PLACES, add_pod, &l);
	if (r != 0)
		return r;
	if (o.format) {
		cli_json_close(&l.json, ']');
		(void)fputc('\n', stdout);
	} else {
		cli_table_print(&l.table, stdout);
	}
	return 0;
}

const struct cli_command cli_cmd_list = {
	.name = "list",
	.summary = "list pods",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.run = run,
};
