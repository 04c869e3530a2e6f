#pragma once
/*
 * Digests, and the tree digest of verifier/tree.h.  Pure but for libcrypto.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifier/tree.h"

enum vf_kind { VF_SHA256, VF_SHA512 };

/* Before anything is hostile: libcrypto gets its algorithms, and reads no
 * configuration.  0 or -ENOTSUP. */
int vf_hash_init(void);

/* All but vf_hash_new cannot fail but for lack of memory: they end the
 * program then. */
struct vf_hash;
struct vf_hash *vf_hash_new(enum vf_kind kind);
void vf_hash_free(struct vf_hash *h);
void vf_hash_begin(struct vf_hash *h);
void vf_hash_add(struct vf_hash *h, const void *p, size_t n);
void vf_hash_end(struct vf_hash *h, uint8_t *ret);

/* Sorts e->xattrs. */
void vf_entry_digest(struct vf_hash *sha256, struct vf_entry *e,
    uint8_t ret[VF_ENTRY_DIGEST]);

/* sha512 was begun by vf_tree_begin; paths come in the order of tree.h. */
void vf_tree_begin(struct vf_hash *sha512);
void vf_tree_add(struct vf_hash *sha512, const char *path, char type,
    const uint8_t digest[VF_ENTRY_DIGEST]);
void vf_tree_add_link(struct vf_hash *sha512, const char *path,
    const char *first);
