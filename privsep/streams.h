#pragma once
/*
 * The streams that an app offers to rkt attach, as words and as bits.  Pure.
 * Callers: the conductor, over the operator's words; stage1-enter, over the
 * same words and a plan that was proved; the pod's mux.
 */
#include <stdint.h>

#include "privsep/proto.h"

/* By number also the order of their descriptors (stage1/common/door.h). */
enum {
	PS_STREAM_IN = 1,
	PS_STREAM_OUT = 2,
	PS_STREAM_ERR = 4,
	PS_STREAM_TTY_IN = 8,
	PS_STREAM_TTY_OUT = 16
};
#define PS_STREAM_ALL 31u
#define PS_STREAM_TTY 24u /* both of the terminal */

/*
 * What --mode says: "auto" (0), or words of "stdin,stdout,stderr", or of
 * "tty,tty-in,tty-out".  0; -EINVAL: another word; -EXDEV: of both groups.
 */
int ps_parse_streams(const char *mode, uint32_t *ret);
/* What a record makes of its app. */
uint32_t ps_offered_streams(const struct ps_msg_PLAN_APP *a);
/* The word of one bit, "stdout"; NULL: there is none. */
const char *ps_stream_name(uint32_t bit);
/* "stdin, stdout", or "nothing". */
#define PS_STREAM_NAMES 64u
void ps_stream_names(uint32_t streams, char ret[PS_STREAM_NAMES]);
