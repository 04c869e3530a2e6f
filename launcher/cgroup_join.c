/*
 * Going where a running app is.  Runs as root, before it enters the pod.
 * HOSTILE: the pod makes groups below its own, as many and called as it
 * likes; whichever it makes us find is one of its own.
 */
#include "launcher/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define CGROUP "/sys/fs/cgroup"
#define MAX_DEPTH 6u /* rkt-UUID/payload/system.slice/APP.service, and room */
#define MAX_GROUPS 512u

static int
read_at(int dir, const char *path, char *ret, size_t size)
{
	_cleanup_fd_ int fd = sys_open(dir, path, O_RDONLY, 0,
	    dir == AT_FDCWD ? SYS_HOST : SYS_BENEATH);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return fd < 0 ? fd : -errno;
	ret[n] = '\0';
	return 0;
}

/* The first process in the group of that name below dir; 0 if there is none. */
static uint64_t
find(int dir, const char *name, unsigned depth, unsigned *seen)
{
	char text[64];
	uint64_t pid = 0;
	struct dirent *e;
	DIR *d;
	int copy;

	if (depth > MAX_DEPTH)
		return 0;
	copy = sys_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
	d = copy < 0 ? NULL : fdopendir(copy);
	while (d && pid == 0 && (e = readdir(d)) != NULL) {
		_cleanup_fd_ int fd = -1;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    ++*seen > MAX_GROUPS)
			continue;
		fd = sys_open(dir, e->d_name, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
		if (fd < 0)
			continue;
		if (strcmp(e->d_name, name) != 0) {
			pid = find(fd, name, depth + 1, seen);
			continue;
		}
		if (read_at(fd, "cgroup.procs", text, sizeof(text)) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		(void)ps_parse_u64(text, INT32_MAX, &pid);
	}
	if (d)
		(void)closedir(d);
	return pid;
}

/* "7:cpu,cpuacct:/a/b": where that is mounted.  v2's line has no name. */
static int
join_one(char *line)
{
	char path[3000], *name = strchr(line, ':');
	char *own = name ? strchr(name + 1, ':') : NULL;
	_cleanup_fd_ int dir = -1;

	if (!own || own[1] != '/' || strstr(own, "/.."))
		return -EBADMSG;
	*own++ = '\0';
	name++;
	if (strncmp(name, "name=", 5) == 0)
		name += 5;
	(void)snprintf(path, sizeof(path), CGROUP "/%s%s",
	    *name == '\0' && !ln_cgroup_is_v2() ? "unified" : name, own);
	dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	if (dir == -ENOENT)
		return 0; /* a hierarchy that this host does not show */
	return dir < 0 ? dir : sys_put(dir, "cgroup.procs", "0\n");
}

static int
join(uint64_t pid, const char *service)
{
	char path[48], text[8192], *rest = text;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%u/cgroup", (unsigned)pid);
	r = read_at(AT_FDCWD, path, text, sizeof(text));
	/* Still of that app: not a number that someone else has by now. */
	if (r < 0 || !strstr(text, service))
		return -ESRCH;
	for (char *line; r == 0 && (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			r = join_one(line);
	return r;
}

int
ln_cgroup_join(const char *uuid, char *paths, const char *app)
{
	char name[64], service[280], scope[400];
	unsigned seen = 0;
	uint64_t pid = 0;

	(void)snprintf(name, sizeof(name), "/rkt-%s", uuid);
	(void)snprintf(service, sizeof(service), "%s.service", app);
	ln_cgroup_scope(uuid, scope);
	for (char *line = strsep(&paths, "\n"); pid == 0;
	    line = strsep(&paths, "\n")) {
		const char *path = line ? line : scope;
		size_t n = strlen(path);
		_cleanup_fd_ int dir = -1;

		if (line && (strncmp(path, CGROUP "/", sizeof(CGROUP)) != 0 ||
				n < strlen(name) ||
				strcmp(path + n - strlen(name), name) != 0))
			continue;
		dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
		if (dir >= 0)
			pid = find(dir, service, 0, &seen);
		if (!line)
			break;
	}
	(void)snprintf(service, sizeof(service), "/%s.service", app);
	return pid > 1 ? join(pid, service) : -ESRCH;
}
