#pragma once
/*
 * Records of an extended header ("LENGTH KEY=VALUE\n"), by an allow-list of
 * keys.  Pure.
 */
#include "verifier/unpack/walk.h"

struct vf_pax {
	const char *p;
	size_t n, at;
};

struct vf_record {
	const char *key, *value;
	size_t n_key, n_value;
};

/* 1 a record, 0 the end, -EBADMSG: not of this form. */
int vf_pax_next(struct vf_pax *pax, struct vf_record *ret);

/* The next extended attribute: 1 or 0.  *ret's key is the attribute's name.
 * Only for records that vf_pax_apply has accepted. */
int vf_pax_xattr(struct vf_pax *pax, struct vf_record *ret);

/* m->pax into m: each key known, once, and well-formed. */
int vf_pax_apply(struct vf_member *m, struct vf_failure *f);
/* A global header may hold comments alone. */
int vf_pax_global(const char *p, size_t n, struct vf_failure *f);

/* What may stand in a tree: user.* and security.capability, but not what
 * gives orders to the kernel's overlay. */
bool vf_is_xattr(const char *name, size_t n);
