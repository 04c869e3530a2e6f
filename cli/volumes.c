/*
 * Volumes and mounts, conductor, user rkt.  HOSTILE: mount points of images.
 * The launcher proves each path of the host against its own command line.
 */
#include "cli/volumes.h"

#include <string.h>

#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/volume.h"

#define MAX_TARGET 1023u

/* Slashes that mean nothing go.  NULL, or what is wrong. */
static const char *
clean_target(const char *value, const char **ret)
{
	char *clean = cli_alloc(strlen(value) + 2);
	size_t n = 0;

	for (; *value != '\0'; value++)
		if (*value != '/' || n == 0 || clean[n - 1] != '/')
			clean[n++] = *value;
	if (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	if (!ps_is_abspath(clean, n) || n > MAX_TARGET)
		return "target is not an absolute path without \".\" and \"..\"";
	*ret = clean;
	return NULL;
}

const char *
cli_parse_mount(const char *text, struct ac_mount *ret)
{
	struct ac_mount m = { 0 };
	const char *wrong = NULL;

	while (wrong == NULL && *text != '\0') {
		size_t n = strcspn(text, ",");
		const char *pair = cli_copy_n(text, n);
		const char *value = strchrnul(pair, '=');
		bool volume = strncmp(pair, "volume=", 7) == 0;

		if (*value == '=')
			value++;
		if (!volume && strncmp(pair, "target=", 7) != 0)
			wrong = "wants volume=NAME,target=PATH and nothing else";
		else if (volume ? m.volume != NULL : m.path != NULL)
			wrong = "a key is given twice";
		else if (!volume)
			wrong = clean_target(value, &m.path);
		else if (ps_is_acname(value, strlen(value)) && strlen(value) < 256)
			m.volume = value;
		else
			wrong = "volume is not a volume's name";
		text += n + (text[n] == ',');
	}
	if (wrong == NULL && (m.volume == NULL || m.path == NULL))
		wrong = "wants volume=NAME,target=PATH";
	if (wrong == NULL)
		*ret = m;
	return wrong;
}

static struct cli_volume *
find(struct cli_volumes *vs, const char *name)
{
	for (uint16_t i = 0; i < vs->n; i++)
		if (strcmp(vs->v[i].plan.name, name) == 0)
			return &vs->v[i];
	return NULL;
}

static const char *
add(struct cli_volumes *vs, const struct cli_volume *v)
{
	if (find(vs, v->plan.name))
		return cli_format("volume \"%s\" is given twice", v->plan.name);
	if (vs->n == PS_MAX_VOLUMES)
		return cli_format("a pod has at most %u volumes", PS_MAX_VOLUMES);
	vs->v[vs->n++] = *v;
	return NULL;
}

const char *
cli_volume_add(struct cli_volumes *vs, const char *text)
{
	struct ps_volume said;
	const char *wrong = NULL;
	bool host;

	if (ps_volume_parse(text, &said, &wrong) < 0)
		return cli_format("--volume \"%s\": %s", text, wrong);
	host = said.kind == PS_VOLUME_HOST;
	return add(vs, &(struct cli_volume){ .has_readonly = said.has_readonly,
	    .plan = { .name = cli_copy(said.name), .kind = said.kind,
		.source = cli_copy(said.source), .readonly = said.readonly,
		.recursive = said.recursive, .idmap = said.idmap,
		.mode = host ? 0 : said.mode, .uid = host ? 0 : said.uid,
		.gid = host ? 0 : said.gid, .size = said.size } });
}

const char *
cli_volume_add_told(struct cli_volumes *vs, const struct ac_volume *told)
{
	bool host = told->source != NULL;
	uint8_t kind = host ? PS_VOLUME_HOST :
	    strcmp(told->kind, "tmpfs") == 0 ? PS_VOLUME_TMPFS :
					       PS_VOLUME_EMPTY;

	return add(vs, &(struct cli_volume){
	    .has_readonly = told->has_read_only,
	    .plan = { .name = told->name, .kind = kind,
		.source = host ? told->source : "",
		.readonly = told->read_only,
		.recursive = host && told->recursive,
		.idmap = told->idmap_pod ? PS_IDMAP_POD : PS_IDMAP_HOST,
		.mode = host ? 0 : told->mode, .uid = host ? 0 : told->uid,
		.gid = host ? 0 : told->gid, .size = told->size } });
}

/* An empty volume of a name that no one else has: an image cannot reach for a
 * volume by choosing names. */
static const char *
add_implicit(struct cli_volumes *vs, const char *app, const char *point,
    struct cli_volume **ret)
{
	const char *name = cli_format("%s-%s", app, point), *wrong;

	for (unsigned i = 1; find(vs, name); i++)
		name = cli_format("%s-%s-%u", app, point, i);
	if (strlen(name) > 255)
		return cli_format("the name of mount point \"%s\" is too long",
		    point);
	wrong = add(vs, &(struct cli_volume){ .plan = { .name = name,
	    .kind = PS_VOLUME_EMPTY, .source = "", .mode = 0755 } });
	if (wrong)
		return wrong;
	ps_log("warning: no volume specified for mount point \"%s\", implicitly "
	       "creating an \"empty\" volume. This volume will be removed when "
	       "the pod is garbage-collected.", point);
	*ret = &vs->v[vs->n - 1];
	return NULL;
}

/* What one app mounts, as it grows. */
struct table {
	uint16_t n;
	struct {
		const struct cli_volume *volume;
		const char *target;
		uint32_t flags;
	} v[32];
};

static bool
is_taken(const struct table *t, const char *target)
{
	for (uint16_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].target, target) == 0)
			return true;
	return false;
}

/* Sorted by target, so that what lies above is mounted first. */
static const char *
put(struct table *t, const struct cli_volume *v, const char *target,
    bool wish)
{
	static const char *const never[] = { "/proc", "/sys" };
	uint16_t at = t->n;

	if (t->n == PS_COUNT(t->v))
		return cli_format("has more than %zu mounts", PS_COUNT(t->v));
	if (strcmp(target, "/") == 0)
		return "mounts a volume on /";
	for (size_t i = 0; i < PS_COUNT(never); i++)
		if (ps_is_prefix(never[i], target))
			return cli_format("mounts volume \"%s\" on \"%s\": %s is "
					  "the pod's own", v->plan.name, target,
			    never[i]);
	while (at > 0 && strcmp(t->v[at - 1].target, target) > 0) {
		t->v[at] = t->v[at - 1];
		at--;
	}
	t->v[at].volume = v;
	t->v[at].target = target;
	t->v[at].flags = (v->has_readonly ? v->plan.readonly : wish) ?
	    PS_MOUNT_READONLY :
	    0;
	t->n++;
	return NULL;
}

/* Does the image want that mount to be read-only?  It may say so of the
 * volume's name, or of the path. */
static bool
wish_of(const struct ac_app *app, const struct ac_mount *m)
{
	for (size_t i = 0; i < app->n_mount_points; i++) {
		const struct ac_mount_point *p = &app->mount_points[i];

		if (p->read_only && (strcmp(p->name, m->volume) == 0 ||
					strcmp(p->path, m->path) == 0))
			return true;
	}
	return false;
}

/* A mount below another needs a directory there.  In a volume of the host no
 * path is made. */
static const char *
check_overlap(const struct table *t)
{
	for (uint16_t i = 0; i < t->n; i++)
		for (uint16_t k = 0; k < t->n; k++)
			if (i != k &&
			    t->v[i].volume->plan.kind == PS_VOLUME_HOST &&
			    ps_is_prefix(t->v[i].target, t->v[k].target))
				return cli_format("mounts \"%s\" inside of "
				    "\"%s\", which is a volume of the host",
				    t->v[k].target, t->v[i].target);
	return NULL;
}

static void
fill(const struct table *t, struct ps_msg_PLAN_APP *plan,
    struct ac_pod_app *told)
{
	told->n_mounts = t->n;
	told->mounts = cli_alloc((t->n + 1u) * sizeof(*told->mounts));
	for (uint16_t i = 0; i < t->n; i++) {
		plan->mount_volume[i] = t->v[i].volume->plan.name;
		plan->mount_target[i] = t->v[i].target;
		plan->mount_flags[i] = t->v[i].flags;
		told->mounts[i] = (struct ac_mount){ .path = t->v[i].target,
			.volume = t->v[i].volume->plan.name };
	}
	plan->n_mount_volume = plan->n_mount_target = plan->n_mount_flags = t->n;
}

const char *
cli_plan_mounts(struct cli_volumes *vs, const struct cli_mounts *mounts,
    const struct ac_app *app, struct ps_msg_PLAN_APP *plan,
    struct ac_pod_app *told)
{
	struct table t = { 0 };
	const char *wrong = NULL;

	for (size_t i = 0; wrong == NULL && i < mounts->n; i++) {
		const struct ac_mount *m = &mounts->v[i];
		const struct cli_volume *v = find(vs, m->volume);

		if (is_taken(&t, m->path))
			continue;
		wrong = v ? put(&t, v, m->path, wish_of(app, m)) :
			    cli_format("mounts volume \"%s\": could not find "
				       "volume \"%s\" (--volume)", m->volume,
				m->volume);
	}
	for (size_t i = 0; wrong == NULL && i < app->n_mount_points; i++) {
		const struct ac_mount_point *p = &app->mount_points[i];
		struct cli_volume *v = find(vs, p->name);

		if (is_taken(&t, p->path))
			continue;
		if (v == NULL)
			wrong = add_implicit(vs, plan->name, p->name, &v);
		if (wrong == NULL)
			wrong = put(&t, v, p->path, p->read_only);
	}
	if (wrong == NULL)
		wrong = check_overlap(&t);
	if (wrong == NULL)
		fill(&t, plan, told);
	return wrong;
}

void
cli_tell_volumes(const struct cli_volumes *vs, struct ac_pod *ret)
{
	static const char *const kinds[] = { [PS_VOLUME_HOST] = "host",
		[PS_VOLUME_EMPTY] = "empty", [PS_VOLUME_TMPFS] = "tmpfs" };

	ret->n_volumes = vs->n;
	ret->volumes = cli_alloc((vs->n + 1u) * sizeof(*ret->volumes));
	for (uint16_t i = 0; i < vs->n; i++) {
		const struct ps_msg_PLAN_VOLUME *v = &vs->v[i].plan;

		ret->volumes[i] = (struct ac_volume){ .name = v->name,
			.kind = kinds[v->kind],
			.source = v->kind == PS_VOLUME_HOST ? v->source : NULL,
			.has_read_only = vs->v[i].has_readonly,
			.read_only = v->readonly, .recursive = v->recursive,
			.idmap_pod = v->idmap == PS_IDMAP_POD, .mode = v->mode,
			.uid = v->uid, .gid = v->gid, .size = v->size };
	}
}
