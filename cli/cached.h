#pragma once
/*
 * What the store already has of a URL, for --pull-policy=update.  Pure.
 */
#include "cli/store.h"

struct cli_cached {
	const struct cli_stored *image; /* NULL: nothing that could be used */
	bool fresh;		/* need not be asked for again */
	const char *etag;	/* to ask with, or NULL */
};

/* Of url itself, and of no other.  wanted NULL: whatever it is; unsigned_ok:
 * an image without a signature will do.  now: seconds since the epoch. */
struct cli_cached cli_cached_find(const struct cli_store *s, const char *url,
    const struct cli_app_name *wanted, bool unsigned_ok, uint64_t now);
