/*
 * Does anything of a pod run whose supervisor has gone?  Conductor, user rkt
 * or whoever called; reads the kernel's files below /sys/fs/cgroup, at paths
 * that the launcher wrote down.  HOSTILE: a pod names and counts its own
 * cgroups below those.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/files.h"
#include "cli/pods.h"

#define CGROUP "/sys/fs/cgroup/"
#define MAX_PATHS 65536u /* bytes */
#define MAX_DEPTH 8u
#define MAX_GROUPS 512u /* more than that is alive */

/* Reads the beginning of a file of the kernel's. */
static bool
read_start(int dir, const char *name, char *ret, size_t size)
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	ret[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

static bool
has_process(int dir, unsigned depth, unsigned *groups)
{
	_cleanup_fd_ int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = false;
	struct dirent *e;
	char text[64];
	DIR *d;

	/* v2 says it of all that is below. */
	if (read_start(dir, "cgroup.events", text, sizeof(text)))
		return strstr(text, "populated 1") != NULL;
	if (read_start(dir, "cgroup.procs", text, sizeof(text)) && text[0])
		return true;
	if (depth > MAX_DEPTH || ++*groups > MAX_GROUPS)
		return true;
	d = again < 0 ? NULL : fdopendir(again);
	if (d == NULL)
		return false;
	(void)take_fd(again);
	while (!found && (e = readdir(d)) != NULL) {
		_cleanup_fd_ int below = -1;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		below = cli_open_below(dirfd(d), e->d_name, O_DIRECTORY);
		found = below >= 0 && has_process(below, depth + 1, groups);
	}
	(void)closedir(d);
	return found;
}

static bool
is_populated(const char *path)
{
	_cleanup_fd_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned groups = 0;

	return dir >= 0 && has_process(dir, 0, &groups);
}

/* The scope that systemd makes for a pod in no unit of its own. */
static bool
scope_is_populated(const char *uuid)
{
	const char *name = "";

	for (; *uuid; uuid++)
		name = *uuid == '-' ? cli_format("%s\\x2d", name) :
				      cli_format("%s%c", name, *uuid);
	name = cli_format("machine.slice/machine-rkt\\x2d%s.scope", name);
	return is_populated(cli_format(CGROUP "%s", name)) ||
	    is_populated(cli_format(CGROUP "systemd/%s", name));
}

bool
cli_pod_is_alive(const struct cli_pod *pod)
{
	void *mark = cli_mark();
	char *paths, *path;
	bool alive = false;
	size_t n;

	if (cli_read_below(pod->dir, "cgroup", MAX_PATHS, &paths, &n) == 0)
		while (!alive && (path = strsep(&paths, "\n")) != NULL)
			alive = strncmp(path, CGROUP, strlen(CGROUP)) == 0 &&
			    is_populated(path);
	alive = alive || scope_is_populated(pod->uuid);
	cli_release(mark);
	return alive;
}
