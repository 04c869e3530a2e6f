#pragma once
/* Removing pods and images: by the launcher, who proves that they may be
 * removed.  Callers: commands of the conductor, user rkt. */
#include "cli/store.h"

/* Asks the launcher to mark a pod as garbage, or to delete a marked one.
 * 0 or CLI_FAILED (said). */
int cli_remove_pod(struct cli *c, const char *uuid, bool delete);
/* The UUID of a prepared pod that runs from this image, or NULL. */
const char *cli_awaited(struct cli *c, const uint8_t image[PS_DIGEST]);
/* The same for an image of the store, which no prepared pod waits with (then
 * c->refused is PS_REFUSED_BUSY); says that it is gone. */
int cli_remove_image(struct cli *c, const struct cli_stored *image);
