#pragma once
/*
 * The end of `rkt run`: this process becomes stage1.  Caller: root; the plan
 * has been proved.
 */
#include "launcher/session.h"

/* remove.c: give back what a pod holds outside its directory, and take the
 * directory away.  Locked by the caller, in prepare/ or in a garbage bin. */
int ln_pod_discard(struct ln_session *s, const char *where, int pod,
    const char *uuid);

/* After START_POD has prepared everything and the conductor has ended.  Only
 * returns by dying. */
void ln_become_stage1(struct ln_session *s) __attribute__((noreturn));
