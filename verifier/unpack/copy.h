#pragma once
/*
 * One entry of a tree at rest, copied into another: content, owner, mode,
 * time, user.* and security.capability.  Nothing is written but below the
 * target's descriptor, and every name is made anew.
 */
#include <stdint.h>
#include <sys/stat.h>

struct vf_known;

struct vf_copy {
	int root;	/* of the target: names of a file are looked up below it */
	uint64_t left;	/* bytes that may still be written */
	struct vf_known **known;
	char *list;	/* of xattrs */
	uint8_t *chunk; /* contents, and xattrs' values */
};

struct vf_source_file {
	int tree;	  /* its root */
	unsigned layer;	  /* number of that tree */
	const char *path; /* below it, and below the target's root */
	const struct stat *st;
};

int vf_copy_init(struct vf_copy *c, int root, uint64_t max_bytes);
void vf_copy_free(struct vf_copy *c);

/* A file, symbolic link or fifo, as dir/name.  -EFBIG: too many bytes; -EXDEV:
 * it is something else. */
int vf_copy_one(struct vf_copy *c, const struct vf_source_file *from, int dir,
    const char *name);
/* Of an open directory or file: owner, mode, xattrs, time, in this order. */
int vf_copy_dress(struct vf_copy *c, int from, int to, const struct stat *st);
