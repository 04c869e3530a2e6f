#pragma once
/* Environments: lists of NAME=VALUE, later ones over earlier ones.  Pure. */
#include "cli/mem.h"

struct cli_env {
	struct cli_list list;
};

/* Sets or replaces.  text is NAME=VALUE, kept by the caller. */
void cli_env_set(struct cli_env *e, const char *text);
/* Only if NAME is not there. */
void cli_env_add(struct cli_env *e, const char *text);
/* NULL, or what is wrong: not NAME=VALUE, or NAME is there already. */
const char *cli_env_once(struct cli_env *e, const char *text);
void cli_env_merge(struct cli_env *e, const struct cli_env *over);
/* The value, or NULL. */
const char *cli_env_get(const struct cli_env *e, const char *name);
/* Lines NAME=VALUE; '#' and ';' begin comments.  text is split in place.
 * NULL, or what is wrong. */
const char *cli_env_parse(struct cli_env *e, char *text, size_t n);
/* What every app starts from. */
void cli_env_base(struct cli_env *e, const char *app);
