/*
 * The table of commands, and finding one by what the operator typed.
 * Conductor, user rkt.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"

static const struct cli_command *const commands[] = {
	&cli_cmd_app_add,
	&cli_cmd_app_exec,
	&cli_cmd_app_list,
	&cli_cmd_app_rm,
	&cli_cmd_app_sandbox,
	&cli_cmd_app_start,
	&cli_cmd_app_status,
	&cli_cmd_app_stop,
	&cli_cmd_attach,
	&cli_cmd_cat_manifest,
	&cli_cmd_completion,
	&cli_cmd_config,
	&cli_cmd_enter,
	&cli_cmd_export,
	&cli_cmd_fetch,
	&cli_cmd_gc,
	&cli_cmd_help,
	&cli_cmd_image_cat_manifest,
	&cli_cmd_image_export,
	&cli_cmd_image_extract,
	&cli_cmd_image_gc,
	&cli_cmd_image_list,
	&cli_cmd_image_render,
	&cli_cmd_image_rm,
	&cli_cmd_image_verify,
	&cli_cmd_list,
	&cli_cmd_logs,
	&cli_cmd_policy_lint,
	&cli_cmd_prepare,
	&cli_cmd_rm,
	&cli_cmd_run,
	&cli_cmd_run_prepared,
	&cli_cmd_status,
	&cli_cmd_stop,
	&cli_cmd_trust,
	&cli_cmd_version,
};

const struct cli_command *
cli_command_at(size_t i)
{
	return i < PS_COUNT(commands) ? commands[i] : NULL;
}

const char *
cli_full_name(const struct cli_command *command)
{
	if (command->parent == NULL)
		return command->name;
	return cli_format("%s %s", command->parent, command->name);
}

/* What the word under parent may be: the name of a command, or of a group. */
static const char *
word_of(const struct cli_command *command, const char *parent)
{
	if (parent == NULL)
		return command->parent ? command->parent : command->name;
	if (command->parent && strcmp(command->parent, parent) == 0)
		return command->name;
	return NULL;
}

/* Commands of rkt's that there are not yet. */
static bool
is_planned(const char *typed, const char *parent)
{
	static const char *const words[] = { "api-service",
		"metadata-service" };
	const char *name = parent ? cli_format("%s %s", parent, typed) : typed;

	for (size_t i = 0; i < PS_COUNT(words); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

/* The one word that begins with what was typed. */
static const char *
match(const char *typed, const char *parent, const struct cli_command **ret)
{
	const char *found = NULL, *also = NULL;
	size_t n = strlen(typed);

	for (size_t i = 0; i < PS_COUNT(commands); i++) {
		const char *word = word_of(commands[i], parent);
		bool exact;

		if (word == NULL || n == 0 || strncmp(word, typed, n) != 0)
			continue;
		exact = word[n] == '\0';
		if (found && strcmp(found, word) == 0)
			continue;
		if (found && !exact && also == NULL)
			also = word;
		if (found == NULL || exact) {
			found = word;
			*ret = commands[i];
		}
		if (exact) {
			also = NULL;
			break;
		}
	}
	if (found == NULL && is_planned(typed, parent))
		return cli_format("command \"%s\" is not supported yet", typed);
	if (found == NULL)
		return cli_format("unknown command \"%s\" (see rkt help)", typed);
	if (also)
		return cli_format("ambiguous command \"%s\": %s or %s", typed,
		    found, also);
	return NULL;
}

const char *
cli_find_command(char **words, int *at, const struct cli_flagset *globals,
    const struct cli_command **ret, const char **ret_parent)
{
	const struct cli_command *found = NULL;
	const char *wrong, *parent = NULL;

	for (;;) {
		wrong = cli_parse_flags(globals, 1, words, at);
		if (wrong)
			return wrong;
		if (words[*at] == NULL) {
			*ret_parent = parent;
			*ret = NULL;
			return NULL;
		}
		wrong = match(words[*at], parent, &found);
		if (wrong)
			return wrong;
		++*at;
		if (parent || found->parent == NULL)
			break;
		parent = found->parent;
	}
	*ret = found;
	return NULL;
}
