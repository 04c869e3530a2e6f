#pragma once
/*
 * The packets of an OpenPGP file (RFC 9580), walked before gpg sees them.
 * Trust: the input is whatever a stranger published.  Pure but for a digest of
 * key packets; no allocation.  What is learned here selects keys and refuses;
 * it never approves.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VF_MAX_SIGNATURES 8u
#define VF_MAX_KEY_IDS 64u /* primary keys and subkeys of one file */
#define VF_FPR_HEX 65u	   /* a fingerprint, lower case, and NUL */

struct vf_signature {
	uint8_t version, pk_algo, hash_algo;
	uint32_t created;
	uint64_t issuer; /* 0: not named */
	uint8_t fpr[32];
	size_t fpr_n; /* 0: not named */
};

struct vf_key_id {
	bool primary;
	uint64_t id;
	uint8_t fpr[32];
	size_t fpr_n;
};

struct vf_key_ids {
	size_t n;
	struct vf_key_id v[VF_MAX_KEY_IDS];
};

/*
 * 1..8 Signature packets of version 4 or 6 and type 0x00 and no other byte.
 * 0, or -EBADMSG with the reason in *ret_why.
 */
int vf_parse_signatures(const uint8_t *in, size_t n,
    struct vf_signature ret[VF_MAX_SIGNATURES], size_t *ret_n,
    const char **ret_why);

/* Public keys: the first packet is a primary key; then user ids, attributes,
 * signatures, subkeys, further keys.  0 or -EBADMSG. */
int vf_parse_keys(const uint8_t *in, size_t n, struct vf_key_ids *ret);

/* Could that key have made that signature, by the names in it? */
bool vf_may_be_issuer(const struct vf_signature *s, const struct vf_key_id *k);

void vf_hex(const uint8_t *p, size_t n, char ret[VF_FPR_HEX]);
