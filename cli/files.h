#pragma once
/*
 * Reading small files below a directory that the launcher handed over.  No
 * symbolic link is followed and nothing above the directory is reached, for
 * some of these trees are written by pods.
 */
#include <stddef.h>

/* Opens a file or directory below dir for reading; descriptor or -errno. */
int cli_open_below(int dir, const char *path, int more_flags);
/* The whole regular file, with a NUL behind it (not counted).  0; -EFBIG more
 * than max bytes; -EBADF not a regular file; or another negative errno. */
int cli_read_below(int dir, const char *path, size_t max, char **ret,
    size_t *ret_n);
/* The same of an open descriptor. */
int cli_read_all(int fd, size_t max, char **ret, size_t *ret_n);
