#pragma once
/*
 * From key files to the trust store: what the verify worker read of them is
 * shown, a person (or a flag) decides, the launcher writes.
 */
#include "cli/cli.h"

struct cli_trusting {
	const char *prefix; /* NULL: root */
	bool skip_review;   /* accept without asking */
	bool https_only;    /* pass over keys that came by anything else */
};

/* Every key of a PS_SLOT_KEY slot that came from location (path or URL).  0 or
 * CLI_FAILED (said), as all here. */
int cli_trust_slot(struct cli *c, const struct cli_trusting *t, uint16_t slot,
    const char *location);
/* The keys at url; NULL: those that discovery of the prefix names. */
int cli_trust_remote(struct cli *c, const struct cli_trusting *t,
    const char *url);
struct cli_key_facts {
	bool known;
	const char *uid; /* the first; kept */
	uint64_t expires; /* seconds since the epoch; 0 never */
};

struct cli_trusted;
/* What verify reads of a key of the trust store; a refusal is said. */
struct cli_key_facts cli_key_facts(struct cli *c, const struct cli_trusted *k);
/* Before an image called name is asked for: no key may speak for it yet?  Then
 * its keys are discovered and taken, with --trust-keys-from-https; without, it
 * is said how to get them, and CLI_FAILED. */
int cli_trust_for_fetch(struct cli *c, const char *name);
