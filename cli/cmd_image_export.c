/*
 * rkt image export: the bytes of an image as they came, which is what its
 * signature signs.  Conductor, user rkt; OUT is opened before the sandbox is
 * closed, by user rkt and not by root.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/store.h"
#include "privsep/fds.h"

static struct options {
	bool overwrite;
} o;

static const struct cli_flag flags[] = {
	CLI_BOOL("overwrite", options, overwrite, "write over a file"),
	{ 0 }
};

static int out = STDOUT_FILENO;

static int
prepare(struct cli *c)
{
	struct stat st;

	if (c->g.help)
		return 0;
	if (c->argc != 2)
		return cli_fail("takes an image and a file");
	if (strcmp(c->argv[1], "-") == 0)
		return isatty(out) ? cli_fail("stdout is a terminal") : 0;
	out = open(c->argv[1],
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		(o.overwrite ? 0 : O_EXCL),
	    0644);
	if (out < 0)
		return cli_fail("cannot write %s: %s", c->argv[1],
		    errno == EEXIST ? "it exists (see --overwrite)" :
		    errno == EACCES ? "permission denied (user rkt writes it, not "
				      "root: choose another directory, or write "
				      "to - and have the shell open the file)" :
				      strerror(errno));
	if (fstat(out, &st) < 0 || !S_ISREG(st.st_mode))
		return cli_fail("%s is not a regular file", c->argv[1]);
	return 0;
}

static int
copy(int from)
{
	static char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) != 0) {
		int r = n < 0 ? -errno : ps_write_full(out, buffer, (size_t)n);

		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

static int
run(struct cli *c)
{
	const struct cli_stored *found[2];
	_cleanup_fd_ int blob = -1;
	struct cli_store store;
	const char *wrong;
	size_t n;
	int r = cli_store_load(c, &store);

	if (r != 0)
		return r;
	wrong = cli_store_find(&store, c->argv[0], found, PS_COUNT(found), &n);
	if (wrong)
		return cli_fail("%s", wrong);
	if (n > 1)
		return cli_fail("\"%s\" names several images: give an ID, or more "
				"labels", c->argv[0]);
	blob = cli_open_below(c->data, cli_format("image/%s/blob", found[0]->id),
	    0);
	r = blob < 0 ? blob : 0;
	if (r == 0 && out != STDOUT_FILENO && ftruncate(out, 0) < 0)
		r = -errno;
	if (r == 0)
		r = copy(blob);
	return r < 0 ? cli_fail("cannot export %s: %s", found[0]->id,
			   strerror(-r)) :
		       0;
}

const struct cli_command cli_cmd_image_export = {
	.parent = "image",
	.name = "export",
	.arguments = "IMAGE FILE",
	.summary = "write an image as it was signed to a file",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
