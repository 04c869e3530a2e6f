/*
 * rkt image gc: images that were not used for a while.  Conductor, user rkt; the
 * launcher removes, and not what a pod uses.
 */
#include <time.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/remove.h"

static struct options {
	int64_t grace; /* ns */
} o = { .grace = 24 * 3600 * CLI_SECOND };

static const struct cli_flag flags[] = {
	CLI_FLAG("grace-period", cli_set_duration, options, grace, "DURATION",
	    "24h0m0s", "how long an image must not have been used"),
	{ 0 }
};

static int
run(struct cli *c)
{
	int64_t now = (int64_t)time(NULL);
	struct cli_store store;
	size_t failed = 0;
	int r;

	if (c->argc > 0)
		return cli_fail("takes no arguments");
	if (o.grace < 0)
		return cli_fail("--grace-period must not be negative");
	r = cli_store_load(c, &store);
	for (size_t i = 0; r == 0 && i < store.n; i++) {
		const struct cli_stored *image = &store.v[i];

		if (image->used_at > now - o.grace / CLI_SECOND)
			continue;
		c->refused = 0;
		if (cli_remove_image(c, image) != 0 &&
		    c->refused != PS_REFUSED_BUSY)
			failed++;
	}
	if (failed > 0)
		return cli_fail("%zu image(s) cannot be removed", failed);
	return r;
}

const struct cli_command cli_cmd_image_gc = {
	.parent = "image",
	.name = "gc",
	.summary = "remove images that were not used for a while",
	.flags = flags,
	.options = &o,
	.run = run,
};
