#pragma once
/*
 * The trust store: which keys may speak for a name.  Caller: the verify worker
 * before it closes its sandbox.  Input: two directories that root owns, given
 * by the launcher, and a name that is an AC identifier or empty.
 *
 *	root.d/FPR			for every name
 *	prefix.d/PREFIX/FPR		for PREFIX and what lies below, by element
 *
 * FPR is the fingerprint of the primary key, 40 or 64 lower case hex digits.
 * An empty file masks: that key does not speak for any name that the mask
 * covers, wherever else the key is.  Whatever has a fingerprint for its name
 * and is no readable key file (a link, too large, writable by others) masks
 * as well: what cannot be read must not be read past.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifier/openpgp/packet.h"

#define VF_MAX_ENTRIES 512u	  /* key files and masks of one name */
#define VF_MAX_STORE 16777216u	  /* bytes of key files */
#define VF_MAX_DIRENTS 65536u	  /* looked at */
#define VF_MAX_SCOPE 256u

struct vf_entry {
	char fpr[VF_FPR_HEX];
	char scope[VF_MAX_SCOPE]; /* the prefix; "" for root.d */
	bool mask;
	bool masked; /* a mask covers it: do not use */
	uint8_t *bytes;
	size_t n;
};

struct vf_trust {
	size_t n;
	struct vf_entry *v;
	size_t bytes, looked;
	unsigned odd; /* entries that mask for being no key file */
};

/* dirs: the two trustedkeys directories, -1 where there is none.  name "":
 * every key, unless masked where it stands.  0 or a negative errno. */
int vf_trust_load(const int dirs[2], const char *name, struct vf_trust *ret);
void vf_trust_done(struct vf_trust *t);
