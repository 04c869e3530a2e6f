/*
 * rkt image rm: the launcher removes, this finds what is meant.  Conductor, user
 * rkt.
 */
#include "cli/commands.h"
#include "cli/remove.h"
#include "cli/session.h"

int
cli_remove_image(struct cli *c, const struct cli_stored *image)
{
	struct ps_msg_CHECK_IMAGE m = { .remove = 1 };
	struct ps_msg_DONE done;
	const char *uuid = cli_awaited(c, image->record.image);

	if (uuid) {
		c->refused = PS_REFUSED_BUSY;
		return cli_fail("image %s is used by pod \"%s\", which is "
				"prepared", image->id, uuid);
	}
	__builtin_memcpy(m.image, image->record.image, sizeof(m.image));
	if (CLI_ASK(c, CHECK_IMAGE, &m, NULL, 0, DONE, &done) < 0)
		return CLI_FAILED;
	(void)printf("successfully removed aci for image: \"%s\"\n", image->id);
	return 0;
}

static int
remove_argument(struct cli *c, const struct cli_store *store,
    const char *argument, size_t *count)
{
	const struct cli_stored *found[CLI_MAX_FOUND];
	const char *wrong;
	size_t n;
	int r = 0;

	wrong = cli_store_find(store, argument, found, PS_COUNT(found), &n);
	if (wrong) {
		*count += 1;
		return cli_fail("%s", wrong);
	}
	for (size_t i = 0; i < n; i++) {
		if (cli_remove_image(c, found[i]) != 0) {
			*count += 1;
			r = CLI_FAILED;
		}
	}
	return r;
}

static int
run(struct cli *c)
{
	struct cli_store store;
	size_t failed = 0;
	int r;

	if (c->argc == 0)
		return cli_fail("takes one or more images");
	r = cli_store_load(c, &store);
	if (r != 0)
		return r;
	for (int i = 0; i < c->argc; i++)
		(void)remove_argument(c, &store, c->argv[i], &failed);
	if (failed > 0)
		return cli_fail("%zu image(s) cannot be removed", failed);
	return 0;
}

const struct cli_command cli_cmd_image_rm = {
	.parent = "image",
	.name = "rm",
	.arguments = "IMAGE...",
	.summary = "remove images from the store",
	.run = run,
};
