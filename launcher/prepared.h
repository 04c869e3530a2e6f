#pragma once
/*
 * A pod that was prepared, and waits.  Caller: root.
 */
#include "launcher/argv.h"
#include "launcher/plan.h"
#include "launcher/session.h"

/* Notes the words of this command in the pod's file `argv`. */
int ln_prepared_note(struct ln_session *s);
/* Opens and locks prepared/<uuid> as s->pod, and compares the plan with what
 * was prepared: only PLAN_POD may differ, and only in what run-prepared may
 * say.  *ret_made: the words that prepared it; *ret_base: host uid of its
 * root.  -ENOENT: it is not prepared; -EWOULDBLOCK: someone has it; -EBADMSG:
 * its files are damaged; -EPROTO: the plan is another. */
int ln_prepared_open(struct ln_session *s, const struct ln_plan *plan,
    const uint8_t *bytes, uint64_t size, struct ln_argv *ret_made,
    uint32_t *ret_base);
/* The host uid of the root of a pod, by its directory. */
int ln_pod_base(int pod, uint32_t *ret);
/* The plan as it runs replaces the one that was prepared; and what a start
 * that was killed left half made goes. */
int ln_prepared_renew(struct ln_session *s, const char *uuid,
    const uint8_t *bytes, uint64_t size);
