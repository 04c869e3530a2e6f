/*
 * Taking a tree away.  Its contents are a stranger's: names of any bytes,
 * any depth.  Runs as root; unlinkat and renameat below descriptors alone, and
 * never through a symlink or a mount.
 */
#include <errno.h>
#include <string.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"

/* Empty the directory: files are unlinked, directories that are not empty are
 * moved up beside their top, to be emptied in their turn. */
static int
empty(int dir, const char *name)
{
	char other[LN_TEMPORARY];
	_cleanup_list_ DIR *list = NULL;
	const char *entry;
	int r = ln_list(dir, name, &list);

	while (r == 0 && (entry = ln_next(list)) != NULL) {
		int fd = dirfd(list);

		r = sys_unlink(fd, entry, false);
		if (r == -EISDIR || r == -EPERM)
			r = sys_unlink(fd, entry, true);
		if (r == -ENOTEMPTY || r == -EEXIST) {
			r = ln_temporary(".gone-", other);
			if (r == 0)
				r = sys_rename(fd, entry, dir, other, false);
		}
		if (r == -ENOENT)
			r = 0;
	}
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
	int r;

	do {
		_cleanup_list_ DIR *list = NULL;
		const char *name;

		found = false;
		r = ln_list(dir, ".", &list);
		while (r == 0 && (name = ln_next(list)) != NULL) {
			_cleanup_fd_ int fd = -1;

			if (strncmp(name, prefix, n) != 0)
				continue;
			if (locked) { /* its maker may be alive */
				fd = ln_open_file(dir, name);
				if (fd < 0 || sys_flock(fd, true) < 0)
					continue;
			}
			found = true;
			r = remove_one(dir, name);
			if (r == -ENOENT)
				r = 0; /* another launcher was quicker */
		}
	} while (r == 0 && found && !locked);
	return r;
}

int
ln_remove_tree(int dir, const char *name)
{
	char gone[LN_TEMPORARY];
	int r = ln_temporary(".gone-", gone);

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
