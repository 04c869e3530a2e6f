/*
 * Getters for the value types of the appc schema (identifiers, versions,
 * paths, lists of name and value).  Input: hostile JSON values.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appc/json.h"
#include "privsep/name.h"

#define MAX_VALUE 65535u /* of an annotation */
#define MAX_PAIRS 512u

int
ac_get_acid(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 255, ps_is_acid,
		"of a-z, 0-9 and single - . _ ~ / between them" };

	return ac_text(in, v, &want, out);
}

int
ac_get_acname(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 255, ps_is_acname,
		"of a-z, 0-9 and single dashes between them" };

	return ac_text(in, v, &want, out);
}

static bool
is_print1(const char *s, size_t n)
{
	return n > 0 && ps_is_print(s, n);
}

int
ac_get_print(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 255, is_print1,
		"printable, and not empty" };

	return ac_text(in, v, &want, out);
}

static bool
is_image_id(const char *s, size_t n)
{
	return n == PS_IMAGE_ID_LEN && memcmp(s, "sha512-", 7) == 0 &&
	    ps_is_hex(s + 7, n - 7);
}

int
ac_get_image_id(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { PS_IMAGE_ID_LEN, is_image_id,
		"sha512- and 128 hex digits" };

	return ac_text(in, v, &want, out);
}

int
ac_get_bool(struct ac_in *in, json_t *v, void *out)
{
	if (!json_is_boolean(v))
		return ac_fail(in, "must be true or false");
	*(bool *)out = json_is_true(v);
	return 0;
}

/* N.N.N, then anything of [0-9A-Za-z.+-] behind a '-' or '+'. */
static bool
is_semver(const char *s, size_t n)
{
	size_t i = 0;

	for (unsigned part = 0; part < 3; part++) {
		size_t start = i;

		while (i < n && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == start || (s[start] == '0' && i > start + 1))
			return false;
		if (part < 2 && (i >= n || s[i++] != '.'))
			return false;
	}
	if (i < n && s[i] != '-' && s[i] != '+')
		return false;
	return strspn(s + i, "0123456789.+-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz") == n - i;
}

int
ac_get_version(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 63, is_semver,
		"a version, as 0.8.11" };

	return ac_text(in, v, &want, out);
}

static bool
is_absolute(const char *s, size_t n)
{
	return n > 0 && s[0] == '/' && ps_is_path(s, n);
}

/* "//a/./b/" becomes "/a/b"; ".." is refused. */
static int
get_path(struct ac_in *in, json_t *v, size_t max, void *out)
{
	const char *s;
	char *clean;
	size_t at = 0;
	const struct ac_class absolute = { max, is_absolute,
		"an absolute path" };
	int r = ac_text(in, v, &absolute, &s);

	if (r < 0)
		return r;
	clean = ac_alloc(in->arena, strlen(s) + 2);
	if (!clean)
		return -ENOMEM;
	while (*s != '\0') {
		size_t n = strcspn(s, "/");

		if (n == 2 && memcmp(s, "..", 2) == 0)
			return ac_fail(in, "must not contain \"..\"");
		if (n > 0 && !(n == 1 && *s == '.')) {
			clean[at++] = '/';
			memcpy(clean + at, s, n);
			at += n;
		}
		s += n + (s[n] == '/');
	}
	if (at == 0)
		clean[0] = '/';
	*(const char **)out = clean;
	return 0;
}

int
ac_get_path(struct ac_in *in, json_t *v, void *out)
{
	return get_path(in, v, 1023, out);
}

int
ac_get_source(struct ac_in *in, json_t *v, void *out)
{
	return get_path(in, v, 4095, out);
}

static int
get_value(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { MAX_VALUE, ps_is_arg, NULL };

	return ac_text(in, v, &want, out);
}

static int
get_pair(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acid, offsetof(struct ac_pair, name),
		    AC_REQUIRED },
		{ "value", get_value, offsetof(struct ac_pair, value),
		    AC_REQUIRED },
		{ NULL, NULL, 0, 0 },
	};

	return ac_object(in, v, fields, out);
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct ac_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
get_sorted(struct ac_in *in, json_t *v, size_t max, struct ac_pairs *ret)
{
	const struct ac_items what = { max, sizeof(struct ac_pair), get_pair };
	int r = ac_array(in, v, &what, &ret->v, &ret->n);

	if (r < 0)
		return r;
	qsort(ret->v, ret->n, sizeof(ret->v[0]), compare_pairs);
	for (size_t i = 1; i < ret->n; i++)
		if (strcmp(ret->v[i - 1].name, ret->v[i].name) == 0)
			return ac_fail(in, "a name stands there twice");
	return 0;
}

int
ac_get_labels(struct ac_in *in, json_t *v, void *out)
{
	struct ac_pairs *labels = out;
	int r = get_sorted(in, v, AC_MAX_LABELS, labels);

	for (size_t i = 0; r == 0 && i < labels->n; i++) {
		const struct ac_pair *p = &labels->v[i];
		size_t n = strlen(p->value);

		if (strcmp(p->name, "name") == 0)
			return ac_fail(in, "a label must not be called name");
		if (!ps_is_print(p->value, n))
			return ac_fail(in, "a value is not printable");
		if (strlen(p->name) + 1 + n > AC_MAX_LABEL)
			return ac_fail(in, "a label is too long");
	}
	return r;
}

int
ac_get_annotations(struct ac_in *in, json_t *v, void *out)
{
	static const char *const links[] = { "homepage", "documentation" };
	struct ac_pairs *pairs = out;
	int r = get_sorted(in, v, MAX_PAIRS, pairs);

	for (size_t i = 0; r == 0 && i < 2; i++) {
		const char *url = ac_find(pairs, links[i]);

		if (url && strncmp(url, "http://", 7) != 0 &&
		    strncmp(url, "https://", 8) != 0)
			return ac_fail(in, "a link is not http or https");
	}
	return r;
}

int
ac_get_map(struct ac_in *in, json_t *v, void *out)
{
	struct ac_pairs *pairs = out;
	const char *key;
	json_t *value;
	size_t n = json_object_size(v);

	if (!json_is_object(v))
		return ac_fail(in, "must be an object");
	if (n > MAX_PAIRS)
		return ac_fail(in, "too many items");
	pairs->v = ac_alloc(in->arena, n * sizeof(pairs->v[0]));
	if (!pairs->v)
		return -ENOMEM;
	json_object_foreach (v, key, value) {
		struct ac_pair *p = &pairs->v[pairs->n];
		int r;

		if (!ps_is_print(key, strlen(key)) || strlen(key) > 255)
			return ac_fail(in, "a name is not valid");
		r = get_value(in, value, &p->value);
		if (r < 0)
			return r;
		p->name = key;
		pairs->n++;
	}
	return 0;
}

const char *
ac_find(const struct ac_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (strcmp(pairs->v[i].name, name) == 0)
			return pairs->v[i].value;
	return NULL;
}
