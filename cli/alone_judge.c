/*
 * What the workers say of an image, for the stand-in of alone.c.  HOSTILE:
 * every answer; one that ends with anything but 0 is thrown away.  It is an
 * early word to the person who fetches: root asks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/alone.h"
#include "privsep/attr.h"

#define MIB (1ull << 20)
#define END_TIMEOUT 10000 /* ms for a worker to exit after its answer */

static struct ps_frame frame;

/* One question, already sent. */
struct ask {
	const char *what;
	uint16_t good, bad;
	int timeout; /* ms */
	struct cli_worker worker;
	struct ps_chan chan;
};

static uint32_t
code_of(const struct ask *q, uint32_t code)
{
	if (q->bad == PS_VERIFY_FAILED)
		return code == PS_VERIFY_SYSTEM	  ? PS_REFUSED_SYSTEM :
		    code == PS_VERIFY_NO_KEY ? PS_REFUSED_TRUST :
						    PS_REFUSED_SIGNATURE;
	return code == PS_UNPACK_SYSTEM ? PS_REFUSED_SYSTEM : PS_REFUSED_IMAGE;
}

/* The worker said no.  1 or negative errno. */
static int
tell_no(struct cli_alone *a, const struct ask *q)
{
	struct ps_msg_VERIFY_FAILED v;
	struct ps_msg_UNPACK_FAILED u;
	int r;

	if (q->bad == PS_VERIFY_FAILED) {
		r = ps_decode_VERIFY_FAILED(frame.payload, frame.length, &v);
		if (r == 0)
			r = cli_alone_refuse(a, code_of(q, v.code), "%s", v.text);
	} else {
		r = ps_decode_UNPACK_FAILED(frame.payload, frame.length, &u);
		if (r == 0)
			r = cli_alone_refuse(a, code_of(q, u.code), "%s", u.text);
	}
	return r < 0 ? r : 1;
}

static int
broken(struct cli_alone *a, const struct ask *q, const char *how)
{
	int r = cli_alone_refuse(a, PS_REFUSED_SYSTEM,
	    "the %s worker %s; nothing was spooled", q->what, how);

	return r < 0 ? r : 1;
}

/* 0: frame is q->good, of a worker that ended well. */
static int
hear(struct cli_alone *a, struct ask *q, int sent)
{
	int r = sent < 0 ? sent : ps_recv(&q->chan, &frame, q->timeout), end;

	ps_close_fd(&q->chan.fd);
	end = cli_worker_end(q->worker.pid, r == 0 ? END_TIMEOUT : 0);
	if (r == 0 && frame.type == q->bad)
		return tell_no(a, q);
	if (r == 0 && end == 0 && frame.type == q->good)
		return 0;
	return broken(a, q,
	    r == -ETIMEDOUT  ? "did not answer in time" :
		r == -EPIPE ? "died without an answer" :
				   "broke its protocol");
}

static int
start(struct cli_alone *a, struct ask *q, char peer)
{
	int chan, r = cli_worker_start(&q->worker, &chan);

	if (r < 0) {
		r = cli_alone_refuse(a, PS_REFUSED_SYSTEM,
		    "cannot start the %s worker: %s", q->what, strerror(-r));
		return r < 0 ? r : 1;
	}
	q->chan = (struct ps_chan){ .fd = chan, .peer = peer };
	return 0;
}

static int
null_or(int fd, int *ret_null)
{
	if (fd < 0 && *ret_null < 0)
		*ret_null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? *ret_null : fd;
}

int
cli_alone_verify(struct cli_alone *a, const int fds[2], const char *name,
    uint64_t size, struct ps_record *ret)
{
	struct ask q = { .what = "verify", .good = PS_VERDICT,
		.bad = PS_VERIFY_FAILED,
		.timeout = (int)(60000 + size / (5 * MIB) * 1000),
		.worker = { .program = "verify", .max_file = 16 * MIB,
		    .closed = true } };
	struct ps_msg_CHECK m = { .name = name, .now = (uint64_t)time(NULL) };
	_cleanup_fd_ int null = -1;
	const int all[] = { fds[0], fds[1], null_or(a->stores[0], &null),
		null_or(a->stores[1], &null) };
	static struct ps_msg_VERDICT v;
	int r = start(a, &q, 'V');

	if (r == 0)
		r = hear(a, &q, PS_SEND(&q.chan, CHECK, &m, all, 4));
	if (r != 0)
		return r;
	if (ps_decode_VERDICT(frame.payload, frame.length, &v) < 0 ||
	    v.n_signers == 0)
		return broken(a, &q, "broke its protocol");
	memcpy(ret->raw, v.raw, PS_DIGEST);
	ret->signed_at = v.signed_at;
	ret->n_signer = v.n_signers;
	for (uint16_t i = 0; i < v.n_signers; i++)
		ret->signer[i] = cli_copy(v.signers[i]);
	return 0;
}

/* Also its tree's digest: that of a tree that no one has written. */
static void
note(const struct ps_msg_UNPACKED *u, struct ps_record *ret)
{
	memcpy(ret->image, u->image, PS_DIGEST);
	memcpy(ret->tree, u->tree, PS_DIGEST);
	ret->name = cli_copy(u->name);
	ret->n_label = u->n_labels;
	for (uint16_t i = 0; i < u->n_labels; i++)
		ret->label[i] = cli_copy(u->labels[i]);
	ret->n_dependency = u->n_dependencies;
	for (uint16_t i = 0; i < u->n_dependencies; i++)
		ret->dependency[i] = cli_copy(u->dependencies[i]);
	ret->whitelist = u->whitelist;
	ret->implicit = u->implicit;
	ret->raw_size = u->raw_size;
	ret->tar_size = u->tar_size;
	ret->tree_size = u->tree_size;
	ret->entries = u->entries;
}

int
cli_alone_unpack(struct cli_alone *a, const struct cli_slot *image,
    int manifest, struct ps_record *ret)
{
	struct ask q = { .what = "unpack", .good = PS_UNPACKED,
		.bad = PS_UNPACK_FAILED,
		.timeout = (int)(120000 + image->size / MIB * 1000),
		.worker = { .program = "unpack", .max_file = PS_MAX_MANIFEST,
		    .closed = true } };
	struct ps_msg_UNPACK m = { .max_tar = a->policy.max_tree,
		.max_ratio = a->policy.max_ratio,
		.max_entries = (uint32_t)a->policy.max_entries,
		.max_manifest = PS_MAX_MANIFEST };
	_cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int all[] = { image->fd, null, manifest < 0 ? null : manifest };
	static struct ps_msg_UNPACKED u;
	int r = start(a, &q, 'U');

	if (r == 0)
		r = hear(a, &q, PS_SEND(&q.chan, UNPACK, &m, all, 3));
	if (r != 0)
		return r;
	if (ps_decode_UNPACKED(frame.payload, frame.length, &u) < 0)
		return broken(a, &q, "broke its protocol");
	if (u.raw_size != image->size || memcmp(u.raw, ret->raw, PS_DIGEST) != 0)
		return broken(a, &q, "does not agree on the image's digest");
	note(&u, ret);
	return 0;
}
