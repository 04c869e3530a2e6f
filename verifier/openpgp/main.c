/*
 * verify: answers one CHECK, REVIEW or EXPORT of the launcher and exits.  Runs
 * as user rkt-verify in namespaces of its own, without network.  HOSTILE: the
 * files behind the descriptors; the launcher and the trust store are not.  So
 * the store is read first, then the sandbox closes (gpg, its libraries and an
 * empty /tmp are all that is left), and only then a hostile byte is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policies/verify.h"
#include "privsep/attr.h"
#include "privsep/chan.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/worker.h"
#include "verifier/openpgp/check.h"
#include "verifier/openpgp/review.h"

#define REQUEST_TIMEOUT 60000 /* ms */
#define MAX_IMAGE ((uint64_t)1 << 40)
#define MAX_OPEN 64	/* gpgme closes that many in a child */
#define CPU_BASE 20	/* seconds of processor time, and one more ... */
#define CPU_PER 8388608 /* ... for so many bytes of an image */

static const struct ps_reach reach[] = {
	{ .path = "/usr/bin/gpg", .execute = true },
	{ .path = "/lib64/ld-linux-x86-64.so.2", .execute = true },
	{ .path = "/lib/ld-linux-aarch64.so.1", .execute = true },
	{ .path = "/usr/lib" },
	{ .path = "/usr/lib64" },
	{ .path = "/etc/ld.so.cache" },
	{ .path = "/dev/null", .write = true },
	{ .path = "/dev/urandom" },
	{ .path = "/tmp", .write = true },
	{ 0 },
};

static const struct ps_worker worker = {
	.name = "verify",
	.peer = 'L',
	.reach = reach,
	.filter = policy_verify,
	.filter_length = PS_COUNT(policy_verify),
};

static struct ps_frame frame;
static struct ps_chan chan;

static void
limit(int what, rlim_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit((__rlimit_resource_t)what, &l) < 0)
		ps_die(PS_EXIT_SYSTEM, "cannot set a resource limit");
}

/* From here on: no store, no path but gpg's. */
static void
close_sandbox(uint64_t image_size)
{
	int r = ps_landlock(reach, NULL, 0);

	limit(RLIMIT_NOFILE, MAX_OPEN);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 16 * 1048576);
	limit(RLIMIT_CPU, CPU_BASE + image_size / CPU_PER);
	if (r == 0)
		r = ps_seccomp(worker.filter, worker.filter_length);
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "the sandbox cannot be applied: %s",
		    strerror(-r));
}

static int
send_fail(const struct vf_fail *f)
{
	struct ps_msg_VERIFY_FAILED m = { .code = f->code, .text = f->text };

	return PS_SEND(&chan, VERIFY_FAILED, &m, NULL, 0);
}

/* What is not the signature's fault is still no approval. */
static int
send_error(int r, struct vf_fail *f)
{
	if (r != -EKEYREJECTED)
		(void)vf_fail(f, PS_VERIFY_SYSTEM, "cannot verify: %s",
		    strerror(-r));
	r = send_fail(f);
	return r < 0 ? r : 1;
}

static int
send_verdict(const struct vf_verdict *v)
{
	static struct ps_msg_VERDICT m;

	m.n_signers = m.n_identities = (uint16_t)v->n;
	m.signed_at = v->signed_at;
	memcpy(m.raw, v->raw, sizeof(m.raw));
	for (size_t i = 0; i < v->n; i++) {
		m.signers[i] = v->signers[i];
		m.identities[i] = v->identities[i];
	}
	return PS_SEND(&chan, VERDICT, &m, NULL, 0);
}

/* A directory, or /dev/null for a store that is not there. */
static int
store_fd(int fd, int *ret)
{
	struct stat st;

	*ret = fd;
	if (ps_check_dir(fd) == 0)
		return 0;
	*ret = -1;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(1, 3))
		return -EBADF;
	return 0;
}

static int
serve_check(struct vf_fail *f)
{
	static struct vf_verdict verdict;
	struct ps_msg_CHECK m;
	struct vf_subject s = { .image = frame.fds[0], .signature = frame.fds[1] };
	struct vf_trust trust;
	int stores[2], r;

	if (ps_decode_CHECK(frame.payload, frame.length, &m) < 0 ||
	    ps_check_file(s.image, MAX_IMAGE, &s.image_size) < 0 ||
	    ps_check_file(s.signature, MAX_IMAGE, &s.signature_size) < 0 ||
	    store_fd(frame.fds[2], &stores[0]) < 0 ||
	    store_fd(frame.fds[3], &stores[1]) < 0)
		return -EPROTO;
	s.name = m.name;
	s.now = m.now;
	r = vf_trust_load(stores, m.name, &trust);
	if (r < 0) {
		(void)vf_fail(f, PS_VERIFY_SYSTEM,
		    "cannot read the trusted keys: %s", strerror(-r));
		return send_error(-EKEYREJECTED, f);
	}
	if (trust.odd > 0)
		ps_log("%u unreadable key files are taken as revocations",
		    trust.odd);
	ps_close_fd(&frame.fds[2]);
	ps_close_fd(&frame.fds[3]);
	close_sandbox(s.image_size);
	r = vf_check(&s, &trust, &verdict, f);
	vf_trust_done(&trust);
	return r < 0 ? send_error(r, f) : send_verdict(&verdict);
}

static int
serve_review(struct vf_fail *f)
{
	static struct ps_msg_KEYLIST answer;
	static struct vf_list list;
	struct ps_msg_REVIEW m;
	uint64_t size;
	int r;

	if (ps_decode_REVIEW(frame.payload, frame.length, &m) < 0 ||
	    ps_check_file(frame.fds[0], MAX_IMAGE, &size) < 0)
		return -EPROTO;
	close_sandbox(0);
	r = vf_review(frame.fds[0], size, &list, f);
	if (r < 0)
		return send_error(r, f);
	answer.n_lines = list.n;
	memcpy(answer.lines, list.lines, list.n * sizeof(list.lines[0]));
	return PS_SEND(&chan, KEYLIST, &answer, NULL, 0);
}

static int
serve_export(struct vf_fail *f)
{
	struct ps_msg_EXPORTED answer = { 0 };
	struct ps_msg_EXPORT m;
	uint64_t size;
	int r;

	if (ps_decode_EXPORT(frame.payload, frame.length, &m) < 0 ||
	    ps_check_file(frame.fds[0], MAX_IMAGE, &size) < 0)
		return -EPROTO;
	close_sandbox(0);

	_cleanup_fd_ int fd = vf_export(frame.fds[0], size, m.fingerprint, f);

	if (fd < 0)
		return send_error(fd, f);
	r = PS_SEND(&chan, EXPORTED, &answer, &fd, 1);
	return r;
}

static const struct {
	uint16_t type;
	int (*serve)(struct vf_fail *f); /* 0 done, 1 refused, or -errno */
} requests[] = {
	{ PS_CHECK, serve_check },
	{ PS_REVIEW, serve_review },
	{ PS_EXPORT, serve_export },
};

static int
exit_code(int r)
{
	if (r == 0)
		return PS_EXIT_OK;
	if (r == 1)
		return PS_EXIT_REFUSED;
	ps_log_error(r, "cannot serve the launcher");
	return r == -EPROTO ? PS_EXIT_PROTOCOL : PS_EXIT_SYSTEM;
}

int
main(void)
{
	static struct vf_fail f;
	int r;

	ps_log_name("verify");
	ps_worker_check(&worker, &chan);
	r = ps_recv(&chan, &frame, REQUEST_TIMEOUT);
	if (r == -EPIPE)
		return PS_EXIT_OK;
	if (r < 0)
		return exit_code(r);
	for (size_t i = 0; i < PS_COUNT(requests); i++)
		if (requests[i].type == frame.type)
			return exit_code(requests[i].serve(&f));
	return exit_code(-EPROTO);
}
