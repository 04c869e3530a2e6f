#pragma once
/*
 * The volumes of a pod, and what an app mounts of them.  Two voices: volumes
 * and mounts are the operator's, mount points the image's.  An image finds a
 * volume of the host only under a name that the operator gave one.
 */
#include "appc/pod.h"
#include "cli/mem.h"
#include "privsep/proto.h"

struct cli_volume {
	struct ps_msg_PLAN_VOLUME plan;
	bool has_readonly; /* the operator said it, true or false */
};

struct cli_volumes {
	uint16_t n;
	struct cli_volume v[PS_MAX_VOLUMES];
};

/* "volume=NAME,target=PATH".  NULL, or what is wrong. */
const char *cli_parse_mount(const char *text, struct ac_mount *ret);

/* One --volume, one volume of a pod manifest.  NULL, or what is wrong. */
const char *cli_volume_add(struct cli_volumes *vs, const char *text);
const char *cli_volume_add_told(struct cli_volumes *vs,
    const struct ac_volume *told);

/* What an app mounts: first those mounts, of which an earlier one wins its
 * path; then its mount points, each with the volume of its name, or one made
 * for it.  Sets the mounts of plan (which has its name) and of told.  NULL, or
 * what is wrong. */
struct cli_mounts {
	size_t n;
	const struct ac_mount *v;
};
const char *cli_plan_mounts(struct cli_volumes *vs,
    const struct cli_mounts *mounts, const struct ac_app *app,
    struct ps_msg_PLAN_APP *plan, struct ac_pod_app *told);

/* The volumes, for the pod manifest. */
void cli_tell_volumes(const struct cli_volumes *vs, struct ac_pod *ret);
