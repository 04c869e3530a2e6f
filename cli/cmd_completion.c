/*
 * rkt completion bash: a script for the shell, made from the table of commands.
 * Conductor, user rkt, or any caller; reads nothing.  HOSTILE: what the script
 * meets later, for names of images are a stranger's words: it takes only those
 * that mean nothing to a shell.
 */
#include <string.h>

#include "cli/commands.h"

/* Words that may be completed by asking rkt, by what usage lines call them. */
static const struct {
	const char *argument, *call;
} sources[] = { { "UUID", "uuids" }, { "IMAGE", "images" } };

static const char head[] =
    "# bash completion of rkt: eval \"$(rkt completion bash)\"\n"
    "_rkt_uuids()\n"
    "{\n"
    "\t\"${COMP_WORDS[0]}\" list --full --no-legend 2>/dev/null |\n"
    "\t\tgrep -oE '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'\n"
    "}\n"
    "_rkt_images()\n"
    "{\n"
    "\t\"${COMP_WORDS[0]}\" image list --fields=name --no-legend 2>/dev/null |\n"
    "\t\tgrep -xE '[a-z0-9._~/-]+(:[A-Za-z0-9._-]+)?'\n"
    "}\n"
    "_rkt()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd= flags= words= was= i\n"
    "\n"
    "\tCOMPREPLY=()\n"
    "\t[[ $cur == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]] && return\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tcase $was:${COMP_WORDS[i]} in\n"
    "\t\t=:*) ;;\n"
    "\t\t*:= | *:-*) ;;\n";

static const char tail[] =
    "\tesac\n"
    "\t[[ $cur == -* ]] && words=$flags\n"
    "\t[[ $words == :* ]] && words=$(_rkt_\"${words#:}\")\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "\t[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == --*= ]] &&\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "\t[[ $cur == *:* ]] && type -t __ltrim_colon_completions >/dev/null &&\n"
    "\t\t__ltrim_colon_completions \"$cur\"\n"
    "\treturn 0\n"
    "}\n"
    "complete -o default -F _rkt rkt\n";

/* Is it the first row of its group? */
static bool
begins_group(size_t row)
{
	const char *parent = cli_command_at(row)->parent;

	for (size_t i = 0; i < row; i++)
		if (cli_command_at(i)->parent &&
		    strcmp(cli_command_at(i)->parent, parent) == 0)
			return false;
	return true;
}

/* "image | policy": the words behind which another one names the command. */
static void
print_groups(void)
{
	const char *between = "";

	for (size_t i = 0; cli_command_at(i); i++) {
		if (!cli_command_at(i)->parent || !begins_group(i))
			continue;
		(void)printf("%s%s", between, cli_command_at(i)->parent);
		between = " | ";
	}
}

/* " | --dir": whose value may be the next word. */
static void
print_valued(const struct cli_flag *f)
{
	const char *between = "";

	for (; f->name; f++) {
		if (f->bare)
			continue;
		(void)printf("%s--%s:*", between, f->name);
		between = " | ";
	}
}

static void
print_flags(const struct cli_flag *f)
{
	for (; f && f->name; f++)
		if (f->help)
			(void)printf(" --%s%s", f->name, f->bare ? "" : "=");
}

static void
print_words(const char *parent)
{
	(void)printf("\t'%s') words='", parent ? parent : "");
	for (size_t i = 0; cli_command_at(i); i++) {
		const struct cli_command *c = cli_command_at(i);
		const char *word = c->name;

		if (parent && (!c->parent || strcmp(c->parent, parent) != 0))
			continue;
		if (!parent && c->parent && !begins_group(i))
			continue;
		if (!parent && c->parent)
			word = c->parent;
		(void)printf(" %s", word);
	}
	(void)printf("' ;;\n");
}

static void
print_command(const struct cli_command *c)
{
	(void)printf("\t'%s')\n\t\tflags+='", cli_full_name(c));
	print_flags(c->flags);
	print_flags(c->more_flags);
	(void)printf("'\n");
	for (size_t i = 0; i < PS_COUNT(sources); i++)
		if (c->arguments && strstr(c->arguments, sources[i].argument))
			(void)printf("\t\twords=:%s\n", sources[i].call);
	if (c == &cli_cmd_completion)
		(void)printf("\t\twords=%s\n", c->arguments);
	(void)printf("\t\t;;\n");
}

static int
run(struct cli *c)
{
	if (c->argc != 1 || strcmp(c->argv[0], "bash") != 0)
		return cli_fail("takes one argument, the shell: bash");
	(void)fputs(head, stdout);
	(void)printf("\t\t");
	print_valued(cli_global_flags);
	(void)printf(") ;;\n\t\t*)\n\t\t\tcase $cmd in\n"
		     "\t\t\t'') cmd=${COMP_WORDS[i]} ;;\n\t\t\t");
	print_groups();
	(void)printf(") cmd+=\" ${COMP_WORDS[i]}\" ;;\n\t\t\tesac ;;\n\t\tesac\n"
		     "\t\twas=${COMP_WORDS[i]}\n\tdone\n\tflags='");
	print_flags(cli_global_flags);
	(void)printf("'\n\tcase $cmd in\n");
	print_words(NULL);
	for (size_t i = 0; cli_command_at(i); i++) {
		if (cli_command_at(i)->parent && begins_group(i))
			print_words(cli_command_at(i)->parent);
		print_command(cli_command_at(i));
	}
	(void)fputs(tail, stdout);
	return 0;
}

const struct cli_command cli_cmd_completion = {
	.name = "completion",
	.arguments = "bash",
	.summary = "print a completion script for a shell",
	.needs = CLI_ALONE | CLI_NO_DATA,
	.run = run,
};
