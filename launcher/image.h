#pragma once
/* Judging and holding the images of an app.  Caller: root. */
#include <stdbool.h>

#include "launcher/session.h"

/* May this app start from its image?  Holds the image for the life of this
 * process and of what it becomes.  unsigned_ok: images without a signature
 * were asked for.  0; 1 REFUSED was sent; or a negative errno. */
int ln_image_judge(struct ln_session *s, const struct ps_msg_PLAN_APP *app,
    bool unsigned_ok);
