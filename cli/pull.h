#pragma once
/*
 * From an image string to an image in the store: look, fetch, have it
 * admitted.  The launcher admits; what is said here of signatures is its word.
 */
#include "cli/store.h"

enum cli_policy { CLI_PULL_NEW, CLI_PULL_NEVER, CLI_PULL_UPDATE };
cli_setter cli_set_pull_policy; /* enum cli_policy */

struct cli_pull {
	const char *argument;
	const char *signature; /* --signature, or NULL */
	enum cli_policy policy;
	bool refuse_ids; /* fetch takes no image IDs */
	bool only_names; /* a manifest says it: never a path or URL */
	const struct cli_app_name *dependency; /* it is this one, which is not
						  in the store */
};

/* The image, as the store now records it.  0 or CLI_FAILED (said). */
int cli_pull(struct cli *c, const struct cli_pull *p, struct cli_stored *ret);
