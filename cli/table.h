#pragma once
/*
 * Columns aligned by elastic tabs, as Go's tabwriter does with minimal width
 * 0, tab width 8, padding 1.  Cells are kept elsewhere; control characters in
 * them come out as '?'.
 */
#include <stdio.h>

#include "cli/mem.h"

#define CLI_MAX_COLUMNS 10

struct cli_table {
	size_t columns;
	struct cli_list cells;
};

void cli_table_add(struct cli_table *t, const char *cell);
void cli_table_print(const struct cli_table *t, FILE *out);
