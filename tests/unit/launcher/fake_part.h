#pragma once
/*
 * What the parts of the fake share (fake_sys.c, fake_files.c, fake_mount.c,
 * fake_proc.c, fake_host.c): the trace, what descriptors are called, and where
 * root may go.
 */
#include <sys/stat.h>

#include "tests/unit/launcher/fake_sys.h"

/* A line of the trace. */
void fake_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Counts a verb; an errno if it is the one that shall fail. */
int fake_verb(void);
int fake_result(long r);
/* Without what is remembered. */
int __real_fstat(int fd, struct stat *st);

/* What a descriptor is of, below the host; and one that is called so now. */
const char *fake_label(int fd);
int fake_labelled(int fd, const char *text);
/* What was below a is below b now. */
void fake_relabel(const char *a, const char *b);
void fake_join(int dir, const char *path, char ret[400]);
/* A descriptor of nothing, called so. */
int fake_thing(const char *text);

bool fake_below(const char *path, const char *top);
/* Aborts where root must not go. */
void fake_check(int dir, const char *path, bool host);
/* The real path of (dir, path). */
const char *fake_real(int dir, const char *path, char ret[4400]);

/* What fstat says of it from now on. */
void fake_remember(const struct stat *st, uid_t uid, gid_t gid, mode_t mode);
void fake_forget(void);
void fake_no_dir(void);
/* A worker has ended. */
void fake_gone(struct fake_worker *w);
