/*
 * Reading and digesting the files of a tree at rest, in two threads.  Content,
 * names and attributes are hostile; they are digested, nothing else.
 */
#include "verifier/unpack/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "verifier/unpack/pax.h"

#define LINE 24u /* jobs, and open files, at most */
#define CHUNK 262144u
#define MAX_LIST 65536u
#define MAX_VALUES VF_MAX_PAX /* more than one member can bring */
#define STACK 524288u

/* What one thread works with. */
struct hand {
	struct vf_hash *sha256;
	uint8_t *chunk, *values;
	char *list; /* names of xattrs */
};

struct vf_crew {
	struct vf_failure *failure;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	pthread_t thread;
	struct vf_hash *sha512;
	struct hand hands[2];
	struct vf_job line[LINE];
	uint64_t put, claimed, taken; /* jobs, ever */
	uint64_t size;
	bool is_over, is_started;
};

static int
hand_init(struct hand *h)
{
	h->sha256 = vf_hash_new(VF_SHA256);
	h->chunk = malloc(CHUNK);
	h->values = malloc(MAX_VALUES);
	h->list = malloc(MAX_LIST);
	return h->sha256 && h->chunk && h->values && h->list ? 0 : -ENOMEM;
}

static void
hand_free(struct hand *h)
{
	vf_hash_free(h->sha256);
	free(h->chunk);
	free(h->values);
	free(h->list);
}

static int
read_xattrs(struct hand *h, int fd, struct vf_entry *e)
{
	ssize_t n = flistxattr(fd, h->list, MAX_LIST);
	size_t used = 0;

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *p = h->list; p < h->list + n; p += strlen(p) + 1) {
		ssize_t got;

		if (strncmp(p, "user.", 5) != 0 &&
		    strcmp(p, "security.capability") != 0)
			continue; /* the system's own, as SELinux labels */
		if (e->n_xattr == VF_MAX_XATTRS || used == MAX_VALUES)
			return -E2BIG;
		got = fgetxattr(fd, p, h->values + used, MAX_VALUES - used);
		if (got < 0)
			return -errno;
		e->xattrs[e->n_xattr++] = (struct vf_xattr){ p,
			h->values + used, (size_t)got };
		used += (size_t)got;
	}
	return 0;
}

static int
read_content(struct hand *h, int fd, struct vf_entry *e)
{
	vf_hash_begin(h->sha256);
	for (;;) {
		ssize_t n = read(fd, h->chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		vf_hash_add(h->sha256, h->chunk, (size_t)n);
		e->size += (uint64_t)n;
	}
	vf_hash_end(h->sha256, e->content);
	return 0;
}

static int
digest(struct hand *h, struct vf_job *job)
{
	struct vf_xattr xattrs[VF_MAX_XATTRS];
	struct vf_entry e = { .type = job->type, .xattrs = xattrs,
		.link = job->link, .uid = job->st.st_uid,
		.gid = job->st.st_gid, .mode = job->st.st_mode & 07777,
		.seconds = job->st.st_mtim.tv_sec,
		.nanoseconds = (uint32_t)job->st.st_mtim.tv_nsec };
	int r = 0;

	if (job->type == 'l')
		e.mode = 0777;
	if (job->type == 'f')
		r = read_content(h, job->fd, &e);
	if (r == 0 && job->fd >= 0)
		r = read_xattrs(h, job->fd, &e);
	if (r == 0)
		vf_entry_digest(h->sha256, &e, job->digest);
	if (job->type == 'f')
		ps_close_fd(&job->fd);
	job->size = e.size;
	return r;
}

/* With the lock held: the next job that waits for a hand. */
static struct vf_job *
claim(struct vf_crew *c)
{
	while (c->claimed < c->put) {
		struct vf_job *job = &c->line[c->claimed++ % LINE];

		if (!job->is_done)
			return job;
	}
	return NULL;
}

/* With the lock held, which it lets go of meanwhile. */
static void
work(struct vf_crew *c, struct hand *h, struct vf_job *job)
{
	int r;

	(void)pthread_mutex_unlock(&c->lock);
	r = digest(h, job);
	(void)pthread_mutex_lock(&c->lock);
	job->error = r;
	job->is_done = true;
	(void)pthread_cond_signal(&c->moved);
}

static void *
run(void *arg)
{
	struct vf_crew *c = arg;

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		struct vf_job *job = claim(c);

		if (job)
			work(c, &c->hands[1], job);
		else if (c->is_over)
			break;
		else
			(void)pthread_cond_wait(&c->moved, &c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

int
vf_crew_new(struct vf_failure *f, struct vf_crew **ret)
{
	struct vf_crew *c = calloc(1, sizeof(*c));
	pthread_attr_t attr;
	int r;

	if (!c)
		return -ENOMEM;
	c->failure = f;
	c->sha512 = vf_hash_new(VF_SHA512);
	if (!c->sha512 || hand_init(&c->hands[0]) < 0 ||
	    hand_init(&c->hands[1]) < 0) {
		vf_crew_free(c);
		return -ENOMEM;
	}
	vf_tree_begin(c->sha512);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->moved, NULL);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK);
	r = pthread_create(&c->thread, &attr, run, c);
	if (r != 0) {
		vf_crew_free(c);
		return -r;
	}
	c->is_started = true;
	*ret = c;
	return 0;
}

static void
job_free(struct vf_job *job)
{
	free(job->path);
	job->path = NULL;
	if (job->type == 'f')
		ps_close_fd(&job->fd);
}

void
vf_crew_free(struct vf_crew *c)
{
	if (!c)
		return;
	if (c->is_started) {
		(void)pthread_mutex_lock(&c->lock);
		c->claimed = c->put; /* what waits is not begun */
		c->is_over = true;
		(void)pthread_cond_signal(&c->moved);
		(void)pthread_mutex_unlock(&c->lock);
		(void)pthread_join(c->thread, NULL);
	}
	for (; c->taken < c->put; c->taken++)
		job_free(&c->line[c->taken % LINE]);
	hand_free(&c->hands[0]);
	hand_free(&c->hands[1]);
	vf_hash_free(c->sha512);
	free(c);
}

/* With the lock held: the oldest jobs that are done go into the digest. */
static int
take_done(struct vf_crew *c)
{
	while (c->taken < c->put && c->line[c->taken % LINE].is_done) {
		struct vf_job *job = &c->line[c->taken % LINE];

		if (job->error < 0)
			return vf_broken(c->failure, job->error,
			    "cannot be read", job->path);
		if (job->first)
			vf_tree_add_link(c->sha512, job->path, job->first);
		else
			vf_tree_add(c->sha512, job->path, job->type,
			    job->digest);
		c->size += job->size;
		job_free(job);
		/* What was born done may be taken before it is claimed. */
		if (++c->taken > c->claimed)
			c->claimed = c->taken;
	}
	return 0;
}

/* With the lock held: until no more than most jobs are in the line. */
static int
drain(struct vf_crew *c, uint64_t most)
{
	for (;;) {
		struct vf_job *job;
		int r = take_done(c);

		if (r < 0 || c->put - c->taken <= most)
			return r;
		job = claim(c);
		if (job)
			work(c, &c->hands[0], job);
		else
			(void)pthread_cond_wait(&c->moved, &c->lock);
	}
}

int
vf_crew_put(struct vf_crew *c, const struct vf_job *job)
{
	struct vf_job mine = *job;
	int r;

	/* Only files are worth another thread. */
	if (mine.type != 'f' || mine.first) {
		mine.error = mine.first ? 0 : digest(&c->hands[0], &mine);
		mine.is_done = true;
		mine.link = NULL;
	}
	(void)pthread_mutex_lock(&c->lock);
	r = drain(c, LINE - 1);
	if (r == 0) {
		c->line[c->put++ % LINE] = mine;
		(void)pthread_cond_signal(&c->moved);
	} else {
		job_free(&mine);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int
vf_crew_end(struct vf_crew *c, uint8_t ret_tree[VF_TREE_DIGEST],
    uint64_t *ret_size)
{
	int r;

	(void)pthread_mutex_lock(&c->lock);
	r = drain(c, 0);
	(void)pthread_mutex_unlock(&c->lock);
	if (r < 0)
		return r;
	vf_hash_end(c->sha512, ret_tree);
	*ret_size = c->size;
	return 0;
}
