#pragma once
/*
 * Why an image is refused: one code and one line, the first violation.  The
 * line quotes hostile names; vf_refuse makes them printable and short.
 */
#include <stddef.h>
#include <stdint.h>

#include "privsep/attr.h"

struct vf_failure {
	uint32_t code; /* PS_UNPACK_*, 0 none yet */
	char text[1024];
};

/* Always -EBADMSG.  name: the member, or NULL.  The first call counts. */
int vf_refuse(struct vf_failure *f, uint32_t code, const char *name,
    const char *format, ...) _printf_(4, 5);

/* The machine failed: error is a negative errno, and is returned. */
int vf_broken(struct vf_failure *f, int error, const char *what,
    const char *name);
