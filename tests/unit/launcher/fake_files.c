/*
 * The files of fake_sys.h: real ones, below the directory that is the host.
 */
#include "tests/unit/launcher/fake_part.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

int
sys_open(int dir, const char *path, int flags, mode_t mode, int how)
{
	static const uint64_t resolve[] = {
		[SYS_BENEATH] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
		[SYS_HOST] = 0,
		[SYS_CROSS] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
		[SYS_NO_LINKS] = RESOLVE_NO_SYMLINKS,
	};
	static const char *const hows[] = { [SYS_BENEATH] = "", [SYS_HOST] = " host",
		[SYS_CROSS] = " cross", [SYS_NO_LINKS] = " no-links" };
	struct open_how h = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = dir == AT_FDCWD ? resolve[how] & RESOLVE_NO_SYMLINKS :
					     resolve[how] };
	char text[400], to[4400];
	int r = fake_verb();

	fake_check(dir, path, how == SYS_HOST);
	if (dir == AT_FDCWD && how != SYS_HOST && how != SYS_NO_LINKS)
		return -EXDEV; /* as the kernel: above its directory */
	fake_join(dir, path, text);
	fake_note("open %s%s%s%s%s", text, (flags & O_CREAT) != 0 ? " new" : "",
	    (flags & O_ACCMODE) != O_RDONLY ? " write" : "",
	    (flags & O_PATH) != 0 ? " path" : "", hows[how]);
	if (r < 0)
		return r;
	return fake_labelled(fake_result(syscall(SYS_openat2, dir, fake_real(dir, path, to), &h,
			    sizeof(h))), text);
}

int
sys_tmpfile(int dir)
{
	char text[400];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "%.200s/#%u", fake_label(dir), fake.verbs);
	fake_note("tmpfile %s", text);
	if (r < 0)
		return r;
	return fake_labelled(fake_result(openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640)),
	    text);
}

int
sys_reopen(int fd, int access)
{
	char path[32];
	const char *text = fake_label(fd);
	int r = fake_verb();

	fake_note("%s %s", access == O_WRONLY ? "writeonly" : "readonly", text);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return r < 0 ? r : fake_labelled(fake_result(open(path, access | O_CLOEXEC)), text);
}

int
sys_unwritten(int fd)
{
	int r = fake_verb();

	fake_note("unwritten %s", fake_label(fd));
	return r;
}

/* A new group has files, which do not keep it from being removed. */
static void
fill_group(const char *text, int dir, const char *path, bool make)
{
	const char *const files[] = { "cgroup.procs", fake.group_file };

	if (!fake_below(text, "/sys/fs/cgroup"))
		return;
	fake.cgroups_used = true;
	for (size_t i = 0; i < PS_COUNT(files) && files[i]; i++) {
		char file[4500];
		int fd;

		(void)snprintf(file, sizeof(file), "%s/%s", path, files[i]);
		if (!make) {
			(void)unlinkat(dir, file, 0);
			continue;
		}
		fd = openat(dir, file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		ps_close_fd(&fd);
	}
}

int
sys_mkdir(int dir, const char *name, mode_t mode)
{
	char text[400], to[4400];
	int r = fake_verb();

	fake_check(dir, name, false);
	fake_join(dir, name, text);
	fake_note("mkdir %s %04o", text, mode);
	r = r < 0 ? r : fake_result(mkdirat(dir, fake_real(dir, name, to), mode | 0700));
	if (r == 0)
		fill_group(text, dir, fake_real(dir, name, to), true);
	return r;
}

int
sys_rename(int from, const char *old, int to, const char *new, bool replace)
{
	char a[400], b[400];
	int r = fake_verb();

	fake_check(from, old, false);
	fake_check(to, new, false);
	if (from == AT_FDCWD || to == AT_FDCWD)
		fake_bug("rename by host path", old);
	fake_join(from, old, a);
	fake_join(to, new, b);
	fake_note("rename %s %s%s", a, b, replace ? " replace" : "");
	if (r < 0)
		return r;
	r = fake_result(renameat2(from, old, to, new, replace ? 0 : RENAME_NOREPLACE));
	if (r == 0)
		fake_relabel(a, b);
	if (r == 0 && strncmp(new, "sha512-", 7) == 0 && fake.committed)
		fake.committed(new);
	return r;
}

int
sys_link(int fd, int dir, const char *name)
{
	char text[400], from[32];
	int r = fake_verb();

	fake_check(dir, name, false);
	fake_join(dir, name, text);
	fake_note("link %s %s", fake_label(fd), text);
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return r < 0 ? r : fake_result(linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW));
}

int
sys_unlink(int dir, const char *name, bool directory)
{
	char text[400];
	int r = fake_verb();

	if (dir == AT_FDCWD)
		fake_bug("unlink by path", name);
	fake_check(dir, name, false);
	fake_join(dir, name, text);
	fake_note("%s %s", directory ? "rmdir" : "unlink", text);
	if (r == 0 && directory)
		fill_group(text, dir, name, false);
	return r < 0 ? r : fake_result(unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
}

int
sys_own(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;
	int r = fake_verb();

	fake_note("own %s %u:%u %04o", fake_label(fd), uid, gid, mode);
	if (r < 0 || __real_fstat(fd, &st) < 0)
		return r < 0 ? r : -EBADF;
	fake_remember(&st, uid, gid, mode);
	return 0;
}

int
sys_flock(int fd, bool exclusive)
{
	int r = fake_verb();

	fake_note("lock %s%s", fake_label(fd), exclusive ? "" : " shared");
	return r < 0 ? r : fake_result(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

int
sys_fsync(int fd)
{
	int r = fake_verb();

	fake_note("fsync %s", fake_label(fd));
	return r;
}

int
sys_syncfs(int fd)
{
	int r = fake_verb();

	fake_note("syncfs %s", fake_label(fd));
	return r;
}

int
sys_copy(int from, int to, uint64_t n)
{
	char buffer[4096];
	off_t at = 0;
	int r = fake_verb();

	fake_note("copy %s %s %llu", fake_label(from), fake_label(to), (unsigned long long)n);
	while (r == 0 && n > 0) {
		ssize_t got = pread(from, buffer,
		    n < sizeof(buffer) ? n : sizeof(buffer), at);

		if (got <= 0)
			return -EIO;
		if (write(to, buffer, (size_t)got) != got)
			return -errno;
		at += got;
		n -= (uint64_t)got;
	}
	return r;
}

int
sys_put(int dir, const char *path, const char *text)
{
	char to[400];
	int r = fake_verb();

	fake_check(dir, path, false);
	fake_join(dir, path, to);
	if (!fake_below(to, "/sys/fs/cgroup"))
		fake_bug("put outside the cgroups", to);
	fake_note("put %s %.*s", to, (int)strcspn(text, "\n"), text);
	return r;
}

int
sys_random(void *p, size_t n)
{
	int r = fake_verb();

	fake.random++;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)(fake.random >> 8 * (7 - i % 8));
	return r;
}

uint64_t
sys_now(void)
{
	return 1700000000;
}
