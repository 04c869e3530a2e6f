/*
 * unpack: one image to a tree, or one tree to its digest; then it is gone.
 * Runs as root of its own user namespace over the foreign id range, with no
 * network and nothing to reach but the one directory that it was given.
 * Everything that it reads is hostile: the image's signature was good, its
 * maker may not be.  What it sends is believed for this one image alone.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "appc/image.h"
#include "policies/unpack.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/log.h"
#include "privsep/worker.h"
#include "verifier/unpack/extract.h"
#include "verifier/unpack/scan.h"
#include "verifier/unpack/source.h"

static struct ps_frame frame;
static struct vf_failure failure;

static void
die_unsent(int error)
{
	if (error == -EPROTO || error == -EBADMSG)
		ps_die(PS_EXIT_PROTOCOL, "the launcher broke the protocol");
	ps_die(PS_EXIT_SYSTEM, "the launcher cannot be reached: %s",
	    strerror(-error));
}

_noreturn_ static void
fail(struct ps_chan *c, const struct vf_failure *f)
{
	struct ps_msg_UNPACK_FAILED m = { .code = f->code, .text = f->text };
	int r = PS_SEND(c, UNPACK_FAILED, &m, NULL, 0);

	if (r < 0)
		die_unsent(r);
	_exit(PS_EXIT_REFUSED);
}

static void
close_doors(int root)
{
	int r = ps_landlock(NULL, &root, 1);

	if (r == 0)
		r = ps_seccomp(policy_unpack, PS_COUNT(policy_unpack));
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "the sandbox cannot be applied: %s",
		    strerror(-r));
}

static int
next_buffer(void *arg, const uint8_t **ret, size_t *ret_n)
{
	struct vf_source *s = arg;

	return vf_ring_get(&s->ring, VF_READER, ret, ret_n);
}

/* The manifest's bytes to its file, its name and labels to the answer. */
static struct ac_image *
take_manifest(const struct vf_extract *x, int fd)
{
	struct ac_image *image = NULL;
	char error[AC_ERROR];
	int r = ac_image_parse(x->manifest, x->n_manifest, &image, error);

	if (r == -EINVAL)
		(void)vf_refuse(&failure, PS_UNPACK_MANIFEST, NULL,
		    "manifest: %s", error);
	else if (r < 0)
		(void)vf_broken(&failure, r, "reading the manifest", NULL);
	else if ((r = ps_write_full(fd, x->manifest, x->n_manifest)) < 0)
		(void)vf_broken(&failure, r, "writing the manifest", NULL);
	return r < 0 ? NULL : image;
}

static void
answer(struct ps_chan *c, const struct vf_extract *x,
    const struct vf_source *s, const struct ac_image *image)
{
	static char labels[AC_MAX_LABELS][AC_MAX_LABEL + 1];
	struct ps_msg_UNPACKED m = { .raw_size = s->raw_size,
		.tar_size = s->tar_size, .tree_size = x->plan->tree_size,
		.entries = x->plan->n_nodes - 1, .name = image->name,
		.n_labels = (uint16_t)image->labels.n };
	int r;

	memcpy(m.raw, s->raw, sizeof(m.raw));
	memcpy(m.image, s->image, sizeof(m.image));
	memcpy(m.tree, x->tree, sizeof(m.tree));
	for (size_t i = 0; i < image->labels.n; i++) {
		(void)snprintf(labels[i], sizeof(labels[i]), "%s=%s",
		    image->labels.v[i].name, image->labels.v[i].value);
		m.labels[i] = labels[i];
	}
	r = PS_SEND(c, UNPACKED, &m, NULL, 0);
	if (r < 0)
		die_unsent(r);
}

static void
unpack(struct ps_chan *c, const struct ps_msg_UNPACK *m)
{
	struct vf_source source = { .fd = frame.fds[0],
		.max_tar = m->max_tar, .max_ratio = m->max_ratio };
	struct vf_extract x = { .failure = &failure, .next = next_buffer,
		.arg = &source, .root = frame.fds[1],
		.max_entries = m->max_entries,
		.max_manifest = m->max_manifest };
	struct ac_image *image;
	int r = vf_source_start(&source);

	if (r < 0)
		(void)vf_broken(&failure, r, "starting threads", NULL);
	else
		r = vf_extract(&x);
	if (r < 0)
		/* The filling thread may have said it first and better. */
		fail(c, source.ring.error < 0 && source.failure.code != 0 ?
			&source.failure : &failure);
	r = vf_source_finish(&source, false);
	if (r < 0)
		fail(c, &source.failure);
	image = take_manifest(&x, frame.fds[2]);
	if (!image)
		fail(c, &failure);
	answer(c, &x, &source, image);
}

static void
digest_tree(struct ps_chan *c)
{
	struct vf_scan found;
	struct ps_msg_TREE m = { 0 };
	int r = vf_scan(frame.fds[0], &failure, &found);

	if (r < 0)
		fail(c, &failure);
	memcpy(m.tree, found.tree, sizeof(m.tree));
	m.tree_size = found.tree_size;
	m.entries = found.entries;
	r = PS_SEND(c, TREE, &m, NULL, 0);
	if (r < 0)
		die_unsent(r);
}

/* What must be ready before the doors close. */
static void
prepare(void)
{
	size_t seed;

	(void)umask(0);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		ps_die(PS_EXIT_SYSTEM, "there is no C.UTF-8 locale");
	if (vf_hash_init() < 0)
		ps_die(PS_EXIT_SYSTEM, "libcrypto has no SHA-256 or SHA-512");
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		ps_die(PS_EXIT_SYSTEM, "no random bytes");
	ac_seed(seed);
}

int
main(void)
{
	static const struct ps_worker worker = { .name = "unpack",
		.peer = 'L', .mapped = true };
	struct ps_msg_UNPACK request;
	struct ps_msg_DIGEST_TREE digest;
	struct ps_chan c;
	uint64_t size;
	int r;

	ps_log_name(worker.name);
	ps_worker_check(&worker, &c);
	prepare();
	r = ps_recv(&c, &frame, -1);
	if (r < 0)
		die_unsent(r);
	if (frame.type == PS_UNPACK &&
	    ps_decode_UNPACK(frame.payload, frame.length, &request) == 0 &&
	    ps_check_dir(frame.fds[1]) == 0 &&
	    ps_check_file(frame.fds[0], INT64_MAX, &size) == 0) {
		close_doors(frame.fds[1]);
		unpack(&c, &request);
	} else if (frame.type == PS_DIGEST_TREE &&
	    ps_decode_DIGEST_TREE(frame.payload, frame.length, &digest) == 0 &&
	    ps_check_dir(frame.fds[0]) == 0) {
		close_doors(frame.fds[0]);
		digest_tree(&c);
	} else {
		ps_die(PS_EXIT_PROTOCOL, "the launcher broke the protocol");
	}
	_exit(PS_EXIT_OK);
}
