#pragma once
/*
 * The launcher's own look at the trust store: which files stand where.  It
 * reads no key; a file's name is its key's fingerprint (root wrote it), an
 * empty file is a mask.
 */
#include <stdbool.h>

#include "launcher/session.h"

/* The key may speak for this image name: it stands, not empty, in a root.d or
 * in the prefix.d of the name or of an ancestor by path element; and no mask
 * of it stands in any of those places, and policy does not deny it. */
bool ln_trust_holds(struct ln_session *s, const char *name,
    const char *fingerprint);
