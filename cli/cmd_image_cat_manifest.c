/*
 * rkt image cat-manifest: the manifest of an image in the store.  Conductor, user
 * rkt; hostile JSON, parsed before it is printed.
 */
#include <string.h>

#include "appc/image.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/store.h"

static struct options {
	bool pretty;
} o = { .pretty = true };

static const struct cli_flag flags[] = {
	{ .name = "pretty-print", .set = cli_set_bool,
	    .offset = offsetof(struct options, pretty), .bare = "true",
	    .initial = "true", .help = "indent" },
	{ 0 }
};

static int
run(struct cli *c)
{
	struct cli_json j = { .out = stdout, .pretty = o.pretty };
	const struct cli_stored *found[CLI_MAX_FOUND];
	char error[AC_ERROR], *text;
	struct cli_store store;
	struct ac_image *m;
	const char *wrong;
	size_t n, count;
	int r;

	if (c->argc != 1)
		return cli_fail("takes one image");
	r = cli_store_load(c, &store);
	if (r != 0)
		return r;
	wrong = cli_store_find(&store, c->argv[0], found, PS_COUNT(found),
	    &count);
	if (wrong)
		return cli_fail("%s", wrong);
	r = cli_store_manifest(c, found[count - 1]->id, &text, &n);
	if (r < 0)
		return cli_fail("cannot read the manifest of %s: %s",
		    found[count - 1]->id, strerror(-r));
	if (ac_image_parse(text, n, &m, error) < 0)
		return cli_fail("the manifest of %s is invalid: %s",
		    found[count - 1]->id, error);
	ac_image_free(m);
	cli_json_print(&j, text, n);
	(void)fputc('\n', stdout);
	return 0;
}

const struct cli_command cli_cmd_image_cat_manifest = {
	.parent = "image",
	.name = "cat-manifest",
	.arguments = "IMAGE",
	.summary = "print the manifest of an image",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.run = run,
};
