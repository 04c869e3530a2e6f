#pragma once
/*
 * From what was asked to a pod that starts, or waits: what run and prepare do
 * behind their flags.
 */
#include "cli/plan.h"

/* Before the sandbox closes.  0 or CLI_FAILED (said). */
int cli_launch_prepare(struct cli *c, struct cli_run_pod *pod,
    const struct cli_flag *pod_flags);
/* Makes the plan and has the launcher carry it out; how is PS_START_RUN or
 * PS_START_PREPARE.  *ret_uuid is kept.  0 or CLI_FAILED (said). */
int cli_launch(struct cli *c, struct cli_run_pod *pod, uint8_t how,
    const char **ret_uuid);
/* The same in parts, for a pod that there is: an empty plan, which is kept;
 * one app of it; what is told of the pod, in JSON. */
struct cli_plan *cli_launch_begin(struct cli *c, const struct cli_run_pod *pod,
    const char *uuid);
int cli_launch_image(struct cli *c, struct cli_plan *plan,
    const struct cli_run_app *flags, struct cli_planned *ret);
int cli_launch_told(struct cli_plan *plan, const struct ac_pod *m);
/* The same of a sealed plan, which is closed. */
int cli_launch_sealed(struct cli *c, int plan,
    const struct ps_msg_START_POD *how, const char *uuid);

/* The insecure options that a pod remembers. */
uint32_t cli_launch_insecure(const struct cli *c);
/* Site policy and the stage1 that is configured allow a pod to start.  0 or
 * CLI_FAILED (said). */
int cli_launch_check(struct cli *c);
