#pragma once
/*
 * Image files: one to begin from, one to write.  What goes wrong has been
 * said.
 */
#include "builder/build.h"

/* An image file's members into an empty build; its manifest is b->manifest.
 * Owners, modes and capabilities are kept beside the tree. */
int bd_load_image(struct bd_build *b, const char *path);

struct bd_write {
	const char *path;
	bool overwrite;
	mode_t umask;
	int64_t time; /* of every member */
};

int bd_write_image(struct bd_build *b, const struct bd_write *w);
