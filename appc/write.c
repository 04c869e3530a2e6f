/*
 * Writing a pod manifest.  Runs in the conductor, never as root, over a struct
 * that it has made itself from parsed images and the command line; strings in
 * it may be hostile, JSON quotes them.
 */
#include <cap-ng.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appc/json.h"
#include "appc/pod.h"
#include "privsep/attr.h"

/* jansson's _new calls steal the value and refuse NULL: a failure anywhere
 * shows as -1 from the innermost set. */
static void
free_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(free_json)

static int
set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static int
set_string(json_t *object, const char *key, const char *value)
{
	return value ? set(object, key, json_string(value)) : 0;
}

static int
set_strs(json_t *object, const char *key, const struct ac_strs *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(list, json_string(s->v[i])) < 0) {
			json_decref(list);
			return -1;
		}
	return set(object, key, list);
}

/* Nothing is written for no pairs. */
static int
set_pairs(json_t *object, const char *key, const struct ac_pairs *p)
{
	json_t *list;

	if (p->n == 0)
		return 0;
	list = json_array();
	for (size_t i = 0; i < p->n; i++) {
		json_t *pair = json_pack("{s:s, s:s}", "name", p->v[i].name,
		    "value", p->v[i].value);

		if (json_array_append_new(list, pair) < 0) {
			json_decref(list);
			return -1;
		}
	}
	return set(object, key, list);
}

static int
set_map(json_t *object, const char *key, const struct ac_pairs *p)
{
	json_t *map;

	if (p->n == 0)
		return 0;
	map = json_object();
	for (size_t i = 0; i < p->n; i++)
		if (set_string(map, p->v[i].name, p->v[i].value) < 0) {
			json_decref(map);
			return -1;
		}
	return set(object, key, map);
}

static int
add_isolator(json_t *list, const char *name, json_t *value)
{
	json_t *one = json_object();

	if (set_string(one, "name", name) < 0) {
		json_decref(value);
		json_decref(one);
		return -1;
	}
	if (set(one, "value", value) < 0) {
		json_decref(one);
		return -1;
	}
	return json_array_append_new(list, one);
}

static int
add_resource(json_t *list, const char *name, uint64_t request, uint64_t limit,
    const char *unit)
{
	_cleanup_json_ json_t *value = json_object();
	char text[32];

	if (request == 0 && limit == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%" PRIu64 "%s", request, unit);
	if (request > 0 && set_string(value, "request", text) < 0)
		return -1;
	(void)snprintf(text, sizeof(text), "%" PRIu64 "%s", limit, unit);
	if (limit > 0 && set_string(value, "limit", text) < 0)
		return -1;
	return add_isolator(list, name, json_incref(value));
}

static int
add_block(json_t *list, const char *name, uint64_t request, uint64_t limit)
{
	json_t *one;

	if (request == 0 && limit == 0)
		return 0;
	if (add_resource(list, name, request, limit, "") < 0)
		return -1;
	one = json_array_get(list, json_array_size(list) - 1);
	return set(json_object_get(one, "value"), "default", json_true());
}

static int
add_sysctls(json_t *list, const struct ac_pairs *all)
{
	_cleanup_json_ json_t *value = json_object();

	for (size_t i = 0; i < all->n; i++)
		if (set_string(value, all->v[i].name, all->v[i].value) < 0)
			return -1;
	return all->n == 0 ? 0 : add_isolator(list, "os/unix/sysctl",
		json_incref(value));
}

static int
add_caps(json_t *list, const struct ac_isolators *i)
{
	_cleanup_json_ json_t *value = json_object(), *names = json_array();

	if (i->caps_set == AC_SET_NONE)
		return 0;
	for (unsigned c = 0; c < 64; c++) {
		char name[64] = "CAP_";
		const char *known;

		if (!(i->caps & UINT64_C(1) << c))
			continue;
		known = capng_capability_to_name(c);
		if (!known)
			return -1;
		for (size_t k = 0; known[k] != '\0' && k + 5 < sizeof(name);
		    k++)
			name[4 + k] = known[k] >= 'a' && known[k] <= 'z' ?
			    (char)(known[k] - 'a' + 'A') :
			    known[k];
		if (json_array_append_new(names, json_string(name)) < 0)
			return -1;
	}
	if (json_object_set(value, "set", names) < 0)
		return -1;
	return add_isolator(list,
	    i->caps_set == AC_SET_RETAIN ? "os/linux/capabilities-retain-set" :
					   "os/linux/capabilities-remove-set",
	    json_incref(value));
}

static int
add_seccomp(json_t *list, const struct ac_isolators *i)
{
	_cleanup_json_ json_t *value = json_object();

	if (i->seccomp_set == AC_SET_NONE)
		return 0;
	if (set_strs(value, "set", &i->seccomp) < 0 ||
	    set_string(value, "errno", i->seccomp_errno) < 0)
		return -1;
	return add_isolator(list,
	    i->seccomp_set == AC_SET_RETAIN ? "os/linux/seccomp-retain-set" :
					      "os/linux/seccomp-remove-set",
	    json_incref(value));
}

static int
set_isolators(json_t *object, const struct ac_isolators *i)
{
	_cleanup_json_ json_t *list = json_array();

	if (add_resource(list, "resource/memory", i->memory_request,
		i->memory_limit, "") < 0 ||
	    add_resource(list, "resource/cpu", i->cpu_request, i->cpu_limit,
		"m") < 0 ||
	    add_block(list, "resource/block-bandwidth", i->bandwidth_request,
		i->bandwidth_limit) < 0 ||
	    add_block(list, "resource/block-iops", i->iops_request,
		i->iops_limit) < 0 ||
	    add_sysctls(list, &i->sysctls) < 0 || add_caps(list, i) < 0 ||
	    add_seccomp(list, i) < 0)
		return -1;
	if (i->cpu_shares > 0 &&
	    add_isolator(list, "os/linux/cpu-shares",
		json_integer(i->cpu_shares)) < 0)
		return -1;
	if (i->has_oom &&
	    add_isolator(list, "os/linux/oom-score-adj",
		json_integer(i->oom_score_adj)) < 0)
		return -1;
	if (i->has_no_new_privs &&
	    add_isolator(list, "os/linux/no-new-privileges",
		json_boolean(i->no_new_privs)) < 0)
		return -1;
	return json_array_size(list) > 0 ?
	    json_object_set(object, "isolators", list) :
	    0;
}

static int
set_gids(json_t *object, const struct ac_app *a)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < a->n_gids; i++)
		if (json_array_append_new(list, json_integer(a->gids[i])) < 0)
			return -1;
	if (a->n_gids == 0)
		return 0;
	return json_object_set(object, "supplementaryGIDs", list);
}

static int
set_events(json_t *object, const struct ac_app *a)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < a->n_events; i++) {
		_cleanup_json_ json_t *one = json_object();

		if (set_string(one, "name", a->events[i].name) < 0 ||
		    set_strs(one, "exec", &a->events[i].exec) < 0 ||
		    json_array_append(list, one) < 0)
			return -1;
	}
	if (a->n_events == 0)
		return 0;
	return json_object_set(object, "eventHandlers", list);
}

static int
set_mount_points(json_t *object, const struct ac_app *a)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < a->n_mount_points; i++) {
		const struct ac_mount_point *m = &a->mount_points[i];

		if (json_array_append_new(list,
			json_pack("{s:s, s:s, s:b}", "name", m->name, "path",
			    m->path, "readOnly", (int)m->read_only)) < 0)
			return -1;
	}
	return a->n_mount_points > 0 ?
	    json_object_set(object, "mountPoints", list) :
	    0;
}

static int
set_ports(json_t *object, const struct ac_app *a)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < a->n_ports; i++) {
		const struct ac_port *p = &a->ports[i];

		if (json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:i, s:b}", "name", p->name,
			    "protocol", p->protocol, "port", (int)p->port,
			    "count", (int)p->count, "socketActivated",
			    (int)p->socket_activated)) < 0)
			return -1;
	}
	return a->n_ports > 0 ? json_object_set(object, "ports", list) : 0;
}

static json_t *
write_app(const struct ac_app *a)
{
	_cleanup_json_ json_t *o = json_object();

	if (set_strs(o, "exec", &a->exec) < 0 ||
	    set_string(o, "user", a->user) < 0 ||
	    set_string(o, "group", a->group) < 0 || set_gids(o, a) < 0 ||
	    set_events(o, a) < 0 ||
	    set_string(o, "workingDirectory", a->working_dir) < 0 ||
	    set_pairs(o, "environment", &a->environment) < 0 ||
	    set_mount_points(o, a) < 0 || set_ports(o, a) < 0 ||
	    set_isolators(o, &a->isolators) < 0 ||
	    set_map(o, "userAnnotations", &a->user_annotations) < 0 ||
	    set_map(o, "userLabels", &a->user_labels) < 0)
		return NULL;
	return take_ptr(o);
}

static int
set_mounts(json_t *object, const struct ac_pod_app *a)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < a->n_mounts; i++)
		if (json_array_append_new(list,
			json_pack("{s:s, s:s}", "volume", a->mounts[i].volume,
			    "path", a->mounts[i].path)) < 0)
			return -1;
	return a->n_mounts > 0 ? json_object_set(object, "mounts", list) : 0;
}

static json_t *
write_volume(const struct ac_volume *v)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:s}", "name", v->name,
	    "kind", v->kind);
	char mode[8];

	(void)snprintf(mode, sizeof(mode), "0%03" PRIo32, v->mode);
	if (v->has_read_only &&
	    set(o, "readOnly", json_boolean(v->read_only)) < 0)
		return NULL;
	if (v->source) {
		if (set_string(o, "source", v->source) < 0 ||
		    set(o, "recursive", json_boolean(v->recursive)) < 0 ||
		    (v->idmap_pod && set_string(o, "idmap", "pod") < 0))
			return NULL;
		return take_ptr(o);
	}
	if (set_string(o, "mode", mode) < 0 ||
	    set(o, "uid", json_integer(v->uid)) < 0 ||
	    set(o, "gid", json_integer(v->gid)) < 0 ||
	    (v->size > 0 &&
		set(o, "size", json_integer((json_int_t)v->size)) < 0))
		return NULL;
	return take_ptr(o);
}

static int
set_volumes(json_t *object, const struct ac_pod *pod)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < pod->n_volumes; i++)
		if (json_array_append_new(list,
			write_volume(&pod->volumes[i])) < 0)
			return -1;
	return pod->n_volumes > 0 ? json_object_set(object, "volumes", list) :
				    0;
}

static int
set_pod_ports(json_t *object, const struct ac_pod *pod)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < pod->n_ports; i++) {
		const struct ac_pod_port *p = &pod->ports[i];
		json_t *one = json_pack("{s:s, s:i}", "name", p->name,
		    "hostPort", (int)p->host_port);

		if (json_array_append_new(list, one) < 0 ||
		    set_string(one, "hostIP", p->host_ip) < 0)
			return -1;
	}
	return pod->n_ports > 0 ? json_object_set(object, "ports", list) : 0;
}

static json_t *
write_pod_app(const struct ac_pod_app *a)
{
	_cleanup_json_ json_t *o = json_object(), *image = json_object();

	if (set_string(o, "name", a->name) < 0 ||
	    set_string(image, "name", a->image_name) < 0 ||
	    set_string(image, "id", a->image_id) < 0 ||
	    set_pairs(image, "labels", &a->image_labels) < 0 ||
	    json_object_set(o, "image", image) < 0)
		return NULL;
	if (a->has_app && set(o, "app", write_app(&a->app)) < 0)
		return NULL;
	if (a->readonly_rootfs &&
	    set(o, "readOnlyRootFS", json_true()) < 0)
		return NULL;
	if (set_mounts(o, a) < 0 ||
	    set_pairs(o, "annotations", &a->annotations) < 0)
		return NULL;
	return take_ptr(o);
}

int
ac_pod_write(const struct ac_pod *pod, bool pretty, char **ret)
{
	_cleanup_json_ json_t *o = json_object(), *apps = json_array();
	char *text;

	if (set_string(o, "acVersion", "0.8.11") < 0 ||
	    set_string(o, "acKind", "PodManifest") < 0 ||
	    json_object_set(o, "apps", apps) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < pod->n_apps; i++)
		if (json_array_append_new(apps,
			write_pod_app(&pod->apps[i])) < 0)
			return -EINVAL;
	if (set_volumes(o, pod) < 0 ||
	    set_isolators(o, &pod->isolators) < 0 ||
	    set_pod_ports(o, pod) < 0 ||
	    set_pairs(o, "annotations", &pod->annotations) < 0 ||
	    set_map(o, "userAnnotations", &pod->user_annotations) < 0 ||
	    set_map(o, "userLabels", &pod->user_labels) < 0)
		return -EINVAL;
	text = json_dumps(o, pretty ? JSON_INDENT(2) : JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}
