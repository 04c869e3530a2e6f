/*
 * The app's root: a mount of its own with proc, sys, dev and the few files of
 * the pod, then the only thing that the process can reach.  Runs as the pod's
 * root in a new mount namespace.  HOSTILE: the tree of the image.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/sys.h"
#include "stage1/appexec/volume.h"
#include "stage1/common/contract.h"

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int
mount_app(int pod_root, const char *name)
{
	char path[320];
	_cleanup_fd_ int app = -1, root = -1;
	int r;

	(void)snprintf(path, sizeof(path), S1_APP_ROOT, name);
	app = s1_open(pod_root, path, O_PATH | O_DIRECTORY, S1_BENEATH);
	if (app < 0)
		return app;
	root = s1_clone(app, true);
	if (root < 0)
		return root;
	r = s1_set_attrs(root, false, MOUNT_ATTR_NODEV);
	if (r == 0)
		r = s1_attach(root, app);
	return r < 0 ? r : take_fd(root);
}

/* A copy of one of the pod's own API trees, onto a directory of that name. */
static int
mount_api(
    int pod_root, int root, const char *name, uint64_t attrs, bool recursive)
{
	_cleanup_fd_ int from =
	    s1_open(pod_root, name, O_PATH | O_DIRECTORY, S1_BENEATH);
	_cleanup_fd_ int to = s1_own_dir(root, name);
	_cleanup_fd_ int mount = -1;
	struct statfs sfs;
	int r;

	s1_why = name;
	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (strcmp(name, "proc") == 0 &&
	    (fstatfs(from, &sfs) < 0 || sfs.f_type != PROC_SUPER_MAGIC))
		return -EXDEV;
	mount = s1_clone(from, true);
	if (mount < 0)
		return mount;
	r = s1_set_attrs(mount, recursive, attrs);
	return r < 0 ? r : s1_attach(mount, to);
}

/* The pod's file over dir/<name> of the app; quiet when the pod has none. */
static int
mount_file(int pod_root, const char *source, int dir, const char *name)
{
	_cleanup_fd_ int from = s1_open(pod_root, source, O_PATH, S1_BENEATH);
	_cleanup_fd_ int to = -1, mount = -1;

	if (from < 0)
		return from == -ENOENT ? 0 : from;
	to = s1_own_file(dir, name);
	if (to < 0)
		return to;
	mount = s1_clone(from, false);
	if (mount < 0)
		return mount;
	return s1_attach(mount, to);
}

/* rkt gives an image without etc/hosts a minimal one, which knows the pod. */
static int
fill_hosts(int etc)
{
	_cleanup_fd_ int fd = s1_create(etc, "hosts", 0644);
	char name[65] = "", text[512];
	int n;

	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	if (gethostname(name, sizeof(name)) < 0)
		return -errno;
	n = snprintf(text, sizeof(text),
	    "127.0.0.1 localhost localhost.domain localhost4 "
	    "localhost4.localdomain4 %s\n"
	    "::1 ip6-localhost ip6-loopback localhost6 localhost6.localdomain6\n"
	    "fe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\n"
	    "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
	    "ff02::3 ip6-allhosts\n",
	    name);
	if ((size_t)n >= sizeof(text))
		return -EIO;
	return write(fd, text, (size_t)n) == n ? 0 : -EIO;
}

static int
fill_etc(int pod_root, int root)
{
	_cleanup_fd_ int etc = s1_make_dirs(root, "etc");
	int r;

	s1_why = "etc";
	if (etc < 0)
		return etc;
	r = mount_file(pod_root, "etc/rkt-resolv.conf", etc, "resolv.conf");
	if (r == 0)
		r = mount_file(pod_root, "etc/rkt-hosts", etc, "hosts");
	if (r == 0)
		r = fill_hosts(etc);
	if (r == 0)
		r = mount_file(
		    pod_root, "proc/sys/kernel/hostname", etc, "hostname");
	if (r == 0 && symlinkat("../proc/self/mounts", etc, "mtab") < 0 &&
	    errno != EEXIST)
		r = -errno;
	return r;
}

/* The journal's three doors, and not its control socket: dev/log points
 * there. */
static int
mount_journal(int pod_root, int root)
{
	static const char *const names[] = {"socket", "stdout", "dev-log"};
	_cleanup_fd_ int to = s1_make_dirs(root, "run/systemd/journal");
	char path[64];
	int r = 0;

	s1_why = "run";
	if (to < 0)
		return to;
	for (size_t i = 0; r == 0 && i < PS_COUNT(names); i++) {
		(void)snprintf(
		    path, sizeof(path), "run/systemd/journal/%s", names[i]);
		r = mount_file(pod_root, path, to, names[i]);
	}
	return r;
}

/* The door to pid 1 of the pod, for an app that says itself when it is ready.
 */
static int
mount_notify(int pod_root, int root)
{
	_cleanup_fd_ int to = s1_make_dirs(root, "run/systemd");

	return to < 0 ? to : mount_file(pod_root, S1_NOTIFY, to, "notify");
}

static int
make_tmp(int root)
{
	_cleanup_fd_ int fd = -1;

	s1_why = "tmp";
	if (mkdirat(root, "tmp", 01777) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = s1_open(root, "tmp", O_RDONLY | O_DIRECTORY, S1_BENEATH);
	return fd < 0 ? fd : fchmod(fd, 01777) < 0 ? -errno : 0;
}

/* Files first: nothing that a link of the image could lead into is mounted
 * yet.  Then volumes, and above all of them what is the kernel's. */
static int
fill_root(int pod_root, int root, const struct ps_msg_PLAN_APP *a)
{
	uint64_t sys = QUIET | (a->paths ? MOUNT_ATTR_RDONLY : 0u);
	int r = fill_etc(pod_root, root);

	if (r == 0)
		r = mount_journal(pod_root, root);
	if (r == 0 && a->notify)
		r = mount_notify(pod_root, root);
	if (r == 0)
		r = make_tmp(root);
	if (r == 0)
		r = s1_mount_volumes(pod_root, root, a);
	if (r == 0)
		r = mount_api(pod_root, root, "proc", QUIET, true);
	if (r == 0)
		r = mount_api(pod_root, root, "sys", sys, true);
	if (r == 0)
		r = s1_make_dev(pod_root, root);
	if (r == 0)
		r = s1_mount_devices(pod_root, root, a);
	if (r == 0 && a->paths)
		r = s1_protect(pod_root, root);
	return r;
}

int
s1_make_root(int pod_root, const struct ps_msg_PLAN_APP *a, int *ret_root)
{
	_cleanup_fd_ int root = -1;
	int r;

	root = mount_app(pod_root, a->name);
	if (root < 0)
		return root;
	r = fill_root(pod_root, root, a);
	if (r == 0 && a->readonly_rootfs)
		r = s1_set_attrs(
		    root, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	if (r < 0)
		return r;
	*ret_root = take_fd(root);
	return 0;
}

/* After this nothing of the pod's own tree has a name. */
int
s1_pivot(int root)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}
