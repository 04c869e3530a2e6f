#pragma once
/*
 * What an app's 0, 1 and 2 are: --stdin, --stdout and --stderr, and the
 * annotations of a pod manifest that say the same (an experiment of rkt's).
 * Conductor, user rkt; the words are the operator's.  What an image says of it
 * is not heard.
 */
#include "cli/plan.h"

/* NULL, or what the values of descriptor fd are. */
const char *cli_stdio_wrong(unsigned fd, const char *value);
/* NULL, or what is wrong where flags say it and the experiment is off: before
 * anything happens. */
const char *cli_stdio_off(const struct cli_run_pod *pod);
/*
 * Of one app, of its flags or of what a pod manifest says: into the plan, and
 * into the annotations of ret->manifest, which name what is in force and
 * nothing else.  NULL, or what is wrong.
 */
const char *cli_plan_stdio(struct cli_plan *p, const struct cli_run_app *flags,
    struct cli_planned *ret);
/* What the app offers to rkt attach by the pod's manifest: PS_STREAM_*. */
uint32_t cli_offered_streams(const struct ac_pod_app *app);
