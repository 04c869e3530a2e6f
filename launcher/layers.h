#pragma once
/*
 * What an app's root is laid over: trees of the store.  Caller: root.
 */
#include <stdbool.h>
#include <stdint.h>

#include "privsep/limits.h"

#define LN_MAX_LOWERS (PS_MAX_LAYERS + 1u)

struct ln_lower {
	uint8_t image[PS_DIGEST];
	uint8_t tree[PS_DIGEST]; /* what it must hash to */
	uint32_t rendering; /* 0: the image's own tree; else its rendering n */
	bool implicit; /* some directories have no entry of their own */
	const char *name; /* of the image; good until the next app's */
};

struct ln_lowers {
	uint16_t n; /* at least 1 once the app may start */
	struct ln_lower v[LN_MAX_LOWERS]; /* topmost first */
};

/* Its root file system's path below the image store (ln_path). */
const char *ln_lower_path(const struct ln_lower *l);
