#pragma once
/*
 * The images below an image: what its manifest and theirs depend on, in the
 * store when this is done.  Each is had by the rules of any image (pull policy,
 * discovery, signatures), and must be all that the manifest says of it: name,
 * labels, imageID, and size, which is the size of the image file as it was
 * signed, in bytes.
 */
#include "cli/pull.h"

struct cli_deps {
	uint16_t n;
	/* The graph from the top, as PLAN_APP.layers: behind an image what it
	 * depends on, the last of its dependencies first, each followed by its
	 * own; an image that stood there before has nothing behind it. */
	uint8_t image[PS_MAX_LAYERS][PS_DIGEST];
};

/* 0 or CLI_FAILED (said). */
int cli_deps(struct cli *c, const struct cli_stored *top,
    enum cli_policy policy, struct cli_deps *ret);
