/* "key value" lines.  Pure; linked into root, which reads only files that
 * root owns with it. */
#include "privsep/kv.h"

#include <errno.h>
#include <string.h>

#include "privsep/name.h"

void
ps_kv_begin(struct ps_kv *kv, char *text, size_t n)
{
	*kv = (struct ps_kv){ .next = text, .end = text + n };
}

static size_t
key_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

int
ps_kv_next(struct ps_kv *kv, const char **ret_key, const char **ret_value)
{
	while (kv->next < kv->end) {
		char *line = kv->next;
		char *stop = memchr(line, '\n', (size_t)(kv->end - line));
		size_t key, gap, n;

		kv->line++;
		if (stop == NULL || memchr(line, '\0', (size_t)(stop - line)))
			return -EBADMSG;
		*stop = '\0';
		kv->next = stop + 1;
		n = (size_t)(stop - line);
		if (n == 0 || line[0] == '#')
			continue;
		key = key_length(line);
		gap = strspn(line + key, " \t");
		if (key == 0 || gap == 0 || key + gap == n || stop[-1] == ' ' ||
		    stop[-1] == '\t' ||
		    !ps_is_print(line + key + gap, n - key - gap))
			return -EBADMSG;
		line[key] = '\0';
		*ret_key = line;
		*ret_value = line + key + gap;
		return 1;
	}
	return 0;
}
