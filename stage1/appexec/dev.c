/*
 * A fresh /dev: nodes are the pod's own (which nspawn made), each proved by
 * its number before it is shown; whatever the image has below dev is covered.
 * Runs as the pod's root.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/sys.h"

#define ANY_MINOR ~0u

static const struct node {
	const char *name;
	unsigned major, minor;
	bool optional;
} nodes[] = {
    {"null", 1, 3, false}, {"zero", 1, 5, false}, {"full", 1, 7, false},
    {"random", 1, 8, false}, {"urandom", 1, 9, false}, {"tty", 5, 0, false},
    {"net/tun", 10, 200, true},
    {"console", 136, ANY_MINOR, true}, /* below: is_pty */
};

static const struct {
	const char *name, *to;
} links[] = {
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
    {"ptmx", "pts/ptmx"},
    {"log", "/run/systemd/journal/dev-log"},
};

/* The console is nspawn's link to a pty of the pod's own devpts. */
static int
open_node(int pod_root, const struct node *n)
{
	_cleanup_fd_ int dev = -1;

	if (n->minor == ANY_MINOR)
		return s1_open(pod_root, "dev/console", O_PATH, S1_IN_ROOT);
	dev = s1_open(pod_root, "dev", O_PATH | O_DIRECTORY, S1_BENEATH);
	if (dev < 0)
		return dev;
	return s1_open(dev, n->name, O_PATH | O_NOFOLLOW, S1_BENEATH);
}

static bool
is_pty(int fd)
{
	struct statfs sfs;

	return fstatfs(fd, &sfs) == 0 && sfs.f_type == DEVPTS_SUPER_MAGIC;
}

static int
clone_node(int pod_root, const struct node *n)
{
	_cleanup_fd_ int fd = open_node(pod_root, n);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    major(st.st_rdev) != n->major ||
	    (n->minor == ANY_MINOR ? !is_pty(fd)
				   : minor(st.st_rdev) != n->minor))
		return -ENODEV;
	return s1_clone(fd, false);
}

int
s1_clone_node(int pod_root, const char *name)
{
	for (size_t i = 0; i < PS_COUNT(nodes); i++)
		if (strcmp(nodes[i].name, name) == 0)
			return clone_node(pod_root, &nodes[i]);
	return -ENOENT;
}

static int
add_node(int pod_root, int dev, const struct node *n)
{
	_cleanup_fd_ int mount = clone_node(pod_root, n);
	_cleanup_fd_ int file = -1;

	if (mount < 0)
		return n->optional ? 0 : mount;
	file = s1_create(dev, n->name, 0);
	return file < 0 ? file : s1_attach(mount, file);
}

/* A new file system on a new directory of dev. */
static int
add_fs(int dev, const char *name, const char *type, const char *const *options,
    uint64_t attrs)
{
	_cleanup_fd_ int mount = s1_new_fs(type, options, attrs);
	_cleanup_fd_ int to = -1;

	if (mount < 0)
		return mount;
	to = s1_own_dir(dev, name);
	return to < 0 ? to : s1_attach(mount, to);
}

/* /dev/shm is the pod's: its apps share it. */
static int
add_shm(int pod_root, int dev)
{
	_cleanup_fd_ int from =
	    s1_open(pod_root, "dev/shm", O_PATH | O_DIRECTORY, S1_BENEATH);
	_cleanup_fd_ int to = s1_own_dir(dev, "shm"), mount = -1;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	mount = s1_clone(from, true);
	return mount < 0 ? mount : s1_attach(mount, to);
}

static int
fill_dev(int pod_root, int dev)
{
	static const char *const pts[] = {
	    "ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
	const uint64_t quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	int r = 0;

	if (mkdirat(dev, "net", 0755) < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < PS_COUNT(nodes); i++)
		r = add_node(pod_root, dev, &nodes[i]);
	if (r == 0)
		r = add_fs(dev, "pts", "devpts", pts, quiet);
	if (r == 0)
		r = add_fs(
		    dev, "mqueue", "mqueue", NULL, quiet | MOUNT_ATTR_NODEV);
	if (r == 0)
		r = add_shm(pod_root, dev);
	for (size_t i = 0; r == 0 && i < PS_COUNT(links); i++)
		if (symlinkat(links[i].to, dev, links[i].name) < 0)
			r = -errno;
	return r;
}

int
s1_make_dev(int pod_root, int root)
{
	static const char *const options[] = {
	    "mode", "0755", "size", "4m", "nr_inodes", "4k", NULL};
	_cleanup_fd_ int to = s1_own_dir(root, "dev");
	_cleanup_fd_ int dev =
	    s1_new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	int r;

	s1_why = "dev";
	if (to < 0 || dev < 0)
		return to < 0 ? to : dev;
	r = s1_attach(dev, to);
	return r < 0 ? r : fill_dev(pod_root, dev);
}
