/*
 * Tables on the terminal, conductor, user rkt.  A cell may quote an image's or
 * a pod's words.
 */
#include "cli/table.h"

#include <string.h>

#define TAB 8u

static size_t
width_of(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void
cli_table_add(struct cli_table *t, const char *cell)
{
	char *safe = cli_copy(cell);

	for (char *p = safe; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	cli_list_add(&t->cells, safe);
}

/* The last column is not padded. */
static void
measure(const struct cli_table *t, size_t *widths)
{
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = (width_of(t->cells.v[i]) + 1 + TAB - 1) / TAB * TAB;

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
}

void
cli_table_print(const struct cli_table *t, FILE *out)
{
	size_t widths[CLI_MAX_COLUMNS] = { 0 };

	if (t->columns == 0 || t->columns > CLI_MAX_COLUMNS)
		return;
	measure(t, widths);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t column = i % t->columns, w = width_of(t->cells.v[i]);

		(void)fputs(t->cells.v[i], out);
		if (column + 1 == t->columns) {
			(void)fputc('\n', out);
			continue;
		}
		for (; w < widths[column]; w += TAB - w % TAB)
			(void)fputc('\t', out);
	}
}
