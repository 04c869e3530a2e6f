/*
 * Beginning from an image.  Runs as whoever builds.  HOSTILE: the whole file;
 * it need not be signed.  libarchive reads tar and four kinds of compression,
 * nothing else; names are judged as rkt's unpack judges them, and every file
 * is made below the tree's own root by the kernel's rule (openat2).
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "appc/image.h"
#include "builder/copy.h"
#include "builder/image.h"
#include "builder/manifest.h"
#include "builder/tree.h"
#include "privsep/limits.h"
#include "privsep/log.h"
#include "privsep/name.h"

#define MAX_TREE (INT64_C(64) << 30)
#define MAX_ENTRIES 2000000u
#define MAX_SIZE (INT64_C(1) << 40)

struct load {
	struct bd_build *b;
	const char *path; /* of the image file */
	struct archive *archive;
	char name[BD_MAX_PATH + 1]; /* of the member, canonical */
	void *dirs; /* tsearch: directories that had a member */
	bool has_root;
	uint64_t bytes;
	unsigned entries;
	bool said_xattr;
};

static void
free_load(struct load *l)
{
	if (l->archive)
		(void)archive_read_free(l->archive);
	tdestroy(l->dirs, free);
}

static int
refuse(const struct load *l, const char *why)
{
	return bd_fail("begin %s: %s: %s", l->path,
	    l->name[0] != '\0' ? l->name : "archive", why);
}

static int
broken(const struct load *l, int error)
{
	return bd_fail_error(error, "begin %s: %s", l->path, l->name);
}

static int
refuse_archive(const struct load *l)
{
	const char *why = archive_error_string(l->archive);

	return refuse(l, why && ps_is_print(why, strlen(why)) ? why :
								"damaged");
}

/* "./a//b/" to "a/b". */
static const char *
canonical(const char *name, char ret[BD_MAX_PATH + 1])
{
	unsigned depth = 0;

	ret[0] = '\0';
	if (name[0] == '/')
		return "absolute name";
	if (!ps_is_print(name, strlen(name)))
		return "name is not printable UTF-8";
	while (*name != '\0') {
		size_t n = strcspn(name, "/");
		char part[256];

		if (n == 2 && memcmp(name, "..", 2) == 0)
			return "name with \"..\"";
		if (n > 255)
			return "part of a name is too long";
		memcpy(part, name, n);
		part[n] = '\0';
		name += n + (name[n] == '/');
		if (n == 0 || strcmp(part, ".") == 0)
			continue;
		if (++depth > BD_MAX_DEPTH || bd_join(ret, part) < 0)
			return "name is too long or too deep";
	}
	return NULL;
}

/* NULL: neither rootfs nor below it. */
static const char *
below_rootfs(const char *name)
{
	if (strncmp(name, "rootfs", 6) != 0 ||
	    (name[6] != '\0' && name[6] != '/'))
		return NULL;
	return name + 6 + (name[6] == '/');
}

/* The directory that path lies in, without following a link; what is missing
 * on the way is made.  *ret_name is the last part. */
static int
open_parent(struct load *l, const char *path, const char **ret_name)
{
	char dirs[BD_MAX_PATH + 1];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	*ret_name = slash ? slash + 1 : path;
	memcpy(dirs, path, n);
	dirs[n] = '\0';
	fd = bd_openat2(l->b->rootfs, n > 0 ? dirs : ".",
	    O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	for (size_t at = 1; fd == -ENOENT && at <= n; at++) {
		char kept = dirs[at];
		const char *name;
		_cleanup_fd_ int up = -1;

		if (kept != '/' && kept != '\0')
			continue;
		dirs[at] = '\0';
		name = strrchr(dirs, '/') ? strrchr(dirs, '/') + 1 : dirs;
		if (name != dirs)
			dirs[name - dirs - 1] = '\0';
		up = bd_openat2(l->b->rootfs, name != dirs ? dirs : ".",
		    O_RDONLY | O_DIRECTORY,
		    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		if (up < 0)
			return up;
		if (mkdirat(up, name, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (name != dirs)
			dirs[name - dirs - 1] = '/';
		dirs[at] = kept;
		if (at == n)
			fd = bd_openat2(l->b->rootfs, dirs,
			    O_RDONLY | O_DIRECTORY,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	}
	return fd;
}

static int
copy_data(struct load *l, struct archive_entry *e,
    int (*sink)(void *arg, const void *p, size_t n, int64_t at), void *arg)
{
	int64_t at = 0;

	for (;;) {
		const void *p;
		size_t n;
		la_int64_t offset;
		int r = archive_read_data_block(l->archive, &p, &n, &offset);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return refuse_archive(l);
		if (n == 0)
			continue;
		if (offset != at || (int64_t)n > archive_entry_size(e) - at)
			return refuse(l, "content with holes");
		l->bytes += n;
		if (l->bytes > (uint64_t)MAX_TREE)
			return refuse(l, "the image is too large");
		r = sink(arg, p, n, at);
		if (r < 0)
			return broken(l, r);
		at += (int64_t)n;
	}
	return at == archive_entry_size(e) ? 0 : refuse(l, "truncated");
}

static int
to_file(void *arg, const void *p, size_t n, int64_t at)
{
	const char *bytes = p;

	while (n > 0) {
		ssize_t put = pwrite(*(int *)arg, bytes, n, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		n -= (size_t)put;
		at += put;
	}
	return 0;
}

static int
to_memory(void *arg, const void *p, size_t n, int64_t at)
{
	memcpy((char *)arg + at, p, n);
	return 0;
}

static int
load_manifest(struct load *l, struct archive_entry *e)
{
	_cleanup_free_ char *text = NULL;
	char error[AC_ERROR];
	int64_t n = archive_entry_size(e);
	int r;

	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return refuse(l, "not a regular file");
	if (l->b->manifest)
		return refuse(l, "a second manifest");
	if (n > PS_MAX_MANIFEST)
		return refuse(l, "too large");
	text = calloc(1, (size_t)n + 1);
	r = text ? copy_data(l, e, to_memory, text) : broken(l, -ENOMEM);
	if (r < 0)
		return r;
	if (bd_manifest_parse(text, (size_t)n, &l->b->manifest, error) < 0)
		return refuse(l, error);
	return 0;
}

/* 0; -EBADMSG: file capabilities in a form that names a host's namespace. */
static int
take_xattrs(struct load *l, struct archive_entry *e, struct bd_attr *attr)
{
	const char *name;
	const void *value;
	size_t n;

	(void)archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		if (strcmp(name, "security.capability") != 0) {
			if (!l->said_xattr)
				ps_log("begin %s: %s: leaving out extended "
				       "attributes but capabilities", l->path,
				    l->name);
			l->said_xattr = true;
			continue;
		}
		if (n != BD_CAP || ((const uint8_t *)value)[3] != 2)
			return -EBADMSG;
		memcpy(attr->cap, value, BD_CAP);
		attr->has_cap = true;
	}
	return 0;
}

static int
load_file(struct load *l, struct archive_entry *e, int dir, const char *name,
    int *ret)
{
	int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ?
		    refuse(l, "a second member with this name") :
		    broken(l, -errno);
	*ret = fd;
	return copy_data(l, e, to_file, &fd);
}

static int
load_dir(struct load *l, int dir, const char *name, int *ret)
{
	char *copy = strdup(l->name), **there;

	there = copy ? tsearch(copy, &l->dirs,
	    (int (*)(const void *, const void *))strcmp) : NULL;
	if (!there || *there != copy) {
		free(copy);
		return there ? refuse(l, "a second member with this name") :
			       broken(l, -ENOMEM);
	}
	if (name[0] != '\0' && mkdirat(dir, name, 0700) < 0 &&
	    errno != EEXIST)
		return broken(l, -errno);
	*ret = openat(dir, name[0] != '\0' ? name : ".",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? refuse(l, "a second member with this name") : 0;
}

static int
load_symlink(struct load *l, struct archive_entry *e, int dir,
    const char *name)
{
	const char *target = archive_entry_symlink(e);

	if (!target || target[0] == '\0' ||
	    !ps_is_print(target, strlen(target)) ||
	    strlen(target) > BD_MAX_PATH)
		return refuse(l, "link target is not printable UTF-8");
	if (symlinkat(target, dir, name) < 0)
		return errno == EEXIST ?
		    refuse(l, "a second member with this name") :
		    broken(l, -errno);
	return 0;
}

/* To a regular file that came before. */
static int
load_hardlink(struct load *l, struct archive_entry *e, int dir,
    const char *name)
{
	char target[BD_MAX_PATH + 1];
	const char *why = canonical(archive_entry_hardlink(e), target);
	const char *below = why ? NULL : below_rootfs(target), *last;
	const struct bd_attr *attr;
	_cleanup_fd_ int up = -1;
	struct stat st;

	if (!below || below[0] == '\0')
		return refuse(l, "hard link to something outside rootfs");
	if (archive_entry_size(e) > 0)
		return refuse(l, "hard link with content");
	last = strrchr(below, '/') ? strrchr(below, '/') + 1 : below;
	why = last;
	target[why - target - 1] = '\0';
	up = bd_openat2(l->b->rootfs, last != below ? below : ".",
	    O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (up < 0 || fstatat(up, last, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return refuse(l, "hard link to what is no file that came "
				 "before");
	if (linkat(up, last, dir, name, 0) < 0)
		return errno == EEXIST ?
		    refuse(l, "a second member with this name") :
		    broken(l, -errno);
	if (last != below)
		target[why - target - 1] = '/';
	attr = bd_attrs_find(&l->b->attrs, below);
	return attr ? bd_attrs_set(&l->b->attrs, below_rootfs(l->name), attr) :
		      0;
}

static int
load_fifo(struct load *l, int dir, const char *name, int *ret)
{
	if (mkfifoat(dir, name, 0600) < 0)
		return errno == EEXIST ?
		    refuse(l, "a second member with this name") :
		    broken(l, -errno);
	*ret = openat(dir, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? broken(l, -errno) : 0;
}

static int
load_node(struct load *l, struct archive_entry *e, int dir, const char *name)
{
	struct bd_attr attr = { .mode = archive_entry_perm(e) & 07777,
		.uid = (uint16_t)archive_entry_uid(e),
		.gid = (uint16_t)archive_entry_gid(e) };
	_cleanup_fd_ int fd = -1;
	int r;

	if (archive_entry_hardlink(e))
		return load_hardlink(l, e, dir, name);
	if (take_xattrs(l, e, &attr) < 0)
		return refuse(l, "file capabilities are not of revision 2");
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		r = load_file(l, e, dir, name, &fd);
		break;
	case AE_IFDIR:
		r = load_dir(l, dir, name, &fd);
		break;
	case AE_IFLNK:
		r = load_symlink(l, e, dir, name);
		break;
	case AE_IFIFO:
		r = load_fifo(l, dir, name, &fd);
		break;
	default:
		r = refuse(l, "devices and sockets are not allowed");
	}
	if (r == 0 && (r = bd_set_attr(l->b, fd, below_rootfs(l->name), &attr,
		    archive_entry_filetype(e) == AE_IFDIR)) < 0)
		return broken(l, r);
	return r;
}

static int
load_member(struct load *l, struct archive_entry *e)
{
	const char *raw = archive_entry_pathname(e);
	const char *why = raw ? canonical(raw, l->name) : "no name", *path;
	const char *name = "";
	_cleanup_fd_ int dir = -1;

	if (why) {
		l->name[0] = '\0';
		return refuse(l, why);
	}
	if (++l->entries > MAX_ENTRIES)
		return refuse(l, "too many members");
	if (l->name[0] == '\0')
		return 0; /* "./": the archive's own top */
	if (strcmp(l->name, "manifest") == 0)
		return load_manifest(l, e);
	path = below_rootfs(l->name);
	if (!path)
		return refuse(l, "neither the manifest nor below rootfs");
	if (path[0] == '\0' && archive_entry_filetype(e) != AE_IFDIR)
		return refuse(l, "not a directory");
	if (archive_entry_uid(e) < 0 || archive_entry_uid(e) > 65535 ||
	    archive_entry_gid(e) < 0 || archive_entry_gid(e) > 65535)
		return refuse(l, "owner is outside 0..65535");
	if (archive_entry_size(e) < 0 || archive_entry_size(e) > MAX_SIZE)
		return refuse(l, "bad size");
	l->has_root = true;
	dir = open_parent(l, path, &name);
	if (dir == -ELOOP || dir == -ENOTDIR)
		return refuse(l, "path through a link or file");
	if (dir < 0)
		return broken(l, dir);
	return load_node(l, e, dir, name);
}

static int
open_archive(struct load *l, int fd)
{
	l->archive = archive_read_new();
	if (!l->archive)
		return bd_fail("out of memory");
	if (archive_read_support_filter_gzip(l->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(l->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(l->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(l->archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(l->archive) != ARCHIVE_OK ||
	    archive_read_open_fd(l->archive, fd, 65536) != ARCHIVE_OK)
		return refuse_archive(l);
	return 0;
}

int
bd_load_image(struct bd_build *b, const char *path)
{
	_cleanup_(free_load) struct load l = { .b = b, .path = path };
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct archive_entry *e;
	int r;

	if (fd < 0)
		return bd_fail_error(errno, "cannot open %s", path);
	r = open_archive(&l, fd);
	while (r == 0) {
		r = archive_read_next_header(l.archive, &e);
		if (r == ARCHIVE_EOF)
			break;
		r = r == ARCHIVE_OK ? load_member(&l, e) : refuse_archive(&l);
	}
	if (r < 0)
		return r;
	l.name[0] = '\0';
	if (!b->manifest)
		return refuse(&l, "the image has no manifest");
	return l.has_root ? 0 : refuse(&l, "the image has no rootfs");
}
