#pragma once
/* The file systems of a pod.  Caller: root; the plan has been proved. */
#include "launcher/plan.h"
#include "launcher/session.h"

/* Mounts everything below s->pod, in this process's own namespace, and makes
 * s->pod the working directory.  base: host uid of the pod's root. */
int ln_mount_pod(struct ln_session *s, const struct ln_plan *plan,
    uint32_t base);
/* The root of app i, detached. */
int ln_mount_app(struct ln_session *s, const struct ln_plan *plan, uint16_t i,
    uint32_t base);
/* The root of app i of a pod that has ended (s->pod), as it is now, its owners
 * those of the pod's range: a directory that cannot be written. */
int ln_mount_read(struct ln_session *s, const struct ln_plan *plan, uint16_t i,
    uint32_t base);
/* Takes all of it out again; what was not mounted is no error. */
void ln_unmount_pod(struct ln_session *s, const struct ln_plan *plan);
