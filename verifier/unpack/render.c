/*
 * Laying trees over each other.  Each was written by a worker like this one,
 * from an image whose maker may be hostile, and is read by descriptor, below
 * its own root, through no link.  Runs as root of its own user namespace, and
 * writes below its one directory only.
 */
#include "verifier/unpack/render.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/fds.h"
#include "verifier/tree.h"
#include "verifier/unpack/copy.h"
#include "verifier/unpack/disk.h"
#include "verifier/unpack/names.h"

/* A directory on the way from the root to where the walk is. */
struct place {
	struct place *up;
	size_t n_path;	  /* of the walk's path, to here */
	unsigned dresser; /* the layer that says what it is like */
	size_t n_layer;	  /* layers that have it, topmost first */
	unsigned char layer[VF_MAX_TREES];
	bool is_made;
};

struct walk {
	struct vf_render *in;
	struct vf_copy copy;
	uint32_t entries;
	unsigned depth;
	char path[VF_MAX_PATH + 1];
	size_t n_path;
};

static int
broken(struct walk *w, int error)
{
	return vf_broken(w->in->failure, error, "cannot be rendered", w->path);
}

/* --- the whitelist -------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The first of the whitelist that does not sort before "/path" and tail. */
static const char *
at_or_behind(const struct walk *w, char tail)
{
	size_t low = 0, high = w->in->n_white;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *white = w->in->white[middle] + 1;
		int c = strncmp(white, w->path, w->n_path);

		if (c == 0)
			c = (unsigned char)white[w->n_path] - (unsigned char)tail;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->in->n_white ? w->in->white[low] + 1 : NULL;
}

static bool
is_white(const struct walk *w)
{
	const char *white = at_or_behind(w, '\0');

	return w->in->n_white == 0 || (white && strcmp(white, w->path) == 0);
}

static bool
leads_to_white(const struct walk *w)
{
	const char *white = at_or_behind(w, '/');

	return w->in->n_white == 0 || w->n_path == 0 ||
	    (white && strncmp(white, w->path, w->n_path) == 0 &&
		white[w->n_path] == '/');
}

/* --- directories ---------------------------------------------------------- */

/* The path up to a place, for one call: *was is to be put back. */
static const char *
cut(struct walk *w, const struct place *p, char *was)
{
	*was = w->path[p->n_path];
	w->path[p->n_path] = '\0';
	return p->n_path == 0 ? "." : w->path;
}

static int
open_place(struct walk *w, const struct place *p, int root)
{
	char was;
	int fd = vf_open(root, cut(w, p, &was),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	w->path[p->n_path] = was;
	return fd;
}

static int
count_entry(struct walk *w)
{
	if (++w->entries > w->in->max_entries)
		return vf_refuse(w->in->failure, PS_UNPACK_LIMIT, NULL,
		    "rendered: more than %u files and directories",
		    w->in->max_entries);
	return 0;
}

/* The directory, and what leads to it. */
static int
make_place(struct walk *w, struct place *p)
{
	_cleanup_fd_ int up = -1;
	char was;
	int r;

	if (p->is_made)
		return 0;
	r = make_place(w, p->up);
	if (r == 0)
		r = count_entry(w);
	if (r < 0)
		return r;
	up = open_place(w, p->up, w->in->root);
	if (up < 0)
		return broken(w, up);
	was = w->path[p->n_path];
	w->path[p->n_path] = '\0';
	r = mkdirat(up, w->path + p->up->n_path + (p->up->n_path > 0), 0700);
	r = r < 0 ? broken(w, -errno) : 0;
	w->path[p->n_path] = was;
	p->is_made = r == 0;
	return r;
}

/* All in it is there: its owner, mode, xattrs, and last its time. */
static int
finish_place(struct walk *w, struct place *p)
{
	_cleanup_fd_ int from = -1, to = -1;
	struct stat st;
	int r;

	if (!p->is_made)
		return 0;
	from = open_place(w, p, w->in->trees[p->dresser]);
	to = from < 0 ? from : open_place(w, p, w->in->root);
	if (to < 0)
		return broken(w, to);
	r = fstat(from, &st) < 0 ? -errno : vf_copy_dress(&w->copy, from, to, &st);
	return r < 0 ? broken(w, r) : 0;
}

/* --- the walk ------------------------------------------------------------- */

static bool
is_implicit(const struct stat *st)
{
	return st->st_uid == 0 && st->st_gid == 0 &&
	    (st->st_mode & 07777) == 0755 && st->st_mtim.tv_sec == 0 &&
	    st->st_mtim.tv_nsec == VF_IMPLICIT;
}

static int
look(struct walk *w, unsigned layer, struct stat *ret)
{
	_cleanup_fd_ int fd = vf_open(w->in->trees[layer], w->path,
	    O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return broken(w, fd);
	return fstat(fd, ret) < 0 ? broken(w, -errno) : 0;
}

static int walk_place(struct walk *w, struct place *p);

/* The name stands in these layers, topmost first, and in the topmost one it is
 * a directory: down to the first where it is not, they are one. */
static int
merge_dirs(struct walk *w, struct place *up, const struct vf_name *name, size_t n)
{
	struct place here = { .up = up, .n_path = w->n_path,
		.dresser = name[0].layer };
	bool is_said = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct stat st;

		r = look(w, name[i].layer, &st);
		if (r < 0)
			return r;
		if (!S_ISDIR(st.st_mode))
			break;
		here.layer[here.n_layer++] = (unsigned char)name[i].layer;
		if (!is_said && !is_implicit(&st)) {
			here.dresser = name[i].layer;
			is_said = true;
		}
	}
	r = is_white(w) ? make_place(w, &here) : 0;
	if (r == 0 && leads_to_white(w))
		r = walk_place(w, &here);
	return r < 0 ? r : finish_place(w, &here);
}

static int
copy_other(struct walk *w, struct place *up, unsigned layer, const struct stat *st)
{
	_cleanup_fd_ int dir = -1;
	struct vf_source_file from = { .tree = w->in->trees[layer],
		.layer = layer, .path = w->path, .st = st };
	int r = make_place(w, up);

	if (r == 0)
		r = count_entry(w);
	if (r < 0)
		return r;
	dir = open_place(w, up, w->in->root);
	if (dir < 0)
		return broken(w, dir);
	r = vf_copy_one(&w->copy, &from, dir,
	    w->path + up->n_path + (up->n_path > 0));
	if (r == -EFBIG)
		return vf_refuse(w->in->failure, PS_UNPACK_LIMIT, NULL,
		    "rendered: more than %llu bytes",
		    (unsigned long long)w->in->max_tree);
	return r < 0 ? broken(w, r) : 0;
}

/* One name in n layers. */
static int
walk_name(struct walk *w, struct place *up, const struct vf_name *name, size_t n)
{
	size_t was = w->n_path, length = strlen(name->text);
	struct stat st;
	int r;

	if (was + length + 2 > sizeof(w->path))
		return broken(w, -ENAMETOOLONG);
	if (was > 0)
		w->path[w->n_path++] = '/';
	memcpy(w->path + w->n_path, name->text, length + 1);
	w->n_path += length;
	r = look(w, name->layer, &st);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = merge_dirs(w, up, name, n);
	else if (r == 0 && is_white(w))
		r = copy_other(w, up, name->layer, &st);
	if (r < 0)
		return r;
	w->n_path = was;
	w->path[was] = '\0';
	return 0;
}

static int
read_place(struct walk *w, const struct place *p, struct vf_names *names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_layer; i++) {
		_cleanup_fd_ int fd = open_place(w, p, w->in->trees[p->layer[i]]);

		r = fd < 0 ? fd : vf_names_read(fd, p->layer[i], names);
	}
	vf_names_sort(names);
	return r < 0 ? broken(w, r) : 0;
}

static int
walk_place(struct walk *w, struct place *p)
{
	_cleanup_(vf_names_free) struct vf_names names = { 0 };
	int r = read_place(w, p, &names);

	w->depth++;
	if (r == 0 && w->depth > VF_MAX_DEPTH + 1)
		r = broken(w, -ELOOP);
	for (size_t i = 0, n; r == 0 && i < names.n; i += n) {
		n = 1;
		while (i + n < names.n &&
		    strcmp(names.v[i].text, names.v[i + n].text) == 0)
			n++;
		r = walk_name(w, p, &names.v[i], n);
	}
	w->depth--;
	return r;
}

/* Its root stands there already; every layer has one. */
static int
walk_root(struct walk *w)
{
	struct place root = { .is_made = true, .n_layer = w->in->n_tree };
	bool is_said = false;
	int r;

	for (unsigned i = 0; i < w->in->n_tree; i++) {
		struct stat st;

		if (fstat(w->in->trees[i], &st) < 0)
			return broken(w, -errno);
		root.layer[i] = (unsigned char)i;
		if (!is_said && !is_implicit(&st)) {
			root.dresser = i;
			is_said = true;
		}
	}
	r = walk_place(w, &root);
	return r < 0 || w->in->is_bare ? r : finish_place(w, &root);
}

int
vf_render(struct vf_render *in)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return vf_broken(in->failure, -ENOMEM, "rendering", NULL);
	w->in = in;
	if (in->n_white > 1)
		qsort(in->white, in->n_white, sizeof(*in->white), compare);
	r = vf_copy_init(&w->copy, in->root, in->max_tree);
	r = r < 0 ? broken(w, r) : walk_root(w);
	vf_copy_free(&w->copy);
	return r;
}
