/*
 * Where a volume goes: a path of the plan, walked inside an app's root one
 * name at a time, each by descriptor.  Runs as the pod's root.  HOSTILE: every
 * name, link and directory on the way, which another app of the pod may be
 * exchanging at this moment where the way leads through a volume of both.
 * Links are read, not followed: they lead to names below the same root.
 */
#include "stage1/appexec/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/sys.h"

#define MAX_LINKS 40u

struct walk {
	int root, at;	      /* at: the directory that was reached */
	char *done;	      /* its name below root, without links */
	char left[2 * S1_MAX_TARGET];
	unsigned links;
};

static int
open_name(int dir, const char *name)
{
	return s1_open(dir, name, O_PATH | O_NOFOLLOW, S1_BENEATH);
}

/* A directory with that name below root, reached through no link. */
static int
reopen(struct walk *w)
{
	int fd = s1_open(w->root, w->done[0] ? w->done : ".",
	    O_PATH | O_DIRECTORY, S1_BENEATH);

	if (fd < 0)
		return fd;
	(void)close(w->at);
	w->at = fd;
	return 0;
}

static int
go_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
	else
		w->done[0] = '\0';
	return reopen(w);
}

/* What a link says stands in front of what is left. */
static int
expand(struct walk *w, int link)
{
	char to[S1_MAX_TARGET], rest[S1_MAX_TARGET];
	ssize_t n = readlinkat(link, "", to, sizeof(to) - 1);

	if (n < 0)
		return -errno;
	if (n == 0 || (size_t)n >= sizeof(to) - 1 ||
	    strlen(w->left) >= sizeof(rest))
		return -ENAMETOOLONG;
	if (++w->links > MAX_LINKS)
		return -ELOOP;
	to[n] = '\0';
	memcpy(rest, w->left, strlen(w->left) + 1);
	(void)snprintf(w->left, sizeof(w->left), "%s/%s", to, rest);
	if (to[0] != '/')
		return 0;
	w->done[0] = '\0';
	return reopen(w);
}

/* The next name of what is left; false at the end. */
static bool
next(struct walk *w, char ret[256], int *ret_error)
{
	size_t skip = strspn(w->left, "/");
	size_t n = strcspn(w->left + skip, "/");

	if (n == 0)
		return false;
	if (n > 255) {
		*ret_error = -ENAMETOOLONG;
		return false;
	}
	memcpy(ret, w->left + skip, n);
	ret[n] = '\0';
	skip += n;
	skip += strspn(w->left + skip, "/");
	memmove(w->left, w->left + skip, strlen(w->left + skip) + 1);
	return true;
}

/* The object of that name, made where there is none: a directory, or at the
 * end an empty file where a file shall be covered. */
static int
open_or_make(struct walk *w, const char *name, bool file)
{
	int fd = open_name(w->at, name);

	if (fd != -ENOENT)
		return fd;
	if (file) {
		_cleanup_fd_ int made = s1_create(w->at, name, 0644);

		if (made < 0 && made != -EEXIST)
			return made;
	} else if (mkdirat(w->at, name, 0755) < 0 && errno != EEXIST) {
		return -errno;
	}
	return open_name(w->at, name);
}

static int
append(struct walk *w, const char *name)
{
	size_t n = strlen(w->done), more = strlen(name);

	if (n + more + 2 > S1_MAX_TARGET)
		return -ENAMETOOLONG;
	if (n > 0)
		w->done[n++] = '/';
	memcpy(w->done + n, name, more + 1);
	return 0;
}

/* One step; 1 when it was the last and *ret_fd is where it led. */
static int
step(struct walk *w, const char *name, bool file, int *ret_fd)
{
	bool last = w->left[0] == '\0';
	_cleanup_fd_ int fd = open_or_make(w, name, file && last);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return expand(w, fd);
	if (!S_ISDIR(st.st_mode) && !last)
		return -ENOTDIR;
	r = append(w, name);
	if (r < 0)
		return r;
	if (!S_ISDIR(st.st_mode)) {
		*ret_fd = take_fd(fd);
		return 1;
	}
	(void)close(w->at);
	w->at = take_fd(fd);
	return 0;
}

int
s1_walk(int root, const char *target, bool file, char ret_name[S1_MAX_TARGET])
{
	struct walk w = {.root = root, .done = ret_name};
	_cleanup_fd_ int found = -1;
	char name[256];
	int r = 0, fd;

	if (strlen(target) >= S1_MAX_TARGET)
		return -ENAMETOOLONG;
	memcpy(w.left, target, strlen(target) + 1);
	ret_name[0] = '\0';
	w.at = fcntl(root, F_DUPFD_CLOEXEC, 3);
	if (w.at < 0)
		return -errno;
	while (r == 0 && next(&w, name, &r)) {
		if (strcmp(name, ".") == 0)
			continue;
		r = strcmp(name, "..") == 0 ? go_up(&w)
					    : step(&w, name, file, &found);
	}
	fd = r == 1 ? take_fd(found) : w.at;
	if (r != 0)
		(void)close(w.at);
	return r < 0 ? r : fd;
}
