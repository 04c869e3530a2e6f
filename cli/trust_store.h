#pragma once
/*
 * What the trust store holds, by the names of its files.  Pure display and
 * early advice: whether a key counts is the launcher's and verify's to say.
 */
#include "cli/cli.h"

struct cli_trusted {
	const char *prefix;	 /* "" root */
	const char *fingerprint; /* lower case */
	const char *file;	 /* its whole path */
	bool local;		 /* else the vendor's */
	bool mask;		 /* takes the key away, here and below */
	bool masked;		 /* a mask here or above takes this key away */
};

struct cli_trust {
	size_t n, room;
	struct cli_trusted *v;
};

/* All of both configuration directories, by prefix and fingerprint.  0 or
 * CLI_FAILED (said). */
int cli_trust_load(struct cli *c, struct cli_trust *ret);
/* Is there any key that may speak for name? */
bool cli_trust_knows(const struct cli_trust *t, const char *name);
