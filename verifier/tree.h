#pragma once
/*
 * The tree digest: what a root file system is, in 64 bytes.  The unpack
 * worker computes it twice in an image's life: while it writes the tree, and
 * for DIGEST_TREE from what lies on disk; both as root of its own user
 * namespace, so that ids are those of the image (0..65535).
 *
 *   tree   = SHA-512( "rkt tree 1\n" path* )
 *   path   = name NUL 'h' first NUL        another link to a file named before
 *          | name NUL type entry           anything else
 *   name   = path below the root without a leading slash; "" for the root
 *   first  = the first name of that file in the order below
 *   type   = 'd' directory, 'f' regular file, 'l' symbolic link, 'p' fifo
 *   entry  = SHA-256( type u8, mode u32, uid u32, gid u32, seconds i64,
 *            nanoseconds u32, size u64, content, link, xattrs )
 *   content = SHA-256 of the bytes of a regular file, else 32 times 0
 *   link   = length u32 and bytes of a symbolic link's target, else 0 u32
 *   xattrs = count u32, then name and value, each as length u32 and bytes,
 *            sorted by name; user.* and security.capability alone
 *
 * Numbers are little-endian.  mode holds the 12 permission bits, 0777 for a
 * symbolic link; size is 0 but for regular files; the time is that of the last
 * modification.  A directory comes before what is in it, the names in one
 * directory in the order of their bytes: '/' sorts before every other byte.
 *
 * A directory that had no entry of its own in the archive (a file's name alone
 * says that it is there) is 0755, root's, without xattrs, and was modified
 * VF_IMPLICIT nanoseconds past the epoch.  Laid over another image's directory
 * it says nothing of that one's mode, owner or time.
 */
#include <stddef.h>
#include <stdint.h>

#define VF_TREE_DIGEST 64 /* SHA-512 */
#define VF_ENTRY_DIGEST 32 /* SHA-256 */

#define VF_IMPLICIT 1u

/* Depth and length of a path below the root. */
#define VF_MAX_DEPTH 256u
#define VF_MAX_PATH 4096u
#define VF_MAX_XATTRS 64u
#define VF_MAX_XATTR 65536u /* bytes of one value */

struct vf_xattr {
	const char *name;
	const uint8_t *value;
	size_t n;
};

struct vf_entry {
	char type;
	uint32_t mode, uid, gid;
	int64_t seconds;
	uint32_t nanoseconds;
	uint64_t size;
	uint8_t content[VF_ENTRY_DIGEST];
	const char *link;
	size_t n_xattr;
	struct vf_xattr *xattrs; /* any order: vf_entry_digest sorts them */
};
