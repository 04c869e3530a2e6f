/*
 * Reads the trust store (user rkt-verify; the directories are root's).  Names
 * are compared by path element: a key for "a.com/et" does not speak for
 * "a.com/etcd".  Nothing here looks into a key.
 */
#include "verifier/openpgp/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/name.h"

#define MAX_DEPTH 32u

static void
close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int
open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_RDONLY | O_CLOEXEC |
		    O_NONBLOCK | O_NOCTTY),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* A directory that others may write could lose a mask: that is an error, and
 * so is one that cannot be read.  -ENOENT: it is not there. */
static int
open_dir(int dir, const char *path)
{
	_cleanup_fd_ int fd = open_beneath(dir, path, O_DIRECTORY);
	struct stat st;

	if (fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & S_IWOTH) != 0 ? -EPERM : take_fd(fd);
}

static bool
is_fingerprint(const char *name)
{
	size_t n = strlen(name);

	return (n == 40 || n == 64) && ps_is_hex(name, n);
}

/* The bytes of a key file; -EINVAL if it is not fit to be one. */
static int
read_key(struct vf_trust *t, int fd, struct vf_entry *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_mode & S_IWOTH) != 0 || st.st_size < 0 ||
	    st.st_size > (off_t)PS_MAX_KEY)
		return -EINVAL;
	if (st.st_size == 0)
		return 0;
	if (t->bytes + (size_t)st.st_size > VF_MAX_STORE)
		return -E2BIG;
	e->bytes = malloc((size_t)st.st_size);
	if (e->bytes == NULL)
		return -ENOMEM;
	if (ps_pread_full(fd, e->bytes, (size_t)st.st_size, 0) < 0)
		return -EINVAL;
	e->n = (size_t)st.st_size;
	t->bytes += e->n;
	return 0;
}

static int
add_entry(struct vf_trust *t, int dir, const char *scope, const char *name)
{
	_cleanup_fd_ int fd = open_beneath(dir, name, 0);
	struct vf_entry *e;
	struct stat st;
	int r = -EINVAL;

	if (fd == -ENOENT)
		return 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (t->n == VF_MAX_ENTRIES || strlen(scope) >= VF_MAX_SCOPE)
		return -E2BIG;
	e = &t->v[t->n++];
	memcpy(e->fpr, name, strlen(name) + 1);
	memcpy(e->scope, scope, strlen(scope) + 1);
	if (fd >= 0)
		r = read_key(t, fd, e);
	if (r == -EINVAL)
		t->odd++;
	else if (r < 0)
		return r;
	e->mask = e->n == 0;
	return 0;
}

static int
read_dir(struct vf_trust *t, int fd, const char *scope, bool below,
    unsigned depth);

/* dir/name, if it is a directory, with the prefix that it stands for. */
static int
read_below(struct vf_trust *t, int dir, const char *scope, const char *name,
    unsigned depth)
{
	_cleanup_fd_ int fd = open_dir(dir, name);
	char inner[VF_MAX_SCOPE];
	size_t n = strlen(scope), m = strlen(name);

	/* A link with a fingerprint's name has been taken as a mask. */
	if (fd == -ENOENT || (fd == -ELOOP && is_fingerprint(name)))
		return 0;
	if (fd < 0)
		return fd;
	if (n + 1 + m >= sizeof(inner) || depth == 0)
		return -E2BIG;
	memcpy(inner, scope, n);
	if (n > 0)
		inner[n++] = '/';
	memcpy(inner + n, name, m + 1);
	return read_dir(t, fd, inner, true, depth - 1);
}

/* Every key file of one directory; below: of those in it as well. */
static int
read_dir(struct vf_trust *t, int fd, const char *scope, bool below,
    unsigned depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_dir) DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	int r = 0;

	if (d == NULL) {
		r = -errno;
		ps_close_fd(&copy);
		return r;
	}
	for (errno = 0; r == 0 && (e = readdir(d)) != NULL; errno = 0) {
		if (++t->looked > VF_MAX_DIRENTS)
			return -E2BIG;
		if (e->d_name[0] == '.')
			continue;
		if (is_fingerprint(e->d_name))
			r = add_entry(t, fd, scope, e->d_name);
		if (r == 0 && below)
			r = read_below(t, fd, scope, e->d_name, depth);
	}
	return r != 0 ? r : -errno;
}

static int
read_root(struct vf_trust *t, int store)
{
	_cleanup_fd_ int fd = open_dir(store, "root.d");

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return read_dir(t, fd, "", false, 0);
}

/* prefix.d: each ancestor of the name, and the name; "" reads them all. */
static int
read_prefixes(struct vf_trust *t, int store, const char *name)
{
	_cleanup_fd_ int top = open_dir(store, "prefix.d");
	size_t length = strlen(name);
	char prefix[VF_MAX_SCOPE];
	int r = 0;

	if (top < 0)
		return top == -ENOENT ? 0 : top;
	if (length >= sizeof(prefix))
		return -E2BIG;
	if (length == 0)
		return read_dir(t, top, "", true, MAX_DEPTH);
	for (size_t n = 1; r == 0 && n <= length; n++) {
		if (n < length && name[n] != '/')
			continue;
		memcpy(prefix, name, n);
		prefix[n] = '\0';

		_cleanup_fd_ int fd = open_dir(top, prefix);

		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		r = read_dir(t, fd, prefix, false, 0);
	}
	return r;
}

/* All entries of a named search cover the name; without a name a mask counts
 * for what stands at its place or below. */
static void
apply_masks(struct vf_trust *t, bool named)
{
	for (size_t m = 0; m < t->n; m++) {
		const struct vf_entry *mask = &t->v[m];

		for (size_t i = 0; mask->mask && i < t->n; i++) {
			struct vf_entry *e = &t->v[i];

			if (strcmp(e->fpr, mask->fpr) == 0 &&
			    (named || mask->scope[0] == '\0' ||
				ps_is_prefix(mask->scope, e->scope)))
				e->masked = true;
		}
	}
}

int
vf_trust_load(const int dirs[2], const char *name, struct vf_trust *ret)
{
	struct vf_trust t = { 0 };
	int r = 0;

	t.v = calloc(VF_MAX_ENTRIES, sizeof(*t.v));
	if (t.v == NULL)
		return -ENOMEM;
	for (int i = 0; r == 0 && i < 2; i++) {
		if (dirs[i] < 0)
			continue;
		r = read_root(&t, dirs[i]);
		if (r == 0)
			r = read_prefixes(&t, dirs[i], name);
	}
	if (r < 0) {
		vf_trust_done(&t);
		return r;
	}
	apply_masks(&t, name[0] != '\0');
	*ret = t;
	return 0;
}

void
vf_trust_done(struct vf_trust *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].bytes);
	free(t->v);
	*t = (struct vf_trust){ 0 };
}
