/*
 * See fake_sys.h.  Linked in place of launcher/sys.c and sys_spawn.c, with
 * fstat, poll and access wrapped: fstat tells remembered owners, poll never
 * waits.
 */
#include "tests/unit/launcher/fake_part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"

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

void
fake_remember(const struct stat *st, uid_t uid, gid_t gid, mode_t mode)
{
	struct owned *o = find_owned(st);

	if (!o && n_owned < MAX_OWNED)
		o = &owned[n_owned++];
	if (o)
		*o = (struct owned){ st->st_dev, st->st_ino, uid, gid, mode };
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

void __attribute__((format(printf, 1, 2)))
fake_note(const char *format, ...)
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
int
fake_verb(void)
{
	return ++fake.verbs == fake.fail_at ? -fake.fail_error : 0;
}

int
fake_result(long r)
{
	return r < 0 ? -errno : (int)r;
}

const char *
fake_label(int fd)
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

void
fake_join(int dir, const char *path, char ret[400])
{
	const char *above = fake_label(dir);
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

int
fake_labelled(int fd, const char *text)
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
void
fake_relabel(const char *a, const char *b)
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

int
fake_thing(const char *text)
{
	return fake_labelled(fake_result(memfd_create("thing", MFD_CLOEXEC)), text);
}

/* --- where root may go ---------------------------------------------------- */

bool
fake_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* What says which process it is. */
static bool
is_of_pod(const char *path)
{
	const pid_t pids[] = { fake.stage1, fake.init };
	char fds[48], children[64], space[48], status[48];

	for (size_t i = 0; i < PS_COUNT(pids); i++) {
		(void)snprintf(fds, sizeof(fds), "/proc/%d/fd", pids[i]);
		(void)snprintf(children, sizeof(children), "/proc/%d/task/%d/children",
		    pids[i], pids[i]);
		(void)snprintf(space, sizeof(space), "/proc/%d/ns/pid", pids[i]);
		(void)snprintf(status, sizeof(status), "/proc/%d/status", pids[i]);
		if (pids[i] > 0 && (fake_below(path, fds) || strcmp(path, children) == 0 ||
				       strcmp(path, space) == 0 || strcmp(path, status) == 0))
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
		if (fake_below(path, tops[i]) || strcmp(path, "/") == 0 ||
		    fake_below(tops[i], path))
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

void
fake_check(int dir, const char *path, bool host)
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
		fake_join(dir, path, full);
	if (host || dir == AT_FDCWD)
		check_host(dir == AT_FDCWD ? path : full);
}

/* The real path of (dir, path). */
const char *
fake_real(int dir, const char *path, char ret[4400])
{
	if (dir == AT_FDCWD && strcmp(path, "/dev/null") != 0) {
		(void)snprintf(ret, 4400, "%s%s%s", fake.root,
		    path[0] == '/' ? "" : "/cwd/", path);
		return ret;
	}
	return path;
}

void
fake_forget(void)
{
	n_owned = 0;
}
