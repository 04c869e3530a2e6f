/*
 * The rooms, one row each, and how one is asked.  Runs as root.
 * HOSTILE: every answer.  A worker that answers with anything but its row,
 * or ends with anything but 0, is taken to have been broken into: its answer
 * is thrown away.
 */
#include "launcher/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"

#define MIB (1ull << 20)
#define END_TIMEOUT 10000 /* ms for a worker to exit after its answer */

static struct ps_frame frame;

/* One question to one worker. */
struct ask {
	const char *what; /* for the person: "verify" */
	struct ln_room room;
	char peer;
	uint16_t good, bad; /* answer types */
	int timeout;	    /* ms */
	struct ps_chan chan;
	int pidfd;
};

static struct ask
verify_ask(const struct ln_session *s, uint64_t size)
{
	return (struct ask){ .what = "verify",
		.room = { .program = "verify", .uid = s->verify.uid,
		    .gid = s->verify.gid, .own_net = true, .tmp = true,
		    .max_file = 16 * MIB, .max_memory = 0, .max_fds = 64 },
		.peer = 'V', .bad = PS_VERIFY_FAILED,
		.timeout = (int)(60000 + size / (5 * MIB) * 1000), .pidfd = -1 };
}

/* The second opinion: another program, another user, the same question. */
static struct ask
second_ask(const struct ln_session *s, uint64_t size)
{
	struct ask a = verify_ask(s, size);

	a.what = a.room.program = "second";
	a.room.uid = s->second.uid;
	a.room.gid = s->second.gid;
	return a;
}

static struct ask
unpack_ask(const struct ln_session *s, uint64_t size)
{
	return (struct ask){ .what = "unpack",
		.room = { .program = "unpack", .own_net = true, .mapped = true,
		    .max_file = s->policy.max_tree, .max_memory = 0,
		    .max_fds = 64 },
		.peer = 'U', .bad = PS_UNPACK_FAILED,
		.timeout = (int)(120000 + size / MIB * 1000), .pidfd = -1 };
}

static int
pair(int *ret_ours, int *ret_theirs)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return -errno;
	*ret_ours = p[0];
	*ret_theirs = p[1];
	return 0;
}

static int
start(struct ln_session *s, struct ask *a)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int r = pair(&ours, &theirs);

	if (r == 0)
		r = ln_words_open(s);
	if (r < 0)
		return r;
	a->room.err = s->words[1];
	a->room.chan = theirs;
	a->room.cwd = s->quarantine;
	r = sys_spawn(&a->room, &a->pidfd);
	if (r < 0)
		return r;
	a->chan = (struct ps_chan){ .fd = take_fd(ours), .peer = a->peer };
	return 0;
}

/* Its end: 0 only after exit code 0.  Whatever else it was, it is gone. */
static int
finish(struct ask *a, bool answered)
{
	int status = -1, r;

	ps_close_fd(&a->chan.fd);
	r = answered ? sys_wait(a->pidfd, END_TIMEOUT, &status) : -ETIMEDOUT;
	if (r < 0)
		(void)sys_kill(a->pidfd);
	ps_close_fd(&a->pidfd);
	return r == 0 && status == 0 ? 0 : -EPROTO;
}

static uint32_t
refusal_code(const struct ask *a, uint32_t code)
{
	if (a->bad == PS_VERIFY_FAILED)
		return code == PS_VERIFY_SYSTEM	  ? PS_REFUSED_SYSTEM
		       : code == PS_VERIFY_NO_KEY ? PS_REFUSED_TRUST
						  : PS_REFUSED_SIGNATURE;
	return code == PS_UNPACK_SYSTEM ? PS_REFUSED_SYSTEM : PS_REFUSED_IMAGE;
}

/* The worker said no, in so many words. */
static int
tell_no(struct ln_session *s, const struct ask *a)
{
	struct ps_msg_VERIFY_FAILED v = { 0 };
	struct ps_msg_UNPACK_FAILED u = { 0 };
	static char text[1024];
	uint32_t code;
	int r;

	if (a->bad == PS_VERIFY_FAILED) {
		r = ps_decode_VERIFY_FAILED(frame.payload, frame.length, &v);
		code = v.code;
		(void)snprintf(text, sizeof(text), "%s", r == 0 ? v.text : "");
	} else {
		r = ps_decode_UNPACK_FAILED(frame.payload, frame.length, &u);
		code = u.code;
		(void)snprintf(text, sizeof(text), "%s", r == 0 ? u.text : "");
	}
	if (r < 0)
		return -EPROTO;
	return ln_refuse(s, refusal_code(a, code), "%s", text);
}

/* Hears the answer of a started worker into frame.  0: frame is a->good. */
static int
hear(struct ln_session *s, struct ask *a, int sent)
{
	int r = sent < 0 ? sent : ps_recv(&a->chan, &frame, a->timeout);
	bool answered = r == 0;
	int told = 0, end;

	if (answered && frame.type == a->bad)
		told = tell_no(s, a);
	else if (answered && frame.type != a->good)
		told = -EPROTO;
	end = finish(a, answered);
	ln_words_say(s, a->what);
	if (told > 0)
		return told;
	if (r == 0 && told == 0 && end == 0)
		return 0;
	ps_frame_close(&frame);
	if (told < 0 && told != -EPROTO)
		return told;
	return ln_refuse(s, PS_REFUSED_SYSTEM,
	    "the %s worker %s; nothing was admitted", a->what,
	    r == -ETIMEDOUT ? "did not answer in time"
		: r == -EPIPE ? "died without an answer"
			      : "broke its protocol");
}

/* A good frame that does not decode is a broken worker too. */
static int
broken(struct ln_session *s, const struct ask *a)
{
	ps_frame_close(&frame);
	return ln_refuse(s, PS_REFUSED_SYSTEM,
	    "the %s worker broke its protocol; nothing was admitted", a->what);
}

static int
cannot_start(struct ln_session *s, const struct ask *a, int error)
{
	return ln_refuse(s, PS_REFUSED_SYSTEM, "cannot start the %s worker: %s",
	    a->what, strerror(-error));
}

/* A trust store directory, or /dev/null where there is none. */
static int
trust_fd(int trust)
{
	return trust >= 0 ? sys_open(trust, ".", O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH)
			  : sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, SYS_HOST);
}

int
ln_worker_check(struct ln_session *s, const struct ln_slot *image,
    const struct ln_slot *signature, const char *name, bool second,
    struct ps_msg_VERDICT *ret)
{
	struct ask a = second ? second_ask(s, image->size)
			      : verify_ask(s, image->size);
	_cleanup_fd_ int system = trust_fd(s->system_trust);
	_cleanup_fd_ int local = trust_fd(s->local_trust);
	const int fds[] = { image->fd, signature->fd, system, local };
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_VERDICT;
	r = PS_SEND(&a.chan, CHECK,
	    (&(struct ps_msg_CHECK){ .name = name, .now = sys_now() }), fds, 4);
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_VERDICT(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_unpack(struct ln_session *s, const struct ln_slot *image,
    int rootfs, int manifest, struct ps_msg_UNPACKED *ret)
{
	struct ask a = unpack_ask(s, image->size);
	const int fds[] = { image->fd, rootfs, manifest };
	struct ps_msg_UNPACK m = { .max_tar = s->policy.max_tree,
		.max_ratio = s->policy.max_ratio,
		.max_entries = s->policy.max_entries,
		.max_manifest = PS_MAX_MANIFEST };
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_UNPACKED;
	r = PS_SEND(&a.chan, UNPACK, &m, fds, 3);
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_UNPACKED(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_digest(struct ln_session *s, int rootfs, struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, 1ull << 33);
	struct ps_msg_DIGEST_TREE m = { 0 };
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_TREE;
	r = PS_SEND(&a.chan, DIGEST_TREE, &m, &rootfs, 1);
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_TREE(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_render(struct ln_session *s, const struct ln_rendering *what,
    struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, 1ull << 33);
	const int fds[] = { what->rootfs, what->manifest };
	struct ps_msg_RENDER m = { .layers = (uint16_t)what->n, .bare = what->bare,
		.max_tree = s->policy.max_tree,
		.max_entries = s->policy.max_entries };
	struct ps_msg_LAYERS more = { 0 };
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_TREE;
	r = PS_SEND(&a.chan, RENDER, &m, fds, what->manifest < 0 ? 1 : 2);
	for (size_t at = 0, k; r == 0 && at < what->n; at += k) {
		k = what->n - at < PS_MAX_FDS ? what->n - at : PS_MAX_FDS;
		r = PS_SEND(&a.chan, LAYERS, &more, what->trees + at, k);
	}
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_TREE(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_pack(struct ln_session *s, const int fds[3], uint32_t base,
    struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, 1ull << 33);
	struct ps_msg_PACK m = { .max_tree = s->policy.max_tree,
		.max_entries = s->policy.max_entries };
	int r;

	a.room.base = base;
	r = start(s, &a);
	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_TREE;
	r = PS_SEND(&a.chan, PACK, &m, fds, 3);
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_TREE(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_review(struct ln_session *s, const struct ln_slot *key,
    struct ps_msg_KEYLIST *ret)
{
	struct ask a = verify_ask(s, 0);
	struct ps_msg_REVIEW m = { 0 };
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_KEYLIST;
	r = PS_SEND(&a.chan, REVIEW, &m, &key->fd, 1);
	r = hear(s, &a, r);
	if (r == 0 && ps_decode_KEYLIST(frame.payload, frame.length, ret) < 0)
		return broken(s, &a);
	return r;
}

int
ln_worker_export(struct ln_session *s, const struct ln_slot *key,
    const char *fingerprint, int *ret_key, uint64_t *ret_size)
{
	struct ask a = verify_ask(s, 0);
	struct ps_msg_EXPORT m = { .fingerprint = fingerprint };
	uint64_t size;
	int r = start(s, &a);

	if (r < 0)
		return cannot_start(s, &a, r);
	a.good = PS_EXPORTED;
	r = PS_SEND(&a.chan, EXPORT, &m, &key->fd, 1);
	r = hear(s, &a, r);
	if (r != 0)
		return r;
	if (ps_check_sealed(frame.fds[0], PS_MAX_KEY, &size) < 0 || size == 0)
		return broken(s, &a);
	*ret_key = take_fd(frame.fds[0]);
	*ret_size = size;
	return 0;
}

int
ln_worker_fetcher(struct ln_session *s, const int *slots, size_t n, int *ret_chan)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	struct ln_room room = { .program = "fetcher", .uid = s->fetch.uid,
		.gid = s->fetch.gid, .max_file = s->policy.max_image,
		.max_fds = 64, .cwd = s->quarantine, .fds = slots, .nfds = n };
	int r = pair(&ours, &theirs);

	if (r == 0)
		r = ln_words_open(s);
	if (r < 0)
		return r;
	room.err = s->words[1];
	room.chan = theirs;
	r = sys_spawn(&room, &s->fetcher);
	if (r == 0)
		*ret_chan = take_fd(ours);
	return r;
}

int
ln_worker_conductor(struct ln_session *s)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	struct ln_room room = { .program = "conductor", .uid = s->rkt.uid,
		.gid = s->rkt.gid, .conductor = true, .max_fds = 256,
		.argv = s->argv, .env = s->env };
	int r = pair(&ours, &theirs);

	if (r < 0)
		return r;
	room.chan = theirs;
	r = sys_spawn(&room, &s->conductor);
	if (r == 0)
		s->control = (struct ps_chan){ .fd = take_fd(ours), .peer = 'C' };
	return r;
}
