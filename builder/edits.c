/*
 * Commands that change the manifest alone.  Run as whoever builds, over
 * arguments whose form has been checked (words.c); what they make of the
 * manifest is judged as a whole when it is saved.
 */
#include <stdio.h>
#include <string.h>

#include "appc/image.h"
#include "builder/commands.h"
#include "builder/manifest.h"
#include "privsep/limits.h"
#include "privsep/name.h"

static int
done(int r)
{
	return r < 0 ? bd_fail_error(r, "cannot change the manifest") : 0;
}

/* A removal, of what is called by that word. */
static int
removed(int r, const struct bd_call *c, const char *where)
{
	if (r == -ENOENT)
		return bd_fail("%s: the image has none called \"%s\": "
			       "rkt-build cat-manifest shows %s",
		    c->command->words, c->v[0], where);
	return done(r);
}

static json_t *
pair(const char *name, const char *value)
{
	return json_pack("{s:s, s:s}", "name", name, "value", value);
}

int
bd_set_name_act(struct bd_build *b, const struct bd_call *c)
{
	return done(bd_set_text(b->manifest, "name", c->v[0]));
}

static int
set_app(struct bd_build *b, const char *key, const char *value)
{
	return done(bd_set_text(bd_app(b->manifest), key, value));
}

int
bd_set_user(struct bd_build *b, const struct bd_call *c)
{
	return set_app(b, "user", c->v[0]);
}

int
bd_set_group(struct bd_build *b, const struct bd_call *c)
{
	return set_app(b, "group", c->v[0]);
}

int
bd_set_working_dir(struct bd_build *b, const struct bd_call *c)
{
	return set_app(b, "workingDirectory", c->v[0]);
}

int
bd_set_groups(struct bd_build *b, const struct bd_call *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		uint64_t id;

		if (!ps_parse_u64(c->v[i], UINT32_MAX - 1, &id)) {
			json_decref(list);
			return bd_fail("%s: \"%s\" is not a group's number",
			    c->command->words, c->v[i]);
		}
		(void)json_array_append_new(list, json_integer((json_int_t)id));
	}
	return done(json_object_set_new(bd_app(b->manifest),
			"supplementaryGIDs", list) < 0 ? -ENOMEM : 0);
}

int
bd_set_exec(struct bd_build *b, const struct bd_call *c)
{
	return done(bd_set_words(bd_app(b->manifest), "exec", c->v, c->n));
}

int
bd_set_event(struct bd_build *b, const struct bd_call *c)
{
	json_t *event = json_pack("{s:s}", "name", c->v[0]);
	int r = bd_set_words(event, "exec", c->v + 1, c->n - 1);

	if (r < 0)
		json_decref(event);
	else
		r = bd_put(bd_app(b->manifest), "eventHandlers", "name", event);
	return done(r);
}

int
bd_label_add(struct bd_build *b, const struct bd_call *c)
{
	return done(bd_put(b->manifest, "labels", "name",
	    pair(c->v[0], c->v[1])));
}

int
bd_label_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(bd_drop(b->manifest, "labels", "name", c->v[0]), c,
	    "its labels");
}

int
bd_environment_add(struct bd_build *b, const struct bd_call *c)
{
	return done(bd_put(bd_app(b->manifest), "environment", "name",
	    pair(c->v[0], c->v[1])));
}

int
bd_environment_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(bd_drop(json_object_get(b->manifest, "app"),
			   "environment", "name", c->v[0]), c,
	    "its environment");
}

int
bd_annotation_add(struct bd_build *b, const struct bd_call *c)
{
	return done(bd_put(b->manifest, "annotations", "name",
	    pair(c->v[0], c->v[1])));
}

int
bd_annotation_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(bd_drop(b->manifest, "annotations", "name", c->v[0]), c,
	    "its annotations");
}

int
bd_isolator_add(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_free_ char *text = NULL;
	json_error_t e;
	json_t *value;
	size_t n;

	if (bd_read_file(c->v[1], PS_MAX_MANIFEST, true, &text, &n) < 0)
		return -1;
	value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
	    &e);
	if (!value)
		return bd_fail("isolator add: %s is not JSON: line %d: %s",
		    c->v[1], e.line, e.text);
	return done(bd_put(bd_app(b->manifest), "isolators", "name",
	    json_pack("{s:s, s:o}", "name", c->v[0], "value", value)));
}

int
bd_isolator_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(bd_drop(json_object_get(b->manifest, "app"),
			   "isolators", "name", c->v[0]), c, "its isolators");
}

int
bd_mount_add(struct bd_build *b, const struct bd_call *c)
{
	json_t *mount = json_pack("{s:s, s:s}", "name", c->v[0], "path",
	    c->v[1]);

	if (mount && c->o.read_only)
		(void)json_object_set_new(mount, "readOnly", json_true());
	return done(bd_put(bd_app(b->manifest), "mountPoints", "name", mount));
}

/* By its name, or by the other thing that tells it. */
static int
drop_either(struct bd_build *b, const struct bd_call *c, const char *list,
    const char *other)
{
	json_t *app = json_object_get(b->manifest, "app");
	int r = bd_drop(app, list, "name", c->v[0]);

	return r == -ENOENT ? bd_drop(app, list, other, c->v[0]) : r;
}

int
bd_mount_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(drop_either(b, c, "mountPoints", "path"), c,
	    "its mountPoints");
}

int
bd_port_add(struct bd_build *b, const struct bd_call *c)
{
	uint64_t number = 0;
	json_t *port;

	(void)ps_parse_u64(c->v[2], 65535, &number);
	port = json_pack("{s:s, s:s, s:I}", "name", c->v[0], "protocol",
	    c->v[1], "port", (json_int_t)number);
	if (port && c->o.count > 0)
		(void)json_object_set_new(port, "count",
		    json_integer((json_int_t)c->o.count));
	if (port && c->o.socket_activated)
		(void)json_object_set_new(port, "socketActivated",
		    json_true());
	return done(bd_put(bd_app(b->manifest), "ports", "name", port));
}

int
bd_port_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(drop_either(b, c, "ports", "port"), c, "its ports");
}

static int
add_labels(json_t *dependency, const struct bd_call *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->o.n_labels; i++) {
		const char *label = c->o.labels[i];
		size_t n = strcspn(label, "=");
		_cleanup_free_ char *name = strndup(label, n);

		r = name ? bd_put(dependency, "labels", "name",
			       pair(name, label + n + 1)) :
			   -ENOMEM;
	}
	return r;
}

int
bd_dependency_add(struct bd_build *b, const struct bd_call *c)
{
	json_t *dependency = json_pack("{s:s}", "imageName", c->v[0]);
	int r = dependency ? 0 : -ENOMEM;

	if (r == 0 && c->o.image_id)
		r = bd_set_text(dependency, "imageID", c->o.image_id);
	if (r == 0)
		r = add_labels(dependency, c);
	if (r == 0 && c->o.size > 0 &&
	    json_object_set_new(dependency, "size",
		json_integer((json_int_t)c->o.size)) < 0)
		r = -ENOMEM;
	if (r < 0)
		json_decref(dependency);
	else
		r = bd_put(b->manifest, "dependencies", "imageName",
		    dependency);
	return done(r);
}

int
bd_dependency_remove(struct bd_build *b, const struct bd_call *c)
{
	return removed(bd_drop(b->manifest, "dependencies", "imageName",
			   c->v[0]), c, "its dependencies");
}

int
bd_replace_manifest(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_free_ char *text = NULL;
	char error[AC_ERROR];
	json_t *m;
	size_t n;
	int r;

	if (bd_read_file(c->v[0], PS_MAX_MANIFEST, true, &text, &n) < 0)
		return -1;
	r = bd_manifest_parse(text, n, &m, error);
	if (r < 0)
		return bd_fail("replace-manifest: %s: %s", c->v[0], error);
	json_decref(b->manifest);
	b->manifest = m;
	return 0;
}

int
bd_cat_manifest(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_free_ char *text = json_dumps(b->manifest,
	    c->o.pretty ? JSON_INDENT(4) : JSON_COMPACT);

	if (!text)
		return bd_fail("out of memory");
	return puts(text) < 0 || fflush(stdout) != 0 ?
	    bd_fail_error(errno, "cannot print the manifest") :
	    0;
}
