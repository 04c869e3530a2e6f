/*
 * Filling in URL templates.  Runs in the fetcher; the template is hostile,
 * a web page said it.  One pass: a value that looks like a variable stays text.
 */
#include "fetcher/template.h"

#include <errno.h>
#include <string.h>

const char *
ft_label(const struct ft_query *q, const char *name, size_t n)
{
	const char *value = NULL;

	for (size_t i = 0; i < q->n_labels && value == NULL; i++)
		if (strncmp(q->labels[i], name, n) == 0 &&
		    q->labels[i][n] == '=')
			value = q->labels[i] + n + 1;
	if (n == 7 && memcmp(name, "version", 7) == 0 &&
	    (value == NULL || value[0] == '\0'))
		return "latest";
	return value;
}

/* name and ext are reserved: labels of these names are not asked for. */
static const char *
value_of(const struct ft_query *q, const char *ext, const char *name, size_t n)
{
	if (n == 4 && memcmp(name, "name", 4) == 0)
		return q->name;
	if (n == 3 && memcmp(name, "ext", 3) == 0)
		return ext;
	if (n == 0 || memchr(name, '=', n))
		return NULL;
	return ft_label(q, name, n);
}

int
ft_expand(const char *template, const struct ft_query *q, const char *ext,
    char *ret, size_t size)
{
	size_t at = 0;

	while (*template != '\0') {
		const char *piece = template;
		size_t n = strcspn(template, "{");

		template += n;
		if (n == 0) {
			size_t name = strcspn(template, "}");

			if (template[name] == '\0')
				return -ENOENT;
			piece = value_of(q, ext, template + 1, name - 1);
			if (piece == NULL)
				return -ENOENT;
			n = strlen(piece);
			template += name + 1;
		}
		if (n >= size - at)
			return -EMSGSIZE;
		memcpy(ret + at, piece, n);
		at += n;
	}
	if (at >= size)
		return -EMSGSIZE;
	ret[at] = '\0';
	return 0;
}
