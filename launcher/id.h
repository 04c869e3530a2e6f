#pragma once
/*
 * Claims of id ranges: ids/<base> is a file that holds the pod's uuid.  A
 * claim is made with O_EXCL, so two pods never hold the same range.
 */
#include "launcher/session.h"

/* A range of 65536 ids from the site policy's id-range for this pod.
 * -ENOSPC: all are taken (run rkt gc). */
int ln_id_claim(struct ln_session *s, const char *uuid, uint32_t *ret_base);
/* Give it back; only the pod that holds it can. */
void ln_id_release(struct ln_session *s, const char *uuid, uint32_t base);
/* In any state; later: in one behind prepare/; or it cannot be told.  Looked
 * for in the order in which pods move on, so that none slips through between
 * two looks; a pod has its directory before it claims. */
bool ln_pod_exists(struct ln_session *s, const char *uuid, bool later);
/* Take away claims whose pod is nowhere: a launcher was killed between. */
void ln_id_sweep(struct ln_session *s);
