#pragma once
/*
 * What was seen of each name: the newest signature time of every key, for each
 * os and arch, ever admitted with success.  Caller: root.  rollback/ is root's
 * alone; it is kept whatever site policy says, and asked where site policy
 * says "rollback refuse".
 */
#include "launcher/session.h"
#include "privsep/record.h"

/* Is this image older than one that was seen, of the same name, os and arch,
 * by one of the same keys?  store: those in the store are looked at, too (for
 * admission; in the time that takes).  0 no; 1 REFUSED was sent; or a negative
 * errno. */
int ln_rollback_judge(struct ln_session *s, const struct ps_record *r,
    bool store);
/* It has been admitted: now it is what was seen.  Same results; a state that
 * cannot be written is refused only where site policy asks for it. */
int ln_rollback_note(struct ln_session *s, const struct ps_record *r);

#define LN_ROLLBACK_PATH 512
/* Pure.  "NAME/KEY-OS-ARCH", with ',' for '/' in the name. */
void ln_rollback_path(const struct ps_record *r, const char *key,
    char ret[LN_ROLLBACK_PATH]);
