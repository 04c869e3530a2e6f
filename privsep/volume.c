/*
 * Volumes as the operator writes them.  Runs in the conductor; root compares
 * what came of it with the same words (launcher/plan.c).
 */
#include "privsep/volume.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/name.h"

#define BIT(kind) (1u << (kind))
#define ON_HOST BIT(PS_VOLUME_HOST)
#define OWN (BIT(PS_VOLUME_EMPTY) | BIT(PS_VOLUME_TMPFS))
#define MIN_SIZE 4096u
#define MAX_SIZE (1ull << 50)

struct word {
	const char *text;
	uint64_t value;
};

static const struct word booleans[] = {
	{ "true", 1 }, { "false", 0 }, { "1", 1 }, { "0", 0 }, { "t", 1 },
	{ "f", 0 }, { "T", 1 }, { "F", 0 }, { "TRUE", 1 }, { "FALSE", 0 },
	{ "True", 1 }, { "False", 0 }, { 0 }
};

static const struct word kinds[] = { { "host", PS_VOLUME_HOST },
	{ "empty", PS_VOLUME_EMPTY }, { "tmpfs", PS_VOLUME_TMPFS }, { 0 } };

static const struct word idmaps[] = { { "host", PS_IDMAP_HOST },
	{ "pod", PS_IDMAP_POD }, { 0 } };

static bool
find_word(const struct word *words, const char *text, uint8_t *ret)
{
	for (; words->text; words++) {
		if (strcmp(words->text, text) == 0) {
			*ret = (uint8_t)words->value;
			return true;
		}
	}
	return false;
}

int
ps_parse_size(const char *text, uint64_t *ret)
{
	static const struct word units[] = { { "", 1 }, { "k", 1000 },
		{ "M", 1000000 }, { "G", 1000000000 }, { "T", 1000000000000 },
		{ "Ki", 1ull << 10 }, { "Mi", 1ull << 20 },
		{ "Gi", 1ull << 30 }, { "Ti", 1ull << 40 } };
	char digits[24];
	size_t n = 0;
	uint64_t v;

	while (n < sizeof(digits) - 1 && text[n] >= '0' && text[n] <= '9') {
		digits[n] = text[n];
		n++;
	}
	digits[n] = '\0';
	if (!ps_parse_u64(digits, UINT64_MAX, &v))
		return -EINVAL;
	for (size_t i = 0; i < PS_COUNT(units); i++) {
		if (strcmp(text + n, units[i].text) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].value, &v))
			return -EINVAL;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

static const char *
set_kind(struct ps_volume *v, const char *value)
{
	return find_word(kinds, value, &v->kind) ? NULL :
						   "kind is host, empty or tmpfs";
}

/* Slashes that mean nothing go; "." and ".." are not taken. */
static const char *
set_source(struct ps_volume *v, const char *value)
{
	size_t n = 0;

	for (; *value != '\0'; value++) {
		if (*value == '/' && n > 0 && v->source[n - 1] == '/')
			continue;
		if (n == sizeof(v->source) - 1)
			return "source is too long";
		v->source[n++] = *value;
	}
	if (n > 1 && v->source[n - 1] == '/')
		n--;
	v->source[n] = '\0';
	return ps_is_abspath(v->source, n) ?
	    NULL :
	    "source is not an absolute path without \".\" and \"..\"";
}

static const char *
set_readonly(struct ps_volume *v, const char *value)
{
	v->has_readonly = 1;
	return find_word(booleans, value, &v->readonly) ?
	    NULL :
	    "readOnly is true or false";
}

static const char *
set_recursive(struct ps_volume *v, const char *value)
{
	return find_word(booleans, value, &v->recursive) ?
	    NULL :
	    "recursive is true or false";
}

static const char *
set_idmap(struct ps_volume *v, const char *value)
{
	return find_word(idmaps, value, &v->idmap) ? NULL :
						     "idmap is host or pod";
}

static const char *
set_mode(struct ps_volume *v, const char *value)
{
	size_t n = strspn(value, "01234567");

	if (n == 0 || n > 5 || value[n] != '\0')
		return "mode is an octal number up to 7777";
	v->mode = 0;
	for (; *value != '\0'; value++)
		v->mode = v->mode * 8 + (uint32_t)(*value - '0');
	return v->mode <= 07777 ? NULL : "mode is an octal number up to 7777";
}

static const char *
set_uid(struct ps_volume *v, const char *value)
{
	uint64_t id;

	if (!ps_parse_u64(value, PS_RANGE - 1, &id))
		return "uid is a number below 65536";
	v->uid = (uint32_t)id;
	return NULL;
}

static const char *
set_gid(struct ps_volume *v, const char *value)
{
	uint64_t id;

	if (!ps_parse_u64(value, PS_RANGE - 1, &id))
		return "gid is a number below 65536";
	v->gid = (uint32_t)id;
	return NULL;
}

static const char *
set_size(struct ps_volume *v, const char *value)
{
	if (ps_parse_size(value, &v->size) < 0 || v->size < MIN_SIZE ||
	    v->size > MAX_SIZE)
		return "size is a number of bytes such as 64Mi, at least 4Ki";
	return NULL;
}

static const char *
set_target(struct ps_volume *v, const char *value)
{
	size_t n = strlen(value);

	if (!ps_is_abspath(value, n) || n >= sizeof(v->target))
		return "target is not an absolute path without \".\" and \"..\"";
	memcpy(v->target, value, n + 1);
	return NULL;
}

static const struct row {
	const char *key;
	unsigned kinds; /* that know it */
	const char *(*set)(struct ps_volume *v, const char *value);
} rows[] = {
	{ "kind", ON_HOST | OWN, set_kind },
	{ "source", ON_HOST, set_source },
	{ "readOnly", ON_HOST | OWN, set_readonly },
	{ "recursive", ON_HOST, set_recursive },
	{ "idmap", ON_HOST, set_idmap },
	{ "mode", OWN, set_mode },
	{ "uid", OWN, set_uid },
	{ "gid", OWN, set_gid },
	{ "size", BIT(PS_VOLUME_TMPFS), set_size },
	{ "target", ON_HOST | OWN, set_target },
};

/* One KEY=VALUE.  *seen: bits of the rows that were there before. */
static const char *
set_pair(struct ps_volume *v, char *pair, unsigned *seen)
{
	char *eq = strchr(pair, '=');

	if (eq == NULL)
		return "a word behind the name is not KEY=VALUE";
	*eq = '\0';
	for (unsigned i = 0; i < PS_COUNT(rows); i++) {
		if (strcmp(rows[i].key, pair) != 0)
			continue;
		if ((*seen & BIT(i)) != 0)
			return "a key is given twice";
		*seen |= BIT(i);
		return rows[i].set(v, eq + 1);
	}
	return "unknown key: known are kind, source, readOnly, recursive, "
	       "idmap, mode, uid, gid and size";
}

/* What was said together with the kind. */
static const char *
check(const struct ps_volume *v, unsigned seen)
{
	if (v->kind == 0)
		return "kind is missing: host, empty or tmpfs";
	for (unsigned i = 0; i < PS_COUNT(rows); i++)
		if ((seen & BIT(i)) != 0 && (rows[i].kinds & BIT(v->kind)) == 0)
			return "a key is not of this kind: source, recursive "
			       "and idmap are host's, mode, uid and gid those "
			       "of empty and tmpfs, size is tmpfs's";
	if (v->kind == PS_VOLUME_HOST && v->source[0] == '\0')
		return "source is missing: kind=host,source=PATH";
	return NULL;
}

int
ps_volume_parse(const char *text, struct ps_volume *ret,
    const char **ret_wrong)
{
	struct ps_volume v = { .recursive = 1, .mode = 0755 };
	size_t n = strcspn(text, ",");
	const char *wrong = NULL;
	unsigned seen = 0;

	if (n >= sizeof(v.name) || !ps_is_acname(text, n)) {
		*ret_wrong = "the name is not of a-z, 0-9 and single dashes";
		return -EINVAL;
	}
	memcpy(v.name, text, n);
	for (text += n; wrong == NULL && *text == ','; text += n) {
		char pair[sizeof(v.source) + 32];

		n = strcspn(++text, ",");
		if (n >= sizeof(pair)) {
			wrong = "a value is too long";
			break;
		}
		memcpy(pair, text, n);
		pair[n] = '\0';
		wrong = set_pair(&v, pair, &seen);
	}
	if (wrong == NULL)
		wrong = check(&v, seen);
	if (wrong) {
		*ret_wrong = wrong;
		return -EINVAL;
	}
	if (v.kind != PS_VOLUME_HOST)
		v.recursive = 0;
	*ret = v;
	return 0;
}
