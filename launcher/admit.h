#pragma once
/* What the launcher itself demands of an image, at admission and at launch. */
#include <stdbool.h>

#include "launcher/session.h"
#include "privsep/record.h"

bool ln_is_listed(uint8_t list[][PS_DIGEST], uint16_t n,
    const uint8_t image[PS_DIGEST]);

/* Denials, pins, and every signer still trusted for the image's name; an
 * unsigned image only where unsigned_ok.  0 good; 1 REFUSED was sent; or a
 * negative errno. */
int ln_judge_image(struct ln_session *s, const struct ps_record *r,
    bool unsigned_ok);
