#pragma once
/*
 * The one file that a command writes.  Under the launcher root makes it, where
 * the operator named it, and takes it away again if the command fails; without
 * one the caller does.
 */
#include "cli/cli.h"

/* prepare(): without a launcher the file is opened now, before the sandbox
 * closes; "-" is standard output, and no terminal.  0 or CLI_FAILED (said). */
int cli_output_prepare(struct cli *c, const char *path, bool overwrite);
/* run(), once it is known what to write: the descriptor, of an empty file;
 * -1: said. */
int cli_output_open(struct cli *c, const char *path);
/* The exit code, r if it is not 0: what was begun and failed is no file. */
int cli_output_end(struct cli *c, const char *path, int r);
