#pragma once
/*
 * Names in the image's tree, as it lies on disk.  A path is resolved inside
 * the tree, its symbolic links too, as the app will see them; none leads out.
 * 0 or more, or -errno; nothing is logged.
 */
#include <stddef.h>
#include <stdint.h>

#include "builder/build.h"

/* openat2(2): the path below dir, by RESOLVE_ flags. */
int bd_openat2(int dir, const char *path, int flags, uint64_t resolve);

/* The directory at that path of the image, made where it is missing (0755);
 * *ret is its path without links, "" the root.  -EINVAL: the path has "..";
 * -ENOTDIR: something else is there. */
int bd_make_dirs(int rootfs, const char *path, char ret[BD_MAX_PATH + 1]);

/* dir + "/" + name; -ENAMETOOLONG or -EBADMSG: no rkt would unpack that. */
int bd_join(char path[BD_MAX_PATH + 1], const char *name);

int bd_remove_tree(int dir, const char *name);

/* Names in a directory, without "." and "..", sorted by their bytes. */
struct bd_names {
	size_t n;
	char **v;
};
int bd_names(int dir, struct bd_names *ret);
void bd_names_free(struct bd_names *names);

/* The path of what is open, from the system's root; the caller frees it. */
int bd_path_of(int fd, char **ret);

/* A descriptor again, with other flags (it may be O_PATH). */
int bd_reopen(int fd, int flags);
