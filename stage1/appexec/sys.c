/*
 * Mounts and files by descriptor.  Runs as the pod's root, in the app's own
 * mount namespace.  HOSTILE: names below an app's root; each is reached by
 * openat2 with a resolve rule, never by a path string.
 */
#include "stage1/appexec/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"

#define TRIES 1000u

int
s1_open(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	int fd = -1;

	/* At a ".." the kernel gives up where anything was renamed meanwhile, and
	 * be it elsewhere (openat2(2)): it means to be asked again. */
	for (unsigned i = 0; i < TRIES; i++) {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

int
s1_create(int dir, const char *name, unsigned mode)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    .mode = mode,
	    .resolve = S1_BENEATH};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int
s1_clone(int fd, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			 (recursive ? AT_RECURSIVE : 0u);
	int r = open_tree(fd, "", flags);

	return r < 0 ? -errno : r;
}

int
s1_new_fs(const char *type, const char *const *options, uint64_t attrs)
{
	_cleanup_fd_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return -errno;
	for (; options && options[0]; options += 2)
		if (fsconfig(
			fs, FSCONFIG_SET_STRING, options[0], options[1], 0) < 0)
			return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	r = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return r < 0 ? -errno : r;
}

int
s1_attach(int mount, int target)
{
	return move_mount(mount, "", target, "",
		   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		   ? -errno
		   : 0;
}

int
s1_set_attrs(int mount, bool recursive, uint64_t attrs)
{
	struct mount_attr a = {.attr_set = attrs};
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);

	return mount_setattr(mount, "", flags, &a, sizeof(a)) < 0 ? -errno : 0;
}

int
s1_set_private(void)
{
	struct mount_attr a = {.propagation = MS_PRIVATE};

	return mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &a, sizeof(a)) < 0
		   ? -errno
		   : 0;
}

int
s1_own_dir(int dir, const char *name)
{
	int fd =
	    s1_open(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, S1_BENEATH);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT && fd != -ELOOP && fd != -ENOTDIR)
		return fd;
	if (fd != -ENOENT && unlinkat(dir, name, 0) < 0)
		return -errno;
	if (mkdirat(dir, name, 0755) < 0)
		return -errno;
	return s1_open(
	    dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, S1_BENEATH);
}

/* One more component: links lead somewhere inside root or are replaced. */
static int
make_dir(int root, const char *prefix, int parent, const char *name)
{
	int fd = s1_open(root, prefix, O_PATH | O_DIRECTORY, S1_IN_ROOT);

	if (fd >= 0 || (fd != -ENOENT && fd != -ELOOP && fd != -ENOTDIR))
		return fd;
	return s1_own_dir(parent, name);
}

int
s1_make_dirs(int root, const char *path)
{
	char prefix[256], last[64];
	_cleanup_fd_ int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
	const char *p = path;

	if (at < 0)
		return -errno;
	while (*p) {
		size_t n = strcspn(p, "/"), whole = (size_t)(p - path) + n;
		int next;

		if (n == 0 || n >= sizeof(last) || whole >= sizeof(prefix))
			return -EINVAL;
		memcpy(prefix, path, whole);
		prefix[whole] = '\0';
		memcpy(last, p, n);
		last[n] = '\0';
		next = make_dir(root, prefix, at, last);
		if (next < 0)
			return next;
		(void)close(at);
		at = next;
		p += n + (p[n] == '/');
	}
	return take_fd(at);
}

int
s1_own_file(int dir, const char *name)
{
	struct stat st = {0};
	_cleanup_fd_ int fd =
	    s1_open(dir, name, O_PATH | O_NOFOLLOW, S1_BENEATH);
	_cleanup_fd_ int made = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return take_fd(fd);
	if (fd >= 0 || fd == -ELOOP) {
		bool is_dir = fd >= 0 && S_ISDIR(st.st_mode);

		if (unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0) < 0)
			return -errno;
	} else if (fd != -ENOENT) {
		return fd;
	}
	made = s1_create(dir, name, 0644);
	if (made < 0)
		return made;
	return s1_open(dir, name, O_PATH | O_NOFOLLOW, S1_BENEATH);
}
