/*
 * The build's directory.  Runs as whoever builds.  HOSTILE: where the working
 * directory is one that others can write, a .acbuild of theirs; it is refused
 * by its owner.
 */
#include "builder/build.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "appc/image.h"
#include "builder/manifest.h"
#include "builder/tree.h"
#include "privsep/limits.h"
#include "privsep/log.h"

#define STATE ".acbuild"

int
bd_fail(const char *format, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ps_log("%s", text);
	return -1;
}

int
bd_fail_error(int error, const char *format, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)ps_log_error(error < 0 ? error : -error, "%s", text);
	return -1;
}

static int
open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The lock goes with the directory: one that is taken, but no longer there,
 * was another build's. */
static int
take_lock(struct bd_build *b)
{
	struct stat st;

	b->lock = openat(b->dir, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (b->lock < 0)
		return bd_fail_error(errno, "cannot open %s/" STATE "/lock",
		    b->where);
	if (flock(b->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ?
		    bd_fail("another rkt-build is at work in %s: let it end "
			    "first", b->where) :
		    bd_fail_error(errno, "cannot lock %s/" STATE, b->where);
	if (fstat(b->lock, &st) < 0 || st.st_nlink == 0)
		return bd_fail("the build in %s was ended meanwhile",
		    b->where);
	return 0;
}

static int
open_work(struct bd_build *b)
{
	struct stat st;

	b->work = open(b->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->work < 0)
		return bd_fail_error(errno, "cannot open %s", b->where);
	b->dir = open_dir(b->work, STATE);
	if (b->dir < 0)
		return errno == ENOENT ?
		    bd_fail("no build in progress in %s: rkt-build begin "
			    "starts one", b->where) :
		    bd_fail_error(errno, "cannot open %s/" STATE, b->where);
	if (fstat(b->dir, &st) < 0 || st.st_uid != geteuid())
		return bd_fail("%s/" STATE " belongs to another user: build in "
			       "a directory of your own", b->where);
	return take_lock(b);
}

static int
open_aci(struct bd_build *b)
{
	b->aci = open_dir(b->dir, "currentaci");
	b->rootfs = b->aci < 0 ? -1 : open_dir(b->aci, "rootfs");
	return b->rootfs < 0 ? -errno : 0;
}

int
bd_open(struct bd_build *b)
{
	_cleanup_free_ char *text = NULL;
	char path[64], error[AC_ERROR];
	size_t n;
	int r;

	if (open_work(b) < 0)
		return -1;
	r = open_aci(b);
	if (r == 0 && faccessat(b->aci, "manifest", F_OK, 0) < 0)
		r = -errno;
	if (r < 0)
		return bd_fail("the build in %s did not get as far as a "
			       "manifest: rkt-build end, and begin again",
		    b->where);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/manifest",
	    b->aci);
	if (bd_read_file(path, PS_MAX_MANIFEST, false, &text, &n) < 0)
		return -1;
	r = bd_manifest_parse(text, n, &b->manifest, error);
	if (r < 0)
		return bd_fail("%s/" STATE "/currentaci/manifest: %s: mend it, "
			       "or rkt-build end", b->where, error);
	r = bd_attrs_read(&b->attrs, b->dir, "attributes");
	return r < 0 ? bd_fail_error(r, "cannot read %s/" STATE "/attributes",
	    b->where) : 0;
}

int
bd_create(struct bd_build *b)
{
	int r;

	if (mkdir(b->where, 0755) < 0 && errno != EEXIST)
		return bd_fail_error(errno, "cannot make %s", b->where);
	b->work = open(b->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->work < 0)
		return bd_fail_error(errno, "cannot open %s", b->where);
	if (mkdirat(b->work, STATE, 0700) < 0)
		return errno == EEXIST ?
		    bd_fail("a build is in progress in %s: rkt-build end "
			    "ends it", b->where) :
		    bd_fail_error(errno, "cannot make %s/" STATE, b->where);
	ps_close_fd(&b->work);
	r = open_work(b);
	if (r < 0)
		return r;
	/* What is made in it takes no bits from what it was made in. */
	(void)fremovexattr(b->dir, "system.posix_acl_default");
	if (fchmod(b->dir, 0700) < 0 ||
	    mkdirat(b->dir, "currentaci", 0755) < 0 ||
	    (b->aci = open_dir(b->dir, "currentaci")) < 0 ||
	    mkdirat(b->aci, "rootfs", 0755) < 0)
		return bd_fail_error(errno, "cannot make %s/" STATE, b->where);
	r = open_aci(b);
	return r < 0 ? bd_fail_error(r, "cannot open %s/" STATE, b->where) : 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int
save_manifest(struct bd_build *b, const char *text)
{
	_cleanup_fd_ int fd = -1;
	int r;

	(void)unlinkat(b->dir, "manifest.new", 0);
	fd = openat(b->dir, "manifest.new",
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (r == 0 && renameat(b->dir, "manifest.new", b->aci, "manifest") < 0)
		r = -errno;
	return r;
}

int
bd_save(struct bd_build *b)
{
	_cleanup_free_ char *text = NULL;
	char error[AC_ERROR];
	int r = bd_manifest_text(b->manifest, &text, error);

	if (r < 0)
		return bd_fail("no rkt would take the manifest then: %s; "
			       "nothing was changed in it", error);
	if (b->attrs.is_changed)
		r = bd_attrs_write(&b->attrs, b->dir, "attributes");
	if (r == 0)
		r = save_manifest(b, text);
	return r < 0 ? bd_fail_error(r, "cannot write to %s/" STATE, b->where) :
		       0;
}

int
bd_remove(struct bd_build *b)
{
	int r;

	if (b->dir < 0 && open_work(b) < 0)
		return -1;
	r = bd_remove_tree(b->work, STATE);
	return r < 0 ? bd_fail_error(r, "cannot remove %s/" STATE, b->where) :
		       0;
}

void
bd_close(struct bd_build *b)
{
	json_decref(b->manifest);
	b->manifest = NULL;
	bd_attrs_free(&b->attrs);
	ps_close_fd(&b->rootfs);
	ps_close_fd(&b->aci);
	ps_close_fd(&b->lock);
	ps_close_fd(&b->dir);
	ps_close_fd(&b->work);
}

int
bd_read_file(const char *path, size_t max, bool may_stdin, char **ret,
    size_t *ret_n)
{
	bool is_stdin = may_stdin && strcmp(path, "-") == 0;
	_cleanup_fd_ int fd = is_stdin ?
	    fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *text = malloc(max + 2);
	size_t n = 0;

	if (fd < 0)
		return bd_fail_error(errno, "cannot open %s", path);
	while (text && n <= max) {
		ssize_t got = read(fd, text + n, max + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bd_fail_error(errno, "cannot read %s", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (!text || n > max)
		return bd_fail("%s is larger than %zu bytes", path, max);
	text[n] = '\0';
	*ret = take_ptr(text);
	*ret_n = n;
	return 0;
}
