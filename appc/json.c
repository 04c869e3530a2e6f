/*
 * Hostile JSON against tables.  Runs in the unpack worker and the conductor,
 * never as root.  jansson does the parsing; what it leaves open is closed
 * here: size, depth, character classes, bounds of every array.
 */
#include "appc/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/name.h"

struct ac_chunk {
	struct ac_chunk *next;
	max_align_t bytes[];
};

void *
ac_alloc(struct ac_arena *a, size_t n)
{
	struct ac_chunk *c = calloc(1, sizeof(*c) + n);

	if (!c)
		return NULL;
	c->next = a->chunks;
	a->chunks = c;
	return c->bytes;
}

void
ac_arena_free(struct ac_arena *a)
{
	while (a->chunks) {
		struct ac_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	json_decref(a->json);
	a->json = NULL;
}

int
ac_fail(struct ac_in *in, const char *text)
{
	if (!text)
		return -ENOMEM;
	(void)snprintf(in->error, AC_ERROR, "%s%s%s", in->path,
	    in->at > 0 ? ": " : "", text);
	/* HOSTILE: keys of maps may stand in the path. */
	for (char *p = in->error; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return -EINVAL;
}

size_t
ac_enter(struct ac_in *in, const char *name, size_t index)
{
	size_t was = in->at;
	size_t left = sizeof(in->path) - was;
	int n = name ?
	    snprintf(in->path + was, left, "%s%s", was ? "." : "", name) :
	    snprintf(in->path + was, left, "[%zu]", index);

	if (n > 0)
		in->at += (size_t)n < left ? (size_t)n : left - 1;
	return was;
}

void
ac_leave(struct ac_in *in, size_t at)
{
	in->at = at;
	in->path[at] = '\0';
}

/* Nesting without recursion: strings are skipped, brackets counted. */
static bool
is_shallow(const char *text, size_t n)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > AC_MAX_DEPTH)
				return false;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

int
ac_load(struct ac_in *in, const char *text, size_t n, size_t max)
{
	json_error_t e;
	char line[AC_ERROR];

	if (n > max)
		return ac_fail(in, "too large");
	if (!is_shallow(text, n))
		return ac_fail(in, "nested too deeply");
	in->arena->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
	if (in->arena->json)
		return 0;
	if (json_error_code(&e) == json_error_out_of_memory)
		return -ENOMEM;
	(void)snprintf(line, sizeof(line), "not JSON: line %d: %s", e.line,
	    e.text);
	return ac_fail(in, line);
}

int
ac_object(struct ac_in *in, json_t *v, const struct ac_field *f, void *out)
{
	if (!json_is_object(v))
		return ac_fail(in, "must be an object");
	for (; f->name; f++) {
		json_t *member = json_object_get(v, f->name);
		size_t at = ac_enter(in, f->name, 0);
		int r = 0;

		if (member && !json_is_null(member))
			r = f->get(in, member, (char *)out + f->offset);
		else if (f->flags & AC_REQUIRED)
			r = ac_fail(in, "missing");
		if (r < 0)
			return r;
		ac_leave(in, at);
	}
	return 0;
}

int
ac_array(struct ac_in *in, json_t *v, const struct ac_items *what,
    void *ret_items, size_t *ret_n)
{
	size_t n = json_array_size(v);
	char *items;

	if (!json_is_array(v))
		return ac_fail(in, "must be a list");
	if (n > what->max)
		return ac_fail(in, "too many items");
	items = ac_alloc(in->arena, n * what->size);
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t at = ac_enter(in, NULL, i);
		int r = what->get(in, json_array_get(v, i),
		    items + i * what->size);

		if (r < 0)
			return r;
		ac_leave(in, at);
	}
	memcpy(ret_items, &items, sizeof(items));
	*ret_n = n;
	return 0;
}

int
ac_text(struct ac_in *in, json_t *v, const struct ac_class *c,
    const char **ret)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	char why[128];

	if (!s)
		return ac_fail(in, "must be a string");
	if (n > c->max)
		return ac_fail(in, "too long");
	if (strlen(s) != n || !c->is(s, n)) {
		(void)snprintf(why, sizeof(why), "must be %s",
		    c->want ? c->want : "text without a NUL");
		return ac_fail(in, why);
	}
	*ret = s;
	return 0;
}

int
ac_integer(struct ac_in *in, json_t *v, int64_t least, int64_t most,
    int64_t *ret)
{
	if (!json_is_integer(v))
		return ac_fail(in, "must be an integer");
	if (json_integer_value(v) < least || json_integer_value(v) > most)
		return ac_fail(in, "out of range");
	*ret = json_integer_value(v);
	return 0;
}

void
ac_seed(size_t seed)
{
	json_object_seed(seed);
}
