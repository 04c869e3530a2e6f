/*
 * Running a command of the image during the build.  Runs as whoever builds.
 */
#include "builder/commands.h"

int
bd_run(struct bd_build *b, const struct bd_call *c)
{
	(void)b;
	return bd_fail("run: %s: nothing of the image is run while it is "
		       "built: make the files outside, and copy them",
	    c->v[0]);
}
