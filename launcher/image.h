#pragma once
/* Judging and holding the images of an app.  Caller: root. */
#include <stdbool.h>

#include "launcher/plan.h"
#include "launcher/session.h"
#include "privsep/record.h"

/* May this app, of which name, image and layers are looked at, start from its
 * image and the layers below that?  Each is held for the life of this process
 * and of what it becomes.  unsigned_ok: images without a signature were asked
 * for.  *ret: what to mount.  0; 1 REFUSED was sent; or a negative errno. */
int ln_layers(struct ln_session *s, const struct ps_msg_PLAN_APP *app,
    bool unsigned_ok, struct ln_lowers *ret);

/* One image: held, its record read, its signers asked for again.  text must
 * hold PS_MAX_RECORD + 1 and outlive *ret.  0; 1 REFUSED was sent; or a
 * negative errno. */
int ln_image_take(struct ln_session *s, const char *app,
    const uint8_t image[PS_DIGEST], bool unsigned_ok, char *text,
    struct ps_record *ret);
/* Its own tree; good as long as the record. */
struct ln_lower ln_lower_of(const struct ps_record *r);
/* Keeps the descriptor of a locked directory for stage1.  -EMFILE: too many. */
int ln_image_hold(struct ln_session *s, int *dir);
/* The tree is what it must be, by the word of a worker that read all of it. */
int ln_image_check(struct ln_session *s, const struct ln_lower *l);
