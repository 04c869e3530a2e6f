#pragma once
/*
 * Writing the tree.  Every name is created anew (O_EXCL and its like) in a
 * directory that was opened below the root by openat2 with no symbolic link,
 * no magic link and no mount point on the way; all else goes by descriptor.
 * Names are those of the plan, one part at a time.
 */
#include "verifier/unpack/digest.h"
#include "verifier/unpack/plan.h"

#define VF_CACHED_DIRS 16u

struct vf_disk {
	struct vf_failure *failure;
	struct vf_plan *plan;
	int root; /* -1: a rehearsal, nothing is written */
	struct vf_hash *sha256;
	struct {
		uint32_t node;
		int fd;
	} dirs[VF_CACHED_DIRS];
	int file; /* being written */
	uint64_t written;
};

int vf_disk_init(struct vf_disk *d, struct vf_plan *plan, int root);
void vf_disk_free(struct vf_disk *d);

/* All of a step but a file's content: that comes between begin and end. */
int vf_disk_make(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m);
int vf_disk_begin_file(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m);
int vf_disk_write(struct vf_disk *d, const struct vf_member *m, const void *p,
    size_t n);
int vf_disk_end_file(struct vf_disk *d, const struct vf_step *s,
    const struct vf_member *m);

/* Directories get their owners, modes and times; then the tree digest. */
int vf_disk_finish(struct vf_disk *d, uint8_t ret_tree[VF_TREE_DIGEST]);

/* openat2 with the rules above.  A descriptor or negative errno. */
int vf_open(int dir, const char *path, uint64_t flags, uint64_t mode);
