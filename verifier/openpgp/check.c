/*
 * The whole of CHECK (verify room, user rkt-verify, no network).  HOSTILE: the
 * signature, the image, and the keys as far as their makers are.  In order:
 * our own walk of the signature, the keys that it names and the trust store
 * has, gpg over the image while we take its SHA-512, and then every signature
 * judged.  One that is not good refuses the image, whatever the others are.
 */
#include "verifier/openpgp/check.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "verifier/openpgp/armour.h"
#include "verifier/openpgp/home.h"
#include "verifier/openpgp/signer.h"

/* What is read and hashed at once while gpg empties its pipe of 64 KiB. */
#define PUMP_SIZE "65536"

struct pump {
	int fd;
	uint64_t at;
	bool eof;
	EVP_MD_CTX *md;
};

struct job {
	const struct vf_subject *s;
	const struct vf_trust *trust;
	struct vf_home home;
	struct vf_fail *fail;
	size_t n; /* signatures */
	struct vf_signature v[VF_MAX_SIGNATURES];
	uint8_t raw[PS_MAX_SIGNATURE];
	size_t raw_n;
	uint8_t packets[PS_MAX_SIGNATURE]; /* binary */
	size_t packets_n;
	bool imported[VF_MAX_ENTRIES];
};

/* HOSTILE: the signature file. */
static int
read_signature(struct job *j)
{
	const char *why = "";
	int r;

	if (j->s->signature_size > sizeof(j->raw))
		return vf_fail(j->fail, PS_VERIFY_FORMAT, "signature too large");
	j->raw_n = (size_t)j->s->signature_size;
	r = ps_pread_full(j->s->signature, j->raw, j->raw_n, 0);
	if (r < 0)
		return r;
	if (vf_is_binary(j->raw, j->raw_n)) {
		memcpy(j->packets, j->raw, j->raw_n);
		j->packets_n = j->raw_n;
	} else if (vf_dearmour(j->raw, j->raw_n, VF_SIGNATURE, j->packets,
		       &j->packets_n) < 0) {
		return vf_fail(j->fail, PS_VERIFY_FORMAT,
		    "not exactly one armoured signature");
	}
	if (vf_parse_signatures(j->packets, j->packets_n, j->v, &j->n, &why) < 0)
		return vf_fail(j->fail, PS_VERIFY_FORMAT, "%s", why);
	for (size_t i = 0; r == 0 && i < j->n; i++)
		r = vf_judge_packet(&j->v[i], j->s->now, j->fail);
	return r;
}

/* The key file's packets; false if it is not the key that it is named for. */
static bool
read_key(const struct vf_entry *e, const uint8_t **ret, size_t *ret_n,
    struct vf_key_ids *ret_ids)
{
	static uint8_t packets[PS_MAX_KEY];
	char fpr[VF_FPR_HEX];

	*ret = e->bytes;
	*ret_n = e->n;
	if (!vf_is_binary(e->bytes, e->n)) {
		if (vf_dearmour(e->bytes, e->n, VF_PUBLIC_KEY, packets, ret_n) < 0)
			return false;
		*ret = packets;
	}
	if (vf_parse_keys(*ret, *ret_n, ret_ids) < 0)
		return false;
	vf_hex(ret_ids->v[0].fpr, ret_ids->v[0].fpr_n, fpr);
	return strcmp(fpr, e->fpr) == 0;
}

/* Only the first key of a file is trusted by the file's name. */
static bool
names_key(const struct vf_signature *s, const struct vf_key_ids *ids)
{
	for (size_t i = 0; i < ids->n && (i == 0 || !ids->v[i].primary); i++)
		if (vf_may_be_issuer(s, &ids->v[i]))
			return true;
	return false;
}

static int
no_key(struct job *j, size_t i)
{
	char id[VF_FPR_HEX];
	uint8_t key_id[8];

	for (unsigned k = 0; k < 8; k++)
		key_id[k] = (uint8_t)(j->v[i].issuer >> (56 - 8 * k));
	if (j->v[i].fpr_n != 0)
		vf_hex(j->v[i].fpr, j->v[i].fpr_n, id);
	else
		vf_hex(key_id, sizeof(key_id), id);
	return vf_fail(j->fail, PS_VERIFY_NO_KEY,
	    "signed by key %s, which is not trusted for %s", id,
	    j->s->name[0] ? j->s->name : "any name");
}

/* Into gpg's home go the keys that a signature names, no others: a bad key
 * file spoils nothing but what is signed by it. */
static int
import_keys(struct job *j)
{
	static struct vf_key_ids ids;
	bool found[VF_MAX_SIGNATURES] = { false };
	const uint8_t *p;
	size_t n;

	for (size_t e = 0; e < j->trust->n; e++) {
		const struct vf_entry *entry = &j->trust->v[e];
		bool named = false;

		if (entry->masked || entry->mask ||
		    !read_key(entry, &p, &n, &ids))
			continue;
		for (size_t i = 0; i < j->n; i++)
			if (names_key(&j->v[i], &ids))
				named = found[i] = true;
		if (named)
			j->imported[e] = vf_home_import(&j->home, p, n) == 0;
	}
	for (size_t i = 0; i < j->n; i++)
		if (!found[i])
			return no_key(j, i);
	return 0;
}

static bool
is_trusted(const struct job *j, const char *fpr)
{
	for (size_t e = 0; e < j->trust->n; e++)
		if (j->imported[e] && !j->trust->v[e].masked &&
		    strcmp(j->trust->v[e].fpr, fpr) == 0)
			return true;
	return false;
}

/* gpgme asks for the next piece of the image. */
static ssize_t
pump_read(void *opaque, void *buffer, size_t size)
{
	struct pump *p = opaque;
	ssize_t n;

	do {
		n = pread(p->fd, buffer, size, (off_t)p->at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n == 0) {
		p->eof = true;
		return 0;
	}
	p->at += (uint64_t)n;
	if (EVP_DigestUpdate(p->md, buffer, (size_t)n) != 1) {
		errno = EIO;
		return -1;
	}
	return n;
}

static int
run_gpg(struct job *j, struct pump *p)
{
	struct gpgme_data_cbs cbs = { .read = pump_read };
	gpgme_data_t signature = NULL, image = NULL;
	gpgme_error_t e;

	e = gpgme_data_new_from_mem(&signature, (const char *)j->packets,
	    j->packets_n, 0);
	if (e == 0)
		e = gpgme_data_new_from_cbs(&image, &cbs, p);
	if (e == 0)
		e = gpgme_data_set_flag(image, "io-buffer-size", PUMP_SIZE);
	if (e == 0)
		e = gpgme_op_verify(j->home.ctx, signature, image, NULL);
	gpgme_data_release(image);
	gpgme_data_release(signature);
	if (e != 0)
		return vf_fail(j->fail, PS_VERIFY_BAD,
		    "signature not accepted: %s", gpgme_strerror(e));
	return 0;
}

/* gpg over the image; *ret_raw is the digest of every byte of the file. */
static int
verify(struct job *j, uint8_t ret_raw[PS_DIGEST])
{
	struct pump p = { .fd = j->s->image, .md = EVP_MD_CTX_new() };
	unsigned n = 0;
	int r = -ENOMEM;

	if (p.md && EVP_DigestInit_ex(p.md, EVP_sha512(), NULL) == 1) {
		r = run_gpg(j, &p);
		if (EVP_DigestFinal_ex(p.md, ret_raw, &n) != 1 || n != PS_DIGEST)
			r = -EIO;
	}
	EVP_MD_CTX_free(p.md);
	if (r == 0 && p.at != j->s->image_size)
		p.eof = false;
	/* A bad signature may end the reading early, a good one may not. */
	if (r == 0 && !p.eof && gpgme_op_verify_result(j->home.ctx) &&
	    gpgme_op_verify_result(j->home.ctx)->signatures &&
	    gpgme_op_verify_result(j->home.ctx)->signatures->status == 0)
		return -EIO;
	return r;
}

static void
add_signer(struct vf_verdict *v, const char *fpr, const struct _gpgme_key *key)
{
	const struct _gpgme_user_id *uid = key->uids;

	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->signers[i], fpr) == 0)
			return;
	while (uid && (uid->revoked || uid->invalid))
		uid = uid->next;
	memcpy(v->signers[v->n], fpr, strlen(fpr) + 1);
	vf_print(v->identities[v->n], VF_IDENTITY,
	    uid && uid->uid ? uid->uid : "");
	v->n++;
}

static int
judge(struct job *j, const struct _gpgme_signature *s, struct vf_verdict *v)
{
	char fpr[VF_FPR_HEX];
	gpgme_key_t key = NULL;
	int r = vf_judge_status(s, j->fail);

	if (r == 0)
		r = vf_judge_key(&j->home, s, &key, j->fail);
	if (key == NULL)
		return r < 0 ? r : -EIO;
	if (s->timestamp > j->s->now + VF_CLOCK_SKEW)
		r = vf_fail(j->fail, PS_VERIFY_TIME,
		    "the signature is dated in the future");
	else if (!vf_lower_fpr(key->subkeys->fpr, fpr) || !is_trusted(j, fpr))
		r = vf_fail(j->fail, PS_VERIFY_NO_KEY,
		    "the signing key is not trusted for that name");
	else
		add_signer(v, fpr, key);
	gpgme_key_unref(key);
	if (r == 0 && s->timestamp > v->signed_at)
		v->signed_at = s->timestamp;
	return r;
}

/* The count must be that of our own walk: gpg answers "success" for none, and
 * stops at a bad one.  The results are copied out first, for gpgme keeps them
 * no longer than until its next operation. */
static int
judge_all(struct job *j, struct vf_verdict *v)
{
	gpgme_verify_result_t result = gpgme_op_verify_result(j->home.ctx);
	size_t n = 0;
	int r = 0;

	if (result == NULL)
		return -EIO;
	gpgme_result_ref(result);
	for (gpgme_signature_t s = result->signatures; s; s = s->next)
		n++;
	for (gpgme_signature_t s = result->signatures; r == 0 && s; s = s->next)
		r = judge(j, s, v);
	if (r == 0 && (n != j->n || n == 0))
		r = vf_fail(j->fail, PS_VERIFY_FORMAT,
		    "%zu signatures, of which %zu were looked at", j->n, n);
	gpgme_result_unref(result);
	return r;
}

int
vf_check(const struct vf_subject *s, const struct vf_trust *trust,
    struct vf_verdict *ret, struct vf_fail *ret_fail)
{
	static struct job j;
	struct vf_verdict v = { .n = 0 };
	int r;

	j = (struct job){ .s = s, .trust = trust, .fail = ret_fail };
	r = read_signature(&j);
	if (r == 0)
		r = vf_home_open(s->now, &j.home);
	if (r < 0)
		return r;
	r = import_keys(&j);
	if (r == 0)
		r = verify(&j, v.raw);
	if (r == 0)
		r = judge_all(&j, &v);
	vf_home_close(&j.home);
	if (r == 0)
		*ret = v;
	return r;
}
