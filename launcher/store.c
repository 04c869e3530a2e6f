/*
 * The store's own directories and files.  Runs as root; every path is below
 * a descriptor of the data directory.  Names are built here from digests and
 * numbers, never taken from a message.
 */
#include "launcher/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"

const char *const ln_pod_states[LN_POD_STATES] = { "embryo", "prepare",
	"prepared", "run", "exited-garbage", "garbage" };

/* Also a directory that stood there with other modes. */
static int
put_right(int fd, mode_t mode, gid_t gid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == 0 && st.st_gid == gid && (st.st_mode & 07777) == mode
	    ? 0 : sys_own(fd, 0, gid, mode);
}

static int
make_dir(int dir, const char *name, mode_t mode, gid_t gid)
{
	_cleanup_fd_ int fd = ln_make_path(dir, name, SYS_CROSS, 0, 0700);
	int r = fd < 0 ? fd : put_right(fd, mode, gid);

	return r < 0 ? r : take_fd(fd);
}

/* A directory is made a store when it is one, or empty: its modes change, and
 * --dir=/etc must not lock everyone out of /etc.  One that another launcher is
 * making has pods/ before what the list may tell of it. */
static int
may_be_data(int dir)
{
	_cleanup_list_ DIR *list = NULL;
	_cleanup_fd_ int pods = -1;
	const char *name;
	int r = ln_list(dir, ".", &list);

	do {
		name = ln_next(list);
	} while (name && (name[0] == '.' || strcmp(name, "image") == 0 ||
			     strcmp(name, "lost+found") == 0));
	if (r == 0 && name)
		pods = sys_open(dir, "pods", O_PATH | O_DIRECTORY, 0, SYS_CROSS);
	return r < 0 ? r : name && pods < 0 ? -ENOTEMPTY : 0;
}

int
ln_store_open(struct ln_session *s, const char *dir)
{
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
	int r;

	s->data = ln_make_path(AT_FDCWD, dir, SYS_HOST, 0, 0755);
	r = s->data < 0 ? s->data : may_be_data(s->data);
	if (r == 0)
		r = put_right(s->data, 0750, s->rkt.gid);
	for (size_t i = 0; r >= 0 && i < PS_COUNT(rows); i++)
		r = *rows[i].fd = make_dir(s->data, rows[i].name, rows[i].mode,
		    rows[i].gid);
	for (size_t i = 0; r >= 0 && i < LN_POD_STATES; i++) {
		_cleanup_fd_ int fd =
		    make_dir(s->pods, ln_pod_states[i], 0750, s->rkt.gid);

		r = fd;
	}
	return r < 0 ? r : 0;
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
	slot->fd = sys_reopen(slot->pending, O_RDONLY);
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
	slot->spooled = false;
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

const char *
ln_image_id(const uint8_t image[PS_DIGEST])
{
	char id[PS_IMAGE_ID_LEN + 1];

	ps_image_id(image, id);
	return ln_path("%s", id);
}

const char *
ln_image_path(const uint8_t image[PS_DIGEST], const char *below)
{
	return ln_path("%s/%s", ln_image_id(image), below);
}

int
ln_pod_lock(const struct ln_session *s, const char *where, const char *uuid)
{
	_cleanup_fd_ int fd = ln_open_dir(s->pods, ln_path("%s/%s", where, uuid));
	int r = fd < 0 ? fd : sys_flock(fd, true);

	/* Who lists pods has it for an instant. */
	for (unsigned i = 0; r == -EWOULDBLOCK && i < 3; i++) {
		sys_sleep(1);
		r = sys_flock(fd, true);
	}
	return r < 0 ? r : take_fd(fd);
}

int
ln_pod_move(const struct ln_session *s, const char *from, const char *to,
    const char *uuid)
{
	return sys_rename(s->pods, ln_path("%s/%s", from, uuid), s->pods,
	    ln_path("%s/%s", to, uuid), false);
}

int
ln_record_read(struct ln_session *s, const uint8_t image[PS_DIGEST],
    char *text, struct ps_record *ret)
{
	uint64_t size;
	int r = ln_read_file(s->image, ln_image_path(image, "record"), text,
	    PS_MAX_RECORD, &size);

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
	return r < 0 ? r : sys_own(fd, 0, s ? s->rkt.gid : 0, s ? 0640 : 0600);
}

int
ln_replace_file(struct ln_session *s, int dir, const char *name, const void *p,
    size_t n)
{
	_cleanup_fd_ int fd = -1;
	int r = sys_unlink(dir, ".new", false);

	if (r == 0 || r == -ENOENT)
		r = ln_write_file(s, dir, ".new", p, n);
	fd = r < 0 ? r : ln_open_file(dir, ".new");
	r = fd < 0 ? fd : sys_fsync(fd);
	return r < 0 ? r : sys_rename(dir, ".new", dir, name, true);
}
