#pragma once
/*
 * The conductor's end of the fetch edge.  The fetcher is the one process with
 * a network: whatever it answers is a stranger's word, bounded and printed,
 * never believed.  What it wrote is looked at by no one before it has exited.
 */
#include "cli/config.h"

struct cli_fetcher {
	struct ps_chan chan;
	uint16_t first; /* the launcher's number of slot 0 */
	struct cli_config config; /* credentials */
	bool may_miss;		  /* a bad HTTP status is not said, but kept */
	const char *missing;	  /* what the fetcher said of it */
	const char *discovered;	  /* host of the name; NULL: nothing was */
	const char *etag; /* of what is there; NULL none.  Then 304 is good */
};

struct cli_got {
	uint32_t status;
	const char *final_url; /* kept */
	uint64_t size;
	const char *etag; /* kept, "" none */
	uint64_t max_age; /* seconds, 0 none */
};

/* Starts one with slots of these kinds (PS_SLOT_*) and tells it the operator's
 * options.  0 or CLI_FAILED (said), like all of these. */
int cli_fetcher_start(struct cli *c, const uint8_t *kinds, uint16_t n,
    struct cli_fetcher *ret);
/* Discovery; the URLs are kept.  At least one. */
int cli_fetcher_discover(struct cli_fetcher *f, const char *name,
    const char *const *label, uint16_t n_label, uint8_t want,
    struct cli_list *ret);
/* One download into slot; label is what the progress bar says. */
int cli_fetcher_get(struct cli_fetcher *f, uint16_t slot, const char *url,
    uint64_t max_size, const char *label, struct cli_got *ret);
/* Ends it and waits; then its slots can be used. */
int cli_fetcher_end(struct cli *c, struct cli_fetcher *f);

/* X.aci to X.aci.asc, before a query or fragment. */
const char *cli_signature_url(const char *url);
