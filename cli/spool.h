#pragma once
/*
 * The spool: images that members of group rkt have fetched, in <data>/spool.
 * NAME.aci and NAME.asc are the bytes as they came, NAME.manifest and NAME.meta
 * (a record, privsep/record.h) what its maker believes of them; NAME is 32
 * random hex digits.  All of it is a hint: any member may write what he likes
 * there, and root verifies whatever he takes as if the network had sent it.
 */
#include "cli/store.h"

#define CLI_SPOOL_NAME 32
#define CLI_MAX_SPOOLED 1024 /* of which no more are looked at */

struct cli_spooled {
	char name[CLI_SPOOL_NAME + 1];
	uid_t owner;
	int64_t since; /* seconds since the epoch, by the kernel's clock */
	struct cli_stored image;
};

struct cli_spool {
	size_t n;
	struct cli_spooled *v; /* newest first */
};

/* Whatever is there and well-formed; none is no error. */
void cli_spool_load(struct cli *c, struct cli_spool *ret);
bool cli_spool_is_name(const char *s, size_t n);
/* "spool/NAME.aci", as GET_FILE takes it. */
const char *cli_spool_path(const struct cli_spooled *s, const char *suffix);
/* One's own, by its image's id: its manifest's text.  0 or negative errno. */
int cli_spool_manifest(struct cli *c, const char *id, char **ret, size_t *ret_n);
/* One's own, by its image's digest.  0 or -ENOENT. */
int cli_spool_read(struct cli *c, const uint8_t digest[PS_DIGEST],
    struct cli_stored *ret);
