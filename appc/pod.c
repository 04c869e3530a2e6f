/*
 * Reading a pod manifest.  Runs in the conductor, never as root.  Input: what
 * an operator wrote, or what lies in a pod directory, which is taken to be as
 * hostile as an image.
 */
#include "appc/pod.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appc/json.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

#define AT(type, member) offsetof(struct type, member)
#define END_ROW { NULL, NULL, 0, 0 }

static bool
is_kind(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "PodManifest") == 0;
}

static int
get_kind(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 32, is_kind, "PodManifest" };
	const char *kind;

	(void)out;
	return ac_text(in, v, &want, &kind);
}

static int
get_version(struct ac_in *in, json_t *v, void *out)
{
	const char *version;

	(void)out;
	return ac_get_version(in, v, &version);
}

static int
get_image(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acid, AT(ac_pod_app, image_name), 0 },
		{ "id", ac_get_image_id, AT(ac_pod_app, image_id), 0 },
		{ "labels", ac_get_labels, AT(ac_pod_app, image_labels), 0 },
		END_ROW,
	};
	struct ac_pod_app *app = out;
	int r = ac_object(in, v, fields, out);

	if (r == 0 && app->image_id == NULL && app->image_name == NULL)
		return ac_fail(in, "has neither id nor name");
	return r;
}

static int
get_app(struct ac_in *in, json_t *v, void *out)
{
	struct ac_pod_app *app = out;

	app->has_app = true;
	return ac_get_app(in, v, &app->app);
}

static int
get_pod_app(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acname, AT(ac_pod_app, name), AC_REQUIRED },
		{ "image", get_image, 0, AC_REQUIRED },
		{ "app", get_app, 0, 0 },
		{ "readOnlyRootFS", ac_get_bool,
		    AT(ac_pod_app, readonly_rootfs), 0 },
		{ "mounts", ac_get_mounts, 0, 0 },
		{ "annotations", ac_get_annotations,
		    AT(ac_pod_app, annotations), 0 },
		END_ROW,
	};

	return ac_object(in, v, fields, out);
}

static int
get_apps(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { AC_MAX_POD_APPS,
		sizeof(struct ac_pod_app), get_pod_app };
	struct ac_pod *pod = out;
	int r = ac_array(in, v, &what, &pod->apps, &pod->n_apps);

	for (size_t i = 0; r == 0 && i < pod->n_apps; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(pod->apps[i].name, pod->apps[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
	return r;
}

static const struct ac_field pod_fields[] = {
	{ "acKind", get_kind, 0, AC_REQUIRED },
	{ "acVersion", get_version, 0, AC_REQUIRED },
	{ "apps", get_apps, 0, AC_REQUIRED },
	{ "volumes", ac_get_volumes, 0, 0 },
	{ "isolators", ac_get_isolators, AT(ac_pod, isolators), 0 },
	{ "ports", ac_get_pod_ports, 0, 0 },
	{ "annotations", ac_get_annotations, AT(ac_pod, annotations), 0 },
	{ "userAnnotations", ac_get_map, AT(ac_pod, user_annotations), 0 },
	{ "userLabels", ac_get_map, AT(ac_pod, user_labels), 0 },
	END_ROW,
};

static void
free_pod(struct ac_pod **pod)
{
	ac_pod_free(*pod);
}

int
ac_pod_parse(const char *text, size_t n, struct ac_pod **ret, char *error)
{
	_cleanup_(free_pod) struct ac_pod *pod = calloc(1, sizeof(*pod));
	struct ac_in in = { .error = error };
	int r;

	error[0] = '\0';
	if (!pod)
		return -ENOMEM;
	in.arena = pod->arena = calloc(1, sizeof(*pod->arena));
	if (!in.arena)
		return -ENOMEM;
	r = ac_load(&in, text, n, PS_MAX_MANIFEST);
	if (r == 0)
		r = ac_object(&in, in.arena->json, pod_fields, pod);
	if (r < 0)
		return r;
	*ret = take_ptr(pod);
	return 0;
}

void
ac_pod_free(struct ac_pod *pod)
{
	if (!pod)
		return;
	if (pod->arena)
		ac_arena_free(pod->arena);
	free(pod->arena);
	free(pod);
}

int
ac_pretty(const char *text, size_t n, char **ret, char *error)
{
	struct ac_arena arena = { 0 };
	struct ac_in in = { .arena = &arena, .error = error };
	char *out;
	int r;

	error[0] = '\0';
	r = ac_load(&in, text, n, PS_MAX_MANIFEST);
	if (r < 0)
		return r;
	out = json_dumps(arena.json, JSON_INDENT(2));
	ac_arena_free(&arena);
	if (!out)
		return -ENOMEM;
	*ret = out;
	return 0;
}
