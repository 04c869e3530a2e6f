#pragma once
/*
 * CHECK: a detached signature over an image, with only the keys that the trust
 * store has for the name.  Caller: the verify worker, inside its sandbox.
 */
#include <stddef.h>
#include <stdint.h>

#include "privsep/limits.h"
#include "verifier/openpgp/packet.h"
#include "verifier/openpgp/report.h"
#include "verifier/openpgp/trust.h"

#define VF_IDENTITY 512u

struct vf_verdict {
	uint8_t raw[PS_DIGEST];
	size_t n;
	char signers[VF_MAX_SIGNATURES][VF_FPR_HEX];
	char identities[VF_MAX_SIGNATURES][VF_IDENTITY];
	uint64_t signed_at;
};

struct vf_subject {
	const char *name;     /* for messages; the keys are chosen already */
	int image, signature; /* proved: regular files, read only */
	uint64_t image_size, signature_size;
	uint64_t now;
};

/* 0: all of it holds.  -EKEYREJECTED: it does not, *ret_fail says why. */
int vf_check(const struct vf_subject *s, const struct vf_trust *trust,
    struct vf_verdict *ret, struct vf_fail *ret_fail);
