#pragma once
/*
 * DIGEST_TREE: what lies on disk, digested as verifier/tree.h says.
 */
#include "verifier/unpack/digest.h"
#include "verifier/unpack/failure.h"

struct vf_scan {
	uint8_t tree[VF_TREE_DIGEST];
	uint64_t tree_size; /* bytes of all regular files, each once */
	uint32_t entries;   /* names below the root */
};

/* 0, -EBADMSG (something that no image can hold), or another errno; the
 * failure says why. */
int vf_scan(int root, struct vf_failure *f, struct vf_scan *ret);
