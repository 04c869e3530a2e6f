/*
 * The rules for one signature (verify room, user rkt-verify).  HOSTILE: the
 * signature and, through gpg, all that it claims.  gpgme returns "valid" for
 * SHA-1 and for a date years ahead: digest, time and key are judged here.
 */
#include "verifier/openpgp/signer.h"

#include <errno.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/name.h"

/* Digests, by OpenPGP's numbers (gpgme's are the same). */
static const uint8_t good_hashes[] = { 8, 9, 10, 12, 14 };

static const struct {
	gpgme_pubkey_algo_t algo;
	unsigned least; /* bits */
	const char *curve;
} good_keys[] = {
	{ GPGME_PK_RSA, 3072, NULL },
	{ GPGME_PK_RSA_S, 3072, NULL },
	{ GPGME_PK_EDDSA, 255, "ed25519" },
	{ GPGME_PK_EDDSA, 448, "ed448" },
	{ GPGME_PK_ECDSA, 256, "nistp256" },
	{ GPGME_PK_ECDSA, 384, "nistp384" },
	{ GPGME_PK_ECDSA, 521, "nistp521" },
};

static const struct {
	gpg_err_code_t error;
	uint32_t code;
	const char *text;
} statuses[] = {
	{ GPG_ERR_BAD_SIGNATURE, PS_VERIFY_BAD,
	    "bad signature: the image, or its signature, was changed" },
	{ GPG_ERR_NO_PUBKEY, PS_VERIFY_NO_KEY, "no usable key for the signature" },
	{ GPG_ERR_SIG_EXPIRED, PS_VERIFY_EXPIRED, "the signature has expired" },
	{ GPG_ERR_KEY_EXPIRED, PS_VERIFY_EXPIRED, "the signing key has expired" },
	{ GPG_ERR_CERT_REVOKED, PS_VERIFY_REVOKED, "the signing key is revoked" },
	{ GPG_ERR_DIGEST_ALGO, PS_VERIFY_ALGORITHM, "digest algorithm refused" },
	{ GPG_ERR_PUBKEY_ALGO, PS_VERIFY_ALGORITHM, "key algorithm refused" },
	{ GPG_ERR_UNSUPPORTED_ALGORITHM, PS_VERIFY_ALGORITHM,
	    "algorithm not supported" },
	{ GPG_ERR_TIME_CONFLICT, PS_VERIFY_TIME,
	    "the signature is older than its key" },
};

static bool
is_good_hash(unsigned algo)
{
	return algo <= UINT8_MAX &&
	    memchr(good_hashes, (int)algo, sizeof(good_hashes)) != NULL;
}

int
vf_judge_packet(const struct vf_signature *s, uint64_t now,
    struct vf_fail *ret_fail)
{
	if (s->version != 4)
		return vf_fail(ret_fail, PS_VERIFY_FORMAT,
		    "version %u signatures are not supported", s->version);
	if (!is_good_hash(s->hash_algo))
		return vf_fail(ret_fail, PS_VERIFY_ALGORITHM,
		    "digest algorithm %u is too weak", s->hash_algo);
	if (s->created > now + VF_CLOCK_SKEW)
		return vf_fail(ret_fail, PS_VERIFY_TIME,
		    "the signature is dated in the future");
	return 0;
}

int
vf_judge_status(const struct _gpgme_signature *s, struct vf_fail *ret_fail)
{
	const unsigned bad = GPGME_SIGSUM_RED | GPGME_SIGSUM_KEY_REVOKED |
	    GPGME_SIGSUM_KEY_EXPIRED | GPGME_SIGSUM_SIG_EXPIRED |
	    GPGME_SIGSUM_KEY_MISSING | GPGME_SIGSUM_CRL_MISSING |
	    GPGME_SIGSUM_CRL_TOO_OLD | GPGME_SIGSUM_BAD_POLICY |
	    GPGME_SIGSUM_SYS_ERROR | GPGME_SIGSUM_TOFU_CONFLICT;
	gpg_err_code_t error = gpgme_err_code(s->status);
	char fpr[VF_FPR_HEX];

	for (size_t i = 0; error != 0 && i < PS_COUNT(statuses); i++)
		if (statuses[i].error == error)
			return vf_fail(ret_fail, statuses[i].code, "%s",
			    statuses[i].text);
	if (error != 0)
		return vf_fail(ret_fail, PS_VERIFY_BAD,
		    "signature not accepted: %s", gpgme_strerror(s->status));
	if (((unsigned)s->summary & bad) != 0 || s->wrong_key_usage != 0 ||
	    s->validity_reason != 0 || !vf_lower_fpr(s->fpr, fpr))
		return vf_fail(ret_fail, PS_VERIFY_BAD,
		    "signature not accepted (summary %#x)",
		    (unsigned)s->summary);
	if (!is_good_hash((unsigned)s->hash_algo))
		return vf_fail(ret_fail, PS_VERIFY_ALGORITHM,
		    "digest algorithm %u is too weak", (unsigned)s->hash_algo);
	return 0;
}

bool
vf_lower_fpr(const char *fpr, char ret[VF_FPR_HEX])
{
	size_t n = fpr ? strlen(fpr) : 0;

	if (n != 40 && n != 64)
		return false;
	for (size_t i = 0; i <= n; i++)
		ret[i] = (char)(fpr[i] >= 'A' && fpr[i] <= 'F' ? fpr[i] + 32 :
								 fpr[i]);
	return ps_is_hex(ret, n);
}

static int
judge_algorithm(const struct _gpgme_subkey *k, struct vf_fail *ret_fail)
{
	for (size_t i = 0; i < PS_COUNT(good_keys); i++) {
		const char *curve = good_keys[i].curve;

		if (k->pubkey_algo != good_keys[i].algo ||
		    k->length < good_keys[i].least)
			continue;
		if (curve == NULL || (k->curve && strcmp(k->curve, curve) == 0))
			return 0;
	}
	return vf_fail(ret_fail, PS_VERIFY_ALGORITHM,
	    "the signing key is too weak (%s, %u bits)",
	    gpgme_pubkey_algo_name(k->pubkey_algo), k->length);
}

/* A primary key or the subkey that signed. */
static int
judge_subkey(const struct _gpgme_subkey *k, const struct _gpgme_signature *s,
    struct vf_fail *ret_fail)
{
	if (k->revoked)
		return vf_fail(ret_fail, PS_VERIFY_REVOKED,
		    "the signing key is revoked");
	if (k->expired)
		return vf_fail(ret_fail, PS_VERIFY_EXPIRED,
		    "the signing key has expired");
	if (k->disabled || k->invalid || k->timestamp <= 0)
		return vf_fail(ret_fail, PS_VERIFY_NO_KEY,
		    "the signing key is not valid");
	if ((unsigned long)k->timestamp > s->timestamp)
		return vf_fail(ret_fail, PS_VERIFY_TIME,
		    "the signature is older than its key");
	return judge_algorithm(k, ret_fail);
}

/* The subkey that signed, and the primary key that answers for it. */
static int
judge_pair(const struct _gpgme_key *key, const struct _gpgme_signature *s,
    struct vf_fail *ret_fail)
{
	const struct _gpgme_subkey *sub = key->subkeys;
	int r;

	if (key->revoked)
		return vf_fail(ret_fail, PS_VERIFY_REVOKED,
		    "the signing key is revoked");
	if (key->expired)
		return vf_fail(ret_fail, PS_VERIFY_EXPIRED,
		    "the signing key has expired");
	while (sub && (!sub->fpr || strcmp(sub->fpr, s->fpr) != 0))
		sub = sub->next;
	if (key->disabled || key->invalid || !sub || !sub->can_sign)
		return vf_fail(ret_fail, PS_VERIFY_NO_KEY,
		    "the key may not sign");
	r = judge_subkey(key->subkeys, s, ret_fail);
	if (r == 0 && sub != key->subkeys)
		r = judge_subkey(sub, s, ret_fail);
	return r;
}

int
vf_judge_key(struct vf_home *h, const struct _gpgme_signature *s,
    gpgme_key_t *ret_key, struct vf_fail *ret_fail)
{
	gpgme_key_t key = NULL;
	int r;

	if (gpgme_get_key(h->ctx, s->fpr, &key, 0) != 0 || key == NULL ||
	    key->subkeys == NULL)
		return vf_fail(ret_fail, PS_VERIFY_NO_KEY,
		    "no usable key for the signature");
	r = judge_pair(key, s, ret_fail);
	if (r < 0)
		gpgme_key_unref(key);
	else
		*ret_key = key;
	return r;
}
