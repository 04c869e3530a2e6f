/* link: launcher/sys.c launcher/sys_spawn.c @privsep -lkeyutils */
/* The real system calls, where a flag less would go unseen: how paths may
 * resolve, and what a mount of the host's may do in a pod.  As root, in a mount
 * namespace of this program's own. */
#include "launcher/sys.h"

#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define BASE 0x70000000u
#define ALL (ST_NOSUID | ST_NODEV | ST_RDONLY)

static char top[] = "/tmp/rkt-sys.XXXXXX";
static int dir = -1;

/* A tree of two file systems: top, and top/sub. */
static int
set_up(void **state)
{
	int fd;

	(void)state;
	if (!mkdtemp(top))
		return -1;
	if (geteuid() != 0)
		return 0;
	if (sys_private_mounts() < 0 || mount("a", top, "tmpfs", 0, "mode=0755") < 0)
		return -1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd) < 0 || mkdirat(dir, "sub", 0755) < 0 ||
	    mkdirat(dir, "real", 0755) < 0 || symlinkat("real", dir, "link") < 0 ||
	    symlinkat("file", dir, "filelink") < 0)
		return -1;
	if (fchdir(dir) < 0 || mount("b", "sub", "tmpfs", 0, "mode=0755") < 0)
		return -1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ps_close_fd(&dir);
	if (chdir("/") < 0)
		return -1;
	(void)umount2(top, MNT_DETACH);
	return rmdir(top);
}

static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static unsigned long
flags_of(int mount, const char *path)
{
	_cleanup_fd_ int fd = openat(mount, path, O_PATH | O_CLOEXEC);
	struct statvfs s;

	assert_true(fd >= 0);
	assert_int_equal(fstatvfs(fd, &s), 0);
	return s.f_flag & ALL;
}

/* Volumes of the host: nosuid and nodev whatever was asked; what is mounted
 * below them too. */
static void
restricted(void **state)
{
	static const struct {
		bool readonly;
		unsigned long flags;
	} rows[] = { { false, ST_NOSUID | ST_NODEV },
		{ true, ST_NOSUID | ST_NODEV | ST_RDONLY } };

	(void)state;
	need_root();
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		_cleanup_fd_ int mount = sys_bind(dir, true);

		assert_true(mount >= 0);
		assert_int_equal(flags_of(mount, "."), 0);
		assert_int_equal(sys_restrict(mount, true, rows[i].readonly,
		    -1), 0);
		assert_int_equal(flags_of(mount, "."), rows[i].flags);
		assert_int_equal(flags_of(mount, "sub"), rows[i].flags);
	}
	assert_int_equal(flags_of(dir, "."), 0); /* the host's own as it was */
	assert_int_equal(flags_of(dir, "sub"), 0);
}

/* A device of a volume: the node alone, which no one can open further, and
 * /dev is as it was. */
static void
node(void **state)
{
	_cleanup_fd_ int mount = -1;
	struct stat st, dev, after;

	(void)state;
	need_root();
	assert_int_equal(stat("/dev", &dev), 0);
	mount = sys_node(S_IFCHR | 0640, makedev(1, 3), BASE, BASE + 6);
	assert_true(mount >= 0);
	assert_int_equal(stat("/dev", &after), 0);
	assert_true(dev.st_dev == after.st_dev && dev.st_ino == after.st_ino);
	assert_int_equal(fstat(mount, &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0640);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	assert_int_equal(st.st_uid, BASE);
	assert_int_equal(st.st_gid, BASE + 6);
	assert_int_equal(fchownat(mount, "", 0, 0, AT_EMPTY_PATH), -1);
	assert_int_equal(errno, EROFS);
}

static bool
is_mounted(int mount, const char *path)
{
	struct stat a, b;

	assert_int_equal(fstatat(mount, ".", &a, 0), 0);
	assert_int_equal(fstatat(mount, path, &b, 0), 0);
	return a.st_dev != b.st_dev;
}

static void
recursion(void **state)
{
	_cleanup_fd_ int with = -1, without = -1;

	(void)state;
	need_root();
	with = sys_bind(dir, true);
	without = sys_bind(dir, false);
	assert_true(is_mounted(with, "sub"));
	assert_false(is_mounted(without, "sub"));
}

/* Owners are the pod's, in the pod's mount alone. */
static void
mapped(void **state)
{
	_cleanup_fd_ int userns = -1, mount = -1;
	struct stat st;

	(void)state;
	need_root();
	userns = sys_userns(0, BASE, 65536);
	assert_true(userns >= 0);
	mount = sys_bind(dir, true);
	if (sys_restrict(mount, true, false, userns) == -EINVAL)
		skip(); /* a kernel whose tmpfs cannot */
	assert_int_equal(fstatat(mount, "file", &st, 0), 0);
	assert_int_equal(st.st_uid, BASE);
	assert_int_equal(st.st_gid, BASE);
	assert_int_equal(fstatat(mount, "sub", &st, 0), 0);
	assert_int_equal(st.st_uid, BASE);
	assert_int_equal(flags_of(mount, "sub"), ST_NOSUID | ST_NODEV);
	assert_int_equal(fstatat(dir, "file", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
}

static void
tmpfs(void **state)
{
	_cleanup_fd_ int a = -1, b = -1;
	struct statvfs s;
	struct stat st;

	(void)state;
	need_root();
	a = sys_tmpfs(1 << 20, 01777, BASE + 1, BASE + 2, false);
	assert_true(a >= 0);
	assert_int_equal(flags_of(a, "."), ST_NOSUID | ST_NODEV);
	assert_int_equal(fstatvfs(a, &s), 0);
	assert_int_equal(s.f_blocks * s.f_frsize, 1 << 20);
	assert_int_equal(fstatat(a, ".", &st, 0), 0);
	assert_int_equal(st.st_uid, BASE + 1);
	assert_int_equal(st.st_gid, BASE + 2);
	assert_int_equal(st.st_mode & 07777, 01777);
	b = sys_tmpfs(0, 0755, BASE, BASE, true);
	assert_int_equal(flags_of(b, "."), ALL);
	assert_int_equal(fstatvfs(b, &s), 0);
	assert_true(s.f_blocks * s.f_frsize > 1 << 20);
}

/* Trees of the store are read. */
static void
store_tree(void **state)
{
	_cleanup_fd_ int mount = -1;

	(void)state;
	need_root();
	mount = sys_idmapped(dir, "real", -1);
	assert_true(mount >= 0);
	assert_int_equal(flags_of(mount, ".") & (ST_RDONLY | ST_NODEV),
	    ST_RDONLY | ST_NODEV);
	assert_int_equal(sys_idmapped(dir, "link", -1), -ELOOP);
	assert_int_equal(sys_idmapped(dir, "sub", -1), -EXDEV);
}

static void
paths(void **state)
{
	static const struct {
		const char *path;
		int host, beneath, cross, no_links; /* errnos */
	} rows[] = {
		{ "file", 0, 0, 0, 0 },
		{ "real", 0, 0, 0, 0 },
		{ "link", 0, ELOOP, ELOOP, ELOOP },
		{ "filelink", 0, ELOOP, ELOOP, ELOOP },
		{ "link/.", 0, ELOOP, ELOOP, ELOOP },
		{ "real/../file", 0, 0, 0, 0 },
		{ "sub", 0, EXDEV, 0, 0 },
		{ "..", 0, EXDEV, EXDEV, 0 },
		{ "/", 0, EXDEV, EXDEV, 0 },
		{ "/proc/self", 0, EXDEV, EXDEV, ELOOP },
		{ "/proc/self/root", 0, EXDEV, EXDEV, ELOOP },
		{ "/dev/fd/0", 0, EXDEV, EXDEV, ELOOP },
	};

	(void)state;
	need_root();
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const int errors[] = { [SYS_HOST] = rows[i].host,
			[SYS_BENEATH] = rows[i].beneath, [SYS_CROSS] = rows[i].cross,
			[SYS_NO_LINKS] = rows[i].no_links };

		for (int how = SYS_BENEATH; how <= SYS_NO_LINKS; how++) {
			int fd = sys_open(dir, rows[i].path, O_PATH, 0, how);

			if ((fd < 0 ? -fd : 0) != errors[how])
				fail_msg("%s, how %d: %s", rows[i].path, how,
				    strerror(fd < 0 ? -fd : 0));
			if (fd >= 0)
				assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
			ps_close_fd(&fd);
		}
	}
}

/* A process by its descriptor: it is that one, or none. */
static void
processes(void **state)
{
	pid_t pid = fork();
	_cleanup_fd_ int fd = -1;
	int status;

	(void)state;
	if (pid == 0) {
		(void)pause();
		_exit(1);
	}
	fd = sys_pidfd(pid);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(sys_alive(fd));
	assert_int_equal(sys_signal(fd, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_false(sys_alive(fd));
	assert_int_equal(sys_signal(fd, SIGKILL), -ESRCH);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGTERM, SIG_IGN);
		(void)pause();
		_exit(1);
	}
	ps_close_fd(&fd);
	fd = sys_pidfd(pid);
	assert_int_equal(sys_signal(fd, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restricted),
		cmocka_unit_test(node),
		cmocka_unit_test(recursion),
		cmocka_unit_test(mapped),
		cmocka_unit_test(tmpfs),
		cmocka_unit_test(store_tree),
		cmocka_unit_test(paths),
		cmocka_unit_test(processes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
