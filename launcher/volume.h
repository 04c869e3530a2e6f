#pragma once
/*
 * Volumes, at rkt/volumes/NAME of the pod's own root.  Caller: root; the plan
 * has been proved.
 */
#include "launcher/plan.h"
#include "launcher/session.h"

/* Opens what the operator named, by its one path: no link in it is followed,
 * so that no one who may write there leads it elsewhere; and makes the places
 * in the upper layer of the pod's root, before that is mounted. */
int ln_volume_dirs(struct ln_session *s, const struct ln_plan *plan,
    uint32_t base);
/* Makes their mounts, detached; and puts them there, behind that mount, below
 * dir. */
int ln_volume_make(const struct ln_plan *plan, uint32_t base);
int ln_volume_attach(const struct ln_plan *plan, int dir);
/* Lines "property ..." that let the pod's scope have its device nodes; they are
 * those of the last ln_volume_dirs. */
int ln_volume_properties(const struct ln_plan *plan, char *ret, size_t size);
/* Closes sources and mounts: attached, they are not needed any more.  r, or
 * REFUSED, for the volume that failed, if one did, and what can be done. */
int ln_volume_done(struct ln_session *s, int r, const char *what);
