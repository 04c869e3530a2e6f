#pragma once
/*
 * What the store holds, by the records that the launcher wrote.  Read without
 * trust: an odd record is passed over.  The launcher proves again whatever is
 * done with an image.
 */
#include "cli/cli.h"
#include "cli/image_string.h"
#include "privsep/name.h"
#include "privsep/record.h"

struct cli_stored {
	char id[PS_IMAGE_ID_LEN + 1];
	int64_t used_at; /* seconds since the epoch */
	struct ps_record record;
};

struct cli_store {
	size_t n, room;
	struct cli_stored *v;
};

/* All images.  0 or CLI_FAILED (said). */
int cli_store_load(struct cli *c, struct cli_store *ret);
/* One, by its digest.  0 or negative errno. */
int cli_store_read(struct cli *c, const uint8_t digest[PS_DIGEST],
    struct cli_stored *ret);

/* The image of that id or unambiguous beginning of one.  NULL, or what is
 * wrong. */
const char *cli_store_by_id(const struct cli_store *s, const char *id,
    const struct cli_stored **ret);
/* The newest with that name and all those labels, NULL if there is none. */
const struct cli_stored *cli_store_by_name(const struct cli_store *s,
    const struct cli_app_name *name);
/* The newest that came from there, NULL if there is none. */
const struct cli_stored *cli_store_by_origin(const struct cli_store *s,
    const char *origin);
bool cli_record_matches(const struct ps_record *r,
    const struct cli_app_name *name);

#define CLI_MAX_FOUND 256
/* What "IMAGE" of the image commands means: id, its beginning, or a name (all
 * that match, newest last).  Fills up to max.  NULL, or what is wrong. */
const char *cli_store_find(const struct cli_store *s, const char *argument,
    const struct cli_stored **ret, size_t max, size_t *ret_n);

/* NAME or NAME:VERSION */
const char *cli_stored_name(const struct ps_record *r);
/* The manifest's text.  0 or negative errno. */
int cli_store_manifest(struct cli *c, const char *id, char **ret,
    size_t *ret_n);
