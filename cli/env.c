/*
 * Environments of apps, conductor, user rkt.  Input: the image's words, the
 * operator's, the caller's.
 */
#include "cli/env.h"

#include <string.h>

#include "privsep/name.h"

static size_t
find(const struct cli_env *e, const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < e->list.n; i++)
		if (strncmp(e->list.v[i], text, n) == 0 && e->list.v[i][n] == '=')
			return i;
	return e->list.n;
}

void
cli_env_set(struct cli_env *e, const char *text)
{
	size_t i = find(e, text);

	if (i < e->list.n)
		e->list.v[i] = text;
	else
		cli_list_add(&e->list, text);
}

void
cli_env_add(struct cli_env *e, const char *text)
{
	if (find(e, text) == e->list.n)
		cli_list_add(&e->list, text);
}

const char *
cli_env_once(struct cli_env *e, const char *text)
{
	if (!ps_is_env(text, strlen(text)))
		return cli_format("\"%s\" is not NAME=VALUE", text);
	if (find(e, text) < e->list.n)
		return cli_format("environment variable \"%.*s\" is set twice",
		    (int)strcspn(text, "="), text);
	cli_list_add(&e->list, text);
	return NULL;
}

void
cli_env_merge(struct cli_env *e, const struct cli_env *over)
{
	for (size_t i = 0; i < over->list.n; i++)
		cli_env_set(e, over->list.v[i]);
}

const char *
cli_env_get(const struct cli_env *e, const char *name)
{
	size_t i = find(e, name);

	return i < e->list.n ? strchr(e->list.v[i], '=') + 1 : NULL;
}

const char *
cli_env_parse(struct cli_env *e, char *text, size_t n)
{
	char *end = text + n, *line = text;
	unsigned number = 0;

	while (line < end) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *wrong;

		if (stop == NULL)
			stop = end;
		*stop = '\0';
		number++;
		if (memchr(line, '\0', (size_t)(stop - line)))
			return cli_format("line %u holds a NUL", number);
		if (stop > line && stop[-1] == '\r')
			stop[-1] = '\0';
		if (line[strspn(line, " \t")] != '\0' && *line != '#' &&
		    *line != ';') {
			wrong = cli_env_once(e, line);
			if (wrong)
				return cli_format("line %u: %s", number, wrong);
		}
		line = stop + 1;
	}
	return NULL;
}

void
cli_env_base(struct cli_env *e, const char *app)
{
	static const char *const base[] = {
		("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
		 "/bin"),
		"SHELL=/bin/sh", "USER=root", "LOGNAME=root", "HOME=/root",
		"container=rkt"
	};

	for (size_t i = 0; i < PS_COUNT(base); i++)
		cli_env_set(e, base[i]);
	cli_env_set(e, cli_format("AC_APP_NAME=%s", app));
}
