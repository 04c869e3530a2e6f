/*
 * The cgroup of an app's unit, in the pod's own hierarchies.  Runs as the
 * pod's root.  What enters an app is counted, limited and ended as the app is,
 * and there is nothing to enter where it does not run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

#define TRIES 100
#define STEP_MS 50

/* 1 it is in (or could be), 0 there is no such group in that hierarchy, or
 * negative errno. */
static int
join(int top, const char *hierarchy, const char *app, bool look)
{
	/* systemd puts '_' before names that the kernel has a use for. */
	static const char *const marks[] = {"", "_"};
	char path[600];

	for (size_t i = 0; i < PS_COUNT(marks); i++) {
		_cleanup_fd_ int fd = -1;

		(void)snprintf(path, sizeof(path),
		    "%s/system.slice/%s%s.service/cgroup.procs", hierarchy,
		    marks[i], app);
		fd = s1_open(top, path, O_WRONLY, S1_BENEATH);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		return look || write(fd, "0", 1) == 1 ? 1 : -errno;
	}
	return 0;
}

/* v2 has one hierarchy, v1 and hybrid hosts one in each directory; the pod's
 * systemd has groups in those that it was given. */
static int
join_all(int pod_root, const char *app, bool look)
{
	int top = s1_open(
	    pod_root, "sys/fs/cgroup", O_RDONLY | O_DIRECTORY, S1_BENEATH);
	int r, joined = 0;
	struct dirent *e;
	DIR *d;

	if (top < 0)
		return top;
	d = fdopendir(top);
	if (d == NULL) {
		(void)close(top);
		return -ENOMEM;
	}
	r = joined = join(top, ".", app, look);
	while (r >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    strcmp(e->d_name, "system.slice") == 0)
			continue;
		r = join(top, e->d_name, app, look);
		joined += r > 0;
	}
	(void)closedir(d);
	return r < 0 ? r : joined;
}

static bool
has_ended(int pod_root, const char *app)
{
	char path[300];
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), S1_STATUS_DIR "/%s", app);
	fd = s1_open(pod_root, path, O_PATH, S1_BENEATH);
	return fd >= 0;
}

static int
await(int pod_root, const char *app, bool look)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

	for (unsigned i = 0; i < TRIES; i++) {
		int r = join_all(pod_root, app, look);

		s1_why = "cgroup of the app";
		if (r != 0)
			return r < 0 ? r : 0;
		s1_why = "it is not running";
		if (has_ended(pod_root, app))
			break;
		(void)nanosleep(&step, NULL);
	}
	return -ESRCH;
}

int
s1_join_unit(int pod_root, const char *app)
{
	return await(pod_root, app, false);
}

int
s1_await_unit(int pod_root, const char *app)
{
	return await(pod_root, app, true);
}
