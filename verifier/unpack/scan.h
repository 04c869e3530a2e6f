#pragma once
/*
 * DIGEST_TREE: what lies on disk, digested as verifier/tree.h says; and the
 * walk that it takes.
 */
#include "verifier/unpack/crew.h"
#include "verifier/unpack/digest.h"
#include "verifier/unpack/failure.h"

/* Each name below root, in the order of tree.h; the root itself is "".  take
 * owns job->path and a file's descriptor, whatever it returns. */
struct vf_visit {
	int (*take)(void *arg, const struct vf_job *job);
	void *arg;
	uint32_t max_entries; /* 0: no bound */
	bool is_lenient; /* what no image can hold is left out, not refused */
	/* Results. */
	uint32_t entries, left_out;
};

/* As vf_scan. */
int vf_visit(int root, struct vf_failure *f, struct vf_visit *v);

struct vf_scan {
	uint8_t tree[VF_TREE_DIGEST];
	uint64_t tree_size; /* bytes of all regular files, each once */
	uint32_t entries;   /* names below the root */
};

/* 0, -EBADMSG (something that no image can hold), or another errno; the
 * failure says why. */
int vf_scan(int root, struct vf_failure *f, struct vf_scan *ret);
