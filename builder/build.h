#pragma once
/*
 * A build in progress: the directory .acbuild, laid out as acbuild's, so that
 * scripts that reach into .acbuild/currentaci/rootfs still can.  It belongs to
 * one user, nobody else may look into it, and one command at a time works in
 * it.  Functions here have said what went wrong when they return a negative
 * number.
 */
#include <jansson.h>
#include <stdbool.h>

#include "builder/attrs.h"
#include "privsep/attr.h"

#define BD_MAX_PATH 4096u /* of a name in the image */
#define BD_MAX_DEPTH 256u

struct bd_build {
	const char *where; /* directory that .acbuild is in */
	int work, dir, aci, rootfs, lock;
	json_t *manifest; /* NULL: begin has not ended */
	struct bd_attrs attrs;
};

#define BD_BUILD { .work = -1, .dir = -1, .aci = -1, .rootfs = -1, .lock = -1 }

/* Says "rkt-build: ..."; returns -1. */
int bd_fail(const char *format, ...) _printf_(1, 2);
/* The same, and why: -error or errno. */
int bd_fail_error(int error, const char *format, ...) _printf_(2, 3);

/* Takes the build that is in progress in b->where. */
int bd_open(struct bd_build *b);
/* Makes an empty one; its manifest is not there until bd_save. */
int bd_create(struct bd_build *b);
/* Attributes, then the manifest, each at once or not at all. */
int bd_save(struct bd_build *b);
/* Removes .acbuild and all that is in it. */
int bd_remove(struct bd_build *b);
/* Gives the build back; it stays. */
void bd_close(struct bd_build *b);

/* A file of at most max bytes, and a NUL behind; "-" is stdin if may_stdin. */
int bd_read_file(const char *path, size_t max, bool may_stdin, char **ret,
    size_t *ret_n);
