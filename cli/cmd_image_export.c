/*
 * rkt image export: the bytes of an image as they came, which is what its
 * signature signs.  Conductor, user rkt.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/store.h"
#include "privsep/fds.h"

static struct options {
	bool overwrite;
} o;

static const struct cli_flag flags[] = {
	CLI_BOOL("overwrite", options, overwrite, "write over a file"),
	{ 0 }
};

static int
prepare(struct cli *c)
{
	if (c->g.help)
		return 0;
	if (c->argc != 2)
		return cli_fail("takes an image and a file");
	return cli_output_prepare(c, c->argv[1], o.overwrite);
}

static int
copy(int from, int to)
{
	static char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) != 0) {
		int r = n < 0 ? -errno : ps_write_full(to, buffer, (size_t)n);

		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

static int
run(struct cli *c)
{
	const struct cli_stored *found[2];
	const char *file = c->argv[1], *wrong;
	_cleanup_fd_ int blob = -1;
	struct cli_store store;
	int r = cli_store_load(c, &store), to;
	size_t n;

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
	if (blob < 0)
		return cli_fail("cannot read %s: %s", found[0]->id,
		    strerror(-blob));
	to = cli_output_open(c, file);
	if (to < 0)
		return CLI_FAILED;
	r = copy(blob, to);
	return cli_output_end(c, file, r < 0 ?
	    cli_fail("cannot export %s: %s", found[0]->id, strerror(-r)) : 0);
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
