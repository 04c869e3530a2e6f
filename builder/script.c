/*
 * Scripts: a command a line, in acbuild's words without its name.  Runs as
 * whoever builds.  No shell reads them: nothing is expanded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder/commands.h"

#define MAX_SCRIPT 1048576u
#define MAX_WORDS 512u

struct line {
	const char *path;
	unsigned number;
	size_t n; /* words, the program's name first */
	char *words[MAX_WORDS + 1];
};

/* One word at *p, unquoted in its place; *p is what follows.  The rules are
 * the shell's: '...' as it stands, "..." with \ before " and \, \ elsewhere. */
static bool
take_word(char **p, char **ret)
{
	char *from = *p, *to = *p, quote = '\0';

	*ret = to;
	for (; *from != '\0'; from++) {
		if (quote == '\0' && (*from == ' ' || *from == '\t'))
			break;
		if (*from == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*from == '"' || *from == '\'')) {
			quote = *from;
		} else {
			if (*from == '\\' && quote != '\'' && from[1] != '\0' &&
			    (quote == '\0' || from[1] == '"' || from[1] == '\\'))
				from++;
			*to++ = *from;
		}
	}
	*p = from + (*from != '\0');
	*to = '\0';
	return quote == '\0';
}

static int
run_line(struct line *l, char *text, const struct bd_call *c)
{
	char name[] = "rkt-build";

	l->words[0] = name;
	l->n = 1;
	for (;;) {
		text += strspn(text, " \t\r");
		if (*text == '\0' || (l->n == 1 && *text == '#'))
			break;
		if (l->n == MAX_WORDS)
			return bd_fail("%s:%u: too many words", l->path,
			    l->number);
		if (!take_word(&text, &l->words[l->n++]))
			return bd_fail("%s:%u: a quote is not closed", l->path,
			    l->number);
	}
	l->words[l->n] = NULL;
	if (l->n == 1)
		return 0;
	if (bd_one((int)l->n, l->words, &c->o) == 0)
		return 0;
	return bd_fail("%s:%u: the script ends here", l->path, l->number);
}

int
bd_script(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_free_ struct line *l = calloc(1, sizeof(*l));
	_cleanup_free_ char *text = NULL;
	char *next;
	size_t n;
	int r = 0;

	(void)b;
	if (!l)
		return bd_fail("out of memory");
	if (bd_read_file(c->v[0], MAX_SCRIPT, true, &text, &n) < 0)
		return -1;
	l->path = c->v[0];
	if (strlen(text) != n)
		return bd_fail("%s is not a text", l->path);
	for (char *p = text; r == 0 && p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		l->number++;
		r = run_line(l, p, c);
	}
	return r;
}
