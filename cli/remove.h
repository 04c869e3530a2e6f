#pragma once
/* Removing pods: by the launcher, who proves that they may be removed. */
#include "cli/cli.h"

/* Asks the launcher to mark a pod as garbage, or to delete a marked one.
 * 0 or CLI_FAILED (said). */
int cli_remove_pod(struct cli *c, const char *uuid, bool delete);
