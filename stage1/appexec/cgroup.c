/*
 * The limits of an app.  Runs as the pod's root, before anything of the image
 * is looked at.  With cgroups of v1 the launcher made the app's own, in the
 * pod's that it mounted at rkt/cgroup: this process goes in first.  With v2 the pod's
 * systemd was told by the unit; here it is read back that it did so.
 */
#include "stage1/appexec/appexec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/disks.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

/* One that has no limit of that kind has no group there. */
static int
enter(int dir, const char *controller, const char *app)
{
	char path[600];
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/app-%s/cgroup.procs", controller,
	    app);
	fd = s1_open(dir, path, O_WRONLY, S1_BENEATH);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return write(fd, "0", 1) == 1 ? 0 : -errno;
}

int
s1_enter_cgroups(int pod_root, const char *name)
{
	int fd, r = 0;
	struct dirent *e;
	DIR *d;

	s1_why = "cgroup";
	fd = s1_open(pod_root, S1_CGROUP_DIR, O_RDONLY | O_DIRECTORY, S1_BENEATH);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			r = enter(dirfd(d), e->d_name, name);
	(void)closedir(d);
	return r;
}

/* The first line of a file of a few bytes, or negative errno. */
static int
read_line(int dir, const char *path, char *ret, size_t size)
{
	_cleanup_fd_ int fd = s1_open(dir, path, O_RDONLY, S1_BENEATH);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

/* This process's cgroup below the pod's cgroup2, or negative errno; -ENOENT
 * where v2 is not all that the pod has. */
static int
own_cgroup(int pod_root, int *ret_top)
{
	_cleanup_fd_ int top = s1_open(
	    pod_root, "sys/fs/cgroup", O_PATH | O_DIRECTORY, S1_BENEATH);
	char line[4096], path[64];
	struct statfs sfs;
	int r;

	if (top < 0)
		return top;
	if (fstatfs(top, &sfs) < 0)
		return -errno;
	if (sfs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	(void)snprintf(path, sizeof(path), "proc/%d/cgroup", getpid());
	r = read_line(pod_root, path, line, sizeof(line));
	if (r < 0)
		return r;
	if (strncmp(line, "0::/", 4) != 0)
		return -EBADMSG;
	r = s1_open(top, line[4] ? line + 4 : ".", O_PATH | O_DIRECTORY,
	    S1_BENEATH);
	if (r >= 0)
		*ret_top = take_fd(top);
	return r;
}

static bool
has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* Not more than most: "max" is, and so is what is no number. */
static bool
is_at_most(const char *value, uint64_t most)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);

	return end != value && (*end == '\0' || *end == ' ') && n <= most;
}

/* -ENOTSUP: the pod was not given that controller. */
static int
check(int top, int own, const char *controller, const char *file, uint64_t most)
{
	char all[512], value[64];
	int r;

	if (most == 0)
		return 0;
	r = read_line(top, "cgroup.controllers", all, sizeof(all));
	if (r < 0)
		return r;
	if (!has_word(all, controller))
		return -ENOTSUP;
	r = read_line(own, file, value, sizeof(value));
	if (r < 0)
		return r;
	return is_at_most(value, most) ? 0 : -ERANGE;
}

static char partitions[PS_PARTITIONS];

static int
read_disks(int pod_root)
{
	_cleanup_fd_ int fd =
	    s1_open(pod_root, "proc/partitions", O_RDONLY, S1_BENEATH);
	size_t at = 0;
	ssize_t n = 1;

	for (; fd >= 0 && n > 0; at += (size_t)n) {
		n = read(fd, partitions + at, sizeof(partitions) - at - 1);
		if (n < 0 || at + 1 >= sizeof(partitions))
			return n < 0 ? -errno : -E2BIG;
	}
	partitions[at] = '\0';
	return fd < 0 ? fd : 0;
}

/* Does a line of io.max hold what was written? */
static bool
is_limited(char *all, const char *disk, const char *const *key,
    const uint64_t *most)
{
	size_t n = strlen(disk), held = 0;
	char *word, *line;

	while ((line = strsep(&all, "\n")) != NULL)
		if (strncmp(line, disk, n) == 0 && line[n] == ' ')
			break;
	while ((word = strsep(&line, " ")) != NULL)
		for (size_t i = 0; i < 4; i++)
			if (strncmp(word, key[i], strlen(key[i])) == 0 &&
			    (most[i] == 0 ||
				is_at_most(word + strlen(key[i]), most[i])))
				held++;
	return held == 4;
}

/* systemd was told of no disk: the pod's /dev has none.  The app's group is
 * the pod root's, so it is this process that writes the limit, of each disk,
 * and reads it back.  What is no whole disk takes none. */
static int
limit_disk(int own, const char *disk, const struct ps_msg_PLAN_APP *a)
{
	static const char *const key[] = {"rbps=", "wbps=", "riops=", "wiops="};
	const uint64_t most[] = {a->block_bandwidth, a->block_bandwidth,
	    a->block_iops, a->block_iops};
	static char all[65536];
	char line[160];
	_cleanup_fd_ int fd = s1_open(own, "io.max", O_RDWR, S1_BENEATH);
	int n = snprintf(line, sizeof(line), "%s", disk);
	ssize_t got;

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < PS_COUNT(key); i++)
		if (most[i] != 0)
			n += snprintf(line + n, sizeof(line) - (size_t)n,
			    " %s%" PRIu64, key[i], most[i]);
	if (write(fd, line, (size_t)n) != n)
		return errno == ENODEV ? 0 : -errno;
	got = pread(fd, all, sizeof(all) - 1, 0);
	if (got < 0)
		return -errno;
	all[got] = '\0';
	return is_limited(all, disk, key, most) ? 0 : -ERANGE;
}

static int
limit_disks(int pod_root, int top, int own, const struct ps_msg_PLAN_APP *a)
{
	char all[512], disk[32];
	const char *rest = partitions;
	int r;

	if (a->block_bandwidth == 0 && a->block_iops == 0)
		return 0;
	s1_why = "io.max";
	r = read_line(top, "cgroup.controllers", all, sizeof(all));
	if (r < 0 || !has_word(all, "io"))
		return r < 0 ? r : -ENOTSUP;
	r = read_disks(pod_root);
	while (r == 0 && ps_next_disk(&rest, disk))
		r = limit_disk(own, disk, a);
	return r;
}

int
s1_check_cgroup(int pod_root, const struct ps_msg_PLAN_APP *a)
{
	/* What systemd makes of a quota it rounds to its period. */
	const struct {
		const char *controller, *file;
		uint64_t most;
	} rows[] = {
	    {"memory", "memory.max", a->memory},
	    {"pids", "pids.max", a->pids},
	    {"cpu", "cpu.max", a->cpu_milli ? UINT64_MAX : 0},
	};
	/* Of a pod that began with its apps the launcher knew: it asked site
	 * policy. */
	const int lacking = s1_is_mutable(pod_root) ? -ENOTSUP : 0;
	_cleanup_fd_ int top = -1, own = -1;
	int r = 0;

	own = own_cgroup(pod_root, &top);
	if (own == -ENOENT)
		return 0;
	if (own < 0)
		return own;
	for (size_t i = 0; r == 0 && i < PS_COUNT(rows); i++) {
		s1_why = rows[i].file;
		r = check(top, own, rows[i].controller, rows[i].file,
		    rows[i].most);
		r = r == -ENOTSUP ? lacking : r;
	}
	if (r == 0)
		r = limit_disks(pod_root, top, own, a);
	return r == -ENOTSUP ? lacking : r;
}
