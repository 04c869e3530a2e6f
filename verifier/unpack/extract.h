#pragma once
/*
 * The second half of the pipeline: tar bytes, read by libarchive, compared
 * member by member with the strict pre-walk, through the plan to the disk.
 */
#include <stddef.h>
#include <stdint.h>

#include "verifier/unpack/disk.h"
#include "verifier/unpack/plan.h"
#include "verifier/unpack/walk.h"

/* Where tar bytes come from: 1 and a piece that is good until the next call,
 * 0 the end, or a negative errno. */
typedef int vf_next(void *arg, const uint8_t **ret, size_t *ret_n);

struct vf_extract {
	struct vf_failure *failure;
	vf_next *next;
	void *arg;
	int root; /* -1: a rehearsal */
	uint32_t max_entries, max_manifest;
	/* Results. */
	struct vf_plan *plan;
	char *manifest; /* its bytes, one NUL behind them */
	size_t n_manifest;
	uint8_t tree[VF_TREE_DIGEST];
};

/* 0, -EBADMSG (the failure says why), or another negative errno. */
int vf_extract(struct vf_extract *x);
void vf_extract_free(struct vf_extract *x);
