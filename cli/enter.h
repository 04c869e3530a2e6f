#pragma once
/*
 * `rkt enter` and `rkt app exec`: one way.  Conductor, user rkt; input: the
 * operator's words, and pod manifests, which are not trusted.
 */
#include "appc/pod.h"
#include "cli/cli.h"

extern const struct cli_flag cli_enter_flags[];

/* Flags, then UUID, then a command whose words are its own. */
int cli_enter_prepare(struct cli *c);
/* The app of m that is meant: asked, or the only one where that is NULL.  0 or
 * CLI_FAILED (said, with the names of those there are). */
int cli_choose_app(const struct cli *c, const struct ac_pod *m,
    const char *asked, const char **ret);
/* Asks the launcher: 0 or CLI_FAILED (said). */
int cli_enter_run(struct cli *c);
