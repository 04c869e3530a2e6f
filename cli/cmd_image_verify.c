/*
 * rkt image verify: is the tree of an image what it was when it was admitted?
 * Conductor, user rkt; the launcher looks.
 */
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/store.h"

static int
verify_argument(struct cli *c, const struct cli_store *store,
    const char *argument)
{
	const struct cli_stored *found[CLI_MAX_FOUND];
	struct ps_msg_CHECK_IMAGE m = { 0 };
	struct ps_msg_DONE done;
	const char *wrong;
	size_t n;
	int r = 0;

	wrong = cli_store_find(store, argument, found, PS_COUNT(found), &n);
	if (wrong)
		return cli_fail("%s", wrong);
	for (size_t i = 0; i < n; i++) {
		__builtin_memcpy(m.image, found[i]->record.image,
		    sizeof(m.image));
		if (CLI_ASK(c, CHECK_IMAGE, &m, NULL, 0, DONE, &done) < 0)
			r = CLI_FAILED;
		else
			(void)printf("successfully verified checksum for image: "
				     "\"%s\" (\"%s\")\n",
			    argument, found[i]->id);
	}
	return r;
}

static int
run(struct cli *c)
{
	struct cli_store store;
	int r, failed = 0;

	if (c->argc == 0)
		return cli_fail("takes one or more images");
	r = cli_store_load(c, &store);
	if (r != 0)
		return r;
	for (int i = 0; i < c->argc; i++)
		if (verify_argument(c, &store, c->argv[i]) != 0)
			failed = CLI_FAILED;
	return failed;
}

const struct cli_command cli_cmd_image_verify = {
	.parent = "image",
	.name = "verify",
	.arguments = "IMAGE...",
	.summary = "compare stored images with their recorded digests",
	.needs = CLI_ALONE | CLI_SPOOL,
	.run = run,
};
