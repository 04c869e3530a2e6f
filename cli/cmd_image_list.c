/*
 * rkt image list: what the store holds.  Conductor, user rkt; names and labels
 * are the images' own words.
 */
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/pod_print.h"
#include "cli/store.h"
#include "cli/table.h"

static struct options {
	struct cli_list fields;
	const char *sort, *order, *format;
	bool no_legend, full;
} o = { .sort = "importtime", .order = "asc" };

static const struct cli_flag flags[] = {
	CLI_FLAG("fields", cli_set_commas, options, fields, "LIST",
	    "id,name,size,importtime,lastused", "columns to print"),
	CLI_FLAG("sort", cli_set_string, options, sort, "FIELD", "importtime",
	    "sort by id, name, size, importtime or lastused"),
	CLI_FLAG("order", cli_set_string, options, order, "ORDER", "asc",
	    "asc or desc"),
	CLI_BOOL("no-legend", options, no_legend, "leave out the header"),
	CLI_BOOL("full", options, full, "full IDs, sizes in bytes, absolute times"),
	CLI_FLAG("format", cli_set_format, options, format, "FORMAT", NULL,
	    "print json, or json-pretty"),
	{ 0 }
};

static int64_t now;

static const char *
show_id(const struct cli_stored *s)
{
	return o.full ? s->id : cli_copy_n(s->id, 7 + 12);
}

static const char *
show_name(const struct cli_stored *s)
{
	return cli_stored_name(&s->record);
}

static uint64_t
size_of(const struct cli_stored *s)
{
	return s->record.raw_size + s->record.tree_size;
}

static const char *
show_size(const struct cli_stored *s)
{
	return o.full ? cli_format("%ju", (uintmax_t)size_of(s)) :
			cli_format_size(size_of(s));
}

static const char *
show_time(int64_t seconds)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, CLI_SECOND, &ns))
		return "-";
	return o.full ? cli_format_time(ns) : cli_format_age(seconds, now);
}

static const char *
show_import(const struct cli_stored *s)
{
	return show_time((int64_t)s->record.imported_at);
}

static const char *
show_used(const struct cli_stored *s)
{
	return show_time(s->used_at);
}

static int
by_id(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int
by_name(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;
	int d = strcmp(x->record.name, y->record.name);

	return d ? d : strcmp(show_name(x), show_name(y));
}

static int
compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
by_size(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;

	return compare(size_of(x), size_of(y));
}

static int
by_import(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;

	return compare(x->record.imported_at, y->record.imported_at);
}

static int
by_use(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;

	return compare((uint64_t)x->used_at, (uint64_t)y->used_at);
}

static const struct column {
	const char *name, *header;
	const char *(*show)(const struct cli_stored *s);
	int (*compare)(const void *a, const void *b);
} columns[] = {
	{ "id", "ID", show_id, by_id },
	{ "name", "NAME", show_name, by_name },
	{ "size", "SIZE", show_size, by_size },
	{ "importtime", "IMPORT TIME", show_import, by_import },
	{ "lastused", "LAST USED", show_used, by_use },
};

static const struct column *
find_column(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(columns); i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

static int
print_json(const struct cli_store *s)
{
	struct cli_json j = { .out = stdout,
		.pretty = strcmp(o.format, "json-pretty") == 0 };

	cli_json_open(&j, '[');
	for (size_t i = 0; i < s->n; i++) {
		const struct cli_stored *im = &s->v[i];

		cli_json_open(&j, '{');
		cli_json_key(&j, "id");
		cli_json_string(&j, im->id);
		cli_json_key(&j, "name");
		cli_json_string(&j, show_name(im));
		cli_json_key(&j, "import_time");
		cli_json_int(&j, (int64_t)im->record.imported_at * CLI_SECOND);
		cli_json_key(&j, "last_used_time");
		cli_json_int(&j, im->used_at * CLI_SECOND);
		cli_json_key(&j, "size");
		cli_json_int(&j, (int64_t)size_of(im));
		cli_json_close(&j, '}');
	}
	cli_json_close(&j, ']');
	(void)fputc('\n', stdout);
	return 0;
}

static int
print_table(const struct cli_store *s)
{
	const struct column *chosen[CLI_MAX_COLUMNS];
	struct cli_table t = { .columns = o.fields.n };

	for (size_t i = 0; i < t.columns; i++) {
		chosen[i] = find_column(o.fields.v[i]);
		if (!o.no_legend)
			cli_table_add(&t, chosen[i]->header);
	}
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < t.columns; k++)
			cli_table_add(&t, chosen[k]->show(&s->v[i]));
	cli_table_print(&t, stdout);
	return 0;
}

/* --fields, --sort and --order, before anything is read. */
static int
check_options(void)
{
	if (o.fields.n == 0)
		for (size_t i = 0; i < PS_COUNT(columns); i++)
			cli_list_add(&o.fields, columns[i].name);
	for (size_t i = 0; i < o.fields.n; i++)
		if (find_column(o.fields.v[i]) == NULL)
			return cli_fail("invalid field \"%s\" for --fields: want "
					"id, name, size, importtime, lastused",
			    o.fields.v[i]);
	if (o.fields.n > CLI_MAX_COLUMNS)
		return cli_fail("too many fields for --fields");
	if (find_column(o.sort) == NULL)
		return cli_fail("invalid field \"%s\" for --sort", o.sort);
	if (strcmp(o.order, "asc") != 0 && strcmp(o.order, "desc") != 0)
		return cli_fail("invalid --order \"%s\": want asc or desc",
		    o.order);
	return 0;
}

static int
run(struct cli *c)
{
	struct cli_store s;
	int r = check_options();

	if (r == 0 && c->argc > 0)
		return cli_fail("takes no arguments");
	if (r == 0)
		r = cli_store_load(c, &s);
	if (r != 0)
		return r;
	now = time(NULL);
	if (s.n > 0)
		qsort(s.v, s.n, sizeof(*s.v), find_column(o.sort)->compare);
	if (strcmp(o.order, "desc") == 0) {
		for (size_t i = 0; i < s.n / 2; i++) {
			struct cli_stored t = s.v[i];

			s.v[i] = s.v[s.n - 1 - i];
			s.v[s.n - 1 - i] = t;
		}
	}
	return o.format ? print_json(&s) : print_table(&s);
}

const struct cli_command cli_cmd_image_list = {
	.parent = "image",
	.name = "list",
	.summary = "list the images in the store",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.run = run,
};
