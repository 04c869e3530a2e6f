/*
 * May a download be spared?  Pure.  Conductor, user rkt; the validators in a
 * record are a server's words.  They only ever stand for the image that came
 * with them from the same URL, and that was admitted.
 */
#include "cli/cached.h"

#include <string.h>

struct cli_cached
cli_cached_find(const struct cli_store *s, const char *url,
    const struct cli_app_name *wanted, bool unsigned_ok, uint64_t now)
{
	const struct cli_stored *found = cli_store_by_origin(s, url);
	struct cli_cached c = { 0 };
	const struct ps_record *r;

	if (found == NULL)
		return c;
	r = &found->record;
	if ((r->n_signer == 0 && !unsigned_ok) ||
	    (wanted && !unsigned_ok && !cli_record_matches(r, wanted)))
		return c;
	c.image = found;
	c.etag = r->n_etag > 0 ? r->etag[0] : NULL;
	/* A clock that was set back makes nothing fresh. */
	c.fresh = now >= r->imported_at && now - r->imported_at < r->max_age;
	return c;
}
