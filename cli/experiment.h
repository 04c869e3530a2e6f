#pragma once
/* Commands of rkt's that are experiments: RKT_EXPERIMENT_NAME, of the caller's
 * environment, turns them on.  Conductor, user rkt. */

/* name: in capitals.  0, or CLI_FAILED: it is off (said, with the remedy). */
int cli_experiment(const char *name);
/* NULL, or what is to be said. */
const char *cli_experiment_off(const char *name);
