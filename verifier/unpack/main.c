/*
 * unpack: one image to a tree, trees to one tree, or a tree to its digest; then
 * it is gone.
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
#include <sys/sysmacros.h>

#include "appc/image.h"
#include "policies/unpack.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/log.h"
#include "privsep/worker.h"
#include "verifier/unpack/extract.h"
#include "verifier/unpack/pack.h"
#include "verifier/unpack/render.h"
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
close_doors(const struct ps_reach *reach, int root)
{
	int r = ps_landlock(reach, &root, root >= 0);

	if (r == 0)
		r = ps_seccomp(policy_unpack, PS_COUNT(policy_unpack));
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "the sandbox cannot be applied: %s",
		    strerror(-r));
}

/* In place of the directory to fill: a rehearsal, which fills none. */
static bool
is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3);
}

static int
next_buffer(void *arg, const uint8_t **ret, size_t *ret_n)
{
	struct vf_source *s = arg;

	return vf_ring_get(&s->ring, VF_READER, ret, ret_n);
}

static struct ac_image *
parse_manifest(const char *text, size_t n)
{
	struct ac_image *image = NULL;
	char error[AC_ERROR];
	int r = ac_image_parse(text, n, &image, error);

	if (r == -EINVAL)
		(void)vf_refuse(&failure, PS_UNPACK_MANIFEST, NULL,
		    "manifest: %s", error);
	else if (r < 0)
		(void)vf_broken(&failure, r, "reading the manifest", NULL);
	else if (image->n_dependencies > PS_MAX_LAYERS)
		r = vf_refuse(&failure, PS_UNPACK_MANIFEST, NULL,
		    "manifest: more than %u dependencies", PS_MAX_LAYERS);
	return r < 0 ? NULL : image;
}

/* The manifest's bytes to its file, its name and labels to the answer. */
static struct ac_image *
take_manifest(const struct vf_extract *x, int fd)
{
	struct ac_image *image = parse_manifest(x->manifest, x->n_manifest);
	int r = image ? ps_write_full(fd, x->manifest, x->n_manifest) : 0;

	if (r < 0)
		(void)vf_broken(&failure, r, "writing the manifest", NULL);
	return r < 0 ? NULL : image;
}

/* "NAME" or "NAME ID", topmost first: of those that are applied in order, the
 * last. */
static void
say_dependencies(const struct ac_image *image, struct ps_msg_UNPACKED *m)
{
	static char lines[PS_MAX_LAYERS][512];
	size_t n = image->n_dependencies;

	for (size_t i = 0; i < n; i++) {
		const struct ac_dependency *d = &image->dependencies[n - 1 - i];

		(void)snprintf(lines[i], sizeof(lines[i]), "%s%s%s",
		    d->image_name, d->image_id ? " " : "",
		    d->image_id ? d->image_id : "");
		m->dependencies[i] = lines[i];
	}
	m->n_dependencies = (uint16_t)n;
}

static void
answer(struct ps_chan *c, const struct vf_extract *x,
    const struct vf_source *s, const struct ac_image *image)
{
	static char labels[AC_MAX_LABELS][AC_MAX_LABEL + 1];
	struct ps_msg_UNPACKED m = { .raw_size = s->raw_size,
		.tar_size = s->tar_size, .tree_size = x->plan->tree_size,
		.entries = x->plan->n_nodes - 1, .name = image->name,
		.n_labels = (uint16_t)image->labels.n,
		.whitelist = (uint32_t)image->path_whitelist.n,
		.implicit = vf_plan_implicit(x->plan) };
	int r;

	memcpy(m.raw, s->raw, sizeof(m.raw));
	memcpy(m.image, s->image, sizeof(m.image));
	memcpy(m.tree, x->tree, sizeof(m.tree));
	for (size_t i = 0; i < image->labels.n; i++) {
		(void)snprintf(labels[i], sizeof(labels[i]), "%s=%s",
		    image->labels.v[i].name, image->labels.v[i].value);
		m.labels[i] = labels[i];
	}
	say_dependencies(image, &m);
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
		.arg = &source, .root = is_null(frame.fds[1]) ? -1 : frame.fds[1],
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
digest_tree(struct ps_chan *c, int root)
{
	struct vf_scan found;
	struct ps_msg_TREE m = { 0 };
	int r = vf_scan(root, &failure, &found);

	if (r < 0)
		fail(c, &failure);
	memcpy(m.tree, found.tree, sizeof(m.tree));
	m.tree_size = found.tree_size;
	m.entries = found.entries;
	r = PS_SEND(c, TREE, &m, NULL, 0);
	if (r < 0)
		die_unsent(r);
}

/* --- rendering ------------------------------------------------------------ */

static void
hear_layers(struct ps_chan *c, struct vf_render *in)
{
	const size_t want = in->n_tree;
	struct ps_msg_LAYERS m;

	for (in->n_tree = 0; in->n_tree < want;) {
		int r = ps_recv(c, &frame, -1);

		if (r < 0)
			die_unsent(r);
		if (frame.type != PS_LAYERS || frame.nfds > want - in->n_tree ||
		    ps_decode_LAYERS(frame.payload, frame.length, &m) < 0)
			die_unsent(-EPROTO);
		for (size_t i = 0; i < frame.nfds; i++) {
			if (ps_check_dir(frame.fds[i]) < 0)
				die_unsent(-EPROTO);
			in->trees[in->n_tree++] = take_fd(frame.fds[i]);
		}
	}
}

/* The layers can be read, the one directory written, nothing else. */
static void
close_render_doors(const struct vf_render *in)
{
	static char paths[VF_MAX_TREES][32];
	struct ps_reach reach[VF_MAX_TREES + 1] = { 0 };

	for (size_t i = 0; i < in->n_tree; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d",
		    in->trees[i]);
		reach[i].path = paths[i];
	}
	close_doors(reach, in->root);
}

static struct ac_image *
read_manifest(int fd, uint64_t size)
{
	static char text[PS_MAX_MANIFEST];
	int r = ps_pread_full(fd, text, size, 0);

	if (r < 0) {
		(void)vf_broken(&failure, r, "reading the manifest", NULL);
		return NULL;
	}
	return parse_manifest(text, size);
}

static void
render(struct ps_chan *c, const struct ps_msg_RENDER *m, uint64_t size)
{
	struct vf_render in = { .failure = &failure, .n_tree = m->layers,
		.root = take_fd(frame.fds[0]), .max_tree = m->max_tree,
		.max_entries = m->max_entries, .is_bare = m->bare != 0 };
	int manifest = frame.nfds > 1 ? take_fd(frame.fds[1]) : -1;
	struct ac_image *image;

	hear_layers(c, &in);
	close_render_doors(&in);
	if (manifest >= 0) {
		image = read_manifest(manifest, size);
		if (!image)
			fail(c, &failure);
		in.n_white = image->path_whitelist.n;
		in.white = image->path_whitelist.v;
	}
	if (vf_render(&in) < 0)
		fail(c, &failure);
	digest_tree(c, in.root);
}

/* --- packing -------------------------------------------------------------- */

/* The tree can be read, and nothing else; the output is open already. */
static void
pack(struct ps_chan *c, const struct ps_msg_PACK *m, uint64_t size)
{
	static char text[PS_MAX_MANIFEST], path[32];
	struct vf_pack p = { .failure = &failure, .root = frame.fds[0],
		.output = frame.fds[1], .manifest = text, .n_manifest = size,
		.max_tree = m->max_tree, .max_entries = m->max_entries };
	const struct ps_reach reach[] = { { .path = path }, { 0 } };
	struct ps_msg_TREE answer;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p.root);
	close_doors(reach, -1);
	r = ps_pread_full(frame.fds[2], text, size, 0);
	if (r < 0)
		(void)vf_broken(&failure, r, "reading the manifest", NULL);
	if (r < 0 || !parse_manifest(text, size) || vf_pack(&p) < 0)
		fail(c, &failure);
	answer = (struct ps_msg_TREE){ .tree_size = p.tree_size,
		.entries = p.entries, .left_out = p.left_out };
	r = PS_SEND(c, TREE, &answer, NULL, 0);
	if (r < 0)
		die_unsent(r);
}

/* -------------------------------------------------------------------------- */

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
	struct ps_msg_RENDER layers;
	struct ps_msg_PACK app;
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
	    (ps_check_dir(frame.fds[1]) == 0 || is_null(frame.fds[1])) &&
	    ps_check_file(frame.fds[0], INT64_MAX, &size) == 0) {
		close_doors(NULL, frame.fds[1]);
		unpack(&c, &request);
	} else if (frame.type == PS_DIGEST_TREE &&
	    ps_decode_DIGEST_TREE(frame.payload, frame.length, &digest) == 0 &&
	    ps_check_dir(frame.fds[0]) == 0) {
		close_doors(NULL, frame.fds[0]);
		digest_tree(&c, frame.fds[0]);
	} else if (frame.type == PS_RENDER &&
	    ps_decode_RENDER(frame.payload, frame.length, &layers) == 0 &&
	    layers.layers >= 1 && layers.layers <= VF_MAX_TREES &&
	    ps_check_dir(frame.fds[0]) == 0 &&
	    (frame.nfds == 1 ||
		ps_check_file(frame.fds[1], PS_MAX_MANIFEST, &size) == 0)) {
		render(&c, &layers, size);
	} else if (frame.type == PS_PACK &&
	    ps_decode_PACK(frame.payload, frame.length, &app) == 0 &&
	    ps_check_dir(frame.fds[0]) == 0 &&
	    ps_check_sealed(frame.fds[2], PS_MAX_MANIFEST, &size) == 0) {
		pack(&c, &app, size);
	} else {
		ps_die(PS_EXIT_PROTOCOL, "the launcher broke the protocol");
	}
	_exit(PS_EXIT_OK);
}
