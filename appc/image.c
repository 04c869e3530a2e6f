/*
 * ImageManifest and its app section.  Input: hostile JSON, of an image whose
 * signature was good or that came unsigned; the tables below are the format.
 */
#include "appc/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appc/json.h"
#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/name.h"

#define AT(type, member) offsetof(struct type, member)
#define END_ROW { NULL, NULL, 0, 0 }

static int
get_arg(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { AC_MAX_ARG, ps_is_arg, NULL };

	return ac_text(in, v, &want, out);
}

static int
get_args(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { AC_MAX_ARGS, sizeof(char *),
		get_arg };
	struct ac_strs *s = out;

	return ac_array(in, v, &what, &s->v, &s->n);
}

static int
get_paths(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 65536, sizeof(char *),
		ac_get_path };
	struct ac_strs *s = out;

	return ac_array(in, v, &what, &s->v, &s->n);
}

static int
get_working_dir(struct ac_in *in, json_t *v, void *out)
{
	if (json_string_length(v) == 0 && json_is_string(v))
		return 0;
	return ac_get_path(in, v, out);
}

static int
get_gid(struct ac_in *in, json_t *v, void *out)
{
	int64_t id;
	int r = ac_integer(in, v, 0, UINT32_MAX - 1, &id);

	if (r == 0)
		*(uint32_t *)out = (uint32_t)id;
	return r;
}

static int
get_gids(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 64, sizeof(uint32_t), get_gid };
	struct ac_app *app = out;

	return ac_array(in, v, &what, &app->gids, &app->n_gids);
}

static bool
is_env_name(const char *s, size_t n)
{
	char text[256];

	if (n > sizeof(text) - 2)
		return false;
	(void)snprintf(text, sizeof(text), "%s=", s);
	return ps_is_env(text, n + 1) && memchr(s, '=', n) == NULL;
}

static int
get_env_name(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 253, is_env_name,
		"the name of a variable" };

	return ac_text(in, v, &want, out);
}

static int
get_env(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", get_env_name, AT(ac_pair, name), AC_REQUIRED },
		{ "value", get_arg, AT(ac_pair, value), AC_REQUIRED },
		END_ROW,
	};
	struct ac_pair *p = out;
	int r = ac_object(in, v, fields, p);

	if (r == 0 && strlen(p->name) + 1 + strlen(p->value) > AC_MAX_ARG)
		return ac_fail(in, "too long");
	return r;
}

static int
get_environment(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { AC_MAX_ARGS,
		sizeof(struct ac_pair), get_env };
	struct ac_pairs *env = out;
	int r = ac_array(in, v, &what, &env->v, &env->n);

	for (size_t i = 0; r == 0 && i < env->n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(env->v[i].name, env->v[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
	return r;
}

static bool
is_event(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "pre-start") == 0 || strcmp(s, "post-stop") == 0;
}

static int
get_event_name(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 16, is_event,
		"pre-start or post-stop" };

	return ac_text(in, v, &want, out);
}

static int
get_event(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", get_event_name, AT(ac_event, name), AC_REQUIRED },
		{ "exec", get_args, AT(ac_event, exec), AC_REQUIRED },
		END_ROW,
	};
	struct ac_event *e = out;
	int r = ac_object(in, v, fields, e);

	if (r == 0 && e->exec.n == 0)
		return ac_fail(in, "exec must not be empty");
	return r;
}

static int
get_events(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 2, sizeof(struct ac_event),
		get_event };
	struct ac_app *app = out;
	int r = ac_array(in, v, &what, &app->events, &app->n_events);

	if (r == 0 && app->n_events == 2 &&
	    strcmp(app->events[0].name, app->events[1].name) == 0)
		return ac_fail(in, "a name stands there twice");
	return r;
}

static int
get_mount_point(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acname, AT(ac_mount_point, name),
		    AC_REQUIRED },
		{ "path", ac_get_path, AT(ac_mount_point, path), AC_REQUIRED },
		{ "readOnly", ac_get_bool, AT(ac_mount_point, read_only), 0 },
		END_ROW,
	};

	return ac_object(in, v, fields, out);
}

static int
get_mount_points(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 256,
		sizeof(struct ac_mount_point), get_mount_point };
	struct ac_app *app = out;
	int r = ac_array(in, v, &what, &app->mount_points,
	    &app->n_mount_points);

	for (size_t i = 0; r == 0 && i < app->n_mount_points; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(app->mount_points[i].name,
				app->mount_points[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
	return r;
}

static int
get_port_number(struct ac_in *in, json_t *v, void *out)
{
	int64_t n;
	int r = ac_integer(in, v, 1, 65535, &n);

	if (r == 0)
		*(uint16_t *)out = (uint16_t)n;
	return r;
}

static int
get_count(struct ac_in *in, json_t *v, void *out)
{
	int64_t n;
	int r = ac_integer(in, v, 1, 65535, &n);

	if (r == 0)
		*(uint32_t *)out = (uint32_t)n;
	return r;
}

static int
get_port(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acname, AT(ac_port, name), AC_REQUIRED },
		{ "protocol", ac_get_acname, AT(ac_port, protocol),
		    AC_REQUIRED },
		{ "port", get_port_number, AT(ac_port, port), AC_REQUIRED },
		{ "count", get_count, AT(ac_port, count), 0 },
		{ "socketActivated", ac_get_bool, AT(ac_port, socket_activated),
		    0 },
		END_ROW,
	};
	struct ac_port *p = out;
	int r;

	p->count = 1;
	r = ac_object(in, v, fields, p);
	if (r == 0 && p->port + p->count > 65536)
		return ac_fail(in, "ends beyond port 65535");
	return r;
}

static int
get_ports(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 256, sizeof(struct ac_port),
		get_port };
	struct ac_app *app = out;
	int r = ac_array(in, v, &what, &app->ports, &app->n_ports);

	for (size_t i = 0; r == 0 && i < app->n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(app->ports[i].name, app->ports[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
	return r;
}

int
ac_get_app(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "exec", get_args, AT(ac_app, exec), 0 },
		{ "user", ac_get_print, AT(ac_app, user), AC_REQUIRED },
		{ "group", ac_get_print, AT(ac_app, group), AC_REQUIRED },
		{ "supplementaryGIDs", get_gids, 0, 0 },
		{ "workingDirectory", get_working_dir, AT(ac_app, working_dir),
		    0 },
		{ "environment", get_environment, AT(ac_app, environment), 0 },
		{ "eventHandlers", get_events, 0, 0 },
		{ "mountPoints", get_mount_points, 0, 0 },
		{ "ports", get_ports, 0, 0 },
		{ "isolators", ac_get_isolators, AT(ac_app, isolators), 0 },
		{ "userAnnotations", ac_get_map, AT(ac_app, user_annotations),
		    0 },
		{ "userLabels", ac_get_map, AT(ac_app, user_labels), 0 },
		END_ROW,
	};

	return ac_object(in, v, fields, out);
}

static int
get_size(struct ac_in *in, json_t *v, void *out)
{
	int64_t n;
	int r = ac_integer(in, v, 0, INT64_MAX, &n);

	if (r == 0)
		*(uint64_t *)out = (uint64_t)n;
	return r;
}

static int
get_dependency(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "imageName", ac_get_acid, AT(ac_dependency, image_name),
		    AC_REQUIRED },
		{ "imageID", ac_get_image_id, AT(ac_dependency, image_id), 0 },
		{ "labels", ac_get_labels, AT(ac_dependency, labels), 0 },
		{ "size", get_size, AT(ac_dependency, size), 0 },
		END_ROW,
	};

	return ac_object(in, v, fields, out);
}

static int
get_dependencies(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 64,
		sizeof(struct ac_dependency), get_dependency };
	struct ac_image *image = out;

	return ac_array(in, v, &what, &image->dependencies,
	    &image->n_dependencies);
}

static int
get_image_app(struct ac_in *in, json_t *v, void *out)
{
	struct ac_image *image = out;

	image->has_app = true;
	return ac_get_app(in, v, &image->app);
}

static bool
is_kind(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "ImageManifest") == 0;
}

static int
get_kind(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 32, is_kind, "ImageManifest" };
	const char *kind;

	(void)out;
	return ac_text(in, v, &want, &kind);
}

static const struct ac_field image_fields[] = {
	{ "acKind", get_kind, 0, AC_REQUIRED },
	{ "acVersion", ac_get_version, AT(ac_image, version), AC_REQUIRED },
	{ "name", ac_get_acid, AT(ac_image, name), AC_REQUIRED },
	{ "labels", ac_get_labels, AT(ac_image, labels), 0 },
	{ "app", get_image_app, 0, 0 },
	{ "dependencies", get_dependencies, 0, 0 },
	{ "pathWhitelist", get_paths, AT(ac_image, path_whitelist), 0 },
	{ "annotations", ac_get_annotations, AT(ac_image, annotations), 0 },
	END_ROW,
};

static void
free_image(struct ac_image **image)
{
	ac_image_free(*image);
}

int
ac_image_parse(const char *text, size_t n, struct ac_image **ret, char *error)
{
	_cleanup_(free_image) struct ac_image *image =
	    calloc(1, sizeof(*image));
	struct ac_in in = { .error = error };
	int r;

	error[0] = '\0';
	if (!image)
		return -ENOMEM;
	in.arena = image->arena = calloc(1, sizeof(*image->arena));
	if (!in.arena)
		return -ENOMEM;
	r = ac_load(&in, text, n, PS_MAX_MANIFEST);
	if (r == 0)
		r = ac_object(&in, in.arena->json, image_fields, image);
	if (r < 0)
		return r;
	*ret = take_ptr(image);
	return 0;
}

void
ac_image_free(struct ac_image *image)
{
	if (!image)
		return;
	if (image->arena)
		ac_arena_free(image->arena);
	free(image->arena);
	free(image);
}
