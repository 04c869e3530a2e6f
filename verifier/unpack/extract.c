/*
 * libarchive over hostile tar bytes.  It reads tar alone, no filter, and what
 * it reports must be what the pre-walk found, to the byte: where two readers
 * differ, nobody knows what the signer saw.  A warning is a refusal.
 */
#include "verifier/unpack/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/limits.h"
#include "privsep/name.h"
#include "verifier/unpack/pax.h"

struct run {
	struct vf_extract *x;
	struct vf_walk *walk;
	struct vf_disk disk;
	struct archive *archive;
	int error; /* of the source or the pre-walk, met while reading ahead */
};

static void
free_run(struct run *run)
{
	if (run->archive)
		(void)archive_read_free(run->archive);
	vf_walk_free(run->walk);
	vf_disk_free(&run->disk);
}

static void
free_member(struct vf_member **m)
{
	vf_member_free(*m);
}

/* Whatever libarchive gets, the pre-walk has read before. */
static int
next_piece(struct run *run, const uint8_t **ret, size_t *ret_n)
{
	int r;

	/* libarchive may swallow an error near its end; nobody else does. */
	if (run->error < 0)
		return run->error;
	r = run->x->next(run->x->arg, ret, ret_n);
	if (r > 0) {
		int bad = vf_walk_feed(run->walk, *ret, *ret_n);

		r = bad < 0 ? bad : r;
	} else if (r == 0) {
		r = vf_walk_end(run->walk);
	}
	if (r < 0)
		run->error = r;
	return r;
}

static la_ssize_t
on_read(struct archive *a, void *arg, const void **ret)
{
	const uint8_t *p = NULL;
	size_t n = 0;
	int r = next_piece(arg, &p, &n);

	if (r < 0) {
		archive_set_error(a, EIO, "no more input");
		return -1;
	}
	*ret = p;
	return r == 0 ? 0 : (la_ssize_t)n;
}

/* libarchive said no; if the source or the pre-walk had, theirs counts. */
static int
refuse_archive(struct run *run, const char *name)
{
	const char *why = archive_error_string(run->archive);
	char text[256] = "no reason given";

	if (run->error < 0)
		return run->error;
	if (why && ps_is_print(why, strlen(why)))
		(void)snprintf(text, sizeof(text), "%s", why);
	return vf_refuse(run->x->failure, PS_UNPACK_FORMAT, name,
	    "libarchive: %s", text);
}

static char
entry_type(struct archive_entry *e)
{
	if (archive_entry_hardlink(e))
		return 'h';
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return 'f';
	case AE_IFDIR:
		return 'd';
	case AE_IFLNK:
		return 'l';
	case AE_IFIFO:
		return 'p';
	default:
		return 0;
	}
}

/* Both forms in which libarchive takes attributes end in one list; each of
 * ours must be there, and nothing that we have not seen. */
static const char *
compare_xattrs(struct archive_entry *e, const struct vf_member *m)
{
	size_t ours = 0, theirs = 0;
	struct vf_pax pax = { m->pax, m->n_pax, 0 };
	struct vf_record x;
	const char *name;
	const void *value;
	size_t n;

	while (vf_pax_xattr(&pax, &x) > 0) {
		bool found = false;

		ours++;
		(void)archive_entry_xattr_reset(e);
		while (archive_entry_xattr_next(e, &name, &value, &n) ==
		    ARCHIVE_OK) {
			if (strlen(name) != x.n_key ||
			    memcmp(name, x.key, x.n_key) != 0)
				continue;
			if (n != x.n_value || memcmp(value, x.value, n) != 0)
				return "extended attribute in two values";
			theirs++;
			found = true;
		}
		if (!found)
			return "extended attributes";
	}
	if (theirs != (size_t)archive_entry_xattr_count(e))
		return "extended attributes";
	return ours > VF_MAX_XATTRS ? "extended attributes" : NULL;
}

static bool
is_same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* NULL, or the first thing in which the two readers differ. */
static const char *
compare(struct archive_entry *e, const struct vf_member *m)
{
	unsigned long set, clear;

	if (!is_same(archive_entry_pathname(e), m->name))
		return "name";
	if (entry_type(e) != m->type)
		return "type";
	if (archive_entry_size(e) != (la_int64_t)m->size)
		return "size";
	if (m->type == 'h' && !is_same(archive_entry_hardlink(e), m->link))
		return "link target";
	if (m->type == 'l' && !is_same(archive_entry_symlink(e), m->link))
		return "link target";
	if (archive_entry_perm(e) != m->mode)
		return "mode";
	if (archive_entry_uid(e) != m->uid || archive_entry_gid(e) != m->gid)
		return "owner";
	if (archive_entry_mtime(e) != m->seconds ||
	    (uint64_t)archive_entry_mtime_nsec(e) != m->nanoseconds)
		return "modification time";
	archive_entry_fflags(e, &set, &clear);
	if (set != 0 || clear != 0)
		return "file flags";
	if ((archive_entry_acl_types(e)) != 0)
		return "access control list";
	if (archive_entry_sparse_count(e) != 0)
		return "holes";
	return compare_xattrs(e, m);
}

/* A regular file's content to sink, exactly size bytes without holes. */
static int
copy(struct run *run, const struct vf_member *m,
    int (*sink)(struct run *run, const struct vf_member *m, const void *p,
	size_t n))
{
	uint64_t at = 0;

	for (;;) {
		const void *p;
		size_t n;
		la_int64_t offset;
		int r = archive_read_data_block(run->archive, &p, &n, &offset);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return refuse_archive(run, m->name);
		if (n == 0)
			continue;
		if (offset < 0 || (uint64_t)offset != at ||
		    n > m->size - at)
			return vf_refuse(run->x->failure, PS_UNPACK_MEMBER,
			    m->name, "readers differ in content");
		r = sink(run, m, p, n);
		if (r < 0)
			return r;
		at += n;
	}
	if (at != m->size)
		return vf_refuse(run->x->failure, PS_UNPACK_MEMBER, m->name,
		    "readers differ in content");
	return 0;
}

static int
to_disk(struct run *run, const struct vf_member *m, const void *p, size_t n)
{
	return vf_disk_write(&run->disk, m, p, n);
}

static int
to_manifest(struct run *run, const struct vf_member *m, const void *p,
    size_t n)
{
	struct vf_extract *x = run->x;

	(void)m;
	memcpy(x->manifest + x->n_manifest, p, n);
	x->n_manifest += n;
	return 0;
}

static int
take_manifest(struct run *run, const struct vf_member *m)
{
	run->x->manifest = calloc(1, (size_t)m->size + 1);
	if (!run->x->manifest)
		return -ENOMEM;
	return copy(run, m, to_manifest);
}

static int
take_file(struct run *run, const struct vf_member *m, const struct vf_step *s)
{
	int r = vf_disk_begin_file(&run->disk, s, m);

	if (r == 0)
		r = copy(run, m, to_disk);
	if (r == 0)
		r = vf_disk_end_file(&run->disk, s, m);
	return r;
}

static int
take_member(struct run *run, struct archive_entry *e)
{
	_cleanup_(free_member) struct vf_member *m = vf_walk_take(run->walk);
	struct vf_step step;
	const char *differs;
	int r;

	if (!m)
		return vf_refuse(run->x->failure, PS_UNPACK_MEMBER, NULL,
		    "readers differ: libarchive sees one member more");
	differs = compare(e, m);
	if (differs)
		return vf_refuse(run->x->failure, PS_UNPACK_MEMBER, m->name,
		    "readers differ in %s", differs);
	r = vf_plan_add(run->x->plan, m, &step);
	if (r < 0 || step.what == VF_SKIP)
		return r;
	if (step.what == VF_MANIFEST)
		return take_manifest(run, m);
	if (m->type == 'f')
		return take_file(run, m, &step);
	return vf_disk_make(&run->disk, &step, m);
}

/* Behind libarchive's end: the rest, which must be zeros. */
static int
take_tail(struct run *run)
{
	_cleanup_(free_member) struct vf_member *m = NULL;
	const uint8_t *p;
	size_t n;
	int r;

	do {
		r = next_piece(run, &p, &n);
	} while (r > 0);
	if (r < 0)
		return r;
	m = vf_walk_take(run->walk);
	if (m)
		return vf_refuse(run->x->failure, PS_UNPACK_MEMBER, m->name,
		    "readers differ: libarchive does not see this member");
	return vf_plan_end(run->x->plan);
}

static int
open_archive(struct run *run)
{
	struct vf_extract *x = run->x;
	int r = vf_walk_new(x->failure, &run->walk);

	if (r == 0)
		r = vf_plan_new(x->failure, x->max_entries, x->max_manifest,
		    &x->plan);
	if (r == 0)
		r = vf_disk_init(&run->disk, x->plan, x->root);
	if (r < 0)
		return r;
	run->archive = archive_read_new();
	if (!run->archive)
		return -ENOMEM;
	if (archive_read_support_format_tar(run->archive) != ARCHIVE_OK ||
	    archive_read_open(run->archive, run, NULL, on_read, NULL) !=
		ARCHIVE_OK)
		return refuse_archive(run, NULL);
	return 0;
}

static int
extract(struct run *run)
{
	int r = open_archive(run);

	while (r == 0) {
		struct archive_entry *e;

		r = archive_read_next_header(run->archive, &e);
		if (r == ARCHIVE_EOF)
			break;
		r = r == ARCHIVE_OK ? take_member(run, e) :
				      refuse_archive(run, NULL);
	}
	if (r < 0)
		return r;
	r = take_tail(run);
	if (r < 0)
		return r;
	return vf_disk_finish(&run->disk, run->x->tree);
}

int
vf_extract(struct vf_extract *x)
{
	struct run run = { .x = x, .disk = { .file = -1 } };
	int r;

	for (size_t i = 0; i < VF_CACHED_DIRS; i++)
		run.disk.dirs[i].fd = -1;
	r = extract(&run);
	free_run(&run);
	if (r < 0 && r != -EBADMSG && x->failure->code == 0)
		return vf_broken(x->failure, r, "unpacking", NULL);
	return r;
}

void
vf_extract_free(struct vf_extract *x)
{
	vf_plan_free(x->plan);
	free(x->manifest);
	x->plan = NULL;
	x->manifest = NULL;
}
