#pragma once
/* The end of `rkt run`: this process becomes stage1. */
#include "launcher/session.h"

/* After START_POD has prepared everything and the conductor has ended.  Only
 * returns by dying. */
void ln_become_stage1(struct ln_session *s) __attribute__((noreturn));
