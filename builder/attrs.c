/*
 * Rows of attributes.  Runs as whoever builds; the file of rows lies in the
 * build's own directory, which is that user's alone, and is read strictly all
 * the same.
 */
#include "builder/attrs.h"

#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/attr.h"

struct row {
	struct bd_attr attr;
	char path[];
};

mode_t
bd_disk_mode(mode_t mode, bool is_dir)
{
	return (mode & 0777) | (is_dir ? 0700 : 0600);
}

bool
bd_attr_says(const struct bd_attr *attr, bool is_dir)
{
	return attr->uid != 0 || attr->gid != 0 || attr->has_cap ||
	    bd_disk_mode(attr->mode, is_dir) != attr->mode;
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct row *
new_row(const char *path)
{
	size_t n = strlen(path) + 1;
	struct row *row = calloc(1, sizeof(*row) + n);

	if (row)
		memcpy(row->path, path, n);
	return row;
}

int
bd_attrs_set(struct bd_attrs *a, const char *path, const struct bd_attr *attr)
{
	struct row *row = new_row(path), **there;

	if (!row)
		return -ENOMEM;
	row->attr = *attr;
	there = tsearch(row, &a->root, compare);
	if (!there) {
		free(row);
		return -ENOMEM;
	}
	if (*there != row) {
		(*there)->attr = *attr;
		free(row);
	}
	a->is_changed = true;
	return 0;
}

const struct bd_attr *
bd_attrs_find(const struct bd_attrs *a, const char *path)
{
	_cleanup_free_ struct row *key = NULL;
	struct row **there;

	if (!a->root)
		return NULL;
	key = new_row(path);
	there = key ? tfind(key, &a->root, compare) : NULL;
	return there ? &(*there)->attr : NULL;
}

void
bd_attrs_drop(struct bd_attrs *a, const char *path)
{
	_cleanup_free_ struct row *key = a->root ? new_row(path) : NULL;
	struct row **there = key ? tfind(key, &a->root, compare) : NULL;
	struct row *row = there ? *there : NULL;

	if (!row)
		return;
	(void)tdelete(key, &a->root, compare);
	free(row);
	a->is_changed = true;
}

void
bd_attrs_free(struct bd_attrs *a)
{
	tdestroy(a->root, free);
	a->root = NULL;
}

static bool
get_cap(const char *hex, struct bd_attr *attr)
{
	if (strcmp(hex, "-") == 0)
		return true;
	if (strlen(hex) != BD_CAP * 2ul)
		return false;
	for (size_t i = 0; i < BD_CAP; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		attr->cap[i] = (uint8_t)byte;
	}
	attr->has_cap = true;
	return true;
}

static int
read_row(struct bd_attrs *a, char *line)
{
	struct bd_attr attr = { 0 };
	unsigned mode, uid, gid;
	char cap[64];
	int at = 0;
	size_t n = strlen(line);

	if (n == 0 || line[n - 1] != '\n')
		return -EBADMSG;
	line[n - 1] = '\0';
	if (sscanf(line, "%4o %5u %5u %63s%n", &mode, &uid, &gid, cap, &at) !=
		4 || at == 0 || line[at] != ' ' || mode > 07777 || uid > 65535 || gid > 65535 ||
	    !get_cap(cap, &attr))
		return -EBADMSG;
	attr.mode = (uint16_t)mode;
	attr.uid = (uint16_t)uid;
	attr.gid = (uint16_t)gid;
	return bd_attrs_set(a, line + at + 1, &attr);
}

static void
close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

int
bd_attrs_read(struct bd_attrs *a, int dir, const char *name)
{
	_cleanup_(close_file) FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
	size_t size = 0;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	f = fdopen(fd, "r");
	if (!f)
		return -errno;
	fd = -1;
	while (r == 0 && getline(&line, &size, f) > 0)
		r = read_row(a, line);
	if (r == 0 && ferror(f))
		r = -EIO;
	a->is_changed = false;
	return r;
}

static void
write_row(const void *node, VISIT which, void *arg)
{
	const struct row *row = *(const struct row *const *)node;
	const struct bd_attr *attr = &row->attr;
	FILE *f = arg;

	if (which != postorder && which != leaf)
		return;
	(void)fprintf(f, "%04o %u %u ", (unsigned)attr->mode,
	    (unsigned)attr->uid, (unsigned)attr->gid);
	if (!attr->has_cap)
		(void)fputc('-', f);
	for (size_t i = 0; attr->has_cap && i < BD_CAP; i++)
		(void)fprintf(f, "%02x", (unsigned)attr->cap[i]);
	(void)fprintf(f, " %s\n", row->path);
}

int
bd_attrs_write(const struct bd_attrs *a, int dir, const char *name)
{
	_cleanup_(close_file) FILE *f = NULL;
	char new[64];
	int fd;

	(void)snprintf(new, sizeof(new), "%s.new", name);
	(void)unlinkat(dir, new, 0);
	fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		ps_close_fd(&fd);
		return -ENOMEM;
	}
	twalk_r(a->root, write_row, f);
	if (fflush(f) != 0 || ferror(f))
		return -EIO;
	return renameat(dir, new, dir, name) < 0 ? -errno : 0;
}
