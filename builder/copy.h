#pragma once
/*
 * From the host into the image.  What lies below the path that was named is
 * copied as it is: links as links, never followed; files alone, directories
 * and links, nothing else.  All becomes 0:0.  What goes wrong has been said.
 */
#include "builder/build.h"

/* One file or directory to exactly that path of the image. */
int bd_copy_to(struct bd_build *b, const char *from, const char *to);
/* The same into a directory of the image, under its own name. */
int bd_copy_into(struct bd_build *b, const char *from, const char *to);

/* A new regular file at dir/name, in place of what was no directory; the
 * caller fills it and calls bd_end_file.  -errno, not logged. */
int bd_begin_file(int dir, const char *name);
/* The attributes of what is now at that path, on disk and beside it. */
int bd_set_attr(struct bd_build *b, int fd, const char *path,
    const struct bd_attr *attr, bool is_dir);
