#pragma once
/*
 * The strict pre-walk: a tar's headers, read a second time and by other rules
 * than libarchive's.  It takes the uncompressed bytes in pieces of any size
 * and yields the members in order.  What two readers might read in two ways is
 * refused here; what it yields must equal what libarchive reports.  Pure: no
 * I/O, memory bounded by what is fed at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifier/unpack/failure.h"

#define VF_BLOCK 512u
#define VF_MAX_PAX 262144u /* bytes of one extended header */
#define VF_MAX_TIME INT64_C(0x37fffffff) /* what ext4 can keep */

struct vf_member {
	struct vf_member *next;
	char type; /* tree.h, or 'h': a hard link */
	uint64_t size;
	uint32_t mode, uid, gid;
	int64_t seconds;
	uint32_t nanoseconds;
	char *name, *link; /* as written; link "" if it is none */
	char *pax;	   /* its extended header's records, for xattrs */
	size_t n_pax;
};

void vf_member_free(struct vf_member *m);

struct vf_walk;

int vf_walk_new(struct vf_failure *f, struct vf_walk **ret);
void vf_walk_free(struct vf_walk *w);
/* 0, -EBADMSG (the failure says why), -ENOMEM. */
int vf_walk_feed(struct vf_walk *w, const uint8_t *p, size_t n);
/* No more bytes: 0 if that was a whole archive. */
int vf_walk_end(struct vf_walk *w);
/* The next member, which is the caller's from now on; NULL: none yet. */
struct vf_member *vf_walk_take(struct vf_walk *w);
