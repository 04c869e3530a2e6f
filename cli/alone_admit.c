/*
 * Into the spool, for the stand-in of alone.c: verified, looked through, and
 * written down as a hint for root, who believes none of it.  Runs with the
 * caller's rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/alone.h"
#include "cli/files.h"
#include "cli/spool.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"

static const char *const suffixes[] = { "meta", "aci", "asc", "manifest" };

/* What is spooled together. */
struct entry {
	int image, signature, manifest;
	struct ps_record record;
};

static const char *
file_name(const char *name, const char *suffix)
{
	return cli_format("%s.%s", name, suffix);
}

static void
drop(struct cli_alone *a, const char *name)
{
	for (size_t i = 0; i < PS_COUNT(suffixes); i++)
		(void)unlinkat(a->spool, file_name(name, suffixes[i]), 0);
}

/* Names are random: no other member can have taken one before. */
static int
new_name(char ret[CLI_SPOOL_NAME + 1])
{
	uint8_t bytes[CLI_SPOOL_NAME / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int
link_file(struct cli_alone *a, int fd, const char *name, const char *suffix)
{
	if (fchmod(fd, 0640) < 0 || fsync(fd) < 0 ||
	    linkat(AT_FDCWD, cli_format("/proc/self/fd/%d", fd), a->spool,
		file_name(name, suffix), AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

static int
link_meta(struct cli_alone *a, const struct ps_record *record, const char *name)
{
	static char text[PS_MAX_RECORD];
	int n = ps_record_format(record, text, sizeof(text)), r;
	_cleanup_fd_ int fd = n < 0 ? -1 :
	    openat(a->spool, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);

	if (fd < 0)
		return n < 0 ? n : -errno;
	r = ps_write_full(fd, text, (size_t)n);
	return r < 0 ? r : link_file(a, fd, name, "meta");
}

/* meta comes last: an entry without one is none. */
static int
spool(struct cli_alone *a, const struct entry *e)
{
	char name[CLI_SPOOL_NAME + 1];
	int r = new_name(name);

	if (r == 0)
		r = link_file(a, e->image, name, "aci");
	if (r == 0)
		r = link_file(a, e->signature, name, "asc");
	if (r == 0)
		r = link_file(a, e->manifest, name, "manifest");
	if (r == 0)
		r = link_meta(a, &e->record, name);
	if (r < 0)
		drop(a, name);
	else
		(void)snprintf(a->last, sizeof(a->last), "%s", name);
	return r;
}

/* What the caller had spooled of the same bytes.  Were there any? */
static bool
drop_older(struct cli_alone *a, const struct ps_record *record)
{
	struct cli_spool old;
	bool found = false;

	cli_spool_load(a->c, &old);
	for (size_t i = 0; i < old.n; i++) {
		const struct cli_spooled *s = &old.v[i];

		if (s->owner != a->c->uid || strcmp(s->name, a->last) == 0 ||
		    memcmp(s->image.record.raw, record->raw, PS_DIGEST) != 0)
			continue;
		drop(a, s->name);
		found = true;
	}
	return found;
}

/* By path or URL the name is known only now: its keys must be the signers'. */
static int
judge(struct cli_alone *a, const struct ps_msg_ADMIT_IMAGE *m,
    const struct cli_slot *image, struct entry *e)
{
	const int fds[] = { e->image, e->signature };
	const char *name = cli_copy(m->name);
	struct ps_record *ret = &e->record;
	int r = cli_alone_verify(a, fds, name, image->size, ret);

	if (r == 0)
		r = cli_alone_unpack(a, image, e->manifest, ret);
	if (r != 0 || strcmp(name, ret->name) == 0)
		return r;
	if (*name == '\0')
		return cli_alone_verify(a, fds, ret->name, image->size, ret);
	r = cli_alone_refuse(a, PS_REFUSED_TRUST, "asked for \"%s\", but the image "
	    "calls itself \"%s\"", name, ret->name);
	return r < 0 ? r : 1;
}

static int
answer(struct cli_alone *a, const struct ps_record *record)
{
	struct ps_msg_ADMITTED m = { .name = record->name,
		.signer = record->signer[0],
		.existed = drop_older(a, record) };

	memcpy(m.image, record->image, PS_DIGEST);
	return PS_SEND(&a->chan, ADMITTED, &m, NULL, 0);
}

static int
admit(struct cli_alone *a, const struct ps_msg_ADMIT_IMAGE *m,
    const struct cli_slot *image, const struct cli_slot *signature)
{
	_cleanup_fd_ int manifest =
	    openat(a->spool, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	static struct entry e;
	int r = manifest < 0 ? -errno : 0;

	e = (struct entry){ image->fd, signature->fd, manifest,
		.record = { .origin = cli_copy(m->origin[0] ? m->origin : "-"),
		    .max_age = m->max_age,
		    .imported_at = (uint64_t)time(NULL) } };
	if (m->etag[0]) {
		e.record.n_etag = 1;
		e.record.etag[0] = cli_copy(m->etag);
	}
	if (r == 0)
		r = judge(a, m, image, &e);
	if (r > 0)
		return 0;
	if (r == 0)
		r = spool(a, &e);
	if (r < 0)
		return cli_alone_refuse(a, PS_REFUSED_SYSTEM,
		    "cannot write to the spool: %s", strerror(-r));
	return answer(a, &e.record);
}

int
cli_alone_admit(struct cli_alone *a, struct ps_frame *f)
{
	struct cli_slot *image, *signature;
	struct ps_msg_ADMIT_IMAGE m;
	int r;

	if (ps_decode_ADMIT_IMAGE(f->payload, f->length, &m) < 0)
		return -EPROTO;
	image = cli_alone_slot(a, m.image, PS_SLOT_IMAGE);
	signature = cli_alone_slot(a, m.signature, PS_SLOT_SIGNATURE);
	if (image == NULL || signature == NULL)
		return -EPROTO;
	r = admit(a, &m, image, signature);
	cli_slot_free(image);
	cli_slot_free(signature);
	return r;
}

/* The image that came was not the one that was asked for. */
static int
remove_last(struct cli_alone *a)
{
	if (a->last[0] == '\0')
		return -EPROTO;
	drop(a, a->last);
	a->last[0] = '\0';
	return PS_SEND(&a->chan, DONE, (&(struct ps_msg_DONE){ 0 }), NULL, 0);
}

/* An image of the store, as far as members of group rkt can read it: the bytes
 * as they came, their signature, and what they unpack to. */
static int
check(struct cli_alone *a, const struct cli_stored *image)
{
	_cleanup_fd_ int blob = cli_open_below(a->c->data,
	    cli_format("image/%s/blob", image->id), 0);
	_cleanup_fd_ int signature = cli_open_below(a->c->data,
	    cli_format("image/%s/signature", image->id), 0);
	const int fds[] = { blob, signature };
	struct cli_slot slot = { .fd = blob };
	struct ps_record now = { 0 };
	struct stat st;
	int r;

	if (blob < 0 || fstat(blob, &st) < 0)
		return cli_alone_refuse(a, PS_REFUSED_SYSTEM,
		    "cannot open the image: %s", strerror(-blob));
	slot.size = (uint64_t)st.st_size;
	memcpy(now.raw, image->record.raw, PS_DIGEST);
	r = image->record.n_signer == 0 ? 0 :
	    cli_alone_verify(a, fds, image->record.name, slot.size, &now);
	if (r == 0)
		r = cli_alone_unpack(a, &slot, -1, &now);
	if (r != 0)
		return r < 0 ? r : 0;
	if (memcmp(now.image, image->record.image, PS_DIGEST) != 0 ||
	    memcmp(now.raw, image->record.raw, PS_DIGEST) != 0)
		return cli_alone_refuse(a, PS_REFUSED_IMAGE, "image \"%s\" is damaged: "
		    "its bytes are not what its record says", image->record.name);
	ps_log("image: %s: its archive and signature were looked at; its tree "
	       "is root's to read", image->record.name);
	return PS_SEND(&a->chan, DONE, (&(struct ps_msg_DONE){ 0 }), NULL, 0);
}

int
cli_alone_check(struct cli_alone *a, struct ps_frame *f)
{
	struct ps_msg_CHECK_IMAGE m;
	struct cli_stored image;
	int r;

	if (ps_decode_CHECK_IMAGE(f->payload, f->length, &m) < 0 || m.remove > 1)
		return -EPROTO;
	if (m.remove)
		return remove_last(a);
	r = cli_store_read(a->c, m.image, &image);
	if (r < 0)
		return cli_alone_refuse(a, PS_REFUSED_NOTFOUND,
		    "cannot open the image: %s", strerror(-r));
	return check(a, &image);
}
