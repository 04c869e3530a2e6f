/*
 * The store's own directories and files.  Runs as root; every path is below
 * a descriptor of the data directory.  Names are built here from digests and
 * numbers, never taken from a message.
 */
#include "launcher/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"

static int
make_dir(int dir, const char *name, mode_t mode, gid_t gid, int how)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r = sys_mkdir(dir, name, 0700);

	if (r < 0 && r != -EEXIST)
		return r;
	fd = sys_open(dir, name, O_RDONLY | O_DIRECTORY, 0, how);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Also a directory that stood there with other modes is put right. */
	if (st.st_uid != 0 || st.st_gid != gid || (st.st_mode & 07777) != mode) {
		r = sys_own(fd, 0, gid, mode);
		if (r < 0)
			return r;
	}
	return take_fd(fd);
}

static int
make_parents(const char *dir)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s", dir);
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = sys_mkdir(AT_FDCWD, path, 0755);
		if (r < 0 && r != -EEXIST)
			return r;
		*p = '/';
	}
	return 0;
}

/* A directory is made a store when it is one, or empty: its modes change, and
 * --dir=/etc must not lock everyone out of /etc. */
static int
may_be_data(const char *dir)
{
	_cleanup_fd_ int fd =
	    sys_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	_cleanup_fd_ int pods = -1;
	struct dirent *e;
	bool empty = true;
	DIR *d;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	pods = sys_open(fd, "pods", O_PATH | O_DIRECTORY, 0, SYS_CROSS);
	if (pods >= 0)
		return 0;
	d = fdopendir(dup(fd));
	if (!d)
		return -errno;
	while (empty && (e = readdir(d)) != NULL)
		empty = e->d_name[0] == '.' || strcmp(e->d_name, "image") == 0 ||
		    strcmp(e->d_name, "lost+found") == 0;
	(void)closedir(d);
	return empty ? 0 : -ENOTEMPTY;
}

int
ln_store_open(struct ln_session *s, const char *dir)
{
	static const char *const states[] = { "embryo", "prepare", "prepared",
		"run", "exited-garbage", "garbage" };
	const struct {
		const char *name;
		int *fd;
		mode_t mode;
		gid_t gid;
	} rows[] = { { "image", &s->image, 0750, s->rkt.gid },
		{ "pods", &s->pods, 0750, s->rkt.gid },
		{ "ids", &s->ids, 0700, 0 },
		{ "quarantine", &s->quarantine, 0700, 0 },
		/* Members may add, and touch nothing of one another's. */
		{ "spool", &s->spool, 03770, s->rkt.gid } };
	int r = make_parents(dir);

	if (r < 0)
		return r;
	r = may_be_data(dir);
	if (r < 0)
		return r;
	s->data = make_dir(AT_FDCWD, dir, 0750, s->rkt.gid, SYS_HOST);
	if (s->data < 0)
		return s->data;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		*rows[i].fd = make_dir(s->data, rows[i].name, rows[i].mode, rows[i].gid,
		    SYS_CROSS);
		if (*rows[i].fd < 0)
			return *rows[i].fd;
	}
	for (size_t i = 0; i < PS_COUNT(states); i++) {
		r = make_dir(s->pods, states[i], 0750, s->rkt.gid, SYS_CROSS);
		if (r < 0)
			return r;
		(void)close(r);
	}
	return 0;
}

int
ln_slot_new(struct ln_session *s, uint8_t kind, uint16_t *ret)
{
	for (uint16_t i = 0; i < PS_MAX_SLOTS; i++) {
		struct ln_slot *slot = &s->slots[i];

		if (slot->kind != 0)
			continue;
		slot->pending = sys_tmpfile(s->quarantine);
		if (slot->pending < 0)
			return slot->pending;
		slot->kind = kind;
		slot->fd = -1;
		*ret = i;
		return 0;
	}
	return -EMFILE;
}

int
ln_slot_settle(struct ln_slot *slot)
{
	struct stat st;

	if (fstat(slot->pending, &st) < 0)
		return -errno;
	slot->fd = sys_readonly(slot->pending);
	ps_close_fd(&slot->pending);
	slot->size = (uint64_t)st.st_size;
	/* A fetcher that is gone may have handed its descriptor on. */
	return slot->fd < 0 ? slot->fd : sys_unwritten(slot->fd);
}

void
ln_slot_free(struct ln_slot *slot)
{
	ps_close_fd(&slot->fd);
	ps_close_fd(&slot->pending);
	slot->kind = 0;
	slot->stored = slot->spooled = false;
}

struct ln_slot *
ln_slot_get(struct ln_session *s, uint16_t n, uint8_t kind)
{
	if (n >= PS_MAX_SLOTS || s->slots[n].kind != kind || s->slots[n].fd < 0)
		return NULL;
	return &s->slots[n];
}

uint64_t
ln_slot_max(const struct ln_session *s, uint8_t kind)
{
	return kind == PS_SLOT_IMAGE	 ? s->policy.max_image
	    : kind == PS_SLOT_SIGNATURE ? PS_MAX_SIGNATURE
					: PS_MAX_KEY;
}

int
ln_record_read(struct ln_session *s, const uint8_t image[PS_DIGEST],
    char *text, struct ps_record *ret)
{
	char path[PS_IMAGE_ID_LEN + 16];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	uint64_t size;
	int r;

	ps_image_id(image, path);
	memcpy(path + PS_IMAGE_ID_LEN, "/record", 8);
	fd = sys_open(s->image, path, O_RDONLY, 0, SYS_BENEATH);
	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) != 0
	    ? -EBADMSG /* not ours: a data directory that someone prepared */
	    : ps_check_file(fd, PS_MAX_RECORD, &size);
	if (r == 0)
		r = ps_pread_full(fd, text, size, 0);
	if (r == 0)
		r = ps_record_parse(text, size, ret);
	if (r < 0)
		return r;
	return memcmp(ret->image, image, PS_DIGEST) == 0 ? 0 : -EBADMSG;
}

int
ln_write_file(struct ln_session *s, int dir, const char *name, const void *p,
    size_t n)
{
	_cleanup_fd_ int fd = sys_open(dir, name, O_WRONLY | O_CREAT | O_EXCL,
	    0600, SYS_BENEATH);
	int r;

	if (fd < 0)
		return fd;
	r = ps_write_full(fd, p, n);
	return r < 0 ? r : sys_own(fd, 0, s->rkt.gid, 0640);
}
