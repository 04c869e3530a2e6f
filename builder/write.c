/*
 * Writing an image.  Runs as whoever builds.  The same tree and manifest give
 * the same bytes: members sorted, one time for all, 0:0 where no row says
 * otherwise, no names of users, gzip without name or time.  HOSTILE: the tree,
 * where commands of the image ran in it; each name is opened without
 * following it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "appc/image.h"
#include "builder/image.h"
#include "builder/manifest.h"
#include "builder/tree.h"
#include "privsep/name.h"

#define LEVEL "6"
#define CHUNK 262144u

/* Files with more than one name. */
struct seen {
	dev_t dev;
	ino_t ino;
	char path[];
};

struct out {
	struct bd_build *b;
	const struct bd_write *w;
	struct archive *archive;
	struct archive_entry *entry;
	char path[BD_MAX_PATH + 1]; /* below rootfs */
	unsigned depth;
	void *seen;
	char *chunk;
};

static void
free_out(struct out *o)
{
	if (o->archive)
		(void)archive_write_free(o->archive);
	archive_entry_free(o->entry);
	tdestroy(o->seen, free);
	free(o->chunk);
}

static int
refuse(const struct out *o, const char *why)
{
	return bd_fail("write %s: /%s: %s", o->w->path, o->path, why);
}

static int
broken(const struct out *o, int error)
{
	return bd_fail_error(error, "write %s: /%s", o->w->path, o->path);
}

static int
broken_archive(const struct out *o)
{
	int error = archive_errno(o->archive);

	if (error > 0)
		return bd_fail_error(error, "cannot write %s", o->w->path);
	return bd_fail("cannot write %s: %s", o->w->path,
	    archive_error_string(o->archive));
}

static int
compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* The first name of the file, or NULL: this is the first. */
static int
first_name(struct out *o, const struct stat *st, const char **ret)
{
	size_t n = strlen(o->path) + 1;
	struct seen *new, **there;

	*ret = NULL;
	if (st->st_nlink < 2)
		return 0;
	new = calloc(1, sizeof(*new) + n);
	if (!new)
		return -ENOMEM;
	new->dev = st->st_dev;
	new->ino = st->st_ino;
	memcpy(new->path, o->path, n);
	there = tsearch(new, &o->seen, compare);
	if (!there || *there != new)
		free(new);
	if (there && *there != new)
		*ret = (*there)->path;
	return there ? 0 : -ENOMEM;
}

static void
set_name(struct out *o, bool is_dir)
{
	char name[BD_MAX_PATH + 16];

	(void)snprintf(name, sizeof(name), "rootfs%s%s%s",
	    o->path[0] != '\0' ? "/" : "", o->path, is_dir ? "/" : "");
	(void)archive_entry_clear(o->entry);
	archive_entry_set_pathname(o->entry, name);
	archive_entry_set_mtime(o->entry, o->w->time, 0);
}

/* Mode, owner and capabilities: of the row, where the file on disk is still
 * what the row was made for. */
static void
set_attr(struct out *o, const struct stat *st)
{
	const struct bd_attr *attr = bd_attrs_find(&o->b->attrs, o->path);
	bool is_dir = S_ISDIR(st->st_mode), is_link = S_ISLNK(st->st_mode);
	mode_t mode = st->st_mode & 07777;

	if (attr && !is_link && bd_disk_mode(attr->mode, is_dir) == mode)
		mode = attr->mode;
	if (S_ISFIFO(st->st_mode))
		mode &= 0777;
	archive_entry_set_filetype(o->entry, st->st_mode & S_IFMT);
	archive_entry_set_perm(o->entry, is_link ? 0777 : mode);
	archive_entry_set_uid(o->entry, attr ? attr->uid : 0);
	archive_entry_set_gid(o->entry, attr ? attr->gid : 0);
	archive_entry_set_size(o->entry, 0);
	if (attr && attr->has_cap && S_ISREG(st->st_mode))
		archive_entry_xattr_add_entry(o->entry, "security.capability",
		    attr->cap, BD_CAP);
}

static int
put_header(struct out *o)
{
	return archive_write_header(o->archive, o->entry) == ARCHIVE_OK ?
	    0 : broken_archive(o);
}

static int
put_content(struct out *o, int fd, uint64_t size)
{
	while (size > 0) {
		size_t want = size < CHUNK ? (size_t)size : CHUNK;
		ssize_t n = read(fd, o->chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return broken(o, -errno);
		if (n == 0)
			return refuse(o, "changed while it was read");
		if (archive_write_data(o->archive, o->chunk, (size_t)n) != n)
			return broken_archive(o);
		size -= (uint64_t)n;
	}
	return 0;
}

static int
put_file(struct out *o, int path_fd, const struct stat *st)
{
	_cleanup_fd_ int fd = -1;
	const char *first;
	char target[BD_MAX_PATH + 16];
	int r = first_name(o, st, &first);

	if (r < 0)
		return broken(o, r);
	set_name(o, false);
	set_attr(o, st);
	if (first) {
		(void)snprintf(target, sizeof(target), "rootfs/%s", first);
		archive_entry_set_hardlink(o->entry, target);
		return put_header(o);
	}
	fd = bd_reopen(path_fd, O_RDONLY);
	if (fd < 0)
		return broken(o, fd);
	archive_entry_set_size(o->entry, st->st_size);
	r = put_header(o);
	return r < 0 ? r : put_content(o, fd, (uint64_t)st->st_size);
}

static int
put_link(struct out *o, int path_fd, const struct stat *st)
{
	char target[BD_MAX_PATH + 1];
	ssize_t n = readlinkat(path_fd, "", target, sizeof(target) - 1);

	if (n < 0)
		return broken(o, -errno);
	target[n] = '\0';
	if (!ps_is_print(target, (size_t)n))
		return refuse(o, "the link's target is not printable UTF-8");
	set_name(o, false);
	set_attr(o, st);
	archive_entry_set_symlink(o->entry, target);
	return put_header(o);
}

static int put_names(struct out *o, int dir);

static int
put_dir(struct out *o, int path_fd, const struct stat *st)
{
	int r;

	set_name(o, true);
	set_attr(o, st);
	r = put_header(o);
	return r < 0 ? r : put_names(o, path_fd);
}

static int
put_opened(struct out *o, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return broken(o, -errno);
	if (S_ISREG(st.st_mode))
		return put_file(o, fd, &st);
	if (S_ISDIR(st.st_mode))
		return put_dir(o, fd, &st);
	if (S_ISLNK(st.st_mode))
		return put_link(o, fd, &st);
	if (!S_ISFIFO(st.st_mode))
		return refuse(o, "neither file, directory, link nor fifo: "
				 "take it away");
	set_name(o, false);
	set_attr(o, &st);
	return put_header(o);
}

static int
put_names(struct out *o, int dir)
{
	_cleanup_(bd_names_free) struct bd_names names = { 0 };
	int r = bd_names(dir, &names);

	if (r < 0)
		return broken(o, r);
	if (++o->depth >= BD_MAX_DEPTH)
		return refuse(o, "too many directories deep");
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_fd_ int fd = openat(dir, names.v[i],
		    O_PATH | O_NOFOLLOW | O_CLOEXEC);
		size_t was = strlen(o->path);

		if (fd < 0)
			return broken(o, -errno);
		if (bd_join(o->path, names.v[i]) < 0)
			return refuse(o, "a name in it is too long, or not "
					 "printable UTF-8");
		r = put_opened(o, fd);
		o->path[was] = '\0';
	}
	o->depth--;
	return r;
}

static int
put_manifest(struct out *o, const char *text)
{
	size_t n = strlen(text);

	archive_entry_set_pathname(o->entry, "manifest");
	archive_entry_set_filetype(o->entry, AE_IFREG);
	archive_entry_set_perm(o->entry, 0644);
	archive_entry_set_mtime(o->entry, o->w->time, 0);
	archive_entry_set_size(o->entry, (la_int64_t)n);
	if (put_header(o) < 0)
		return -1;
	return archive_write_data(o->archive, text, n) == (la_ssize_t)n ?
	    0 : broken_archive(o);
}

static int
open_archive(struct out *o, int fd)
{
	o->archive = archive_write_new();
	o->entry = archive_entry_new();
	o->chunk = malloc(CHUNK);
	if (!o->archive || !o->entry || !o->chunk)
		return bd_fail("out of memory");
	if (archive_write_set_format_pax_restricted(o->archive) != ARCHIVE_OK ||
	    archive_write_set_format_option(o->archive, "pax", "xattrheader",
		"SCHILY") != ARCHIVE_OK ||
	    archive_write_add_filter_gzip(o->archive) != ARCHIVE_OK ||
	    archive_write_set_filter_option(o->archive, "gzip",
		"compression-level", LEVEL) != ARCHIVE_OK ||
	    archive_write_set_filter_option(o->archive, "gzip", "timestamp",
		NULL) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(o->archive, 1) !=
		ARCHIVE_OK ||
	    archive_write_open_fd(o->archive, fd) != ARCHIVE_OK)
		return broken_archive(o);
	return 0;
}

static int
put_all(struct out *o, int fd, const char *text)
{
	if (open_archive(o, fd) < 0 || put_manifest(o, text) < 0 ||
	    put_opened(o, o->b->rootfs) < 0)
		return -1;
	return archive_write_close(o->archive) == ARCHIVE_OK ?
	    0 : broken_archive(o);
}

/* A file without a name yet, so that nothing is left of a build that ends
 * early; where the file system has none such, one with a name of its own. */
static int
open_new(const struct bd_write *w, char *name, bool *ret_named)
{
	char *slash = strrchr(name, '/'), kept = '\0';
	int fd;

	if (slash) {
		kept = slash[1];
		slash[1] = '\0';
	}
	fd = open(slash ? name : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (slash)
		slash[1] = kept;
	*ret_named = fd < 0;
	if (fd < 0)
		fd = mkostemp(name, O_CLOEXEC);
	else
		(void)snprintf(name + strlen(name) - 6, 7, "%06x",
		    arc4random_uniform(1u << 24));
	return fd < 0 ? bd_fail_error(errno, "cannot write %s", w->path) : fd;
}

/* Gives it a name: that of the image, or a passing one to rename. */
static int
name_file(int fd, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ?
	    -errno : 0;
}

/* A whole file under its name, or none. */
static int
publish(const struct bd_write *w, int fd, const char *new, bool *named)
{
	int r = 0;

	if (fchmod(fd, 0666 & ~w->umask) < 0 || fsync(fd) < 0)
		r = -errno;
	if (r == 0 && !*named && !w->overwrite) {
		r = name_file(fd, w->path);
	} else if (r == 0) {
		r = *named ? 0 : name_file(fd, new);
		*named = *named || r == 0;
		if (r == 0 && renameat2(AT_FDCWD, new, AT_FDCWD, w->path,
			w->overwrite ? 0 : RENAME_NOREPLACE) < 0)
			r = -errno;
		*named = *named && r < 0;
	}
	if (r == -EEXIST)
		return bd_fail("%s is already there: --overwrite replaces it",
		    w->path);
	return r < 0 ? bd_fail_error(r, "cannot write %s", w->path) : 0;
}

int
bd_write_image(struct bd_build *b, const struct bd_write *w)
{
	_cleanup_(free_out) struct out o = { .b = b, .w = w };
	_cleanup_free_ char *text = NULL, *new = NULL;
	_cleanup_fd_ int fd = -1;
	char error[AC_ERROR];
	bool named;
	int r;

	if (bd_manifest_text(b->manifest, &text, error) < 0)
		return bd_fail("write %s: the manifest: %s", w->path, error);
	if (!w->overwrite && faccessat(AT_FDCWD, w->path, F_OK,
		AT_SYMLINK_NOFOLLOW) == 0)
		return bd_fail("%s is already there: --overwrite replaces it",
		    w->path);
	if (asprintf(&new, "%s.XXXXXX", w->path) < 0) {
		new = NULL;
		return bd_fail("out of memory");
	}
	fd = open_new(w, new, &named);
	if (fd < 0)
		return -1;
	r = put_all(&o, fd, text);
	if (r == 0)
		r = publish(w, fd, new, &named);
	if (named)
		(void)unlink(new);
	return r;
}
