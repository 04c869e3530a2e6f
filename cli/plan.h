#pragma once
/*
 * From what the operator asked and what the image says to a plan.  The image
 * may only narrow; the launcher proves the result again.
 */
#include "appc/pod.h"
#include "cli/run.h"

/* What both voices are held to. */
struct cli_limits {
	uint64_t caps_image, caps_operator;
	bool seccomp_wide;
	uint32_t insecure; /* of the command line */
};

/* One app: its record in the plan, and its part of the pod manifest. */
struct cli_planned {
	struct ps_msg_PLAN_APP app;
	struct ac_pod_app manifest;
};

/* NULL, or what is wrong.  name: of the app.  outer: the caller's, or NULL
 * without --inherit-env. */
const char *cli_plan_app(const struct cli_run_pod *pod,
    const struct cli_run_app *flags, const struct ac_image *image,
    const struct cli_limits *limits, char *const *outer,
    struct cli_planned *ret);
/* Parts of it. */
const char *cli_plan_isolators(const struct cli_run_app *flags,
    const struct ac_app *app, const struct cli_limits *limits,
    struct ps_msg_PLAN_APP *ret);
const char *cli_plan_caps(const struct cli_run_app *flags,
    const struct ac_isolators *is, const struct cli_limits *limits,
    uint64_t *ret);
/* What the flags changed of that, for the pod manifest. */
const char *cli_tell_isolators(const struct cli_run_app *flags,
    const struct ps_msg_PLAN_APP *plan, struct ac_isolators *ret);
/* Last element of an image name, made an AC name. */
const char *cli_app_name_of(const char *image_name);
/* "k=v" flags to pairs.  NULL, or what is wrong. */
const char *cli_pairs(const struct cli_list *flags, struct ac_pairs *ret);

/* The sealed plan.  A descriptor, or negative errno. */
int cli_plan_seal(const struct ps_msg_PLAN_POD *pod,
    const struct cli_planned *apps);
