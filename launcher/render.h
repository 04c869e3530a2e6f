#pragma once
/*
 * Renderings: trees that the unpack worker made of several, kept with the
 * image that they are of, as image/<id>/rendered/<n>/{rootfs,record}.  The
 * record says what the tree must hash to, and of what it was made.
 */
#include "launcher/layers.h"
#include "launcher/session.h"
#include "launcher/workers.h"

/* The rendering of an image over these trees (the first is its own): one that
 * is there, or a new one.  It is held.  0; 1 REFUSED was sent; or a negative
 * errno. */
int ln_render(struct ln_session *s, const struct ln_lowers *of,
    struct ln_lower *ret);

/* Is every rendering of that image what its record says?  One that is not is
 * taken away, unless a pod uses it, and made again when it is needed.  0; 1
 * REFUSED was sent; or a negative errno. */
int ln_render_check(struct ln_session *s, const uint8_t image[PS_DIGEST],
    const char *name);

/* These trees laid over each other into what->rootfs.  The worker gets every
 * layer as a mount of its own that cannot be written: it is root of all trees'
 * owners, and must spoil none but the one that it makes. */
int ln_render_into(struct ln_session *s, const struct ln_lowers *of,
    struct ln_rendering *what, struct ps_msg_TREE *ret);
