/*
 * Signing: gpg does it, with whatever keys, configuration and pinentry whoever
 * builds has.  Nothing here touches a key, and this user's environment is
 * gpg's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "builder/commands.h"

int
bd_sign(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_free_ char *to = NULL, *from = NULL;
	const char *argv[12] = { "gpg", "--armor", "--detach-sign" };
	size_t n = 3;
	struct stat st;
	int r;

	(void)b;
	if (stat(c->v[0], &st) < 0)
		return bd_fail_error(errno, "sign: %s", c->v[0]);
	/* A path, whatever its first letter. */
	if (asprintf(&from, "%s%s", c->v[0][0] == '-' ? "./" : "",
		c->v[0]) < 0 ||
	    asprintf(&to, "%s.asc", from) < 0)
		return bd_fail("out of memory");
	if (!c->o.overwrite && faccessat(AT_FDCWD, to, F_OK,
		AT_SYMLINK_NOFOLLOW) == 0)
		return bd_fail("%s is already there: --overwrite replaces it",
		    to);
	if (c->o.overwrite)
		argv[n++] = "--yes";
	if (c->o.key) {
		argv[n++] = "--local-user";
		argv[n++] = c->o.key;
	}
	argv[n++] = "--output";
	argv[n++] = to;
	argv[n++] = from;
	r = bd_spawn(argv);
	if (r > 0)
		return bd_fail("sign: gpg did not sign %s (it ended with code "
			       "%d)", c->v[0], r);
	return r;
}
