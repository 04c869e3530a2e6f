/*
 * Paths of /proc and /sys that an app may not write, or not see: rkt's list,
 * and what it left open.  Runs as the pod's root on mounts that are the
 * kernel's own; what covers a file is the pod's null device, proved by its
 * number, and never a node of the image.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "privsep/attr.h"
#include "stage1/appexec/sys.h"

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum act { READ_ONLY, HIDE };

/* Absent paths are skipped: there is nothing to protect.  All of /sys is
 * read-only already. */
static const struct {
	const char *path;
	enum act act;
} paths[] = {
    {"proc/acpi", HIDE},
    {"proc/asound", HIDE},
    {"proc/bus", READ_ONLY},
    {"proc/config.gz", HIDE},
    {"proc/driver", READ_ONLY},
    {"proc/fs", READ_ONLY},
    {"proc/irq", READ_ONLY},
    {"proc/kallsyms", HIDE},
    {"proc/kcore", HIDE},
    {"proc/key-users", HIDE},
    {"proc/keys", HIDE},
    {"proc/kmem", HIDE},
    {"proc/latency_stats", HIDE},
    {"proc/mem", HIDE},
    {"proc/pressure", READ_ONLY},
    {"proc/sched_debug", HIDE},
    {"proc/scsi", HIDE},
    {"proc/sys", READ_ONLY},
    {"proc/sysrq-trigger", READ_ONLY},
    {"proc/timer_list", HIDE},
    {"proc/timer_stats", HIDE},
    {"proc/vmallocinfo", HIDE},
    {"sys/firmware", HIDE},
    {"sys/fs", HIDE},
    {"sys/hypervisor", HIDE},
    {"sys/kernel/debug", HIDE},
    {"sys/kernel/security", HIDE},
    {"sys/kernel/tracing", HIDE},
    {"sys/module", HIDE},
    {"sys/power", HIDE},
};

static int
read_only(int target)
{
	_cleanup_fd_ int mount = s1_clone(target, true);
	int r;

	if (mount < 0)
		return mount;
	r = s1_set_attrs(mount, true, QUIET | MOUNT_ATTR_RDONLY);
	return r < 0 ? r : s1_attach(mount, target);
}

static int
hide(int pod_root, int target)
{
	static const char *const empty[] = {
	    "mode", "0555", "nr_inodes", "1", NULL};
	_cleanup_fd_ int mount = -1;
	struct stat st;

	if (fstat(target, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		mount = s1_new_fs("tmpfs", empty, QUIET | MOUNT_ATTR_RDONLY);
	else
		mount = s1_clone_node(pod_root, "null");
	return mount < 0 ? mount : s1_attach(mount, target);
}

int
s1_protect(int pod_root, int root)
{
	s1_why = "protected paths";
	for (size_t i = 0; i < PS_COUNT(paths); i++) {
		_cleanup_fd_ int target = s1_open(
		    root, paths[i].path, O_PATH | O_NOFOLLOW, S1_BENEATH);
		int r;

		if (target == -ENOENT)
			continue;
		if (target < 0)
			return target;
		r = paths[i].act == HIDE ? hide(pod_root, target)
					 : read_only(target);
		if (r < 0)
			return r;
	}
	return 0;
}
