#pragma once
/*
 * A pod's cgroups: one directory below the launcher's own in each hierarchy
 * that is needed, so that what contains rkt contains the pod.  v2 alone, v1,
 * and hybrid.
 */
#include <sys/types.h>

#include "launcher/limits.h"
#include "launcher/plan.h"

#define LN_CGROUP_TEXT 4096

/* Where a pod's cgroups may come to be, one a line, for the pod's file
 * `cgroup`: written before the first is made. */
int ln_cgroup_paths(const char *uuid, char paths[LN_CGROUP_TEXT]);
/* Makes them, sets limits, moves this process in, and with limits of v2 the
 * conductor, for it would stand in the way.  On v1 each app with
 * limits has a group of its own in there, app-NAME, whose processes are owner's
 * to add; the pod's group is mounted below dir at
 * stage1/rootfs/rkt/cgroup/CONTROLLER.  A mutable pod has all controllers that
 * there are.  On failure *ret_missing names the controller. */
struct ln_groups {
	const char *paths; /* of ln_cgroup_paths */
	struct ln_limits pod;
	const struct ln_plan *plan;
	int dir;
	uid_t owner;
	pid_t conductor; /* not waited for: it is this process's child */
	bool in_scope; /* v2: the pod will be in a scope of systemd's, not here */
};
int ln_cgroup_enter(const struct ln_groups *g, const char **ret_missing);
/* Which limits any app has at all, as numbers that are not 0. */
struct ln_limits ln_cgroup_apps(const struct ln_plan *plan);
/* Moves them back out. */
void ln_cgroup_leave(const char *paths, pid_t conductor);
/* Has this host the controllers, for a scope that systemd makes?  0, or
 * -ENOENT and its name. */
int ln_cgroup_check(const struct ln_limits *limits, const char **ret_missing);
/* Ends what still runs in the groups that the file `cgroup` of the pod's
 * directory lists, and removes them; none is listed: 0.  Only names that end in
 * rkt-<uuid> are touched, and the scope that systemd makes for the pod.  -EBUSY:
 * something in there does not die. */
int ln_cgroup_remove(const char *uuid, int pod);
/* The groups of one more app of a mutable pod that runs, whose file `cgroup`
 * has paths: v1's are made (and appear in the pod), v2's unit will set them.
 * 0, or an error with the controller that cannot be had in *ret_missing; what
 * was made until then, ln_cgroup_remove_app takes away. */
int ln_cgroup_add_app(const char *uuid, const char *paths,
    const struct ps_msg_PLAN_APP *app, uid_t owner, const char **ret_missing);
/* Ends what is in them and takes them away; none there is no error. */
int ln_cgroup_remove_app(const char *paths, const char *app);
/* v2 is all there is. */
bool ln_cgroup_is_v2(void);
/* These are in a systemd service. */
bool ln_cgroup_in_service(const char *paths);
