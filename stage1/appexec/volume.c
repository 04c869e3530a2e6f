/*
 * Volumes: each is at rkt/volumes of the pod's own root; a copy of its mount
 * goes onto the app's path.  Runs as the pod's root.  HOSTILE: the app's tree.
 * They are mounted before proc, sys and dev, which then cover what an image or
 * another app made them lead to; and who asks for those by name is refused.
 */
#include "stage1/appexec/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "privsep/attr.h"
#include "privsep/limits.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

#define MAX_MOUNTS 32u

static char names[MAX_MOUNTS][S1_MAX_TARGET]; /* what is mounted already */
static size_t n_names;
static char why[S1_MAX_TARGET + 400];

static int
refuse(const struct ps_msg_PLAN_APP *a, size_t i, int error, const char *text)
{
	(void)snprintf(why, sizeof(why), "volume \"%s\" on %s%s%s",
	    a->mount_volume[i], a->mount_target[i], *text ? ": " : "", text);
	s1_why = why;
	return error;
}

/* Outer targets before those inside them. */
static void
sort(const struct ps_msg_PLAN_APP *a, size_t order[MAX_MOUNTS])
{
	for (size_t i = 0; i < a->n_mount_target; i++) {
		size_t at = i;

		for (; at > 0 && strcmp(a->mount_target[order[at - 1]],
				     a->mount_target[i]) > 0;
		     at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static bool
is_below(const char *name, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(name, dir, n) == 0 &&
	       (name[n] == '\0' || name[n] == '/');
}

static bool
is_for_dev(const char *target)
{
	return is_below(target, "/dev");
}

/* A mount of its own, with the volume's flags and the app's. */
static int
clone_volume(int from, bool device, uint32_t flags)
{
	uint64_t attrs = (device ? 0 : MOUNT_ATTR_NODEV) |
			 (flags & PS_MOUNT_READONLY ? MOUNT_ATTR_RDONLY : 0u);
	_cleanup_fd_ int mount = s1_clone(from, true);
	int r;

	if (mount < 0)
		return mount;
	r = attrs ? s1_set_attrs(mount, true, attrs) : 0;
	return r < 0 ? r : take_fd(mount);
}

static int
open_volume(int pod_root, const char *name, struct stat *ret)
{
	char path[300];
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), S1_VOLUME_DIR "/%s", name);
	fd = s1_open(pod_root, path, O_PATH | O_NOFOLLOW, S1_BENEATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0)
		return -errno;
	return S_ISLNK(ret->st_mode) ? -ELOOP : take_fd(fd);
}

/* NULL, or why nothing may be mounted there. */
static const char *
objection(const char *name)
{
	static const char *const ours[] = {"proc", "sys", "dev"};

	if (name[0] == '\0')
		return "that is the app's root";
	for (size_t i = 0; i < PS_COUNT(ours); i++)
		if (is_below(name, ours[i]))
			return "what is in /proc, /sys and /dev is the pod's "
			       "alone";
	for (size_t i = 0; i < n_names; i++)
		if (is_below(names[i], name))
			return "it would cover another volume";
	return NULL;
}

static int
mount_one(int pod_root, int root, const struct ps_msg_PLAN_APP *a, size_t i)
{
	struct stat from_st, to_st;
	_cleanup_fd_ int from =
	    open_volume(pod_root, a->mount_volume[i], &from_st);
	_cleanup_fd_ int to = -1, mount = -1;
	bool is_dir;
	int r;

	if (from < 0)
		return refuse(a, i, from, "no such volume");
	is_dir = S_ISDIR(from_st.st_mode);
	to = s1_walk(root, a->mount_target[i], !is_dir, names[n_names]);
	if (to < 0)
		return refuse(a, i, to, "");
	if (objection(names[n_names]))
		return refuse(a, i, -EPERM, objection(names[n_names]));
	if (fstat(to, &to_st) < 0)
		return refuse(a, i, -errno, "");
	if (S_ISDIR(to_st.st_mode) != is_dir)
		return refuse(a, i, is_dir ? -ENOTDIR : -EISDIR,
		    is_dir ? "the volume is a directory"
			   : "the volume is no directory");
	mount = clone_volume(from,
	    S_ISCHR(from_st.st_mode) || S_ISBLK(from_st.st_mode),
	    a->mount_flags[i]);
	if (mount < 0)
		return refuse(a, i, mount, "");
	r = s1_attach(mount, to);
	if (r < 0)
		return refuse(a, i, r, "");
	n_names++;
	return 0;
}

int
s1_mount_volumes(int pod_root, int root, const struct ps_msg_PLAN_APP *a)
{
	size_t order[MAX_MOUNTS];
	int r = 0;

	s1_why = "volumes";
	if (a->n_mount_target > MAX_MOUNTS ||
	    a->n_mount_volume != a->n_mount_target ||
	    a->n_mount_flags != a->n_mount_target)
		return -EINVAL;
	sort(a, order);
	n_names = 0;
	for (size_t i = 0; r == 0 && i < a->n_mount_target; i++)
		if (!is_for_dev(a->mount_target[order[i]]))
			r = mount_one(pod_root, root, a, order[i]);
	return r;
}

/* A new file in our own /dev, and the device over it. */
static int
mount_device(int pod_root, int dev, const struct ps_msg_PLAN_APP *a, size_t i)
{
	const char *name = a->mount_target[i] + strlen("/dev");
	struct stat st;
	_cleanup_fd_ int from = open_volume(pod_root, a->mount_volume[i], &st);
	_cleanup_fd_ int to = -1, mount = -1;
	int r;

	if (from < 0)
		return refuse(a, i, from, "no such volume");
	if (*name != '/' || strchr(name + 1, '/') ||
	    !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return refuse(a, i, -EPERM,
		    "in /dev only a device can be mounted, on a new name");
	to = s1_create(dev, name + 1, 0);
	if (to < 0)
		return refuse(a, i, to, "");
	mount = clone_volume(from, true, a->mount_flags[i]);
	if (mount < 0)
		return refuse(a, i, mount, "");
	r = s1_attach(mount, to);
	return r < 0 ? refuse(a, i, r, "") : 0;
}

int
s1_mount_devices(int pod_root, int root, const struct ps_msg_PLAN_APP *a)
{
	_cleanup_fd_ int dev = -1;
	int r = 0;

	s1_why = "dev";
	dev = s1_open(root, "dev", O_PATH | O_DIRECTORY, S1_BENEATH);
	if (dev < 0)
		return dev;
	for (size_t i = 0; r == 0 && i < a->n_mount_target; i++)
		if (is_for_dev(a->mount_target[i]))
			r = mount_device(pod_root, dev, a, i);
	return r;
}
