#pragma once
/*
 * Two hands for DIGEST_TREE: the walk puts names in order, another thread (and
 * the walk's own, when the line is full) reads the files, and the tree digest
 * takes them in the order in which they were put.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "verifier/unpack/digest.h"
#include "verifier/unpack/failure.h"

struct vf_job {
	char *path;	   /* below the root; the crew frees it */
	const char *first; /* another name of the same file, or NULL */
	const char *link;  /* a symbolic link's target, for the call only */
	char type;	   /* 'd', 'f', 'l', 'p' */
	int fd;		   /* of 'f' and 'd', the crew closes a file's; or -1 */
	struct stat st;
	/* The crew's. */
	uint8_t digest[VF_ENTRY_DIGEST];
	uint64_t size;
	int error;
	bool is_done;
};

struct vf_crew;

int vf_crew_new(struct vf_failure *f, struct vf_crew **ret);
void vf_crew_free(struct vf_crew *c);
/* Takes *job over, whatever is returned. */
int vf_crew_put(struct vf_crew *c, const struct vf_job *job);
/* All is put: the tree digest, and the bytes of all files. */
int vf_crew_end(struct vf_crew *c, uint8_t ret_tree[VF_TREE_DIGEST],
    uint64_t *ret_size);
