/*
 * rkt image extract and render: an image's files in a directory, by itself or
 * with what it depends on.  Conductor, user rkt: it says which images; the
 * launcher makes the directory, and a worker fills it.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/deps.h"
#include "cli/session.h"

static struct options {
	bool rootfs_only, overwrite;
} o;

static const struct cli_flag flags[] = {
	CLI_BOOL("rootfs-only", options, rootfs_only,
	    "only what is in the root file system, without the manifest"),
	CLI_BOOL("overwrite", options, overwrite,
	    "remove a directory that is there"),
	{ 0 }
};

static int
find(struct cli *c, const struct cli_stored **ret)
{
	const struct cli_stored *found[2];
	struct cli_store *store = cli_alloc(sizeof(*store));
	const char *wrong;
	size_t n;
	int r;

	if (c->argc != 2)
		return cli_fail("takes an image and a directory");
	r = cli_store_load(c, store);
	if (r != 0)
		return r;
	wrong = cli_store_find(store, c->argv[0], found, PS_COUNT(found), &n);
	if (wrong)
		return cli_fail("%s", wrong);
	if (n > 1)
		return cli_fail("\"%s\" names several images: give an ID, or more "
				"labels", c->argv[0]);
	*ret = found[0];
	return 0;
}

static int
ask(struct cli *c, bool whole)
{
	struct ps_msg_EXTRACT_IMAGE m = { .whole = whole };
	const struct cli_stored *image = NULL;
	struct cli_deps deps = { 0 };
	struct ps_msg_DONE done;
	int r = find(c, &image);

	if (r == 0 && whole)
		r = cli_deps(c, image, CLI_PULL_NEVER, &deps);
	if (r != 0)
		return r;
	memcpy(m.image, image->record.image, PS_DIGEST);
	m.layers = deps.image[0];
	m.n_layers = deps.n * PS_DIGEST;
	m.path = c->argv[1];
	return CLI_ASK(c, EXTRACT_IMAGE, &m, NULL, 0, DONE, &done) < 0 ?
	    CLI_FAILED :
	    0;
}

static int
extract(struct cli *c)
{
	return ask(c, false);
}

static int
render(struct cli *c)
{
	return ask(c, true);
}

const struct cli_command cli_cmd_image_extract = {
	.parent = "image",
	.name = "extract",
	.arguments = "IMAGE DIRECTORY",
	.summary = "write an image's own files to a new directory",
	.flags = flags,
	.options = &o,
	.run = extract,
};

const struct cli_command cli_cmd_image_render = {
	.parent = "image",
	.name = "render",
	.arguments = "IMAGE DIRECTORY",
	.summary = "write an image, with what it depends on, to a new directory",
	.flags = flags,
	.options = &o,
	.run = render,
};
