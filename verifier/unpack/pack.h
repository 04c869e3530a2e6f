#pragma once
/*
 * PACK: the tree of an app that ran, written as an image that unpack takes.
 * The tree is whatever the app left of it; what no image can hold (sockets,
 * devices, names that are not printable) is left out and counted.
 */
#include "verifier/unpack/failure.h"

struct vf_pack {
	struct vf_failure *failure;
	int root;   /* to read */
	int output; /* to write, and nothing but that */
	const char *manifest;
	size_t n_manifest;
	uint64_t max_tree; /* bytes of all files */
	uint32_t max_entries;
	/* Results. */
	uint64_t tree_size;
	uint32_t entries, left_out;
};

/* 0, -EBADMSG (the failure says why), or another negative errno. */
int vf_pack(struct vf_pack *p);
