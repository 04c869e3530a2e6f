#pragma once
/*
 * Memory that lives as long as the command.  The conductor runs one command
 * and exits, so what parsing and planning build is kept on one list and never
 * freed piecemeal.  No call returns NULL: without memory the program dies.
 */
#include <stddef.h>

#include "privsep/attr.h"

void *cli_alloc(size_t n); /* zeroed */
char *cli_copy(const char *s);
char *cli_copy_n(const char *s, size_t n);
char *cli_format(const char *format, ...) _printf_(1, 2);

/* For what is drawn again and again: frees all that came behind the mark. */
void *cli_mark(void);
void cli_release(void *mark);

/* A growing list of strings that are kept elsewhere. */
struct cli_list {
	const char **v;
	size_t n, room;
};

void cli_list_add(struct cli_list *l, const char *s);
