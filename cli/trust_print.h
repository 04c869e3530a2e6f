#pragma once
/*
 * rkt trust --list.  Callers: the conductor, user rkt.  Prints names of files of
 * root's.
 */
#include "cli/trust_store.h"

/* As a table, or in format ("json", "json-pretty").  0 or CLI_FAILED. */
int cli_trust_print(struct cli *c, const struct cli_trust *t,
    const char *format, bool legend);
