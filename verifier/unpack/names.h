#pragma once
/*
 * The names in directories at rest, in the order of their bytes.  They are
 * hostile: any bytes but '/' and NUL.
 */
#include <stddef.h>
#include <stdint.h>

struct vf_name {
	char *text;
	unsigned layer; /* whose directory it stands in */
};

struct vf_names {
	size_t n, size;
	struct vf_name *v;
};

/* Adds the names of an open directory, but "." and "..".  0 or negative
 * errno. */
int vf_names_read(int dir, unsigned layer, struct vf_names *names);
/* By name, then by layer. */
void vf_names_sort(struct vf_names *names);
void vf_names_free(struct vf_names *names);
