/*
 * Walking the tree under construction.  Runs as whoever builds.  HOSTILE: the
 * tree's symbolic links, which an image brought; the kernel resolves them
 * inside the tree.
 */
#include "builder/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "privsep/name.h"

int
bd_openat2(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS };
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

int
bd_reopen(int fd, int flags)
{
	char path[64];
	int new;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new = open(path, flags | O_CLOEXEC | O_NOCTTY);
	return new < 0 ? -errno : new;
}

int
bd_join(char path[BD_MAX_PATH + 1], const char *name)
{
	size_t at = strlen(path), n = strlen(name);

	if (!ps_is_print(name, n))
		return -EBADMSG;
	if (n > 255 || at + n + 1 + strlen("rootfs/") > BD_MAX_PATH)
		return -ENAMETOOLONG;
	if (at > 0)
		path[at++] = '/';
	memcpy(path + at, name, n + 1);
	return 0;
}

int
bd_path_of(int fd, char **ret)
{
	char link[64], *path = malloc(2 * BD_MAX_PATH);
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = path ? readlink(link, path, 2 * BD_MAX_PATH - 1) : -1;
	if (n < 0) {
		int r = path ? -errno : -ENOMEM;

		free(path);
		return r;
	}
	path[n] = '\0';
	*ret = path;
	return 0;
}

/* Where dir is, below rootfs. */
static int
path_below(int rootfs, int dir, char ret[BD_MAX_PATH + 1])
{
	_cleanup_free_ char *top = NULL, *path = NULL;
	size_t n;
	int r = bd_path_of(rootfs, &top);

	if (r == 0)
		r = bd_path_of(dir, &path);
	if (r < 0)
		return r;
	n = strlen(top);
	if (strncmp(path, top, n) != 0 ||
	    (path[n] != '\0' && path[n] != '/'))
		return -EXDEV;
	if (strlen(path + n) > BD_MAX_PATH)
		return -ENAMETOOLONG;
	n += path[n] == '/';
	memcpy(ret, path + n, strlen(path + n) + 1);
	return 0;
}

/* One more directory, name below *dir at path-in-image so_far. */
static int
step(int rootfs, const char *so_far, const char *name, int *dir)
{
	int fd = bd_openat2(rootfs, so_far, O_RDONLY | O_DIRECTORY,
	    RESOLVE_IN_ROOT);

	if (fd == -ENOENT) {
		if (mkdirat(*dir, name, 0755) < 0)
			return errno == EEXIST ? -ENOTDIR : -errno;
		fd = bd_openat2(rootfs, so_far, O_RDONLY | O_DIRECTORY,
		    RESOLVE_IN_ROOT);
	}
	if (fd < 0)
		return fd;
	ps_close_fd(dir);
	*dir = fd;
	return 0;
}

int
bd_make_dirs(int rootfs, const char *path, char ret[BD_MAX_PATH + 1])
{
	_cleanup_fd_ int dir = fcntl(rootfs, F_DUPFD_CLOEXEC, 0);
	char so_far[BD_MAX_PATH + 1] = "";
	int r = 0;

	while (r == 0 && *path != '\0') {
		size_t n = strcspn(path, "/");
		char name[256];

		if (n > 255)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '/');
		if (n == 0 || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			return -EINVAL;
		r = bd_join(so_far, name);
		if (r == 0)
			r = step(rootfs, so_far, name, &dir);
	}
	if (r == 0)
		r = path_below(rootfs, dir, ret);
	return r < 0 ? r : take_fd(dir);
}

void
bd_names_free(struct bd_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct bd_names){ 0 };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int
add_name(struct bd_names *names, const char *name)
{
	if ((names->n & (names->n - 1)) == 0) {
		size_t size = names->n == 0 ? 1 : names->n * 2;
		char **v = realloc(names->v, size * sizeof(*v));

		if (!v)
			return -ENOMEM;
		names->v = v;
	}
	names->v[names->n] = strdup(name);
	if (!names->v[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

int
bd_names(int dir, struct bd_names *ret)
{
	_cleanup_(close_dir) DIR *d = NULL;
	_cleanup_(bd_names_free) struct bd_names names = { 0 };
	int fd = bd_reopen(dir, O_RDONLY | O_DIRECTORY), r = 0;
	struct dirent *e;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		ps_close_fd(&fd);
		return -ENOMEM;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add_name(&names, e->d_name);
	if (r == 0)
		r = -errno;
	if (r < 0)
		return r;
	if (names.n > 0)
		qsort(names.v, names.n, sizeof(*names.v), compare);
	*ret = names;
	names = (struct bd_names){ 0 };
	return 0;
}

int
bd_remove_tree(int dir, const char *name)
{
	_cleanup_(bd_names_free) struct bd_names names = { 0 };
	_cleanup_fd_ int fd = -1;
	int r;

	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR)
		return errno == ENOENT ? 0 : -errno;
	/* What ran in the image may have taken our own rights away. */
	if (fchmodat(dir, name, 0700, 0) < 0)
		return -errno;
	fd = openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = bd_names(fd, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = bd_remove_tree(fd, names.v[i]);
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}
