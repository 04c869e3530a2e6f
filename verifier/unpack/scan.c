/*
 * Walking a tree at rest.  It was written by a worker like this one, but may
 * have been spoiled since: whatever lies there is digested or refused, never
 * followed.  Runs as root of its own user namespace.
 */
#include "verifier/unpack/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/limits.h"
#include "verifier/unpack/crew.h"
#include "verifier/unpack/disk.h"
#include "verifier/unpack/names.h"

/* Deeper, a directory is closed while one in it is read. */
#define OPEN_DEPTH 16u
#define SEEN_SLOTS 4096u

/* Files with more than one name, by inode. */
struct seen {
	struct seen *next;
	ino_t ino;
	char path[];
};

struct scan {
	struct vf_failure *failure;
	struct vf_visit *v;
	struct seen *seen[SEEN_SLOTS];
	dev_t dev;
	int root;
	char path[VF_MAX_PATH + 1];
	size_t n_path, depth;
};

static void
free_scan(struct scan **scan)
{
	struct scan *s = *scan;

	if (!s)
		return;
	for (size_t i = 0; i < SEEN_SLOTS; i++)
		while (s->seen[i]) {
			struct seen *next = s->seen[i]->next;

			free(s->seen[i]);
			s->seen[i] = next;
		}
	free(s);
}

static int
broken(struct scan *s, int error)
{
	return vf_broken(s->failure, error, "cannot be read", s->path);
}

/* This file's first name, or NULL; then it is the first from now on. */
static int
first_name(struct scan *s, const struct stat *st, const char **ret)
{
	struct seen **slot = &s->seen[st->st_ino % SEEN_SLOTS], *new;

	*ret = NULL;
	if (st->st_nlink < 2)
		return 0;
	for (const struct seen *i = *slot; i; i = i->next)
		if (i->ino == st->st_ino) {
			*ret = i->path;
			return 0;
		}
	new = malloc(sizeof(*new) + s->n_path + 1);
	if (!new)
		return -ENOMEM;
	new->next = *slot;
	new->ino = st->st_ino;
	memcpy(new->path, s->path, s->n_path + 1);
	*slot = new;
	return 0;
}

/* To who takes it, and a file's descriptor with it. */
static int
put(struct scan *s, struct vf_job *job)
{
	int r = 0;

	job->path = strdup(s->path);
	if (!job->path)
		r = -ENOMEM;
	else if (job->type == 'f')
		r = first_name(s, &job->st, &job->first);
	if (r == 0)
		return s->v->take(s->v->arg, job);
	free(job->path);
	if (job->type == 'f')
		ps_close_fd(&job->fd);
	return broken(s, r);
}

static int
put_link(struct scan *s, int dir, const char *name, struct vf_job *job)
{
	char target[VF_MAX_PATH + 1];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return broken(s, -errno);
	target[n] = '\0';
	job->link = target;
	return put(s, job);
}

static int scan_names(struct scan *s, int *dir);

/* An open directory; *fd may be closed on the way. */
static int
scan_dir(struct scan *s, int *fd, const struct stat *st)
{
	struct vf_job job = { .type = 'd', .fd = *fd, .st = *st };
	int r = put(s, &job);

	return r < 0 ? r : scan_names(s, fd);
}

/* A file or a directory: what was opened is what counts. */
static int
scan_open(struct scan *s, int *dir, const char *name, bool is_dir)
{
	_cleanup_fd_ int fd = vf_open(*dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (is_dir ? O_DIRECTORY : 0), 0);
	struct vf_job job = { .type = 'f', .fd = fd };

	if (fd < 0)
		return broken(s, fd);
	if (fstat(fd, &job.st) < 0)
		return broken(s, -errno);
	if (job.st.st_dev != s->dev || S_ISDIR(job.st.st_mode) != is_dir ||
	    S_ISREG(job.st.st_mode) == is_dir)
		return broken(s, -EXDEV);
	if (!is_dir) {
		fd = -1;
		return put(s, &job);
	}
	if (s->depth > OPEN_DEPTH)
		ps_close_fd(dir);
	return scan_dir(s, &fd, &job.st);
}

static int
scan_one(struct scan *s, int *dir, const char *name)
{
	struct vf_job job = { .fd = -1 };

	if (fstatat(*dir, name, &job.st, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(s, -errno);
	if (S_ISREG(job.st.st_mode) || S_ISDIR(job.st.st_mode))
		return scan_open(s, dir, name, S_ISDIR(job.st.st_mode));
	job.type = S_ISLNK(job.st.st_mode) ? 'l' : 'p';
	if (job.type == 'l')
		return put_link(s, *dir, name, &job);
	if (S_ISFIFO(job.st.st_mode))
		return put(s, &job);
	s->v->left_out++;
	if (s->v->is_lenient)
		return 0;
	return vf_refuse(s->failure, PS_UNPACK_MEMBER, s->path,
	    "neither file, directory, link nor fifo");
}

/* One name of the directory at s->path. */
static int
scan_child(struct scan *s, int *dir, const char *name)
{
	size_t was = s->n_path, n = strlen(name);
	int r;

	if (*dir < 0) {
		*dir = vf_open(s->root, s->path,
		    O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0);
		if (*dir < 0)
			return broken(s, *dir);
	}
	if (was + n + 2 > sizeof(s->path))
		return broken(s, -ENAMETOOLONG);
	if (was > 0)
		s->path[s->n_path++] = '/';
	memcpy(s->path + s->n_path, name, n + 1);
	s->n_path += n;
	if (++s->v->entries > s->v->max_entries && s->v->max_entries > 0)
		return vf_refuse(s->failure, PS_UNPACK_LIMIT, s->path,
		    "more than %u entries", s->v->max_entries);
	r = scan_one(s, dir, name);
	if (r < 0)
		return r;
	s->n_path = was;
	s->path[was] = '\0';
	return 0;
}

static int
scan_names(struct scan *s, int *dir)
{
	_cleanup_(vf_names_free) struct vf_names names = { 0 };
	int r = vf_names_read(*dir, 0, &names);

	if (r < 0)
		return broken(s, r);
	vf_names_sort(&names);
	if (++s->depth > VF_MAX_DEPTH + 1)
		return broken(s, -ELOOP);
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = scan_child(s, dir, names.v[i].text);
	s->depth--;
	return r;
}

int
vf_visit(int root, struct vf_failure *f, struct vf_visit *v)
{
	_cleanup_(free_scan) struct scan *s = calloc(1, sizeof(*s));
	struct stat st;

	if (!s)
		return vf_broken(f, -ENOMEM, "reading a tree", NULL);
	s->failure = f;
	s->root = root;
	s->v = v;
	if (fstat(root, &st) < 0)
		return broken(s, -errno);
	s->dev = st.st_dev;
	return scan_dir(s, &root, &st);
}

static int
to_crew(void *arg, const struct vf_job *job)
{
	return vf_crew_put(arg, job);
}

static void
free_crew(struct vf_crew **c)
{
	vf_crew_free(*c);
}

int
vf_scan(int root, struct vf_failure *f, struct vf_scan *ret)
{
	_cleanup_(free_crew) struct vf_crew *crew = NULL;
	struct vf_visit v = { .take = to_crew };
	struct vf_scan found = { 0 };
	int r = vf_crew_new(f, &crew);

	if (r < 0)
		return vf_broken(f, r, "cannot be read", NULL);
	v.arg = crew;
	r = vf_visit(root, f, &v);
	if (r == 0)
		r = vf_crew_end(crew, found.tree, &found.tree_size);
	if (r < 0)
		return r;
	found.entries = v.entries;
	*ret = found;
	return 0;
}
