/*
 * rkt help, and the texts of --help: all made from the tables.  Conductor, user
 * rkt; reads nothing.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/table.h"

static void
print_flags(const char *title, const struct cli_flag *f, FILE *out)
{
	struct cli_table t = { .columns = 2 };

	for (; f && f->name; f++) {
		const char *value = f->value ? cli_format("=%s", f->value) : "";

		if (f->help == NULL)
			continue;
		if (f->bare && f->value)
			value = cli_format("[=%s]", f->value);
		cli_table_add(&t, cli_format("      --%s%s", f->name, value));
		cli_table_add(&t, f->initial && strcmp(f->initial, "false") != 0 ?
			cli_format("%s (default %s)", f->help, f->initial) :
			f->help);
	}
	if (t.cells.n == 0)
		return;
	(void)fprintf(out, "\n%s:\n", title);
	cli_table_print(&t, out);
}

/* Commands under parent; NULL: all. */
static void
print_commands(const char *parent, FILE *out)
{
	struct cli_table t = { .columns = 2 };
	const struct cli_command *c;

	for (size_t i = 0; (c = cli_command_at(i)) != NULL; i++) {
		if (parent && (!c->parent || strcmp(c->parent, parent) != 0))
			continue;
		cli_table_add(&t, cli_format("  %s", cli_full_name(c)));
		cli_table_add(&t, c->summary);
	}
	(void)fputs("\nCommands:\n", out);
	cli_table_print(&t, out);
}

void
cli_print_usage(FILE *out)
{
	(void)fputs("rkt: run pods of app containers; root touches nothing that "
		    "a stranger wrote\n\nUsage:\n  rkt [flags] COMMAND "
		    "[arguments]\n",
	    out);
	print_commands(NULL, out);
	print_flags("Global flags", cli_global_flags, out);
	(void)fputs("\nrkt COMMAND --help, or rkt-COMMAND(1), says more.\n", out);
}

void
cli_print_parent_usage(const char *parent, FILE *out)
{
	(void)fprintf(out, "Usage:\n  rkt %s COMMAND [arguments]\n", parent);
	print_commands(parent, out);
	print_flags("Global flags", cli_global_flags, out);
}

void
cli_print_help(const struct cli_command *c, FILE *out)
{
	(void)fprintf(out, "rkt %s: %s\n\nUsage:\n  rkt %s [flags]%s%s\n",
	    cli_full_name(c), c->summary, cli_full_name(c),
	    c->arguments ? " " : "", c->arguments ? c->arguments : "");
	print_flags("Flags", c->flags, out);
	print_flags("Flags of the image before them", c->more_flags, out);
	print_flags("Global flags", cli_global_flags, out);
}

static int
run(struct cli *c)
{
	struct cli_globals unused = { 0 };
	struct cli_flagset globals = { .flags = cli_global_flags,
		.options = &unused };
	const struct cli_command *about = NULL;
	const char *parent = NULL, *wrong;
	int at = 0;

	wrong = cli_find_command(c->argv, &at, &globals, &about, &parent);
	if (wrong)
		return cli_fail("%s", wrong);
	if (about)
		cli_print_help(about, stdout);
	else if (parent)
		cli_print_parent_usage(parent, stdout);
	else
		cli_print_usage(stdout);
	return 0;
}

const struct cli_command cli_cmd_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "explain rkt, or one command",
	.needs = CLI_ALONE | CLI_NO_DATA,
	.run = run,
};
