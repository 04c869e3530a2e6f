#pragma once
/*
 * What is done to root's own files and directories again and again.  Caller:
 * root.  A path is below the descriptor dir, through no link and no mount.
 * All return 0 or a new descriptor, or a negative errno.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LN_TEMPORARY 48 /* bytes of a name that ln_temporary made */

/* A path, or another short text, as printf(3) makes it: good until the 16th one
 * after it.  One that does not fit ends the program, so none is ever cut. */
const char *ln_path(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* To read. */
int ln_open_dir(int dir, const char *path);
int ln_open_file(int dir, const char *path);

/* A whole file, of at most size bytes: root's, and writable by no one else, or
 * -EBADMSG. */
int ln_read_file(int dir, const char *path, void *ret, size_t size,
    uint64_t *ret_n);

/* The same, as a text that ends in ret: size is more than it has bytes. */
int ln_read_words(int dir, const char *path, char *ret, size_t size);

/* A text of the kernel's, or another whole one, by a path of the host's: 0,
 * -E2BIG, or another negative errno. */
int ln_read_text(const char *path, char *ret, size_t size);

/* The lock for this process alone, when who holds it lets it go: within 20 s, or
 * -EWOULDBLOCK. */
int ln_lock_wait(int fd);

/* A regular file of one name, for another name of it may be anyone's file;
 * else -EMEDIUMTYPE.  access: O_RDONLY, O_WRONLY. */
int ln_open_single(int dir, const char *path, int access);

/* mkdir, mode 0700, and open; there already: -EEXIST. */
int ln_make_dir(int dir, const char *name);
/* The same of "rootfs", of the foreign ids' root: for unpack to fill. */
int ln_make_rootfs(int dir);
/* mkdir -p: a part that is missing is made, uid's and of that mode, and each is
 * opened as how says (SYS_*).  The last one. */
int ln_make_path(int dir, const char *path, int how, uid_t uid, mode_t mode);
/* The same below dir, for who wants it there and no more: 0. */
int ln_make_dirs(int dir, const char *path, uid_t uid, mode_t mode);
/* A prefix, ".new-" (half made) or ".gone-" (on its way out), and 32 digits. */
int ln_temporary(const char *prefix, char ret[LN_TEMPORARY]);
/* A new directory called so, locked so that no one sweeps it away. */
int ln_stage(int dir, char ret_name[LN_TEMPORARY]);

/* The directory that path is in, links included, as the operator named it;
 * nothing is followed in the last part, which is *name.  -EISDIR: it has
 * none; -ENAMETOOLONG. */
int ln_open_parent(const char *path, char name[256]);

/* The names in a directory, without "." and ".."; NULL at its end, and of what
 * is no list.  The caller closes it (closedir(3)). */
int ln_list(int dir, const char *path, DIR **ret);
const char *ln_next(DIR *list);

#define _cleanup_list_ _cleanup_(ln_list_close)
static inline void
ln_list_close(DIR **list)
{
	if (*list)
		(void)closedir(*list);
}
