#pragma once
/*
 * REVIEW and EXPORT: what is in a key file, for a person to decide, and one of
 * its keys in the form that the trust store keeps.  Caller: the verify worker,
 * inside its sandbox.  The key file is whatever a stranger published.
 */
#include <stddef.h>
#include <stdint.h>

#include "verifier/openpgp/report.h"

#define VF_MAX_LINES 256u
#define VF_MAX_LINE 1024u
#define VF_MAX_LIST 60000u /* bytes, so that one message holds them */

struct vf_list {
	uint16_t n;
	size_t bytes;
	const char *lines[VF_MAX_LINES];
	char text[VF_MAX_LIST];
};

/* 0, -EKEYREJECTED with *ret_fail, or another negative errno. */
int vf_review(int file, uint64_t size, struct vf_list *ret,
    struct vf_fail *ret_fail);

/* A sealed memfd with that one key, minimal and armoured, or as above. */
int vf_export(int file, uint64_t size, const char *fpr, struct vf_fail *ret_fail);
