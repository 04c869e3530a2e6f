/*
 * Walking a tree at rest.  It was written by a worker like this one, but may
 * have been spoiled since: whatever lies there is digested or refused, never
 * followed.  Runs as root of its own user namespace.
 */
#include "verifier/unpack/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "privsep/limits.h"
#include "verifier/unpack/disk.h"
#include "verifier/unpack/pax.h"

#define CHUNK 262144u
#define MAX_LIST 65536u
#define MAX_VALUES VF_MAX_PAX /* more than one member can bring */

/* Files with more than one name, by inode. */
struct seen {
	struct seen *next;
	ino_t ino;
	char path[];
};

#define SEEN_SLOTS 4096u
/* Deeper, a directory is closed while one in it is read. */
#define OPEN_DEPTH 16u

struct scan {
	struct vf_failure *failure;
	struct vf_scan *ret;
	struct vf_hash *sha256, *sha512;
	struct seen *seen[SEEN_SLOTS];
	dev_t dev;
	int root;
	char path[VF_MAX_PATH + 1];
	size_t n_path, depth;
	uint8_t *chunk;
	char *list;    /* names of xattrs */
	uint8_t *values;
};

static void
free_scan(struct scan **scan)
{
	struct scan *s = *scan;

	if (!s)
		return;
	vf_hash_free(s->sha256);
	vf_hash_free(s->sha512);
	for (size_t i = 0; i < SEEN_SLOTS; i++)
		while (s->seen[i]) {
			struct seen *next = s->seen[i]->next;

			free(s->seen[i]);
			s->seen[i] = next;
		}
	free(s->chunk);
	free(s->list);
	free(s->values);
	free(s);
}

static int
broken(struct scan *s, int error)
{
	return vf_broken(s->failure, error, "cannot be read", s->path);
}

/* The names of one directory, sorted. */
struct names {
	size_t n, size;
	char **v;
};

static void
free_names(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->v[i]);
	free(n->v);
}

static void
close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
read_names(int dir, struct names *ret)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	_cleanup_(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		ps_close_fd(&fd);
		return -errno;
	}
	rewinddir(d);
	while (errno = 0, (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (ret->n == ret->size) {
			size_t size = ret->size * 2 + 16;
			char **v = realloc(ret->v, size * sizeof(*v));

			if (!v)
				return -ENOMEM;
			ret->v = v;
			ret->size = size;
		}
		ret->v[ret->n] = strdup(e->d_name);
		if (!ret->v[ret->n])
			return -ENOMEM;
		ret->n++;
	}
	if (errno != 0)
		return -errno;
	qsort(ret->v, ret->n, sizeof(*ret->v), compare_names);
	return 0;
}

static int
read_xattrs(struct scan *s, int fd, struct vf_entry *e)
{
	ssize_t n = flistxattr(fd, s->list, MAX_LIST);
	size_t used = 0;

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *p = s->list; p < s->list + n; p += strlen(p) + 1) {
		ssize_t got;

		if (strncmp(p, "user.", 5) != 0 &&
		    strcmp(p, "security.capability") != 0)
			continue; /* the system's own, as SELinux labels */
		if (e->n_xattr == VF_MAX_XATTRS || used == MAX_VALUES)
			return -E2BIG;
		got = fgetxattr(fd, p, s->values + used,
		    MAX_VALUES - used);
		if (got < 0)
			return -errno;
		e->xattrs[e->n_xattr++] = (struct vf_xattr){ p,
			s->values + used, (size_t)got };
		used += (size_t)got;
	}
	return 0;
}

static int
read_content(struct scan *s, int fd, struct vf_entry *e)
{
	vf_hash_begin(s->sha256);
	for (;;) {
		ssize_t n = read(fd, s->chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		vf_hash_add(s->sha256, s->chunk, (size_t)n);
		e->size += (uint64_t)n;
	}
	vf_hash_end(s->sha256, e->content);
	s->ret->tree_size += e->size;
	return 0;
}

/* This file's first name, or NULL; then it is the first from now on. */
static int
first_name(struct scan *s, const struct stat *st, const char **ret)
{
	struct seen **slot = &s->seen[st->st_ino % SEEN_SLOTS], *new;

	*ret = NULL;
	if (st->st_nlink < 2)
		return 0;
	for (const struct seen *i = *slot; i; i = i->next)
		if (i->ino == st->st_ino) {
			*ret = i->path;
			return 0;
		}
	new = malloc(sizeof(*new) + s->n_path + 1);
	if (!new)
		return -ENOMEM;
	new->next = *slot;
	new->ino = st->st_ino;
	memcpy(new->path, s->path, s->n_path + 1);
	*slot = new;
	return 0;
}

static void
fill_entry(struct vf_entry *e, char type, const struct stat *st)
{
	e->type = type;
	e->mode = type == 'l' ? 0777 : st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->seconds = st->st_mtim.tv_sec;
	e->nanoseconds = (uint32_t)st->st_mtim.tv_nsec;
}

static void
add(struct scan *s, struct vf_entry *e)
{
	uint8_t digest[VF_ENTRY_DIGEST];

	vf_entry_digest(s->sha256, e, digest);
	vf_tree_add(s->sha512, s->path, e->type, digest);
}

static int scan_names(struct scan *s, int *dir);

/* An open file or directory; *fd may be closed on the way. */
static int
scan_open(struct scan *s, int *fd, char type)
{
	struct vf_xattr xattrs[VF_MAX_XATTRS];
	struct vf_entry e = { .xattrs = xattrs };
	const char *first = NULL;
	struct stat st;
	int r = 0;

	if (fstat(*fd, &st) < 0)
		return broken(s, -errno);
	if (st.st_dev != s->dev || (type == 'f') != S_ISREG(st.st_mode))
		return broken(s, -EXDEV);
	if (type == 'f')
		r = first_name(s, &st, &first);
	if (r == 0 && first) {
		vf_tree_add_link(s->sha512, s->path, first);
		return 0;
	}
	fill_entry(&e, type, &st);
	if (r == 0 && type == 'f')
		r = read_content(s, *fd, &e);
	if (r == 0)
		r = read_xattrs(s, *fd, &e);
	if (r < 0)
		return broken(s, r);
	add(s, &e);
	return type == 'd' ? scan_names(s, fd) : 0;
}

static int
scan_link(struct scan *s, int dir, const char *name, const struct stat *st)
{
	char target[VF_MAX_PATH + 1];
	struct vf_entry e = { .link = target };
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return broken(s, -errno);
	target[n] = '\0';
	fill_entry(&e, 'l', st);
	add(s, &e);
	return 0;
}

static int
scan_one(struct scan *s, int *dir, const char *name)
{
	_cleanup_fd_ int fd = -1;
	struct vf_entry e = { 0 };
	struct stat st;

	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(s, -errno);
	if (S_ISLNK(st.st_mode))
		return scan_link(s, *dir, name, &st);
	if (S_ISFIFO(st.st_mode)) {
		fill_entry(&e, 'p', &st);
		add(s, &e);
		return 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return vf_refuse(s->failure, PS_UNPACK_MEMBER, s->path,
		    "neither file, directory, link nor fifo");
	fd = vf_open(*dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		(S_ISDIR(st.st_mode) ? O_DIRECTORY : 0),
	    0);
	if (fd < 0)
		return broken(s, fd);
	if (S_ISDIR(st.st_mode) && s->depth > OPEN_DEPTH)
		ps_close_fd(dir);
	return scan_open(s, &fd, S_ISDIR(st.st_mode) ? 'd' : 'f');
}

/* One name of the directory at s->path, whose length is was. */
static int
scan_child(struct scan *s, int *dir, const char *name)
{
	size_t was = s->n_path, n = strlen(name);
	int r;

	if (*dir < 0) {
		*dir = vf_open(s->root, s->path,
		    O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0);
		if (*dir < 0)
			return broken(s, *dir);
	}
	if (was + n + 2 > sizeof(s->path))
		return broken(s, -ENAMETOOLONG);
	if (was > 0)
		s->path[s->n_path++] = '/';
	memcpy(s->path + s->n_path, name, n + 1);
	s->n_path += n;
	s->ret->entries++;
	r = scan_one(s, dir, name);
	if (r < 0)
		return r;
	s->n_path = was;
	s->path[was] = '\0';
	return 0;
}

static int
scan_names(struct scan *s, int *dir)
{
	_cleanup_(free_names) struct names names = { 0 };
	int r = read_names(*dir, &names);

	if (r < 0)
		return broken(s, r);
	if (++s->depth > VF_MAX_DEPTH + 1)
		return broken(s, -ELOOP);
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = scan_child(s, dir, names.v[i]);
	s->depth--;
	return r;
}

int
vf_scan(int root, struct vf_failure *f, struct vf_scan *ret)
{
	struct vf_scan found = { 0 };
	_cleanup_(free_scan) struct scan *s = calloc(1, sizeof(*s));
	struct stat st;
	int r;

	if (!s)
		return vf_broken(f, -ENOMEM, "digesting", NULL);
	s->failure = f;
	s->ret = &found;
	s->sha256 = vf_hash_new(VF_SHA256);
	s->sha512 = vf_hash_new(VF_SHA512);
	s->chunk = malloc(CHUNK);
	s->list = malloc(MAX_LIST);
	s->values = malloc(MAX_VALUES);
	if (!s->sha256 || !s->sha512 || !s->chunk || !s->list || !s->values)
		return broken(s, -ENOMEM);
	if (fstat(root, &st) < 0)
		return broken(s, -errno);
	s->dev = st.st_dev;
	s->root = root;
	vf_tree_begin(s->sha512);
	r = scan_open(s, &root, 'd');
	if (r < 0)
		return r;
	vf_hash_end(s->sha512, found.tree);
	*ret = found;
	return 0;
}
