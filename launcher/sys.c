/*
 * What root does to files, mounts and namespaces.  Runs as root.  No policy
 * here: the callers have proved what they ask.
 */
#include "launcher/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "privsep/attr.h"
#include "privsep/fds.h"

static int
result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int
sys_open(int dir, const char *path, int flags, mode_t mode, int how)
{
	static const uint64_t resolve[] = {
		[SYS_BENEATH] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
		[SYS_HOST] = 0,
		[SYS_CROSS] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
		[SYS_NO_LINKS] = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	struct open_how h = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve[how] };

	/* PRIV: opens as root. */
	return result(syscall(SYS_openat2, dir, path, &h, sizeof(h)));
}

int
sys_tmpfile(int dir)
{
	/* Unnamed: only who holds it can open it again (second does, by /proc).
	 * What gets a name gets its mode with it. */
	return result(openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
}

int
sys_reopen(int fd, int access)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result(open(path, access | O_CLOEXEC));
}

/* The kernel gives a read lease only on a file that no one, anywhere, has
 * open for writing. */
int
sys_unwritten(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return -errno;
	return result(fcntl(fd, F_SETLEASE, F_UNLCK));
}

int
sys_mkdir(int dir, const char *name, mode_t mode)
{
	return result(mkdirat(dir, name, mode));
}

int
sys_rename(int from, const char *old, int to, const char *new, bool replace)
{
	return result(renameat2(from, old, to, new, replace ? 0 : RENAME_NOREPLACE));
}

int
sys_link(int fd, int dir, const char *name)
{
	return result(linkat(fd, "", dir, name, AT_EMPTY_PATH));
}

int
sys_unlink(int dir, const char *name, bool directory)
{
	return result(unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
}

int
sys_own(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	/* PRIV: by descriptor, never by path. */
	if (fchown(fd, uid, gid) < 0)
		return -errno;
	return result(fchmod(fd, mode));
}

int
sys_flock(int fd, bool exclusive)
{
	return result(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

int
sys_fsync(int fd)
{
	return result(fsync(fd));
}

int
sys_syncfs(int fd)
{
	return result(syncfs(fd));
}

int
sys_copy(int from, int to, uint64_t n)
{
	off_t at = 0; /* never the shared offset of a foreign descriptor */

	while (n > 0) {
		ssize_t got = sendfile(to, from, &at,
		    n > 1u << 30 ? 1u << 30 : (size_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO; /* it shrank */
		n -= (uint64_t)got;
	}
	return 0;
}

int
sys_put(int dir, const char *path, const char *text)
{
	_cleanup_fd_ int fd = sys_open(dir, path, O_WRONLY | O_NOCTTY, 0, SYS_CROSS);

	return fd < 0 ? fd : ps_write_full(fd, text, strlen(text));
}

int
sys_random(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n ? 0 : -EIO;
}

uint64_t
sys_now(void)
{
	return (uint64_t)time(NULL);
}

int
sys_map_ids(pid_t pid, uint32_t inside, uint32_t outside, uint32_t count)
{
	static const char *const files[] = { "uid_map", "gid_map" };

	for (size_t i = 0; i < PS_COUNT(files); i++) {
		char path[48], text[48];
		_cleanup_fd_ int fd = -1;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		(void)snprintf(text, sizeof(text), "%u %u %u\n", inside, outside,
		    count);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		/* PRIV: gives a namespace ids of the host: the foreign range, or a
		 * pod's; one write, as it must be. */
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return -errno;
	}
	return 0;
}

/* As long as the launcher: killed in the middle, it leaves no one behind. */
static int
child_forever(void *arg)
{
	const pid_t *parent = arg;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == *parent)
		(void)pause();
	return 0;
}

int
sys_userns(uint32_t inside, uint32_t outside, uint32_t count)
{
	static _Alignas(16) char stack[4096];
	pid_t self = getpid();
	char path[48];
	int fd, r, status;
	pid_t pid = clone(child_forever, stack + sizeof(stack),
	    CLONE_NEWUSER | CLONE_VM | SIGCHLD, &self);

	if (pid < 0)
		return -errno;
	r = sys_map_ids(pid, inside, outside, count);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = r == 0 ? result(open(path, O_RDONLY | O_CLOEXEC)) : r;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, __WALL);
	return fd;
}

int
sys_private_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	return result(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
}

static int
set_attributes(int mount, uint64_t set, int userns, bool recursive)
{
	struct mount_attr attr = {
		.attr_set = set | (userns < 0 ? 0 : MOUNT_ATTR_IDMAP),
		.userns_fd = userns < 0 ? 0 : (unsigned)userns
	};

	return result(syscall(SYS_mount_setattr, mount, "",
	    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int
sys_idmapped(int dir, const char *path, int userns)
{
	_cleanup_fd_ int source =
	    sys_open(dir, path, O_PATH | O_DIRECTORY, 0, SYS_BENEATH);
	/* A clone of a tree of the store, with other owners. */
	_cleanup_fd_ int fd = source < 0 ? source : sys_bind(source, false);
	int r = fd < 0 ? fd : set_attributes(fd,
	    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, userns, false);

	return r < 0 ? r : take_fd(fd);
}

int
sys_shifted(int dir, int userns)
{
	_cleanup_fd_ int fd = sys_bind(dir, false);
	/* PRIV: whoever holds this writes as owners that it is not. */
	int r = fd < 0 ? fd : set_attributes(fd,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, userns, false);

	return r < 0 ? r : sys_open(fd, ".", O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
}

int
sys_bind(int fd, bool recursive)
{
	/* PRIV: by descriptor, of what the caller has proved. */
	return result(syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH |
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0)));
}

int
sys_restrict(int mount, bool recursive, bool readonly, int userns)
{
	return set_attributes(mount, MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0u), userns, recursive);
}

/* A file system in a mount of its own, nodev. */
static int
make_fs(const char *type, const char *const options[][2], size_t n, unsigned attr)
{
	_cleanup_fd_ int fs = result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));

	if (fs < 0)
		return fs;
	for (size_t i = 0; i < n; i++)
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[i][0],
			options[i][1], 0) < 0)
			return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
	    MOUNT_ATTR_NODEV | attr));
}

int
sys_tmpfs(uint64_t size, mode_t mode, uid_t uid, gid_t gid, bool readonly)
{
	char values[4][24];
	const char *const options[][2] = { { "mode", values[0] },
		{ "uid", values[1] }, { "gid", values[2] }, { "size", values[3] } };

	(void)snprintf(values[0], sizeof(values[0]), "%o", mode);
	(void)snprintf(values[1], sizeof(values[1]), "%u", uid);
	(void)snprintf(values[2], sizeof(values[2]), "%u", gid);
	(void)snprintf(values[3], sizeof(values[3]), "%llu", (unsigned long long)size);
	return make_fs("tmpfs", options, PS_COUNT(options) - (size == 0),
	    MOUNT_ATTR_NOSUID | (readonly ? MOUNT_ATTR_RDONLY : 0));
}

int
sys_overlay(const char *lower, const char *upper, const char *work)
{
	const char *const options[][2] = { { "source", "rkt" },
		{ "lowerdir", lower }, { "upperdir", upper }, { "workdir", work } };
	_cleanup_fd_ int fd = make_fs("overlay", options, upper ? 4 : 2,
	    upper ? 0 : MOUNT_ATTR_RDONLY);
	struct statvfs sfs;

	/* The kernel falls back to read-only without a word when the upper
	 * layer does not suit it. */
	if (fd >= 0 && upper &&
	    (fstatvfs(fd, &sfs) < 0 || (sfs.f_flag & ST_RDONLY) != 0))
		return -EROFS;
	return take_fd(fd);
}

int
sys_node(mode_t mode, dev_t device, uid_t uid, gid_t gid)
{
	static const char name[] = "node";
	_cleanup_fd_ int fs = result(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
	_cleanup_fd_ int dir = -1, node = -1, mount = -1;

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	dir = result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NOEXEC));
	/* PRIV: a device of the operator's, and no more open than that is. */
	if (dir < 0 || mknodat(dir, name, mode, device) < 0 ||
	    fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, mode & 07777, 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return -errno;
	/* What was never attached cannot be copied; the mounts are our own. */
	if (syscall(SYS_move_mount, dir, "", AT_FDCWD, "/dev",
		MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	node = result(openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	mount = node < 0 ? node : sys_bind(node, false);
	return umount2("/dev", MNT_DETACH) < 0 ? -errno : take_fd(mount);
}

int
sys_attach(int mount, int dir, const char *path)
{
	_cleanup_fd_ int target =
	    sys_open(dir, path, O_PATH, 0, SYS_CROSS);

	if (target < 0)
		return target;
	/* PRIV: by descriptors on both sides. */
	return result(syscall(SYS_move_mount, mount, "", target, "",
	    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int
sys_shared(int mount)
{
	struct mount_attr attr = { .propagation = MS_SHARED };

	return result(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr,
	    sizeof(attr)));
}

int
sys_join(int fd)
{
	/* PRIV: a pod's supervisor's, which is in the host's user namespace; no
	 * pod's own. */
	return result(setns(fd, CLONE_NEWNS));
}

int
sys_detach(int dir, const char *path)
{
	_cleanup_fd_ int target =
	    sys_open(dir, path, O_PATH, 0, SYS_CROSS);
	char name[32];

	if (target < 0)
		return target;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", target);
	return result(umount2(name, MNT_DETACH));
}

int
sys_chdir(int dir)
{
	return result(fchdir(dir));
}

int
sys_end(pid_t pid)
{
	return result(kill(pid, SIGKILL));
}

void
sys_sleep(unsigned ms)
{
	(void)usleep(ms * 1000);
}

int
sys_touch(int fd)
{
	return result(futimens(fd, NULL));
}

int
sys_keyring(void)
{
	return keyctl_join_session_keyring(NULL) < 0 ? -errno : 0;
}
