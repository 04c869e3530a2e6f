#pragma once
/*
 * RENDER: trees of the store laid over each other, by appc's rules.
 *
 * The lower first, each upper one over it: a directory over a directory adds
 * to it and gives it its own mode, owner, time and xattrs (unless it is an
 * implicit one, verifier/tree.h); anything else takes the place of what was
 * there, with all below it, and is never followed.  Names of one file in one
 * layer stay names of one file.  Then, where there is a whitelist, only its
 * paths stay, and the directories that lead to them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/limits.h"
#include "verifier/unpack/failure.h"

#define VF_MAX_TREES (PS_MAX_LAYERS + 1u)

struct vf_render {
	struct vf_failure *failure;
	int root; /* an empty directory */
	bool is_bare; /* its owner and mode stay as they are */
	size_t n_tree;
	int trees[VF_MAX_TREES]; /* directories to read, topmost first */
	size_t n_white;
	const char **white; /* absolute, canonical; sorted here.  0: all stays */
	uint64_t max_tree;  /* bytes of all files */
	uint32_t max_entries;
};

/* 0, -EBADMSG (the failure says why), or another negative errno. */
int vf_render(struct vf_render *r);
