/*
 * Root's own files and directories: how they are found, read and made.  Runs
 * as root.  Names come from this room or were proved by its callers.
 */
#include "launcher/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/log.h"

const char *
ln_path(const char *format, ...)
{
	static char texts[16][2048];
	static unsigned at;
	char *text = texts[at++ % PS_COUNT(texts)];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(texts[0]), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(texts[0]))
		ps_die(254, "a path is too long");
	return text;
}

int
ln_open_dir(int dir, const char *path)
{
	return sys_open(dir, path, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
}

int
ln_open_file(int dir, const char *path)
{
	return sys_open(dir, path, O_RDONLY, 0, SYS_BENEATH);
}

int
ln_read_file(int dir, const char *path, void *ret, size_t size, uint64_t *ret_n)
{
	_cleanup_fd_ int fd = ln_open_file(dir, path);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	/* Not ours: a data directory that someone prepared. */
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) != 0)
		return -EBADMSG;
	r = ps_check_file(fd, size, ret_n);
	return r < 0 ? r : ps_pread_full(fd, ret, *ret_n, 0);
}

int
ln_read_words(int dir, const char *path, char *ret, size_t size)
{
	uint64_t n = 0;
	int r = ln_read_file(dir, path, ret, size - 1, &n);

	ret[r < 0 ? 0 : n] = '\0';
	return r;
}

int
ln_read_text(const char *path, char *ret, size_t size)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0, SYS_HOST);
	size_t at = 0;

	for (ssize_t n = 1; fd >= 0 && n > 0 && at + 1 < size; at += (size_t)n) {
		n = read(fd, ret + at, size - at - 1);
		if (n < 0)
			return -errno;
	}
	ret[at] = '\0';
	return fd < 0 ? fd : at + 1 == size ? -E2BIG : 0;
}

int
ln_lock_wait(int fd)
{
	int r = sys_flock(fd, true);

	for (unsigned i = 0; r == -EWOULDBLOCK && i < 1000; i++) {
		sys_sleep(20);
		r = sys_flock(fd, true);
	}
	return r;
}

int
ln_open_single(int dir, const char *path, int access)
{
	_cleanup_fd_ int fd = sys_open(dir, path,
	    access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, SYS_BENEATH);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
			   st.st_nlink != 1))
		return -EMEDIUMTYPE;
	return take_fd(fd);
}

int
ln_make_dir(int dir, const char *name)
{
	int r = sys_mkdir(dir, name, 0700);

	return r < 0 ? r : ln_open_dir(dir, name);
}

int
ln_make_rootfs(int dir)
{
	_cleanup_fd_ int fd = ln_make_dir(dir, "rootfs");
	int r = fd < 0 ? fd : sys_own(fd, PS_FOREIGN_BASE, PS_FOREIGN_BASE, 0755);

	return r < 0 ? r : take_fd(fd);
}

int
ln_make_path(int dir, const char *path, int how, uid_t uid, mode_t mode)
{
	_cleanup_fd_ int at = sys_open(dir, path[0] == '/' ? "/" : ".",
	    O_RDONLY | O_DIRECTORY, 0, how);

	for (const char *p = path; at >= 0 && *p != '\0';) {
		size_t n = strcspn(p, "/");
		char part[256];
		int r, next;

		if (n >= sizeof(part))
			return -ENAMETOOLONG;
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, p);
		p += n + (p[n] == '/');
		if (n == 0)
			continue;
		r = sys_mkdir(at, part, 0700);
		next = r < 0 && r != -EEXIST ? r :
		    sys_open(at, part, O_RDONLY | O_DIRECTORY, 0, how);
		ps_close_fd(&at);
		at = next;
		/* mkdir made it root's and 0700: said again, it would undo what
		 * another launcher has put right by now. */
		r = at < 0 || r < 0 || (uid == 0 && mode == 0700) ? 0 :
		    sys_own(at, uid, uid, mode);
		if (r < 0)
			return r;
	}
	return take_fd(at);
}

int
ln_make_dirs(int dir, const char *path, uid_t uid, mode_t mode)
{
	_cleanup_fd_ int fd = ln_make_path(dir, path, SYS_BENEATH, uid, mode);

	return fd < 0 ? fd : 0;
}

int
ln_temporary(const char *prefix, char ret[LN_TEMPORARY])
{
	uint64_t n[2];
	int r = sys_random(n, sizeof(n));

	if (r == 0)
		(void)snprintf(ret, LN_TEMPORARY, "%s%016llx%016llx", prefix,
		    (unsigned long long)n[0], (unsigned long long)n[1]);
	return r;
}

/* Between mkdir and lock it looks like a dead launcher's, and another one may
 * sweep it away: then once more, under another name. */
int
ln_stage(int dir, char ret_name[LN_TEMPORARY])
{
	int r = -ENOENT;

	for (int i = 0; i < 16 && (r == -ENOENT || r == -EWOULDBLOCK); i++) {
		_cleanup_fd_ int fd = -1;

		r = ln_temporary(".new-", ret_name);
		fd = r < 0 ? r : ln_make_dir(dir, ret_name);
		r = fd < 0 ? fd : sys_flock(fd, true);
		if (r == 0)
			return take_fd(fd);
	}
	return r;
}

int
ln_open_parent(const char *path, char name[256])
{
	char above[4200];
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return -EISDIR;
	if (strlen(last) > 255 || n >= sizeof(above))
		return -ENAMETOOLONG;
	(void)snprintf(name, 256, "%s", last);
	(void)snprintf(above, sizeof(above), "%.*s", (int)n, path);
	return sys_open(AT_FDCWD, n > 0 ? above : slash ? "/" : ".",
	    O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
}

int
ln_list(int dir, const char *path, DIR **ret)
{
	_cleanup_fd_ int fd = ln_open_dir(dir, path);

	if (fd < 0)
		return fd;
	*ret = fdopendir(fd);
	if (!*ret)
		return -errno;
	(void)take_fd(fd);
	return 0;
}

const char *
ln_next(DIR *list)
{
	struct dirent *e;

	do {
		e = list ? readdir(list) : NULL;
	} while (e && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	return e ? e->d_name : NULL;
}
