#pragma once
/*
 * Apps of a pod that runs and is mutable: they come by START_POD, how ADD, and
 * go by ENTER_POD, how REMOVE.  Caller: root.
 */
#include "launcher/plan.h"
#include "launcher/session.h"

/* The plan of one app has been proved and its images are held (s->held); size
 * bytes.  since: the pod's manifest has not changed since then.  All or
 * nothing; sends the answer. */
struct ln_addition {
	const struct ln_plan *plan;
	const uint8_t *bytes;
	uint64_t size, since;
};
int ln_add_app(struct ln_session *s, const struct ln_addition *a);
/* What was said has been proved; manifest: sealed, the pod's without the app.
 * What is there of the app goes, however much it is; sends the answer. */
int ln_remove_app(struct ln_session *s, const struct ps_msg_ENTER_POD *m,
    int manifest);
/* An app that was added to a pod that runs uses this image, whose lock no process
 * holds for it: the plans say so. */
bool ln_is_added(struct ln_session *s, const uint8_t image[PS_DIGEST]);
