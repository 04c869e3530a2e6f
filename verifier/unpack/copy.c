/*
 * Copying what lies in a tree.  Content, names and xattrs are hostile, and are
 * carried, not read.  Runs as root of the worker's own user namespace.
 */
#include "verifier/unpack/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "verifier/tree.h"
#include "verifier/unpack/disk.h"

#define MAX_LIST 65536u
#define CHUNK (1u << 17)
#define SLOTS 4096u

/* A file with more than one name, and the first of them that was copied. */
struct vf_known {
	struct vf_known *next;
	unsigned layer;
	ino_t ino;
	char path[];
};

int
vf_copy_init(struct vf_copy *c, int root, uint64_t max_bytes)
{
	*c = (struct vf_copy){ .root = root, .left = max_bytes,
		.known = calloc(SLOTS, sizeof(struct vf_known *)),
		.list = malloc(MAX_LIST), .chunk = malloc(CHUNK) };
	return c->known && c->list && c->chunk ? 0 : -ENOMEM;
}

void
vf_copy_free(struct vf_copy *c)
{
	for (size_t i = 0; c->known && i < SLOTS; i++)
		while (c->known[i]) {
			struct vf_known *next = c->known[i]->next;

			free(c->known[i]);
			c->known[i] = next;
		}
	free(c->known);
	free(c->list);
	free(c->chunk);
}

static int
copy_xattrs(struct vf_copy *c, int from, int to)
{
	ssize_t n = flistxattr(from, c->list, MAX_LIST);

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *p = c->list; p < c->list + n; p += strlen(p) + 1) {
		ssize_t got;

		if (strncmp(p, "user.", 5) != 0 &&
		    strcmp(p, "security.capability") != 0)
			continue; /* the system's own, as SELinux labels */
		got = fgetxattr(from, p, c->chunk, VF_MAX_XATTR);
		if (got < 0 || fsetxattr(to, p, c->chunk, (size_t)got, 0) < 0)
			return -errno;
	}
	return 0;
}

int
vf_copy_dress(struct vf_copy *c, int from, int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0 ||
	    fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	r = copy_xattrs(c, from, to);
	if (r == 0 && futimens(to, times) < 0)
		r = -errno;
	return r;
}

static int
copy_content(struct vf_copy *c, int from, int to)
{
	for (;;) {
		ssize_t n = read(from, c->chunk, CHUNK);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((uint64_t)n > c->left)
			return -EFBIG;
		c->left -= (uint64_t)n;
		r = ps_write_full(to, c->chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

/* The file's name in the target, or NULL: then this is its first. */
static int
find_known(struct vf_copy *c, const struct vf_source_file *from,
    const char **ret)
{
	struct vf_known **slot = &c->known[from->st->st_ino % SLOTS], *new;
	size_t n = strlen(from->path) + 1;

	*ret = NULL;
	if (from->st->st_nlink < 2)
		return 0;
	for (const struct vf_known *i = *slot; i; i = i->next)
		if (i->ino == from->st->st_ino && i->layer == from->layer) {
			*ret = i->path;
			return 0;
		}
	new = malloc(sizeof(*new) + n);
	if (!new)
		return -ENOMEM;
	*new = (struct vf_known){ .next = *slot, .layer = from->layer,
		.ino = from->st->st_ino };
	memcpy(new->path, from->path, n);
	*slot = new;
	return 0;
}

/* Another name for what stands in the target already. */
static int
link_known(struct vf_copy *c, const char *path, int dir, const char *name)
{
	const char *slash = strrchr(path, '/');
	char parent[VF_MAX_PATH + 1] = ".";
	_cleanup_fd_ int from = -1;

	if (slash) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
	}
	from = vf_open(c->root, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (from < 0)
		return from;
	return linkat(from, slash ? slash + 1 : path, dir, name, 0) < 0 ? -errno :
									  0;
}

static int
copy_file(struct vf_copy *c, const struct vf_source_file *from, int dir,
    const char *name)
{
	_cleanup_fd_ int in = vf_open(from->tree, from->path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	_cleanup_fd_ int out = -1;
	struct stat st;
	int r;

	if (in < 0)
		return in;
	if (fstat(in, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EXDEV;
	out = vf_open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (out < 0)
		return out;
	r = copy_content(c, in, out);
	return r < 0 ? r : vf_copy_dress(c, in, out, &st);
}

static int
copy_special(const struct vf_source_file *from, int dir, const char *name)
{
	const struct timespec times[2] = { from->st->st_mtim, from->st->st_mtim };
	char target[VF_MAX_PATH + 1] = "";
	int r;

	if (S_ISLNK(from->st->st_mode)) {
		_cleanup_fd_ int link =
		    vf_open(from->tree, from->path, O_PATH | O_NOFOLLOW, 0);
		ssize_t n = link < 0 ? link :
				       readlinkat(link, "", target, VF_MAX_PATH);

		if (n < 0)
			return link < 0 ? link : -errno;
		r = symlinkat(target, dir, name);
	} else {
		r = mknodat(dir, name, S_IFIFO | (from->st->st_mode & 07777), 0);
	}
	if (r < 0 ||
	    fchownat(dir, name, from->st->st_uid, from->st->st_gid,
		AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

int
vf_copy_one(struct vf_copy *c, const struct vf_source_file *from, int dir,
    const char *name)
{
	const char *known;
	int r;

	if (S_ISLNK(from->st->st_mode) || S_ISFIFO(from->st->st_mode))
		return copy_special(from, dir, name);
	if (!S_ISREG(from->st->st_mode))
		return -EXDEV;
	r = find_known(c, from, &known);
	if (r < 0)
		return r;
	return known ? link_known(c, known, dir, name) :
		       copy_file(c, from, dir, name);
}
