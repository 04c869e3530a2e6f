#pragma once
/*
 * The plan: which names the tree has, and the rules that a member must keep
 * to get one.  Decides, does nothing: no I/O.  Paths become nodes; a node's
 * parent always has a smaller number.  Node 0 is the root file system.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifier/tree.h"
#include "verifier/unpack/walk.h"

#define VF_ROOT 0u
#define VF_NO_NODE UINT32_MAX

struct vf_node {
	uint32_t parent;
	uint32_t name;	 /* in the plan's text */
	uint32_t target; /* type 'h': the file that it is a name of */
	char type;	 /* tree.h or 'h' */
	bool is_explicit; /* had a member of its own */
	uint16_t mode, uid, gid;
	uint32_t nanoseconds;
	int64_t seconds;
	uint8_t digest[VF_ENTRY_DIGEST]; /* once it is written; not of 'h' */
};

struct vf_plan {
	struct vf_failure *failure;
	uint32_t max_entries, max_manifest;
	uint64_t seed;
	struct vf_node *nodes;
	uint32_t n_nodes, size_nodes;
	char *text;
	uint32_t n_text, size_text;
	uint32_t *slots; /* hash table of node numbers plus one */
	uint32_t n_slots;
	uint64_t tree_size; /* bytes of all regular files */
	bool has_top, has_manifest, has_root;
};

enum vf_what { VF_SKIP, VF_MANIFEST, VF_NODE };

/* What one member comes to. */
struct vf_step {
	enum vf_what what;
	uint32_t node;
	uint32_t implicit; /* nodes [implicit, node) are directories to make */
	bool is_new;	   /* false: a directory that is there already */
};

int vf_plan_new(struct vf_failure *f, uint32_t max_entries,
    uint32_t max_manifest, struct vf_plan **ret);
void vf_plan_free(struct vf_plan *p);

/* 0, -EBADMSG (the failure says why), -ENOMEM. */
int vf_plan_add(struct vf_plan *p, const struct vf_member *m,
    struct vf_step *ret);
/* After the last member: manifest and rootfs were there. */
int vf_plan_end(struct vf_plan *p);
/* Directories without a member of their own. */
uint32_t vf_plan_implicit(const struct vf_plan *p);

/* The node's last name, and its path below the root ("" the root itself). */
const char *vf_plan_name(const struct vf_plan *p, uint32_t node);
void vf_plan_path(const struct vf_plan *p, uint32_t node,
    char ret[VF_MAX_PATH + 1]);

/* Every node has its digest: the tree digest (order.c).  0 or -ENOMEM. */
int vf_plan_digest(struct vf_plan *p, uint8_t ret[VF_TREE_DIGEST]);

/* "./a//b/" to "a/b"; "" is the archive's own top.  -EBADMSG and *ret_why:
 * absolute, "..", too long, too deep, or a part beyond 255 bytes. */
int vf_canonical(const char *name, char ret[VF_MAX_PATH + 1],
    const char **ret_why);
