#pragma once
/*
 * "key value" lines: site policy and image records.  '#' begins a comment
 * line; blank lines are skipped; a key is [a-z0-9-]+, then one or more blanks,
 * then the value to the end of line (printable, trailing blanks refused).  No
 * NUL, no missing last newline.  Pure: splits in place.
 */
#include <stddef.h>

struct ps_kv {
	char *next, *end;
	unsigned line; /* of the row returned last, from 1 */
};

/* text[0..n) is modified. */
void ps_kv_begin(struct ps_kv *kv, char *text, size_t n);
/* 1 a row, 0 the end, -EBADMSG a line that is not of this form. */
int ps_kv_next(struct ps_kv *kv, const char **ret_key, const char **ret_value);
