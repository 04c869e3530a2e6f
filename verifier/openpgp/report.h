#pragma once
/*
 * Why something was refused, as text that may be sent and shown.  Pure.
 */
#include <stddef.h>
#include <stdint.h>

struct vf_fail {
	uint32_t code; /* PS_VERIFY_* */
	char text[512];
};

/* Sets *f, returns -EKEYREJECTED. */
int vf_fail(struct vf_fail *f, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A copy that ps_is_print() accepts, cut to size - 1 bytes; what is not
 * printable UTF-8 becomes '?'. */
void vf_print(char *ret, size_t size, const char *s);
