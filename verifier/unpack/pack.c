/*
 * A tree to an image, by libarchive's tar writer and gzip.  Runs as root of the
 * user namespace of the pod that wrote the tree, over a mount that cannot be
 * written, so that owners are those that the app saw.  HOSTILE: the tree; it is
 * opened name by name and never followed.
 */
#include "verifier/unpack/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/name.h"
#include "verifier/unpack/pax.h"
#include "verifier/unpack/scan.h"

#define CHUNK 262144u
#define MAX_LIST 65536u /* bytes of the names of a file's attributes */

struct packer {
	struct vf_pack *p;
	struct archive *archive;
	struct archive_entry *entry;
	uint32_t left_out;
	char chunk[CHUNK], list[MAX_LIST], value[VF_MAX_XATTR];
};

static void
free_packer(struct packer **ret)
{
	struct packer *k = *ret;

	if (k && k->archive)
		(void)archive_write_free(k->archive);
	if (k)
		archive_entry_free(k->entry);
	free(k);
}

static int
broken_archive(struct packer *k, const char *path)
{
	int error = archive_errno(k->archive);

	return vf_broken(k->p->failure, error > 0 ? -error : -EIO,
	    "writing the image", path);
}

static la_ssize_t
on_write(struct archive *a, void *arg, const void *p, size_t n)
{
	struct packer *k = arg;
	int r = ps_write_full(k->p->output, p, n);

	if (r < 0)
		archive_set_error(a, -r, "cannot write");
	return r < 0 ? -1 : (la_ssize_t)n;
}

static int
put_header(struct packer *k, const char *path)
{
	return archive_write_header(k->archive, k->entry) == ARCHIVE_OK ?
	    0 :
	    broken_archive(k, path);
}

static int
put_manifest(struct packer *k)
{
	const struct vf_pack *p = k->p;

	(void)archive_entry_clear(k->entry);
	archive_entry_set_pathname(k->entry, "manifest");
	archive_entry_set_filetype(k->entry, AE_IFREG);
	archive_entry_set_perm(k->entry, 0644);
	archive_entry_set_size(k->entry, (la_int64_t)p->n_manifest);
	if (put_header(k, "manifest") < 0)
		return -EIO;
	return archive_write_data(k->archive, p->manifest, p->n_manifest) ==
		(la_ssize_t)p->n_manifest ?
	    0 :
	    broken_archive(k, "manifest");
}

/* Only those that an image may give back. */
static int
set_xattrs(struct packer *k, const struct vf_job *job)
{
	ssize_t n = job->fd < 0 ? 0 : flistxattr(job->fd, k->list, MAX_LIST);

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *name = k->list; name < k->list + n;
	     name += strlen(name) + 1) {
		ssize_t size;

		if (!vf_is_xattr(name, strlen(name)))
			continue;
		size = fgetxattr(job->fd, name, k->value, sizeof(k->value));
		if (size < 0)
			return -errno;
		archive_entry_xattr_add_entry(k->entry, name, k->value,
		    (size_t)size);
	}
	return 0;
}

static int
set_entry(struct packer *k, const struct vf_job *job)
{
	char name[VF_MAX_PATH + 16];
	bool is_link = job->type == 'l';

	(void)snprintf(name, sizeof(name), "rootfs%s%s%s",
	    job->path[0] != '\0' ? "/" : "", job->path,
	    job->type == 'd' ? "/" : "");
	(void)archive_entry_clear(k->entry);
	archive_entry_set_pathname(k->entry, name);
	archive_entry_set_filetype(k->entry, job->st.st_mode & S_IFMT);
	archive_entry_set_perm(k->entry,
	    is_link ? 0777 : job->st.st_mode & 07777);
	archive_entry_set_uid(k->entry, job->st.st_uid);
	archive_entry_set_gid(k->entry, job->st.st_gid);
	archive_entry_set_mtime(k->entry, job->st.st_mtim.tv_sec,
	    job->st.st_mtim.tv_nsec);
	archive_entry_set_size(k->entry, 0);
	if (is_link)
		archive_entry_set_symlink(k->entry, job->link);
	return job->first ? 0 : set_xattrs(k, job);
}

/* Exactly what its header says: nobody else has it open. */
static int
put_content(struct packer *k, const struct vf_job *job)
{
	uint64_t size = (uint64_t)job->st.st_size;

	while (size > 0) {
		size_t want = size < CHUNK ? (size_t)size : CHUNK;
		ssize_t n = read(job->fd, k->chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return vf_broken(k->p->failure, n < 0 ? -errno : -ESTALE,
			    "cannot be read", job->path);
		if (archive_write_data(k->archive, k->chunk, (size_t)n) != n)
			return broken_archive(k, job->path);
		size -= (uint64_t)n;
	}
	return 0;
}

static int
put_file(struct packer *k, const struct vf_job *job)
{
	char first[VF_MAX_PATH + 16];
	uint64_t size = (uint64_t)job->st.st_size;
	int r;

	if (job->first) {
		(void)snprintf(first, sizeof(first), "rootfs/%s", job->first);
		archive_entry_set_hardlink(k->entry, first);
		return put_header(k, job->path);
	}
	if (size > k->p->max_tree - k->p->tree_size)
		return vf_refuse(k->p->failure, PS_UNPACK_LIMIT, job->path,
		    "all files together are larger than site policy takes");
	k->p->tree_size += size;
	archive_entry_set_size(k->entry, (la_int64_t)size);
	r = put_header(k, job->path);
	return r < 0 ? r : put_content(k, job);
}

/* Can an image hold it? */
static bool
is_good(const struct vf_job *job)
{
	return ps_is_print(job->path, strlen(job->path)) &&
	    (job->type != 'l' || ps_is_print(job->link, strlen(job->link)));
}

static int
take(void *arg, const struct vf_job *job)
{
	struct packer *k = arg;
	int r;

	if (!is_good(job)) {
		k->left_out++;
		return 0;
	}
	r = set_entry(k, job);
	if (r < 0)
		return vf_broken(k->p->failure, r, "cannot be read", job->path);
	return job->type == 'f' ? put_file(k, job) : put_header(k, job->path);
}

static int
take_over(void *arg, const struct vf_job *job)
{
	int r = take(arg, job);

	if (job->type == 'f')
		(void)close(job->fd);
	free(job->path);
	return r;
}

static int
begin(struct packer *k)
{
	k->archive = archive_write_new();
	k->entry = archive_entry_new();
	if (!k->archive || !k->entry)
		return -ENOMEM;
	if (archive_write_set_format_pax_restricted(k->archive) != ARCHIVE_OK ||
	    archive_write_add_filter_gzip(k->archive) != ARCHIVE_OK ||
	    archive_write_set_options(k->archive, "gzip:!timestamp") !=
		ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(k->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(k->archive, k, NULL, on_write, NULL) != ARCHIVE_OK)
		return broken_archive(k, NULL);
	return put_manifest(k);
}

int
vf_pack(struct vf_pack *p)
{
	_cleanup_(free_packer) struct packer *k = calloc(1, sizeof(*k));
	struct vf_visit v = { .take = take_over, .arg = k,
		.max_entries = p->max_entries, .is_lenient = true };
	int r;

	if (!k)
		return vf_broken(p->failure, -ENOMEM, "writing the image", NULL);
	k->p = p;
	p->tree_size = 0;
	r = begin(k);
	if (r == 0)
		r = vf_visit(p->root, p->failure, &v);
	if (r == 0 && archive_write_close(k->archive) != ARCHIVE_OK)
		r = broken_archive(k, NULL);
	p->left_out = v.left_out + k->left_out;
	p->entries = v.entries - p->left_out;
	return r;
}
