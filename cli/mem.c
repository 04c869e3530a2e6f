/*
 * Memory of the conductor, user rkt: see mem.h.  Lengths come from callers
 * that have bounded them.
 */
#include "cli/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/log.h"

union block {
	union block *next;
	max_align_t align;
};

static union block *blocks;

void *
cli_alloc(size_t n)
{
	union block *b = NULL;

	if (n < (size_t)1 << 30)
		b = calloc(1, sizeof(*b) + n);
	if (b == NULL)
		ps_die(254, "out of memory");
	b->next = blocks;
	blocks = b;
	return b + 1;
}

char *
cli_copy_n(const char *s, size_t n)
{
	char *p = cli_alloc(n + 1);

	memcpy(p, s, n);
	return p;
}

char *
cli_copy(const char *s)
{
	return cli_copy_n(s, strlen(s));
}

char *
cli_format(const char *format, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		ps_die(254, "cannot format a message");
	p = cli_alloc((size_t)n + 1);
	va_start(ap, format);
	(void)vsnprintf(p, (size_t)n + 1, format, ap);
	va_end(ap);
	return p;
}

void *
cli_mark(void)
{
	return blocks;
}

void
cli_release(void *mark)
{
	while (blocks != NULL && blocks != mark) {
		union block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
}

void
cli_list_add(struct cli_list *l, const char *s)
{
	if (l->n == l->room) {
		size_t room = l->room > 0 ? 2 * l->room : 8;
		const char **v = cli_alloc(room * sizeof(*v));

		for (size_t i = 0; i < l->n; i++)
			v[i] = l->v[i];
		l->v = v;
		l->room = room;
	}
	l->v[l->n++] = s;
}
