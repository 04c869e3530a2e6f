#pragma once
/*
 * One signature that gpg has looked at, and the key that made it: is it good
 * enough?  Caller: check.c.  Success of gpg is necessary, never sufficient.
 */
#include <stdbool.h>
#include <stdint.h>

#include "verifier/openpgp/home.h"
#include "verifier/openpgp/packet.h"
#include "verifier/openpgp/report.h"

#define VF_CLOCK_SKEW 300u /* seconds that a signer's clock may be ahead */

/* What the pre-parser saw, before gpg: version, digest, time. */
int vf_judge_packet(const struct vf_signature *s, uint64_t now,
    struct vf_fail *ret_fail);

/* What gpg says of one signature. */
int vf_judge_status(const struct _gpgme_signature *s, struct vf_fail *ret_fail);

/* The key behind it: state, algorithms, sizes, times.  On success *ret_key is
 * the primary key; the caller unrefs. */
int vf_judge_key(struct vf_home *h, const struct _gpgme_signature *s,
    gpgme_key_t *ret_key, struct vf_fail *ret_fail);

/* A fingerprint of gpgme's (40 or 64 hex digits) in lower case. */
bool vf_lower_fpr(const char *fpr, char ret[VF_FPR_HEX]);
