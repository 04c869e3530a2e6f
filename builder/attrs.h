#pragma once
/*
 * What a plain user cannot give to a file on disk, kept beside the tree: its
 * owner, its full mode, its capabilities in the image.  A file without a row
 * is 0:0 and has the mode that it has.  Pure but for the file of rows.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BD_CAP 20 /* bytes of a security.capability, revision 2 */

struct bd_attr {
	uint16_t mode; /* 12 bits */
	uint16_t uid, gid;
	bool has_cap;
	uint8_t cap[BD_CAP];
};

struct bd_attrs {
	void *root; /* tsearch(3) */
	bool is_changed;
};

/* The mode in which a file of that mode lies on disk: never setuid, and
 * always ours to read and to write. */
mode_t bd_disk_mode(mode_t mode, bool is_dir);

/* Path is relative to the root file system.  0 or -ENOMEM. */
int bd_attrs_set(struct bd_attrs *a, const char *path,
    const struct bd_attr *attr);
void bd_attrs_drop(struct bd_attrs *a, const char *path);
/* NULL: no row. */
const struct bd_attr *bd_attrs_find(const struct bd_attrs *a,
    const char *path);
void bd_attrs_free(struct bd_attrs *a);

/* A row is needed. */
bool bd_attr_says(const struct bd_attr *attr, bool is_dir);

/* Rows from and to a file: sorted by path, "MODE UID GID CAP PATH".  0 or
 * -errno; -EBADMSG: not such a file. */
int bd_attrs_read(struct bd_attrs *a, int dir, const char *name);
int bd_attrs_write(const struct bd_attrs *a, int dir, const char *name);
