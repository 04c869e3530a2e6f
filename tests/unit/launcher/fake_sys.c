/*
 * See fake_sys.h.  Linked in place of launcher/sys.c and sys_spawn.c, with
 * fstat, poll and access wrapped: fstat tells remembered owners, poll never
 * waits.
 */
#include "tests/unit/launcher/fake_sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

#define MAX_FD 1024
#define MAX_OWNED 512

struct fake fake;

static struct label {
	char text[400];
	dev_t dev;
	ino_t ino;
} labels[MAX_FD];

static struct owned {
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
	mode_t mode;
} owned[MAX_OWNED];
static size_t n_owned;
static int working_dir = -1;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_poll(struct pollfd *p, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout);
int __wrap_access(const char *path, int mode);

void
fake_bug(const char *what, const char *detail)
{
	(void)fprintf(stderr, "FORBIDDEN: %s: %s\n--- trace\n%s", what, detail,
	    fake.trace);
	abort();
}

/* --- the wrapped calls ---------------------------------------------------- */

static struct owned *
find_owned(const struct stat *st)
{
	for (size_t i = 0; i < n_owned; i++)
		if (owned[i].dev == st->st_dev && owned[i].ino == st->st_ino)
			return &owned[i];
	return NULL;
}

/* Whoever runs the tests, what stands in the fake host is root's. */
int
__wrap_fstat(int fd, struct stat *st)
{
	const struct owned *o;

	if (__real_fstat(fd, st) < 0)
		return -1;
	st->st_uid = 0;
	st->st_gid = 0;
	st->st_ctim.tv_sec = (time_t)sys_now() - fake.age;
	o = find_owned(st);
	if (o) {
		st->st_uid = o->uid;
		st->st_gid = o->gid;
		st->st_mode = (st->st_mode & S_IFMT) | o->mode;
	}
	return 0;
}

int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	(void)timeout;
	return __real_poll(p, n, 0);
}

int
__wrap_access(const char *path, int mode)
{
	(void)path;
	(void)mode;
	errno = ENOENT;
	return -1; /* no machined here */
}

/* --- trace ---------------------------------------------------------------- */

/* So that a person can read it: digests and fingerprints are cut to eight
 * digits, and the pod's UUID is called so. */
static void
shorten(char *line)
{
	for (char *p = line; *p; p++) {
		size_t n = strspn(p, "0123456789abcdef");

		if (n >= 32) {
			memmove(p + 8, p + n, strlen(p + n) + 1);
			n = 8;
		} else if (n == 8 && p[8] == '-' && strlen(p) >= 36 &&
		    strspn(p, "0123456789abcdef-") >= 36) {
			memmove(p + 4, p + 36, strlen(p + 36) + 1);
			memcpy(p, "UUID", 4);
			n = 4;
		}
		p += n;
		if (*p == '\0')
			break;
	}
}

static void __attribute__((format(printf, 1, 2)))
note(const char *format, ...)
{
	char line[4096];
	va_list ap;
	size_t n;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	shorten(line);
	n = strlen(line);
	line[n++] = '\n';
	if (fake.at + n < sizeof(fake.trace)) {
		memcpy(fake.trace + fake.at, line, n);
		fake.at += n;
		fake.trace[fake.at] = '\0';
	}
}

/* Counts a verb; an errno if it is the one that shall fail. */
static int
verb(void)
{
	return ++fake.verbs == fake.fail_at ? -fake.fail_error : 0;
}

static int
result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static const char *
label_of(int fd)
{
	static char text[4][400];
	static unsigned turn;
	char *t = text[turn++ % 4], link[32];
	struct stat st;
	ssize_t n;

	if (fd == AT_FDCWD)
		return "";
	if (fd < 0 || fd >= MAX_FD || __real_fstat(fd, &st) < 0)
		return "CLOSED";
	if (labels[fd].text[0] && labels[fd].dev == st.st_dev &&
	    labels[fd].ino == st.st_ino)
		return labels[fd].text;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, t, 399);
	t[n < 0 ? 0 : n] = '\0';
	if (strncmp(t, "/memfd:", 7) == 0) {
		memmove(t, t + 1, strlen(t));
		t[strcspn(t, " ")] = '\0';
	} else {
		t[strcspn(t, ":[")] = '\0';
	}
	return t;
}

static void
join(int dir, const char *path, char ret[400])
{
	const char *above = label_of(dir);
	int n;

	if (path[0] == '/' || dir == AT_FDCWD)
		n = snprintf(ret, 400, "%s", path);
	else if (strcmp(path, ".") == 0)
		n = snprintf(ret, 400, "%s", above);
	else
		n = snprintf(ret, 400, "%s/%s", strcmp(above, "/") == 0 ? "" : above,
		    path);
	(void)n;
}

static int
labelled(int fd, const char *text)
{
	struct stat st;

	if (fd < 0 || fd >= MAX_FD || __real_fstat(fd, &st) < 0)
		return fd;
	(void)snprintf(labels[fd].text, sizeof(labels[fd].text), "%s", text);
	labels[fd].dev = st.st_dev;
	labels[fd].ino = st.st_ino;
	return fd;
}

/* What was below a is below b now. */
static void
relabel(const char *a, const char *b)
{
	size_t n = strlen(a);
	char rest[400];

	for (size_t i = 0; i < MAX_FD; i++)
		if (strncmp(labels[i].text, a, n) == 0 &&
		    (labels[i].text[n] == '\0' || labels[i].text[n] == '/')) {
			(void)snprintf(rest, sizeof(rest), "%s", labels[i].text + n);
			(void)snprintf(labels[i].text, sizeof(labels[i].text),
			    "%.199s%.199s", b, rest);
		}
}

/* --- where root may go ---------------------------------------------------- */

static bool
below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* What says which process it is. */
static bool
is_of_pod(const char *path)
{
	const pid_t pids[] = { fake.stage1, fake.init };
	char fds[48], children[64], space[48];

	for (size_t i = 0; i < PS_COUNT(pids); i++) {
		(void)snprintf(fds, sizeof(fds), "/proc/%d/fd", pids[i]);
		(void)snprintf(children, sizeof(children), "/proc/%d/task/%d/children",
		    pids[i], pids[i]);
		(void)snprintf(space, sizeof(space), "/proc/%d/ns/pid", pids[i]);
		if (pids[i] > 0 && (below(path, fds) || strcmp(path, children) == 0 ||
				       strcmp(path, space) == 0))
			return true;
	}
	return false;
}

static void
check_host(const char *path)
{
	static const char *const tops[] = { "/var/lib/rkt", "/usr/lib/rkt",
		"/etc/rkt", "/sys/fs/cgroup" };
	static const char *const files[] = { "/dev/null", "/etc/passwd",
		"/proc/self/cgroup", "/proc/self/ns/mnt", "/proc/self/ns/pid",
		"/proc/partitions" };

	for (size_t i = 0; i < PS_COUNT(tops); i++)
		if (below(path, tops[i]) || strcmp(path, "/") == 0 ||
		    below(tops[i], path))
			return;
	for (size_t i = 0; i < PS_COUNT(files); i++)
		if (strcmp(path, files[i]) == 0)
			return;
	if (is_of_pod(path))
		return;
	for (size_t i = 0; i < PS_COUNT(fake.may_open); i++)
		if (fake.may_open[i] && strcmp(path, fake.may_open[i]) == 0)
			return;
	fake_bug("a host path that no one named", path);
}

static void
check_path(int dir, const char *path, bool host)
{
	char full[400];

	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			fake_bug("a path with ..", path);
	}
	if (dir != AT_FDCWD && (path[0] == '/' || (host && strchr(path, '/'))))
		fake_bug("leaves its directory", path);
	if (host && dir != AT_FDCWD)
		join(dir, path, full);
	if (host || dir == AT_FDCWD)
		check_host(dir == AT_FDCWD ? path : full);
}

/* The real path of (dir, path). */
static const char *
real(int dir, const char *path, char ret[4400])
{
	if (dir == AT_FDCWD && strcmp(path, "/dev/null") != 0) {
		(void)snprintf(ret, 4400, "%s%s%s", fake.root,
		    path[0] == '/' ? "" : "/cwd/", path);
		return ret;
	}
	return path;
}

/* --- files ---------------------------------------------------------------- */

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
	int r = verb();

	check_path(dir, path, how == SYS_HOST);
	if (dir == AT_FDCWD && how != SYS_HOST && how != SYS_NO_LINKS)
		return -EXDEV; /* as the kernel: above its directory */
	join(dir, path, text);
	note("open %s%s%s%s%s", text, (flags & O_CREAT) != 0 ? " new" : "",
	    (flags & O_ACCMODE) != O_RDONLY ? " write" : "",
	    (flags & O_PATH) != 0 ? " path" : "", hows[how]);
	if (r < 0)
		return r;
	return labelled(result(syscall(SYS_openat2, dir, real(dir, path, to), &h,
			    sizeof(h))), text);
}

int
sys_tmpfile(int dir)
{
	char text[400];
	int r = verb();

	(void)snprintf(text, sizeof(text), "%.200s/#%u", label_of(dir), fake.verbs);
	note("tmpfile %s", text);
	if (r < 0)
		return r;
	return labelled(result(openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640)),
	    text);
}

int
sys_reopen(int fd, int access)
{
	char path[32];
	const char *text = label_of(fd);
	int r = verb();

	note("%s %s", access == O_WRONLY ? "writeonly" : "readonly", text);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return r < 0 ? r : labelled(result(open(path, access | O_CLOEXEC)), text);
}

int
sys_unwritten(int fd)
{
	int r = verb();

	note("unwritten %s", label_of(fd));
	return r;
}

/* A new group has files, which do not keep it from being removed. */
static void
fill_group(const char *text, int dir, const char *path, bool make)
{
	const char *const files[] = { "cgroup.procs", fake.group_file };

	if (!below(text, "/sys/fs/cgroup"))
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
	int r = verb();

	check_path(dir, name, false);
	join(dir, name, text);
	note("mkdir %s %04o", text, mode);
	r = r < 0 ? r : result(mkdirat(dir, real(dir, name, to), mode | 0700));
	if (r == 0)
		fill_group(text, dir, real(dir, name, to), true);
	return r;
}

int
sys_rename(int from, const char *old, int to, const char *new, bool replace)
{
	char a[400], b[400];
	int r = verb();

	check_path(from, old, false);
	check_path(to, new, false);
	if (from == AT_FDCWD || to == AT_FDCWD)
		fake_bug("rename by host path", old);
	join(from, old, a);
	join(to, new, b);
	note("rename %s %s%s", a, b, replace ? " replace" : "");
	if (r < 0)
		return r;
	r = result(renameat2(from, old, to, new, replace ? 0 : RENAME_NOREPLACE));
	if (r == 0)
		relabel(a, b);
	if (r == 0 && strncmp(new, "sha512-", 7) == 0 && fake.committed)
		fake.committed(new);
	return r;
}

int
sys_link(int fd, int dir, const char *name)
{
	char text[400], from[32];
	int r = verb();

	check_path(dir, name, false);
	join(dir, name, text);
	note("link %s %s", label_of(fd), text);
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return r < 0 ? r : result(linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW));
}

int
sys_unlink(int dir, const char *name, bool directory)
{
	char text[400];
	int r = verb();

	if (dir == AT_FDCWD)
		fake_bug("unlink by path", name);
	check_path(dir, name, false);
	join(dir, name, text);
	note("%s %s", directory ? "rmdir" : "unlink", text);
	if (r == 0 && directory)
		fill_group(text, dir, name, false);
	return r < 0 ? r : result(unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
}

static void
remember(const struct stat *st, uid_t uid, gid_t gid, mode_t mode)
{
	struct owned *o = find_owned(st);

	if (!o && n_owned < MAX_OWNED)
		o = &owned[n_owned++];
	if (o)
		*o = (struct owned){ st->st_dev, st->st_ino, uid, gid, mode };
}

int
sys_own(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;
	int r = verb();

	note("own %s %u:%u %04o", label_of(fd), uid, gid, mode);
	if (r < 0 || __real_fstat(fd, &st) < 0)
		return r < 0 ? r : -EBADF;
	remember(&st, uid, gid, mode);
	return 0;
}

int
sys_flock(int fd, bool exclusive)
{
	int r = verb();

	note("lock %s%s", label_of(fd), exclusive ? "" : " shared");
	return r < 0 ? r : result(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

int
sys_fsync(int fd)
{
	int r = verb();

	note("fsync %s", label_of(fd));
	return r;
}

int
sys_syncfs(int fd)
{
	int r = verb();

	note("syncfs %s", label_of(fd));
	return r;
}

int
sys_copy(int from, int to, uint64_t n)
{
	char buffer[4096];
	off_t at = 0;
	int r = verb();

	note("copy %s %s %llu", label_of(from), label_of(to), (unsigned long long)n);
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
	int r = verb();

	check_path(dir, path, false);
	join(dir, path, to);
	if (!below(to, "/sys/fs/cgroup"))
		fake_bug("put outside the cgroups", to);
	note("put %s %.*s", to, (int)strcspn(text, "\n"), text);
	return r;
}

int
sys_random(void *p, size_t n)
{
	int r = verb();

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

/* --- namespaces and mounts ------------------------------------------------ */

static int
thing(const char *text)
{
	return labelled(result(memfd_create("thing", MFD_CLOEXEC)), text);
}

int
sys_userns(uint32_t inside, uint32_t outside, uint32_t count)
{
	char text[100];
	int r = verb();

	(void)snprintf(text, sizeof(text), "userns(%u->%u+%u)", inside, outside, count);
	note("%s", text);
	if (outside == 0 || outside % PS_RANGE != 0 || count != PS_RANGE)
		fake_bug("a user namespace that maps what it must not", text);
	return r < 0 ? r : thing(text);
}

int
sys_private_mounts(void)
{
	int r = verb();

	note("private-mounts");
	return r;
}

int
sys_idmapped(int dir, const char *path, int userns)
{
	char text[400], full[400];
	int fd, r = verb();

	check_path(dir, path, false);
	join(dir, path, full);
	(void)snprintf(text, sizeof(text), "idmapped(%.200s)", full);
	if (userns < 0)
		(void)snprintf(text, sizeof(text), "readonly(%.200s)", full);
	note("%s %s", text, userns < 0 ? "" : label_of(userns));
	fd = r < 0 ? r : openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : -errno;
	if (userns < 0) /* to be read from, so what it is of */
		return labelled(fd, text);
	(void)close(fd);
	return thing(text);
}

int
sys_bind(int fd, bool recursive)
{
	char text[400];
	int r = verb();

	(void)snprintf(text, sizeof(text), "bind(%.200s%s)", label_of(fd),
	    recursive ? " recursive" : "");
	note("%s", text);
	return r < 0 ? r : thing(text);
}

int
sys_restrict(int mount, bool recursive, bool readonly, int userns)
{
	int r = verb();

	note("restrict %s%s%s %s", label_of(mount), recursive ? " recursive" : "",
	    readonly ? " ro" : "", userns < 0 ? "-" : label_of(userns));
	return r;
}

int
sys_tmpfs(uint64_t size, mode_t mode, uid_t uid, gid_t gid, bool readonly)
{
	char text[100];
	int r = verb();

	(void)snprintf(text, sizeof(text), "tmpfs(%llu %o %u:%u%s)",
	    (unsigned long long)size, mode, uid, gid, readonly ? " ro" : "");
	note("%s", text);
	if (uid < PS_RANGE || gid < PS_RANGE)
		fake_bug("a volume that host ids own", text);
	return r < 0 ? r : thing(text);
}

int
sys_node(mode_t mode, dev_t device, uid_t uid, gid_t gid)
{
	char text[100];
	int r = verb();

	(void)snprintf(text, sizeof(text), "node(%o %u:%u %u:%u)", mode,
	    major(device), minor(device), uid, gid);
	note("%s", text);
	return r < 0 ? r : thing(text);
}

int
sys_shifted(int dir, int userns)
{
	char text[400];
	int r = verb();

	(void)snprintf(text, sizeof(text), "shifted(%.200s)", label_of(dir));
	note("%s %s", text, label_of(userns));
	return r < 0 ? r : labelled(result(openat(dir, ".", O_RDONLY | O_CLOEXEC)),
			       text);
}

int
sys_overlay(const char *lower, const char *upper, const char *work)
{
	char text[400], paths[400], *rest = paths;
	int r = verb();

	/* The kernel takes no longer option. */
	if (strlen(lower) > 255)
		fake_bug("an overlay of too many", lower);
	(void)snprintf(paths, sizeof(paths), "%s:%s:%s", lower, upper, work);
	for (const char *path; (path = strsep(&rest, ":")) != NULL;) {
		check_path(working_dir, path, false);
		if (r == 0 && faccessat(working_dir, path, F_OK, 0) < 0)
			fake_bug("an overlay of what is not there", path);
	}
	(void)snprintf(text, sizeof(text), "overlay(%.70s,%.70s,%.70s)", lower, upper,
	    work);
	note("%s", text);
	return r < 0 ? r : thing(text);
}

int
sys_overlay_read(const char *lower)
{
	char text[400], paths[400], *rest = paths;
	int r = verb();

	(void)snprintf(paths, sizeof(paths), "%s", lower);
	for (const char *path; (path = strsep(&rest, ":")) != NULL;)
		check_path(working_dir, path, false);
	(void)snprintf(text, sizeof(text), "overlay(%.200s)", lower);
	note("%s read-only", text);
	return r < 0 ? r : thing(text);
}

int
sys_attach(int mount, int dir, const char *path)
{
	char text[400];
	int r = verb();

	check_path(dir, path, false);
	join(dir, path, text);
	note("attach %s %s", label_of(mount), text);
	if (fake.joined != (strncmp(text, "/proc/", 6) == 0))
		fake_bug("attached in another mount namespace", text);
	return r;
}

int
sys_shared(int mount)
{
	int r = verb();

	note("shared %s", label_of(mount));
	return r;
}

/* The supervisor's namespace, and back; nothing else. */
int
sys_join(int fd)
{
	const char *label = label_of(fd);
	int r = verb();

	note("join %s", label);
	if (strcmp(label, "stage1") != 0 && strcmp(label, "/proc/self/ns/mnt") != 0)
		fake_bug("joins", label);
	if (r == 0)
		fake.joined = strcmp(label, "stage1") == 0;
	return r;
}

int
sys_detach(int dir, const char *path)
{
	char text[400];
	int r = verb();

	check_path(dir, path, false);
	join(dir, path, text);
	note("detach %s", text);
	return r;
}

int
sys_chdir(int dir)
{
	int r = verb();

	note("chdir %s", label_of(dir));
	ps_close_fd(&working_dir);
	working_dir = dup(dir);
	return r;
}

int
sys_end(pid_t pid)
{
	(void)pid;
	note("end");
	return verb();
}

void
sys_sleep(unsigned ms)
{
	(void)ms;
}

int
sys_touch(int fd)
{
	(void)fd;
	note("touch");
	return verb();
}

int
sys_keyring(void)
{
	int r = verb();

	note("keyring");
	return r;
}

/* --- processes ------------------------------------------------------------ */

static void
note_room(const struct ln_room *room)
{
	char fds[2000] = "";

	for (size_t i = 0; i < room->nfds; i++)
		(void)snprintf(fds + strlen(fds), sizeof(fds) - strlen(fds), "%s%s",
		    i ? "," : " fds=", label_of(room->fds[i]));
	note("spawn %s %u:%u%s%s%s%s cwd=%s%s", room->program, room->uid, room->gid,
	    room->own_net ? " own-net" : "", room->mapped ? " mapped" : "",
	    room->tmp ? " tmp" : "", room->conductor ? " conductor" : "",
	    room->conductor ? "-" : label_of(room->cwd), fds);
}

/* Born with write-only slots, its own user, no environment. */
static void
check_room(const struct ln_room *room)
{
	for (size_t i = 0; i < room->nfds; i++)
		if ((fcntl(room->fds[i], F_GETFL) & O_ACCMODE) != O_WRONLY)
			fake_bug("a slot that can be read", room->program);
	if (!room->conductor && (room->env || room->argv))
		fake_bug("a worker with an environment", room->program);
	if (!room->mapped && room->uid == 0)
		fake_bug("a worker that is root", room->program);
	if (strcmp(room->program, "fetcher") != 0 && !room->conductor &&
	    (!room->own_net || room->nfds > 0))
		fake_bug("a worker with more than its edge", room->program);
}

int
sys_spawn(const struct ln_room *room, int *ret_pidfd)
{
	struct fake_worker *w = &fake.workers[fake.n_workers];
	int r = verb();

	note_room(room);
	check_room(room);
	if (r < 0 || fake.n_workers == FAKE_WORKERS)
		return r < 0 ? r : -EAGAIN;
	fake.n_workers++;
	*w = (struct fake_worker){ .program = room->program,
		.chan = { .fd = fcntl(room->chan, F_DUPFD_CLOEXEC, 3), .peer = 'L' },
		.pidfd = eventfd(0, EFD_CLOEXEC), .nfds = room->nfds };
	for (size_t i = 0; i < room->nfds; i++)
		w->fds[i] = fcntl(room->fds[i], F_DUPFD_CLOEXEC, 3);
	*ret_pidfd = labelled(w->pidfd, room->program);
	if (fake.act)
		fake.act(w);
	return 0;
}

int
sys_start(const char *path, char *const argv[], char *const env[],
    const int *fds, size_t n, int *ret_pidfd)
{
	struct fake_worker *w = &fake.workers[fake.n_workers];
	int r = verb();

	note("start %s %s %s %s fds=%s,%s,%s,%s", path, argv[1], argv[2], argv[3],
	    label_of(fds[0]), label_of(fds[1]), label_of(fds[2]), label_of(fds[3]));
	if (env[0] || n != 4)
		fake_bug("a program with more than its descriptors", path);
	if (r < 0 || fake.n_workers == FAKE_WORKERS)
		return r < 0 ? r : -EAGAIN;
	fake.n_workers++;
	*w = (struct fake_worker){ .program = argv[3], .chan = { .fd = -1 },
		.pidfd = eventfd(0, EFD_CLOEXEC) };
	*ret_pidfd = labelled(w->pidfd, "stage1-enter");
	if (fake.act)
		fake.act(w);
	return 0;
}

static void
gone(struct fake_worker *w)
{
	ps_close_fd(&w->chan.fd);
	for (size_t i = 0; i < w->nfds; i++)
		ps_close_fd(&w->fds[i]);
	w->nfds = 0;
	w->pidfd = -1;
}

static struct fake_worker *
find_worker(int pidfd)
{
	for (size_t i = 0; i < fake.n_workers; i++)
		if (fake.workers[i].pidfd == pidfd && pidfd >= 0)
			return &fake.workers[i];
	return NULL;
}

int
sys_wait(int pidfd, int timeout, int *ret_status)
{
	struct fake_worker *w = find_worker(pidfd);
	int r = verb();

	(void)timeout;
	note("wait %s", label_of(pidfd));
	if (!w || r < 0)
		return r < 0 ? r : -ECHILD;
	if (w->status == FAKE_TIMEOUT)
		return -ETIMEDOUT;
	*ret_status = w->status;
	gone(w);
	return 0;
}

int
sys_kill(int pidfd)
{
	struct fake_worker *w = find_worker(pidfd);
	int r = verb();

	note("kill %s", label_of(pidfd));
	if (w)
		gone(w);
	return r;
}

/* The process of that number is the one that the test named. */
int
sys_pidfd(pid_t pid)
{
	int r = verb();

	note("pidfd %d", pid == fake.stage1 ? 1 : pid == fake.init ? 2 : 0);
	if (r == 0 && pid != fake.stage1 && pid != fake.init)
		r = -ESRCH;
	return r < 0 ? r : thing(pid == fake.stage1 ? "stage1" : "init");
}

int
sys_signal(int pidfd, bool kill)
{
	int r = verb();

	note("signal %s %s", label_of(pidfd), kill ? "KILL" : "TERM");
	return r;
}

bool
sys_alive(int pidfd)
{
	(void)pidfd;
	return fake.stubborn;
}

int
sys_exec(const char *path, char *const argv[], char *const env[],
    const int *fds, size_t n)
{
	char text[2000] = "";

	for (size_t i = 0; argv[i]; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
		    argv[i]);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i ? "," : " fds=", label_of(fds[i]));
	for (size_t i = 0; env[i]; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i ? "," : " env=", env[i]);
	note("exec %s%s", path, text);
	fake.executed = true;
	if (fake.jump)
		longjmp(*fake.jump, 1);
	return -ENOEXEC;
}

/* --- the host ------------------------------------------------------------- */

static const char *
host(const char *path)
{
	static char text[4400];

	/* Without a root of its own this would be the machine's. */
	if (!strstr(fake.root, "/rkt-fake."))
		abort();
	(void)snprintf(text, sizeof(text), "%s%s", fake.root, path);
	return text;
}

static void
make_parents(char *path)
{
	char *last = strrchr(path, '/');

	*last = '\0'; /* mostly it is there */
	if (mkdir(path, 0755) == 0 || errno == EEXIST) {
		*last = '/';
		return;
	}
	*last = '/';
	for (char *p = strchr(path + strlen(fake.root) + 1, '/'); p;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
}

void
fake_mkdir(const char *path)
{
	char text[4400];

	fake.cgroups_used |= below(path, "/sys/fs/cgroup");
	(void)snprintf(text, sizeof(text), "%s/", host(path));
	make_parents(text);
}

void
fake_put(const char *path, const char *text)
{
	char full[4400];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s", host(path));
	make_parents(full);
	f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	if (chmod(full, 0644) < 0)
		abort();
}

void
fake_own(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	if (stat(host(path), &st) < 0)
		abort();
	remember(&st, uid, gid, mode);
}

int
fake_open(const char *path, int flags)
{
	return open(host(path), flags | O_CLOEXEC);
}

bool
fake_exists(const char *path)
{
	return faccessat(AT_FDCWD, host(path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
take_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (!strstr(path, "/rkt-fake."))
		abort();
	return ftw->level == 0 ? 0 : remove(path);
}

void
fake_clear(const char *path)
{
	(void)nftw(host(path), take_away, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A descriptor of a process of the host: path is what it has open. */
void
fake_hold(pid_t pid, int fd, const char *path)
{
	char link[4500], to[4400];

	(void)snprintf(to, sizeof(to), "%s", host(path));
	(void)snprintf(link, sizeof(link), "%s/proc/%d/fd/%d", fake.root, pid, fd);
	make_parents(link);
	(void)unlink(link);
	if (symlink(to, link) < 0)
		abort();
}

bool
fake_begin(void)
{
	const char *base = getenv("TMPDIR");
	struct stat st;

	if (!base)
		base = "/tmp";
	if (!getenv("TMPDIR") && stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode))
		base = "/dev/shm";
	(void)snprintf(fake.root, sizeof(fake.root), "%.40s/rkt-fake.XXXXXX", base);
	return mkdtemp(fake.root) != NULL;
}

void
fake_reset(void)
{
	for (size_t i = 0; i < fake.n_workers; i++)
		gone(&fake.workers[i]);
	ps_close_fd(&working_dir);
	fake.n_workers = 0;
	fake.at = 0;
	fake.trace[0] = '\0';
	fake.verbs = fake.fail_at = 0;
	fake.random = 0;
	fake.executed = false;
	fake.jump = NULL;
	fake.act = NULL;
	fake.committed = NULL;
	fake.stage1 = fake.init = 0;
	fake.stubborn = fake.joined = false;
	memset(fake.may_open, 0, sizeof(fake.may_open));
	fake.age = 0;
	n_owned = 0;
}

void
fake_end(void)
{
	fake_reset();
	if (!fake.root[0])
		return;
	fake_clear("/");
	(void)rmdir(fake.root);
	fake.root[0] = '\0';
}

/* O_PATH ones too, of which poll(2) says nothing. */
unsigned
fake_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		abort();
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}
