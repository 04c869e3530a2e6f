/*
 * Writing the tree, as root of the worker's own user namespace.  Names and
 * content are hostile; by now each name has passed the plan.
 */
#include "verifier/unpack/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "privsep/fds.h"
#include "privsep/limits.h"
#include "verifier/unpack/pax.h"

int
vf_open(int dir, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int
vf_disk_init(struct vf_disk *d, struct vf_plan *plan, int root)
{
	*d = (struct vf_disk){ .failure = plan->failure, .plan = plan,
		.root = root, .file = -1 };
	for (size_t i = 0; i < VF_CACHED_DIRS; i++) {
		d->dirs[i].node = VF_NO_NODE;
		d->dirs[i].fd = -1;
	}
	d->sha256 = vf_hash_new(VF_SHA256);
	return d->sha256 ? 0 : -ENOMEM;
}

void
vf_disk_free(struct vf_disk *d)
{
	for (size_t i = 0; i < VF_CACHED_DIRS; i++)
		ps_close_fd(&d->dirs[i].fd);
	ps_close_fd(&d->file);
	vf_hash_free(d->sha256);
}

/* The directory's descriptor, which stays the cache's. */
static int
open_dir(struct vf_disk *d, uint32_t node)
{
	char path[VF_MAX_PATH + 1];
	unsigned slot = node % VF_CACHED_DIRS;
	int fd;

	if (node == VF_ROOT)
		return d->root;
	if (d->dirs[slot].node == node)
		return d->dirs[slot].fd;
	vf_plan_path(d->plan, node, path);
	fd = vf_open(d->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	ps_close_fd(&d->dirs[slot].fd);
	d->dirs[slot].fd = fd;
	d->dirs[slot].node = node;
	return fd;
}

static int
set_xattrs(int fd, const struct vf_member *m)
{
	struct vf_pax pax = { m->pax, m->n_pax, 0 };
	struct vf_record x;
	char name[256];

	while (vf_pax_xattr(&pax, &x) > 0) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)x.n_key, x.key);
		if (fsetxattr(fd, name, x.value, x.n_value, 0) < 0)
			return -errno;
	}
	return 0;
}

/* The entry's digest into the node; names of xattrs are copied for that. */
static void
digest_node(struct vf_disk *d, uint32_t node, const struct vf_member *m,
    struct vf_entry *e)
{
	struct vf_node *n = &d->plan->nodes[node];
	struct vf_xattr xattrs[VF_MAX_XATTRS];
	_cleanup_free_ char *names = NULL;
	struct vf_pax pax = { m ? m->pax : NULL, m ? m->n_pax : 0, 0 };
	struct vf_record x;
	size_t at = 0;

	e->type = n->type;
	e->mode = n->mode;
	e->uid = n->uid;
	e->gid = n->gid;
	e->seconds = n->seconds;
	e->nanoseconds = n->nanoseconds;
	e->xattrs = xattrs;
	while (vf_pax_xattr(&pax, &x) > 0 && e->n_xattr < VF_MAX_XATTRS) {
		if (!names)
			names = malloc(m->n_pax + 1);
		if (!names)
			abort();
		memcpy(names + at, x.key, x.n_key);
		names[at + x.n_key] = '\0';
		xattrs[e->n_xattr++] = (struct vf_xattr){ names + at,
			(const uint8_t *)x.value, x.n_value };
		at += x.n_key + 1;
	}
	vf_entry_digest(d->sha256, e, n->digest);
}

/* What fchown would clear comes after it; the time comes last. */
static int
dress(int fd, const struct vf_node *n, const struct vf_member *m,
    uint32_t mode_now)
{
	const struct timespec times[2] = {
		{ .tv_sec = n->seconds, .tv_nsec = n->nanoseconds },
		{ .tv_sec = n->seconds, .tv_nsec = n->nanoseconds },
	};
	int r = 0;

	if ((n->uid != 0 || n->gid != 0) && fchown(fd, n->uid, n->gid) < 0)
		return -errno;
	if (n->mode != mode_now && fchmod(fd, n->mode) < 0)
		return -errno;
	if (m && m->n_pax > 0)
		r = set_xattrs(fd, m);
	if (r == 0 && futimens(fd, times) < 0)
		r = -errno;
	return r;
}

static int
make_dir(struct vf_disk *d, uint32_t node)
{
	int parent = open_dir(d, d->plan->nodes[node].parent);

	if (parent < 0)
		return parent;
	if (mkdirat(parent, vf_plan_name(d->plan, node), 0700) < 0)
		return -errno;
	return 0;
}

static int
make_special(struct vf_disk *d, uint32_t node, const struct vf_member *m)
{
	const struct vf_node *n = &d->plan->nodes[node];
	const char *name = vf_plan_name(d->plan, node);
	const struct timespec times[2] = {
		{ .tv_sec = n->seconds, .tv_nsec = n->nanoseconds },
		{ .tv_sec = n->seconds, .tv_nsec = n->nanoseconds },
	};
	int parent = open_dir(d, n->parent);
	int r;

	if (parent < 0)
		return parent;
	r = m->type == 'l' ? symlinkat(m->link, parent, name) :
			     mknodat(parent, name, S_IFIFO | n->mode, 0);
	if (r < 0)
		return -errno;
	if ((n->uid != 0 || n->gid != 0) &&
	    fchownat(parent, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int
make_link(struct vf_disk *d, uint32_t node)
{
	const struct vf_node *n = &d->plan->nodes[node];
	uint32_t target_dir = d->plan->nodes[n->target].parent;
	_cleanup_fd_ int from = -1;
	int to = open_dir(d, n->parent);

	if (to < 0)
		return to;
	/* The cache may let go of one when it opens the other. */
	to = fcntl(to, F_DUPFD_CLOEXEC, 0);
	if (to < 0)
		return -errno;
	from = to;
	to = open_dir(d, target_dir);
	if (to < 0)
		return to;
	if (linkat(to, vf_plan_name(d->plan, n->target), from,
		vf_plan_name(d->plan, node), 0) < 0)
		return -errno;
	return 0;
}

/* Directories of the step's path that had no member yet. */
static int
make_implicit(struct vf_disk *d, const struct vf_step *s)
{
	for (uint32_t i = s->implicit; i < s->node && s->is_new; i++) {
		int r = make_dir(d, i);

		if (r < 0)
			return r;
	}
	return 0;
}

int
vf_disk_make(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m)
{
	struct vf_entry e = { .link = m->type == 'l' ? m->link : NULL };
	int r = 0;

	if (m->type != 'h')
		digest_node(d, s->node, m, &e);
	if (d->root < 0)
		return 0;
	r = make_implicit(d, s);
	if (r == 0 && m->type == 'd' && s->is_new)
		r = make_dir(d, s->node);
	if (r == 0 && m->type == 'd' && m->n_pax > 0) {
		int fd = open_dir(d, s->node);

		r = fd < 0 ? fd : set_xattrs(fd, m);
	}
	if (r == 0 && m->type == 'h')
		r = make_link(d, s->node);
	if (r == 0 && (m->type == 'l' || m->type == 'p'))
		r = make_special(d, s->node, m);
	return r < 0 ? vf_broken(d->failure, r, "cannot be made", m->name) : 0;
}

int
vf_disk_begin_file(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m)
{
	int parent, r;

	vf_hash_begin(d->sha256);
	d->written = 0;
	if (d->root < 0)
		return 0;
	r = make_implicit(d, s);
	if (r < 0)
		return vf_broken(d->failure, r, "cannot be made", m->name);
	parent = open_dir(d, d->plan->nodes[s->node].parent);
	r = parent < 0 ? parent :
	    vf_open(parent, vf_plan_name(d->plan, s->node),
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, m->mode & 0777);
	if (r < 0)
		return vf_broken(d->failure, r, "cannot be made", m->name);
	d->file = r;
	return 0;
}

int
vf_disk_write(struct vf_disk *d, const struct vf_member *m, const void *p,
    size_t n)
{
	int r = 0;

	vf_hash_add(d->sha256, p, n);
	d->written += n;
	if (d->root >= 0)
		r = ps_write_full(d->file, p, n);
	return r < 0 ? vf_broken(d->failure, r, "cannot be written", m->name) :
		       0;
}

int
vf_disk_end_file(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m)
{
	struct vf_entry e = { .size = d->written };
	_cleanup_fd_ int fd = take_fd(d->file);
	int r = 0;

	vf_hash_end(d->sha256, e.content);
	digest_node(d, s->node, m, &e);
	if (d->root >= 0)
		r = dress(fd, &d->plan->nodes[s->node], m, m->mode & 0777);
	return r < 0 ? vf_broken(d->failure, r, "cannot be finished", m->name) :
		       0;
}

static int
finish_dir(struct vf_disk *d, uint32_t node)
{
	struct vf_node *n = &d->plan->nodes[node];
	char path[VF_MAX_PATH + 1];
	_cleanup_fd_ int fd = -1;
	struct vf_entry e = { .type = 'd' };

	if (!n->is_explicit)
		digest_node(d, node, NULL, &e);
	if (d->root < 0)
		return 0;
	vf_plan_path(d->plan, node, path);
	fd = vf_open(d->root, node == VF_ROOT ? "." : path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	/* The root was not made here: its mode is what the launcher gave. */
	return dress(fd, n, NULL, node == VF_ROOT ? ~0u : 0700);
}

int
vf_disk_finish(struct vf_disk *d, uint8_t ret_tree[VF_TREE_DIGEST])
{
	for (uint32_t i = d->plan->n_nodes; i-- > 0;) {
		char path[VF_MAX_PATH + 1];
		int r;

		if (d->plan->nodes[i].type != 'd')
			continue;
		r = finish_dir(d, i);
		if (r < 0) {
			vf_plan_path(d->plan, i, path);
			return vf_broken(d->failure, r, "cannot be finished",
			    path);
		}
	}
	return vf_plan_digest(d->plan, ret_tree);
}
