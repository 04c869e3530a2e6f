/*
 * Copying.  Runs as whoever builds.  HOSTILE: a tree that somebody else made,
 * and may change while it is read: each name is opened once, without following
 * it, and what was opened decides.
 */
#include "builder/copy.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "builder/tree.h"
#include "privsep/log.h"
#include "privsep/name.h"

struct copy {
	struct bd_build *b;
	const char *from; /* what was named */
	char path[BD_MAX_PATH + 1]; /* in the image */
	unsigned depth;
	struct stat own; /* the build's own directory */
};

static int copy_names(struct copy *c, int from, int to);

static int
refuse(const struct copy *c, const char *why)
{
	return bd_fail("copy %s: /%s: %s", c->from, c->path, why);
}

static int
broken(const struct copy *c, int error)
{
	return bd_fail_error(error, "copy %s: /%s", c->from, c->path);
}

int
bd_begin_file(int dir, const char *name)
{
	int fd;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int
bd_set_attr(struct bd_build *b, int fd, const char *path,
    const struct bd_attr *attr, bool is_dir)
{
	if (fd >= 0 && fchmod(fd, bd_disk_mode(attr->mode, is_dir)) < 0)
		return -errno;
	if (fd >= 0 && bd_attr_says(attr, is_dir))
		return bd_attrs_set(&b->attrs, path, attr);
	if (fd < 0 && (attr->uid != 0 || attr->gid != 0))
		return bd_attrs_set(&b->attrs, path, attr);
	bd_attrs_drop(&b->attrs, path);
	return 0;
}

static int
copy_bytes(int from, int to)
{
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1u << 30);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
	}
}

static int
copy_file(struct copy *c, int from, const struct stat *st, int dir,
    const char *name)
{
	const struct bd_attr attr = { .mode = st->st_mode & 07777 };
	_cleanup_fd_ int in = bd_reopen(from, O_RDONLY), out = -1;
	int r;

	if (in < 0)
		return broken(c, in);
	out = bd_begin_file(dir, name);
	if (out == -EISDIR)
		return refuse(c, "is a directory in the image: copy-to-dir "
				 "copies into it");
	if (out < 0)
		return broken(c, out);
	r = copy_bytes(in, out);
	if (r == 0)
		r = bd_set_attr(c->b, out, c->path, &attr, false);
	return r < 0 ? broken(c, r) : 0;
}

static int
copy_link(struct copy *c, int from, int dir, const char *name)
{
	char target[BD_MAX_PATH + 1];
	ssize_t n = readlinkat(from, "", target, sizeof(target) - 1);

	if (n < 0)
		return broken(c, -errno);
	target[n] = '\0';
	if (n == 0 || !ps_is_print(target, (size_t)n))
		return refuse(c, "the link's target is not printable UTF-8");
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return errno == EISDIR ?
		    refuse(c, "is a directory in the image, and a link on "
			      "the host: choose one") :
		    broken(c, -errno);
	if (symlinkat(target, dir, name) < 0)
		return broken(c, -errno);
	bd_attrs_drop(&c->b->attrs, c->path);
	return 0;
}

/* A directory that the image has keeps its attributes. */
static int
copy_dir(struct copy *c, int from, const struct stat *st, int dir,
    const char *name)
{
	const struct bd_attr attr = { .mode = st->st_mode & 07777 };
	bool is_new = mkdirat(dir, name, 0700) == 0;
	_cleanup_fd_ int to = -1;
	int r = 0;

	if (!is_new && errno != EEXIST)
		return broken(c, -errno);
	to = openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0 && (errno == ENOTDIR || errno == ELOOP))
		return refuse(c, "is a directory on the host, and a file or a "
				 "link in the image: copy to where it leads");
	if (to < 0)
		return broken(c, -errno);
	if (is_new)
		r = bd_set_attr(c->b, to, c->path, &attr, true);
	if (r < 0)
		return broken(c, r);
	return copy_names(c, from, to);
}

/* from is an O_PATH descriptor. */
static int
copy_opened(struct copy *c, int from, int dir, const char *name)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return broken(c, -errno);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from, &st, dir, name);
	if (S_ISDIR(st.st_mode))
		return copy_dir(c, from, &st, dir, name);
	if (S_ISLNK(st.st_mode))
		return copy_link(c, from, dir, name);
	return refuse(c, "neither file, directory nor symbolic link: leave "
			 "it out");
}

static bool
is_own(const struct copy *c, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == c->own.st_dev &&
	    st.st_ino == c->own.st_ino;
}

static int
copy_child(struct copy *c, int from, int to, const char *name)
{
	_cleanup_fd_ int fd = openat(from, name,
	    O_PATH | O_NOFOLLOW | O_CLOEXEC);
	size_t was = strlen(c->path);
	int r;

	r = bd_join(c->path, name);
	if (r < 0)
		return refuse(c, r == -EBADMSG ?
			"a name in it is not printable UTF-8" :
			"a name in it is too long");
	if (fd < 0)
		return broken(c, -errno);
	if (is_own(c, fd))
		ps_log("copy %s: leaving out the build's own .acbuild",
		    c->from);
	else
		r = copy_opened(c, fd, to, name);
	c->path[was] = '\0';
	return r;
}

static int
copy_names(struct copy *c, int from, int to)
{
	_cleanup_(bd_names_free) struct bd_names names = { 0 };
	int r = bd_names(from, &names);

	if (r < 0)
		return broken(c, r);
	if (++c->depth >= BD_MAX_DEPTH)
		return refuse(c, "too many directories deep");
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = copy_child(c, from, to, names.v[i]);
	c->depth--;
	return r;
}

/* The directory to copy into; c->path becomes its path. */
static int
open_target(struct copy *c, const char *path)
{
	int dir = bd_make_dirs(c->b->rootfs, path, c->path);

	if (dir == -EINVAL)
		return bd_fail("copy %s: a path in the image may not hold "
			       "\"..\": %s", c->from, path);
	if (dir == -ENOTDIR)
		return bd_fail("copy %s: %s: in the image, something on the "
			       "way is not a directory", c->from, path);
	if (dir == -EBADMSG)
		return bd_fail("copy %s: the path in the image is not "
			       "printable UTF-8", c->from);
	return dir < 0 ? bd_fail_error(dir, "copy %s: %s", c->from, path) :
			 dir;
}

static int
open_source(struct copy *c)
{
	int fd = open(c->from, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return bd_fail_error(errno, "cannot copy %s", c->from);
	if (fstat(c->b->dir, &c->own) == 0 && !is_own(c, fd))
		return fd;
	ps_close_fd(&fd);
	return bd_fail("%s is the build's own directory", c->from);
}

/* Into dir, as name; or, where name is empty, a directory's content. */
static int
copy_named(struct copy *c, int from, int dir, const char *name)
{
	int r;

	if (name[0] == '\0') {
		_cleanup_fd_ int opened = bd_reopen(from,
		    O_RDONLY | O_DIRECTORY);

		if (opened < 0)
			return refuse(c, "is a directory in the image: "
					 "copy-to-dir copies into it");
		return copy_names(c, opened, dir);
	}
	r = bd_join(c->path, name);
	if (r < 0)
		return bd_fail("copy %s: a name in the image is printable "
			       "UTF-8, of at most 255 bytes", c->from);
	return copy_opened(c, from, dir, name);
}

/* Path without slashes at its end; *ret_name is its last part. */
static char *
split(const char *path, const char **ret_name)
{
	char *copy = strdup(path), *slash;
	size_t n = strlen(path);

	while (copy && n > 0 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = copy ? strrchr(copy, '/') : NULL;
	if (slash)
		*slash = '\0';
	*ret_name = slash ? slash + 1 : copy;
	return copy;
}

int
bd_copy_to(struct bd_build *b, const char *from, const char *to)
{
	struct copy c = { .b = b, .from = from };
	_cleanup_fd_ int fd = open_source(&c), dir = -1;
	_cleanup_free_ char *parent = NULL;
	const char *name;
	struct stat st;

	if (fd < 0)
		return -1;
	parent = split(to, &name);
	if (!parent)
		return bd_fail("out of memory");
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bd_fail("copy %s: %s is not a name in the image",
		    from, to);
	/* A directory goes where the image's own links lead. */
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		_cleanup_fd_ int there = bd_openat2(b->rootfs,
		    to[0] == '\0' ? "/" : to, O_RDONLY | O_DIRECTORY,
		    RESOLVE_IN_ROOT);

		if (there >= 0) {
			dir = open_target(&c, to);
			return dir < 0 ? -1 : copy_named(&c, fd, dir, "");
		}
	}
	dir = open_target(&c, name == parent ? "" : parent);
	return dir < 0 ? -1 : copy_named(&c, fd, dir, name);
}

int
bd_copy_into(struct bd_build *b, const char *from, const char *to)
{
	struct copy c = { .b = b, .from = from };
	_cleanup_fd_ int fd = open_source(&c), dir = -1;
	_cleanup_free_ char *parent = NULL;
	const char *name;

	if (fd < 0)
		return -1;
	dir = open_target(&c, to);
	parent = split(from, &name);
	if (dir < 0)
		return -1;
	if (!parent)
		return bd_fail("out of memory");
	if (name[0] == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		name = "";
	return copy_named(&c, fd, dir, name);
}
