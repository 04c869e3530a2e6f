/*
 * The rules for names.  HOSTILE: names and link targets.  Every decision is
 * made over the canonical path in our own table, never by asking the disk.
 */
#include "verifier/unpack/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "privsep/limits.h"
#include "verifier/unpack/pax.h"

#define ROOTFS "rootfs"

int
vf_canonical(const char *name, char ret[VF_MAX_PATH + 1],
    const char **ret_why)
{
	size_t at = 0, depth = 0;

	if (name[0] == '/') {
		*ret_why = "absolute name";
		return -EBADMSG;
	}
	while (*name != '\0') {
		size_t n = strcspn(name, "/");

		*ret_why = n == 2 && memcmp(name, "..", 2) == 0 ?
		    "name with \"..\"" :
		    n > 255	       ? "part of a name is too long" :
		    at + n + 1 > VF_MAX_PATH ? "name is too long" :
		    depth >= VF_MAX_DEPTH    ? "too many directories deep" :
					       NULL;
		if (*ret_why)
			return -EBADMSG;
		if (n > 0 && !(n == 1 && *name == '.')) {
			if (at > 0)
				ret[at++] = '/';
			memcpy(ret + at, name, n);
			at += n;
			depth++;
		}
		name += n + (name[n] == '/');
	}
	ret[at] = '\0';
	return 0;
}

int
vf_plan_new(struct vf_failure *f, uint32_t max_entries, uint32_t max_manifest,
    struct vf_plan **ret)
{
	struct vf_plan *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->failure = f;
	p->max_entries = max_entries;
	p->max_manifest = max_manifest;
	p->size_nodes = 1024;
	p->size_text = 16384;
	p->n_slots = 4096;
	p->nodes = calloc(p->size_nodes, sizeof(p->nodes[0]));
	p->text = calloc(1, p->size_text);
	p->slots = calloc(p->n_slots, sizeof(p->slots[0]));
	if (!p->nodes || !p->text || !p->slots ||
	    getrandom(&p->seed, sizeof(p->seed), 0) !=
		(ssize_t)sizeof(p->seed)) {
		vf_plan_free(p);
		return -ENOMEM;
	}
	p->nodes[VF_ROOT] = (struct vf_node){ .parent = VF_NO_NODE,
		.type = 'd', .mode = 0755, .nanoseconds = VF_IMPLICIT };
	p->n_nodes = 1;
	p->n_text = 1; /* the root's name: "" */
	*ret = p;
	return 0;
}

void
vf_plan_free(struct vf_plan *p)
{
	if (!p)
		return;
	free(p->nodes);
	free(p->text);
	free(p->slots);
	free(p);
}

const char *
vf_plan_name(const struct vf_plan *p, uint32_t node)
{
	return p->text + p->nodes[node].name;
}

void
vf_plan_path(const struct vf_plan *p, uint32_t node,
    char ret[VF_MAX_PATH + 1])
{
	char path[VF_MAX_PATH + 1];
	size_t at = sizeof(path) - 1;

	path[at] = '\0';
	for (; node != VF_ROOT; node = p->nodes[node].parent) {
		const char *name = vf_plan_name(p, node);
		size_t n = strlen(name);

		if (path[at] != '\0')
			path[--at] = '/';
		at -= n;
		memcpy(path + at, name, n);
	}
	memcpy(ret, path + at, sizeof(path) - at);
}

static uint64_t
hash(const struct vf_plan *p, uint32_t parent, const char *name, size_t n)
{
	uint64_t h = p->seed ^ (parent * UINT64_C(0x9e3779b97f4a7c15));

	for (size_t i = 0; i < n; i++) {
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return h ^ p->seed >> 17;
}

/* The slot of that child, or the empty slot where it would go. */
static uint32_t *
find_slot(const struct vf_plan *p, uint32_t parent, const char *name,
    size_t n)
{
	uint64_t i = hash(p, parent, name, n);

	for (;; i++) {
		uint32_t *slot = &p->slots[i & (p->n_slots - 1)];
		const char *there;

		if (*slot == 0)
			return slot;
		if (p->nodes[*slot - 1].parent != parent)
			continue;
		there = vf_plan_name(p, *slot - 1);
		if (strncmp(there, name, n) == 0 && there[n] == '\0')
			return slot;
	}
}

static int
grow_slots(struct vf_plan *p)
{
	uint32_t *old = p->slots;
	uint32_t *slots = calloc(p->n_slots, 2 * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	p->slots = slots;
	p->n_slots *= 2;
	free(old);
	for (uint32_t i = 1; i < p->n_nodes; i++) {
		const char *name = vf_plan_name(p, i);

		*find_slot(p, p->nodes[i].parent, name, strlen(name)) = i + 1;
	}
	return 0;
}

static int
grow(void **items, uint32_t *size, uint64_t want, size_t each)
{
	uint64_t more = *size;
	void *p;

	while (more < want)
		more *= 2;
	if (more == *size)
		return 0;
	p = more < UINT32_MAX / 2 ? realloc(*items, more * each) : NULL;
	if (!p)
		return -ENOMEM;
	*items = p;
	*size = (uint32_t)more;
	return 0;
}

static int
add_node(struct vf_plan *p, uint32_t parent, const char *name, size_t n,
    uint32_t *ret)
{
	void *nodes = p->nodes, *text = p->text;
	int r;

	if (p->n_nodes > p->max_entries)
		return vf_refuse(p->failure, PS_UNPACK_LIMIT, NULL,
		    "more than %u files and directories", p->max_entries);
	r = grow(&nodes, &p->size_nodes, (uint64_t)p->n_nodes + 1,
	    sizeof(p->nodes[0]));
	p->nodes = nodes;
	if (r == 0)
		r = grow(&text, &p->size_text, p->n_text + n + 1, 1);
	p->text = text;
	if (r == 0 && p->n_nodes >= p->n_slots / 2)
		r = grow_slots(p);
	if (r < 0)
		return r;
	*find_slot(p, parent, name, n) = p->n_nodes + 1;
	memcpy(p->text + p->n_text, name, n);
	p->text[p->n_text + n] = '\0';
	p->nodes[p->n_nodes] = (struct vf_node){ .parent = parent,
		.name = p->n_text, .type = 'd', .mode = 0755,
		.nanoseconds = VF_IMPLICIT };
	p->n_text += (uint32_t)n + 1;
	*ret = p->n_nodes++;
	return 0;
}

/* Down to the last part of path; directories that had no member yet get their
 * nodes on the way. */
static int
descend(struct vf_plan *p, const char *path, const struct vf_member *m,
    uint32_t *ret_parent, const char **ret_last)
{
	uint32_t at = VF_ROOT;

	for (;;) {
		size_t n = strcspn(path, "/");
		uint32_t slot;

		if (p->nodes[at].type != 'd')
			return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
			    "path through a %s",
			    p->nodes[at].type == 'l' ? "symbolic link" :
						       "file");
		if (path[n] == '\0')
			break;
		slot = *find_slot(p, at, path, n);
		if (slot != 0) {
			at = slot - 1;
		} else {
			int r = add_node(p, at, path, n, &at);

			if (r < 0)
				return r;
		}
		path += n + 1;
	}
	*ret_parent = at;
	*ret_last = path;
	return 0;
}

/* The node at that path below the root, without making any. */
static uint32_t
look_up(const struct vf_plan *p, const char *path)
{
	uint32_t at = VF_ROOT;

	while (*path != '\0') {
		size_t n = strcspn(path, "/");
		uint32_t slot = *find_slot(p, at, path, n);

		if (slot == 0)
			return VF_NO_NODE;
		at = slot - 1;
		path += n + (path[n] == '/');
	}
	return at;
}

/* "rootfs/a" to "a", "rootfs" to ""; NULL: not there. */
static const char *
below_rootfs(const char *path)
{
	size_t n = strlen(ROOTFS);

	if (strncmp(path, ROOTFS, n) != 0 ||
	    (path[n] != '\0' && path[n] != '/'))
		return NULL;
	return path + n + (path[n] == '/');
}

static int
find_target(struct vf_plan *p, const struct vf_member *m, uint32_t *ret)
{
	char path[VF_MAX_PATH + 1];
	const char *why, *below;
	uint32_t target;

	if (vf_canonical(m->link, path, &why) < 0)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "hard link target: %s", why);
	below = below_rootfs(path);
	if (!below)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "hard link to something outside rootfs");
	target = look_up(p, below);
	if (target == VF_NO_NODE)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "hard link to a file that is not there");
	if (p->nodes[target].type == 'h')
		target = p->nodes[target].target;
	if (p->nodes[target].type != 'f')
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "hard link to something that is not a regular file");
	*ret = target;
	return 0;
}

static int
add_manifest(struct vf_plan *p, const struct vf_member *m, struct vf_step *ret)
{
	struct vf_pax pax = { m->pax, m->n_pax, 0 };
	struct vf_record xattr;

	if (m->type != 'f')
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "the manifest is not a regular file");
	if (p->has_manifest)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "a second manifest");
	if (m->size > p->max_manifest)
		return vf_refuse(p->failure, PS_UNPACK_LIMIT, m->name,
		    "the manifest is larger than %u bytes", p->max_manifest);
	if (vf_pax_xattr(&pax, &xattr) > 0)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "extended attributes on the manifest");
	p->has_manifest = true;
	*ret = (struct vf_step){ .what = VF_MANIFEST };
	return 0;
}

static int
set_node(struct vf_plan *p, const struct vf_member *m, uint32_t node)
{
	struct vf_pax pax = { m->pax, m->n_pax, 0 };
	struct vf_record xattr;
	struct vf_node *n = &p->nodes[node];

	if (m->type != 'f' && m->type != 'd' &&
	    vf_pax_xattr(&pax, &xattr) > 0)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "extended attributes on a link or fifo");
	n->type = m->type;
	n->is_explicit = true;
	n->mode = m->type == 'l' ? 0777 : (uint16_t)m->mode;
	n->uid = (uint16_t)m->uid;
	n->gid = (uint16_t)m->gid;
	n->seconds = m->seconds;
	n->nanoseconds = m->nanoseconds;
	if (m->type == 'f')
		p->tree_size += m->size;
	return m->type == 'h' ? find_target(p, m, &n->target) : 0;
}

/* A member below rootfs, path relative to that. */
static int
add_path(struct vf_plan *p, const struct vf_member *m, const char *path,
    struct vf_step *ret)
{
	uint32_t before = p->n_nodes, node = VF_ROOT, parent;
	bool is_new = false;
	const char *last;
	int r;

	p->has_root = true;
	if (*path != '\0') {
		uint32_t slot;

		r = descend(p, path, m, &parent, &last);
		if (r < 0)
			return r;
		slot = *find_slot(p, parent, last, strlen(last));
		is_new = slot == 0;
		node = slot - 1;
		if (is_new)
			r = add_node(p, parent, last, strlen(last), &node);
		if (r < 0)
			return r;
	}
	if (p->nodes[node].is_explicit)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "a second member with this name");
	if (!is_new && m->type != 'd')
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "takes the place of a directory");
	r = set_node(p, m, node);
	if (r < 0)
		return r;
	*ret = (struct vf_step){ .what = VF_NODE, .node = node,
		.implicit = is_new ? before : node, .is_new = is_new };
	return 0;
}

int
vf_plan_add(struct vf_plan *p, const struct vf_member *m, struct vf_step *ret)
{
	char path[VF_MAX_PATH + 1];
	const char *why, *below;

	if (vf_canonical(m->name, path, &why) < 0)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name, "%s",
		    why);
	if (path[0] == '\0') {
		if (m->type != 'd' || p->has_top)
			return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
			    "the archive's top must be one directory");
		p->has_top = true;
		*ret = (struct vf_step){ .what = VF_SKIP };
		return 0;
	}
	if (strcmp(path, "manifest") == 0)
		return add_manifest(p, m, ret);
	below = below_rootfs(path);
	if (!below)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, m->name,
		    "neither the manifest nor below rootfs");
	return add_path(p, m, below, ret);
}

int
vf_plan_end(struct vf_plan *p)
{
	if (!p->has_manifest)
		return vf_refuse(p->failure, PS_UNPACK_MANIFEST, NULL,
		    "the image has no manifest");
	if (!p->has_root)
		return vf_refuse(p->failure, PS_UNPACK_MEMBER, NULL,
		    "the image has no rootfs");
	return 0;
}

uint32_t
vf_plan_implicit(const struct vf_plan *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_nodes; i++)
		n += p->nodes[i].type == 'd' && !p->nodes[i].is_explicit;
	return n;
}
