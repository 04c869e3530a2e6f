/*
 * A manifest under change.  Runs as whoever builds.  HOSTILE: the manifest of
 * an image that the build began from, and one that replaces it; both come
 * through ac_image_parse before anything else looks at them.
 */
#include "builder/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "appc/image.h"
#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/name.h"

#define NOTE "coreos.com/acbuild/command-"
#define MAX_NOTES 400u
#define MAX_NOTE 4096u

static const char *
machine(void)
{
	static const struct {
		const char *kernel, *appc;
	} rows[] = {
		{ "x86_64", "amd64" }, { "i686", "i386" }, { "i386", "i386" },
		{ "aarch64", "aarch64" }, { "armv6l", "armv6l" },
		{ "armv7l", "armv7l" }, { "ppc64", "ppc64" },
		{ "ppc64le", "ppc64le" }, { "s390x", "s390x" },
	};
	struct utsname u;

	for (size_t i = 0; uname(&u) == 0 && i < PS_COUNT(rows); i++)
		if (strcmp(u.machine, rows[i].kernel) == 0)
			return rows[i].appc;
	return "amd64";
}

json_t *
bd_manifest_new(void)
{
	return json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}]}",
	    "acKind", "ImageManifest", "acVersion", "0.8.11", "name",
	    BD_UNNAMED, "labels", "name", "arch", "value", machine(), "name",
	    "os", "value", "linux");
}

int
bd_manifest_parse(const char *text, size_t n, json_t **ret, char *error)
{
	struct ac_image *image = NULL;
	int r = ac_image_parse(text, n, &image, error);
	json_t *m;

	if (r < 0)
		return r;
	ac_image_free(image);
	m = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!m)
		return -ENOMEM;
	*ret = m;
	return 0;
}

int
bd_manifest_text(const json_t *m, char **ret, char *error)
{
	_cleanup_free_ char *text = json_dumps(m, JSON_COMPACT);
	struct ac_image *image = NULL;
	int r;

	error[0] = '\0';
	if (!text)
		return -ENOMEM;
	r = ac_image_parse(text, strlen(text), &image, error);
	if (r < 0)
		return r;
	ac_image_free(image);
	*ret = take_ptr(text);
	return 0;
}

/* A string, or a number as its digits. */
static bool
is_value(const json_t *v, const char *value)
{
	char text[32];

	if (json_is_string(v))
		return strcmp(json_string_value(v), value) == 0;
	if (!json_is_integer(v))
		return false;
	(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
	    json_integer_value(v));
	return strcmp(text, value) == 0;
}

static size_t
find(const json_t *list, const char *key, const char *value)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++)
		if (is_value(json_object_get(json_array_get(list, i), key),
			value))
			return i;
	return n;
}

int
bd_put(json_t *object, const char *list, const char *key, json_t *item)
{
	json_t *there = json_object_get(object, list);
	const char *value = json_string_value(json_object_get(item, key));
	size_t at;

	if (!json_is_array(there)) {
		there = json_array();
		if (json_object_set_new(object, list, there) < 0) {
			json_decref(item);
			return -ENOMEM;
		}
	}
	if (!value) {
		json_decref(item);
		return -ENOMEM;
	}
	at = find(there, key, value);
	if (at < json_array_size(there))
		return json_array_set_new(there, at, item) < 0 ? -ENOMEM : 0;
	return json_array_append_new(there, item) < 0 ? -ENOMEM : 0;
}

int
bd_drop(json_t *object, const char *list, const char *key, const char *value)
{
	json_t *there = json_object_get(object, list);
	size_t at = find(there, key, value);

	if (at == json_array_size(there))
		return -ENOENT;
	(void)json_array_remove(there, at);
	if (json_array_size(there) == 0)
		(void)json_object_del(object, list);
	return 0;
}

json_t *
bd_app(json_t *m)
{
	json_t *app = json_object_get(m, "app");

	if (json_is_object(app))
		return app;
	app = json_pack("{s:[], s:s, s:s}", "exec", "user", "0", "group", "0");
	return json_object_set_new(m, "app", app) < 0 ? NULL : app;
}

int
bd_set_text(json_t *object, const char *key, const char *value)
{
	return json_object_set_new(object, key, json_string(value)) < 0 ?
	    -ENOMEM : 0;
}

int
bd_set_words(json_t *object, const char *key, const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(v[i])) < 0) {
			json_decref(list);
			return -ENOMEM;
		}
	return json_object_set_new(object, key, list) < 0 ? -ENOMEM : 0;
}

/* Words in quotes, as a shell would not mind them. */
static void
quote(FILE *f, const char *s)
{
	(void)fputs(" \"", f);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)fputc('\\', f);
		if (*s == '\n')
			(void)fputs("\\n", f);
		else
			(void)fputc(*s, f);
	}
	(void)fputc('"', f);
}

static uint64_t
last_note(const json_t *list)
{
	uint64_t last = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(
		    json_object_get(json_array_get(list, i), "name"));
		uint64_t n;

		if (name && strncmp(name, NOTE, strlen(NOTE)) == 0 &&
		    ps_parse_u64(name + strlen(NOTE), UINT32_MAX, &n) &&
		    n > last)
			last = n;
	}
	return last;
}

int
bd_note(json_t *m, const char *command, const char *const *v, size_t n)
{
	const json_t *list = json_object_get(m, "annotations");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	char name[64];
	FILE *f;

	/* A history is no reason for a manifest that nobody can read. */
	if (json_array_size(list) >= MAX_NOTES)
		return 0;
	f = open_memstream(&text, &size);
	if (!f)
		return -ENOMEM;
	(void)fprintf(f, "acbuild %s", command);
	for (size_t i = 0; i < n; i++)
		quote(f, v[i]);
	if (fclose(f) != 0)
		return -ENOMEM;
	if (size > MAX_NOTE || !ps_is_print(text, size))
		return 0;
	(void)snprintf(name, sizeof(name), NOTE "%" PRIu64,
	    last_note(list) + 1);
	return bd_put(m, "annotations", "name",
	    json_pack("{s:s, s:s}", "name", name, "value", text));
}
