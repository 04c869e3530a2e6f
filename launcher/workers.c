/*
 * The rooms, one row each, and how one is asked.  Runs as root.
 * HOSTILE: every answer.  A worker that answers with anything but its row,
 * or ends with anything but 0, is taken to have been broken into: its answer
 * is thrown away.
 */
#include "launcher/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher/files.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"

#define MIB (1ull << 20)
#define ANY_SIZE (1ull << 33) /* bytes: for the time that a tree may take */
#define END_TIMEOUT 10000 /* ms for a worker to exit after its answer */

static struct ps_frame frame;

/* One question to one worker. */
struct ask {
	struct ln_room room;
	char peer;
	uint16_t bad; /* the type of its answer that is no */
	int timeout;  /* ms */
	struct ps_chan chan;
	int pidfd;
};

/* second: another program, another user, the same question. */
static struct ask
verify_ask(const struct ln_session *s, uint64_t size, bool second)
{
	const struct ln_user *user = second ? &s->second : &s->verify;

	return (struct ask){ .room = { .program = second ? "second" : "verify",
		    .uid = user->uid, .gid = user->gid, .own_net = true,
		    .tmp = true, .max_file = 16 * MIB, .max_fds = 64 },
		.peer = 'V', .bad = PS_VERIFY_FAILED,
		.timeout = (int)(60000 + size / (5 * MIB) * 1000) };
}

static struct ask
unpack_ask(const struct ln_session *s, uint64_t size)
{
	return (struct ask){ .room = { .program = "unpack", .own_net = true,
		    .mapped = true, .max_file = s->policy.max_tree,
		    .max_fds = 64 },
		.peer = 'U', .bad = PS_UNPACK_FAILED,
		.timeout = (int)(120000 + size / MIB * 1000) };
}

/* Its pid; *ret_ours: our end of its edge. */
static int
spawn(struct ln_session *s, struct ln_room *room, int *ret_pidfd, int *ret_ours)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int p[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return -errno;
	ours = p[0];
	room->chan = theirs = p[1];
	r = room->conductor ? 0 : ln_words_open(s);
	room->err = s->words[1];
	room->cwd = s->quarantine;
	if (r == 0)
		r = sys_spawn(room, ret_pidfd);
	if (r >= 0)
		*ret_ours = take_fd(ours);
	return r;
}

static int
start(struct ln_session *s, struct ask *a)
{
	int r = spawn(s, &a->room, &a->pidfd, &a->chan.fd);

	a->chan.peer = a->peer;
	return r >= 0 ? 0
	    : ln_refuse(s, PS_REFUSED_SYSTEM, "cannot start the %s worker: %s",
		  a->room.program, strerror(-r));
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

/* The worker said no, in so many words. */
static int
tell_no(struct ln_session *s, const struct ask *a)
{
	struct ps_msg_VERIFY_FAILED v;
	struct ps_msg_UNPACK_FAILED u;
	uint32_t code;

	if (a->bad == PS_UNPACK_FAILED) {
		if (ps_decode_UNPACK_FAILED(frame.payload, frame.length, &u) < 0)
			return -EPROTO;
		code = u.code == PS_UNPACK_SYSTEM ? PS_REFUSED_SYSTEM
						  : PS_REFUSED_IMAGE;
		return ln_refuse(s, code, "%s", u.text);
	}
	if (ps_decode_VERIFY_FAILED(frame.payload, frame.length, &v) < 0)
		return -EPROTO;
	code = v.code == PS_VERIFY_SYSTEM ? PS_REFUSED_SYSTEM
	    : v.code == PS_VERIFY_NO_KEY  ? PS_REFUSED_TRUST
					  : PS_REFUSED_SIGNATURE;
	return ln_refuse(s, code, "%s", v.text);
}

/* A good frame that is not what it must be is a broken worker too. */
static int
broken(struct ln_session *s, const struct ask *a, int error)
{
	ps_frame_close(&frame);
	return ln_refuse(s, PS_REFUSED_SYSTEM,
	    "the %s worker %s; nothing was admitted", a->room.program,
	    error == -ETIMEDOUT ? "did not answer in time"
		: error == -EPIPE ? "died without an answer"
				  : "broke its protocol");
}

/* Hears the answer of a started worker into frame.  0: it is a good one. */
static int
hear(struct ln_session *s, struct ask *a, uint16_t good, int sent)
{
	int r = sent < 0 ? sent : ps_recv(&a->chan, &frame, a->timeout);
	bool answered = r == 0;
	int end;

	if (answered && frame.type != good)
		r = frame.type == a->bad ? tell_no(s, a) : -EPROTO;
	end = finish(a, answered);
	ln_words_say(s, a->room.program);
	if (r > 0 || (answered && r < 0 && r != -EPROTO))
		return r; /* told, or no one is there to be told */
	return r == 0 && end == 0 ? 0 : broken(s, a, r);
}

/* What the functions below return: 0 and *ret, which points into frame; 1
 * REFUSED was sent; or a negative errno. */
#define HEAR(s, a, sent, ANSWER, ret)                                          \
	__extension__({                                                        \
		int heard_ = hear(s, a, PS_##ANSWER, sent);                    \
		heard_ == 0 && ps_decode_##ANSWER(frame.payload, frame.length, \
				   ret) < 0 ? broken(s, a, 0) : heard_;        \
	})
#define ASK(s, a, QUESTION, m, fds, n, ANSWER, ret)                            \
	__extension__({                                                        \
		int asked_ = start(s, a);                                      \
		asked_ != 0 ? asked_                                           \
		    : HEAR(s, a, PS_SEND(&(a)->chan, QUESTION, m, fds, n),     \
			  ANSWER, ret);                                        \
	})

/* A trust store directory, or /dev/null where there is none. */
static int
trust_fd(int trust)
{
	return trust >= 0 ? ln_open_dir(trust, ".")
			  : sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, SYS_HOST);
}

int
ln_worker_check(struct ln_session *s, const struct ln_slot *image,
    const struct ln_slot *signature, const char *name, bool second,
    struct ps_msg_VERDICT *ret)
{
	struct ask a = verify_ask(s, image->size, second);
	struct ps_msg_CHECK m = { .name = name, .now = sys_now() };
	_cleanup_fd_ int system = trust_fd(s->system_trust);
	_cleanup_fd_ int local = trust_fd(s->local_trust);
	const int fds[] = { image->fd, signature->fd, system, local };

	return ASK(s, &a, CHECK, &m, fds, 4, VERDICT, ret);
}

int
ln_worker_unpack(struct ln_session *s, const struct ln_slot *image,
    int rootfs, int manifest, struct ps_msg_UNPACKED *ret)
{
	struct ask a = unpack_ask(s, image->size);
	const int fds[] = { image->fd, rootfs, manifest };
	struct ps_msg_UNPACK m = { .max_tar = s->policy.max_tree,
		.max_ratio = s->policy.max_ratio,
		.max_entries = (uint32_t)s->policy.max_entries,
		.max_manifest = PS_MAX_MANIFEST };

	return ASK(s, &a, UNPACK, &m, fds, 3, UNPACKED, ret);
}

int
ln_worker_digest(struct ln_session *s, int rootfs, struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, ANY_SIZE);
	struct ps_msg_DIGEST_TREE m = { 0 };

	return ASK(s, &a, DIGEST_TREE, &m, &rootfs, 1, TREE, ret);
}

int
ln_worker_render(struct ln_session *s, const struct ln_rendering *what,
    struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, ANY_SIZE);
	const int fds[] = { what->rootfs, what->manifest };
	struct ps_msg_RENDER m = { .layers = (uint16_t)what->n, .bare = what->bare,
		.max_tree = s->policy.max_tree,
		.max_entries = (uint32_t)s->policy.max_entries };
	struct ps_msg_LAYERS more = { 0 };
	int r = start(s, &a);

	if (r != 0)
		return r;
	r = PS_SEND(&a.chan, RENDER, &m, fds, what->manifest < 0 ? 1 : 2);
	for (size_t at = 0, k; r == 0 && at < what->n; at += k) {
		k = what->n - at < PS_MAX_FDS ? what->n - at : PS_MAX_FDS;
		r = PS_SEND(&a.chan, LAYERS, &more, what->trees + at, k);
	}
	return HEAR(s, &a, r, TREE, ret);
}

int
ln_worker_pack(struct ln_session *s, const int fds[3], uint32_t base,
    struct ps_msg_TREE *ret)
{
	struct ask a = unpack_ask(s, ANY_SIZE);
	struct ps_msg_PACK m = { .max_tree = s->policy.max_tree,
		.max_entries = (uint32_t)s->policy.max_entries };

	a.room.base = base;
	return ASK(s, &a, PACK, &m, fds, 3, TREE, ret);
}

int
ln_worker_review(struct ln_session *s, int key, struct ps_msg_KEYLIST *ret)
{
	struct ask a = verify_ask(s, 0, false);
	struct ps_msg_REVIEW m = { 0 };

	return ASK(s, &a, REVIEW, &m, &key, 1, KEYLIST, ret);
}

int
ln_worker_export(struct ln_session *s, const struct ln_slot *key,
    const char *fingerprint, int *ret_key, uint64_t *ret_size)
{
	struct ask a = verify_ask(s, 0, false);
	struct ps_msg_EXPORT m = { .fingerprint = fingerprint };
	struct ps_msg_EXPORTED answer;
	int r = ASK(s, &a, EXPORT, &m, &key->fd, 1, EXPORTED, &answer);

	if (r != 0)
		return r;
	if (ps_check_sealed(frame.fds[0], PS_MAX_KEY, ret_size) < 0 ||
	    *ret_size == 0)
		return broken(s, &a, 0);
	*ret_key = take_fd(frame.fds[0]);
	return 0;
}

int
ln_worker_fetcher(struct ln_session *s, const int *slots, size_t n, int *ret_chan)
{
	struct ln_room room = { .program = "fetcher", .uid = s->fetch.uid,
		.gid = s->fetch.gid, .max_file = s->policy.max_image,
		.max_fds = 64, .fds = slots, .nfds = n };

	return spawn(s, &room, &s->fetcher, ret_chan);
}

int
ln_worker_conductor(struct ln_session *s)
{
	struct ln_room room = { .program = "conductor", .uid = s->rkt.uid,
		.gid = s->rkt.gid, .conductor = true, .max_fds = 256,
		.argv = s->argv.argv, .env = s->env };

	s->control = (struct ps_chan){ .fd = -1, .peer = 'C' };
	return s->conductor_pid = spawn(s, &room, &s->conductor, &s->control.fd);
}
