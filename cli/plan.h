#pragma once
/*
 * From what the operator asked and what the image says to a plan.  The image
 * may only narrow; the launcher proves the result again.
 */
#include "appc/pod.h"
#include "cli/ports.h"
#include "cli/run.h"
#include "cli/volumes.h"

#define PS_MAX_SYSCTLS 64u

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

/* A plan in the making.  Strings belong to the command line, to manifests that
 * are not freed, or to cli/mem.h. */
struct cli_plan {
	const struct cli_run_pod *said;
	struct cli_limits limits;
	char *const *outer; /* the caller's environment; NULL: not handed on */
	struct ac_mount *mounts; /* of the pod: for all apps */
	size_t n_mounts;
	struct cli_ports ports;
	struct cli_volumes volumes;
	struct ps_msg_PLAN_POD pod;
	const char *sysctl_of[PS_MAX_SYSCTLS]; /* the app; NULL: the pod */
	struct cli_planned *apps; /* pod.apps */
	struct ac_pod told;	  /* the manifest of the whole pod */
};

/* One app.  NULL, or what is wrong of that image. */
const char *cli_plan_app(struct cli_plan *p, const struct cli_run_app *flags,
    const struct ac_image *image, struct cli_planned *ret);
/* The volumes, mounts and ports of the flags, before any app. */
const char *cli_plan_flags(struct cli_plan *p);
/* The same of a pod manifest, and its isolators. */
const char *cli_plan_told(struct cli_plan *p, const struct ac_pod *told);
/* Behind the last app: everything that was said was of use, and no two apps
 * want the same. */
const char *cli_plan_check(const struct cli_plan *p);

/* Parts of it.  flags->said: the app section
 * may be the operator's (a pod manifest's), not the image's. */
const char *cli_plan_isolators(const struct cli_run_app *flags,
    const struct ac_app *app, const struct cli_limits *limits,
    struct ps_msg_PLAN_APP *ret);
const char *cli_plan_caps(const struct cli_run_app *flags,
    const struct ac_isolators *is, const struct cli_limits *limits,
    uint64_t *ret);
/* Those of a whole pod. */
const char *cli_plan_pod_isolators(const struct ac_isolators *is,
    struct ps_msg_PLAN_POD *ret);
/* The pod's namespaces are those of all apps: into pod.sysctls.  app: who says
 * it, NULL the pod manifest of the whole pod; by_operator: not an image. */
const char *cli_plan_sysctls(struct cli_plan *p, const struct ac_isolators *is,
    const char *app, bool by_operator);
/* What the flags changed of that, for the pod manifest. */
const char *cli_tell_isolators(const struct cli_run_app *flags,
    const struct ps_msg_PLAN_APP *plan, struct ac_isolators *ret);
/* Last element of an image name, made an AC name. */
const char *cli_app_name_of(const char *image_name);
/* "k=v" of a flag, "--annotation" or another, to pairs.  NULL, or what is
 * wrong. */
const char *cli_pairs(const char *flag, const struct cli_list *flags,
    struct ac_pairs *ret);

/* The sealed plan.  A descriptor, or negative errno. */
int cli_plan_seal(const struct cli_plan *p);
/* The plan of a prepared pod, all but its first record; *ret_pod is that.
 * Strings point into text.  0 or -EBADMSG. */
int cli_plan_first(const uint8_t *text, size_t n, struct ps_msg_PLAN_POD *ret_pod,
    size_t *ret_rest);
/* That plan again, with another first record. */
int cli_plan_seal_again(const struct ps_msg_PLAN_POD *pod, const uint8_t *rest,
    size_t n);
