#pragma once
/*
 * The mount calls, by descriptors alone.  Thin: each is one system call or one
 * new mount.  Caller: the pod's root.
 */
#include <stdbool.h>
#include <stdint.h>

/* Resolution inside an image: links are followed, but the root is the root;
 * and inside what is ours: there are none. */
#define S1_IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define S1_BENEATH                                                             \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/* A descriptor, or negative errno.  O_CLOEXEC is added. */
int s1_open(int dir, const char *path, uint64_t flags, uint64_t resolve);
int s1_create(int dir, const char *name, unsigned mode);
/* A detached copy of the mount at the object of fd (with what is on it). */
int s1_clone(int fd, bool recursive);
/* A detached new file system.  options: "key=value" or NULL-ended flags. */
int s1_new_fs(const char *type, const char *const *options, uint64_t attrs);
/* Put a detached mount onto the object of target. */
int s1_attach(int mount, int target);
int s1_set_attrs(int mount, bool recursive, uint64_t attrs);
int s1_set_private(void);

/* A real directory of that name below dir, O_PATH: what is in the way and is
 * none (a link, a file) is removed, what is missing is made. */
int s1_own_dir(int dir, const char *name);
/* The directories of a path, links followed inside root, missing ones made. */
int s1_make_dirs(int root, const char *path);
/* A real file of that name, O_PATH, to mount over. */
int s1_own_file(int dir, const char *name);
