/*
 * Image records: a table of fields, read and written by it.  Pure.
 */
#include "privsep/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/kv.h"
#include "privsep/name.h"

enum kind { DIGEST, TEXT, LIST, NUMBER };

static const struct field {
	const char *key;
	enum kind kind;
	size_t at, count_at;
	uint64_t most; /* rows of a LIST, or the greatest NUMBER */
	bool (*is)(const char *s, size_t n);
	bool may; /* be missing; 0 then, and not written */
} fields[] = {
#define AT(m) offsetof(struct ps_record, m)
	{ "image", DIGEST, AT(image), 0, 0, NULL, false },
	{ "raw", DIGEST, AT(raw), 0, 0, NULL, false },
	{ "tree", DIGEST, AT(tree), 0, 0, NULL, false },
	{ "name", TEXT, AT(name), 0, 0, ps_is_acid, false },
	{ "origin", TEXT, AT(origin), 0, 0, ps_is_print, false },
	{ "label", LIST, AT(label), AT(n_label), PS_MAX_LABELS, ps_is_print, true },
	{ "signer", LIST, AT(signer), AT(n_signer), PS_MAX_SIGNERS, ps_is_hex, true },
	{ "signed-at", NUMBER, AT(signed_at), 0, UINT64_MAX, NULL, false },
	{ "imported-at", NUMBER, AT(imported_at), 0, UINT64_MAX, NULL, false },
	{ "raw-size", NUMBER, AT(raw_size), 0, UINT64_MAX, NULL, false },
	{ "tar-size", NUMBER, AT(tar_size), 0, UINT64_MAX, NULL, false },
	{ "tree-size", NUMBER, AT(tree_size), 0, UINT64_MAX, NULL, false },
	{ "entries", NUMBER, AT(entries), 0, UINT32_MAX, NULL, false },
	{ "dependency", LIST, AT(dependency), AT(n_dependency), PS_MAX_LAYERS,
	    ps_is_print, true },
	{ "whitelist", NUMBER, AT(whitelist), 0, UINT32_MAX, NULL, true },
	{ "implicit", NUMBER, AT(implicit), 0, UINT32_MAX, NULL, true },
	{ "etag", LIST, AT(etag), AT(n_etag), 1, ps_is_print, true },
	{ "max-age", NUMBER, AT(max_age), 0, UINT64_MAX, NULL, true },
};

static void *
member(void *record, size_t at)
{
	return (char *)record + at;
}

static bool
put_field(const struct field *f, const char *value, struct ps_record *r)
{
	if (f->is && !f->is(value, strlen(value)))
		return false;
	switch (f->kind) {
	case DIGEST:
		return ps_parse_image_id(value, member(r, f->at));
	case TEXT:
		*(const char **)member(r, f->at) = value;
		return true;
	case LIST: {
		uint16_t *count = member(r, f->count_at);

		if (*count >= f->most)
			return false;
		((const char **)member(r, f->at))[(*count)++] = value;
		return true;
	}
	case NUMBER:
		return ps_parse_u64(value, f->most, member(r, f->at));
	default:
		return false;
	}
}

int
ps_record_parse(char *text, size_t n, struct ps_record *ret)
{
	struct ps_record record = { 0 };
	unsigned seen = 0;
	const char *key, *value;
	struct ps_kv kv;
	int r;

	ps_kv_begin(&kv, text, n);
	while ((r = ps_kv_next(&kv, &key, &value)) > 0) {
		size_t i = 0;

		while (i < PS_COUNT(fields) && strcmp(fields[i].key, key) != 0)
			i++;
		if (i == PS_COUNT(fields))
			return -EBADMSG;
		if ((seen & 1u << i) != 0 && fields[i].kind != LIST)
			return -EBADMSG;
		seen |= 1u << i;
		if (!put_field(&fields[i], value, &record))
			return -EBADMSG;
	}
	for (size_t i = 0; i < PS_COUNT(fields); i++)
		if (!fields[i].may && (seen & 1u << i) == 0)
			return -EBADMSG;
	if (r < 0)
		return r;
	*ret = record;
	return 0;
}

struct out {
	char *p;
	size_t size, at;
};

static void _printf_(2, 3)
add(struct out *o, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(o->p + o->at, o->size - o->at, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->size - o->at)
		o->at = o->size - 1; /* full: seen at the end */
	else
		o->at += (size_t)n;
}

int
ps_record_format(const struct ps_record *record, char *ret, size_t size)
{
	struct ps_record copy = *record;
	struct out o = { .p = ret, .size = size };
	char id[PS_IMAGE_ID_LEN + 1];

	if (size < 2)
		return -EMSGSIZE;
	for (const struct field *f = fields; f < fields + PS_COUNT(fields); f++) {
		void *p = member(&copy, f->at);

		if (f->kind == DIGEST) {
			ps_image_id(p, id);
			add(&o, "%s %s\n", f->key, id);
		} else if (f->kind == TEXT) {
			add(&o, "%s %s\n", f->key, *(const char **)p);
		} else if (f->kind == NUMBER) {
			if (f->may && *(uint64_t *)p == 0)
				continue;
			add(&o, "%s %llu\n", f->key,
			    (unsigned long long)*(uint64_t *)p);
		} else {
			uint16_t n = *(uint16_t *)member(&copy, f->count_at);

			for (uint16_t i = 0; i < n; i++)
				add(&o, "%s %s\n", f->key, ((const char **)p)[i]);
		}
	}
	return o.at >= size - 1 ? -EMSGSIZE : (int)o.at;
}
