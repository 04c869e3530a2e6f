/*
 * Taking a tree away.  Its contents are a stranger's: names of any bytes,
 * any depth.  Runs as root; unlinkat and renameat below descriptors alone, and
 * never through a symlink or a mount.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"

/* Trees on their way out are called .gone-* and half made things .new-*. */
static int
gone_name(char ret[40])
{
	uint64_t n[2];
	int r = sys_random(n, sizeof(n));

	if (r == 0)
		(void)snprintf(ret, 40, ".gone-%016llx%016llx",
		    (unsigned long long)n[0], (unsigned long long)n[1]);
	return r;
}

/* Empty the directory: files are unlinked, directories that are not empty are
 * moved up beside their top, to be emptied in their turn. */
static int
empty(int dir, const char *name)
{
	char other[40];
	_cleanup_fd_ int fd = sys_open(dir, name, O_RDONLY | O_DIRECTORY, 0,
	    SYS_BENEATH);
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (fd < 0)
		return fd;
	d = fdopendir(dup(fd));
	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = sys_unlink(fd, e->d_name, false);
		if (r == -EISDIR || r == -EPERM)
			r = sys_unlink(fd, e->d_name, true);
		if (r == -ENOTEMPTY || r == -EEXIST) {
			r = gone_name(other);
			if (r == 0)
				r = sys_rename(fd, e->d_name, dir, other, false);
		}
		if (r == -ENOENT)
			r = 0;
	}
	(void)closedir(d);
	return r;
}

static int
remove_one(int dir, const char *name)
{
	int r = empty(dir, name);

	if (r == -ENOTDIR)
		return sys_unlink(dir, name, false);
	if (r < 0)
		return r;
	return sys_unlink(dir, name, true);
}

/* Everything called prefix* in dir, until nothing is. */
static int
remove_all(int dir, const char *prefix, bool locked)
{
	size_t n = strlen(prefix);
	bool found;
	int r = 0;

	do {
		DIR *d = fdopendir(
		    sys_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH));
		struct dirent *e;

		found = false;
		if (!d)
			return -errno;
		while (r == 0 && (e = readdir(d)) != NULL) {
			_cleanup_fd_ int fd = -1;

			if (strncmp(e->d_name, prefix, n) != 0 ||
			    strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			if (locked) { /* its maker may be alive */
				fd = sys_open(dir, e->d_name, O_RDONLY, 0, SYS_BENEATH);
				if (fd < 0 || sys_flock(fd, true) < 0)
					continue;
			}
			found = true;
			r = remove_one(dir, e->d_name);
			if (r == -ENOENT)
				r = 0; /* another launcher was quicker */
		}
		(void)closedir(d);
	} while (r == 0 && found && !locked);
	return r;
}

int
ln_remove_tree(int dir, const char *name)
{
	char gone[40];
	int r = gone_name(gone);

	if (r == 0)
		r = sys_rename(dir, name, dir, gone, false);
	return r < 0 ? r : remove_all(dir, ".gone-", false);
}

int
ln_remove_pod_tree(int bin, int pod, const char *uuid)
{
	int r = remove_all(pod, "", false);

	return r < 0 ? r : sys_unlink(bin, uuid, true);
}

void
ln_sweep(int dir)
{
	(void)remove_all(dir, ".new-", true);
	(void)remove_all(dir, ".gone-", false);
}
