/*
 * second: the second opinion.  Answers one CHECK of the launcher with the word
 * of another OpenPGP implementation (sqv, Sequoia), as a user of its own; the
 * launcher lets an image in only when it and verify agree.  Runs as user
 * rkt-second in namespaces of its own, without network.  HOSTILE: the image
 * and the signature; the launcher and the trust store are not, and the store
 * is read before the sandbox closes.  sqv itself is taken to be honest, never
 * to be unbreakable: what it prints is matched against the trusted keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "policies/second.h"
#include "privsep/attr.h"
#include "privsep/chan.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/worker.h"
#include "verifier/openpgp/armour.h"
#include "verifier/openpgp/packet.h"
#include "verifier/openpgp/report.h"
#include "verifier/openpgp/trust.h"

#define SQV "/usr/bin/sqv"
#define MAX_IMAGE ((uint64_t)1 << 40)
#define MAX_KEYS 64 /* handed to sqv */

static const struct ps_reach reach[] = {
	{ .path = SQV, .execute = true },
	{ .path = "/lib64/ld-linux-x86-64.so.2", .execute = true },
	{ .path = "/lib/ld-linux-aarch64.so.1", .execute = true },
	{ .path = "/usr/lib" },
	{ .path = "/usr/lib64" },
	{ .path = "/etc/ld.so.cache" },
	{ .path = "/dev/null", .write = true },
	{ .path = "/tmp", .write = true },
	{ 0 },
};

static const struct ps_worker worker = { .name = "second", .peer = 'L' };

static struct ps_frame frame;
static struct ps_chan chan;

struct subject {
	int image, signature;
	uint64_t image_size;
	size_t signatures; /* packets in it */
};

static void
close_sandbox(const struct subject *s)
{
	const int files[] = { s->image, s->signature };
	int r = ps_landlock(reach, files, PS_COUNT(files));

	if (r == 0)
		r = ps_seccomp(policy_second, PS_COUNT(policy_second));
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "the sandbox cannot be applied: %s",
		    strerror(-r));
}

/* HOSTILE: the signature file.  One detached signature or a few, nothing
 * else; sqv is asked to find all of them good. */
static int
count_signatures(struct subject *s, struct vf_fail *f)
{
	static uint8_t text[PS_MAX_SIGNATURE], packets[PS_MAX_SIGNATURE];
	static struct vf_signature found[VF_MAX_SIGNATURES];
	const char *why = "not one detached signature";
	uint64_t size;
	size_t n;
	int r = ps_check_file(s->signature, sizeof(text), &size);

	if (r == 0)
		r = ps_pread_full(s->signature, text, size, 0);
	if (r < 0)
		return vf_fail(f, PS_VERIFY_FORMAT, "the signature is too large");
	if (vf_is_binary(text, size)) {
		memcpy(packets, text, size);
		n = size;
	} else {
		r = vf_dearmour(text, size, VF_SIGNATURE, packets, &n);
	}
	if (r == 0)
		r = vf_parse_signatures(packets, n, found, &s->signatures, &why);
	return r < 0 ? vf_fail(f, PS_VERIFY_FORMAT, "%s", why) : 0;
}

static int
write_key(size_t i, const struct vf_entry *e, char ret[32])
{
	_cleanup_fd_ int fd = -1;

	(void)snprintf(ret, 32, "/tmp/key-%zu", i);
	fd = open(ret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : ps_write_full(fd, e->bytes, e->n);
}

/* argv of sqv: every trusted key is a keyring of its own. */
static int
write_keys(const struct vf_trust *t, char **argv, size_t *n, struct vf_fail *f)
{
	static char names[MAX_KEYS][32];
	static char flag[] = "--keyring";
	size_t keys = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct vf_entry *e = &t->v[i];

		if (e->mask || e->masked)
			continue;
		if (keys == MAX_KEYS)
			return vf_fail(f, PS_VERIFY_SYSTEM,
			    "more than %d keys are trusted for this name", MAX_KEYS);
		if (write_key(keys, e, names[keys]) < 0)
			return vf_fail(f, PS_VERIFY_SYSTEM, "cannot hand sqv the keys");
		argv[(*n)++] = flag;
		argv[(*n)++] = names[keys++];
	}
	if (keys == 0)
		return vf_fail(f, PS_VERIFY_NO_KEY, "no key is trusted for this name");
	return 0;
}

static _noreturn_ void
become_sqv(char *const *argv, const struct subject *s, int out)
{
	char *const env[] = { NULL };

	if (fcntl(s->image, F_SETFD, 0) < 0 || fcntl(s->signature, F_SETFD, 0) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(PS_EXIT_SYSTEM);
	(void)execve(SQV, argv, env);
	_exit(PS_EXIT_SYSTEM);
}

/* Starts sqv; *ret_out is what it prints. */
static int
start_sqv(char *const *argv, const struct subject *s, pid_t *ret_pid, int *ret_out)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ret_pid = fork();
	if (*ret_pid == 0)
		become_sqv(argv, s, p[1]);
	(void)close(p[1]);
	*ret_out = p[0];
	return *ret_pid < 0 ? -errno : 0;
}

/* SHA-512 of the image while sqv reads it too. */
static int
digest(const struct subject *s, uint8_t ret[PS_DIGEST])
{
	static uint8_t buffer[1 << 17];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int good = ctx && EVP_DigestInit_ex(ctx, EVP_sha512(), NULL), r = 0;

	for (uint64_t at = 0; good && r == 0 && at < s->image_size;) {
		uint64_t left = s->image_size - at;
		size_t step = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);

		r = ps_pread_full(s->image, buffer, step, at);
		good = EVP_DigestUpdate(ctx, buffer, step);
		at += step;
	}
	good = good && EVP_DigestFinal_ex(ctx, ret, NULL);
	EVP_MD_CTX_free(ctx);
	return good ? r : -ENOMEM;
}

static bool
is_trusted(const struct vf_trust *t, const char *fpr)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].mask && !t->v[i].masked && strcmp(t->v[i].fpr, fpr) == 0)
			return true;
	return false;
}

/* sqv prints a primary fingerprint a line, upper case. */
static int
read_signers(char *text, const struct vf_trust *t, struct ps_msg_VERDICT *v,
    struct vf_fail *f)
{
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
		for (char *p = line; *p; p++)
			if (*p >= 'A' && *p <= 'F')
				*p = (char)(*p - 'A' + 'a');
		if (v->n_signers == PS_COUNT(v->signers) ||
		    (strlen(line) != 40 && strlen(line) != 64) ||
		    !ps_is_hex(line, strlen(line)) || !is_trusted(t, line))
			return vf_fail(f, PS_VERIFY_NO_KEY,
			    "the second verifier names a key that is not trusted");
		v->signers[v->n_signers++] = line;
	}
	if (v->n_signers == 0)
		return vf_fail(f, PS_VERIFY_BAD, "the second verifier found no good "
		    "signature");
	return 0;
}

static int
ask_sqv(const struct subject *s, const struct vf_trust *t,
    struct ps_msg_VERDICT *v, struct vf_fail *f)
{
	static char text[1024], count[8], data[32], sig[32];
	static char program[] = SQV, flag[] = "-n";
	char *argv[6 + 2 * MAX_KEYS] = { program, flag, count };
	_cleanup_fd_ int out = -1;
	size_t n = 3, at = 0;
	ssize_t got;
	pid_t pid = -1;
	int status = -1, r = write_keys(t, argv, &n, f);

	if (r < 0)
		return r;
	(void)snprintf(count, sizeof(count), "%zu", s->signatures);
	(void)snprintf(sig, sizeof(sig), "/proc/self/fd/%d", s->signature);
	(void)snprintf(data, sizeof(data), "/proc/self/fd/%d", s->image);
	argv[n++] = sig;
	argv[n++] = data;
	argv[n] = NULL;
	r = start_sqv(argv, s, &pid, &out);
	if (r == 0)
		r = digest(s, v->raw);
	while (r == 0 && at < sizeof(text) - 1 &&
	    (got = read(out, text + at, sizeof(text) - 1 - at)) > 0)
		at += (size_t)got;
	if (r < 0 || waitpid(pid, &status, 0) < 0)
		return vf_fail(f, PS_VERIFY_SYSTEM, "cannot run " SQV);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == PS_EXIT_SYSTEM)
		return vf_fail(f, PS_VERIFY_SYSTEM, "cannot run " SQV
		    " (the package sqv)");
	if (WEXITSTATUS(status) != 0)
		return vf_fail(f, PS_VERIFY_BAD,
		    "the second verifier does not find the signature good");
	return read_signers(text, t, v, f);
}

static int
serve(struct vf_fail *f)
{
	static struct ps_msg_VERDICT verdict;
	struct subject s = { .image = frame.fds[0], .signature = frame.fds[1] };
	struct vf_trust trust;
	struct ps_msg_CHECK m;
	int stores[2], r;

	if (frame.type != PS_CHECK ||
	    ps_decode_CHECK(frame.payload, frame.length, &m) < 0 ||
	    ps_check_file(s.image, MAX_IMAGE, &s.image_size) < 0)
		return -EPROTO;
	for (size_t i = 0; i < PS_COUNT(stores); i++)
		stores[i] = ps_check_dir(frame.fds[2 + i]) == 0 ? frame.fds[2 + i] : -1;
	r = vf_trust_load(stores, m.name, &trust);
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "cannot read the trusted keys: %s",
		    strerror(-r));
	ps_close_fd(&frame.fds[2]);
	ps_close_fd(&frame.fds[3]);
	close_sandbox(&s);
	r = count_signatures(&s, f);
	if (r == 0)
		r = ask_sqv(&s, &trust, &verdict, f);
	if (r < 0) {
		struct ps_msg_VERIFY_FAILED no = { .code = f->code, .text = f->text };

		r = PS_SEND(&chan, VERIFY_FAILED, &no, NULL, 0);
		return r < 0 ? r : 1;
	}
	return PS_SEND(&chan, VERDICT, &verdict, NULL, 0);
}

int
main(void)
{
	static struct vf_fail f;
	int r;

	ps_log_name("second");
	ps_worker_check(&worker, &chan);
	r = ps_recv(&chan, &frame, 60000);
	if (r == -EPIPE)
		return PS_EXIT_OK;
	if (r == 0)
		r = serve(&f);
	if (r >= 0)
		return r == 0 ? PS_EXIT_OK : PS_EXIT_REFUSED;
	ps_log_error(r, "cannot serve the launcher");
	return r == -EPROTO ? PS_EXIT_PROTOCOL : PS_EXIT_SYSTEM;
}
