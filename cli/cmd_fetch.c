/*
 * rkt fetch: images into the store.  Conductor, user rkt; what arrives is
 * judged by the launcher.
 */
#include "cli/commands.h"
#include "cli/deps.h"
#include "cli/insecure.h"

static struct options {
	const char *signature;
	enum cli_policy policy;
	bool full;
} o = { .policy = CLI_PULL_UPDATE };

static const struct cli_flag flags[] = {
	CLI_FLAG("signature", cli_set_string, options, signature, "FILE", NULL,
	    "detached signature of the image"),
	CLI_FLAG("pull-policy", cli_set_pull_policy, options, policy, "POLICY",
	    "update", "when to ask the network: never, new, update"),
	CLI_BOOL("full", options, full, "print the whole image ID"),
	{ 0 }
};

static int
run(struct cli *c)
{
	const char *excess =
	    cli_insecure_excess(c->g.insecure, c->welcome.insecure_allowed);

	if (excess)
		return cli_fail("site policy does not allow "
				"--insecure-options=%s", excess);
	if (c->argc == 0)
		return cli_fail("takes one or more images");
	if (o.signature && c->argc > 1)
		return cli_fail("--signature is for one image");
	for (int i = 0; i < c->argc; i++) {
		const struct cli_pull p = { .argument = c->argv[i],
			.signature = o.signature,
			.policy = o.policy,
			.refuse_ids = true };
		struct cli_stored image;
		struct cli_deps deps;
		int r = cli_pull(c, &p, &image);

		if (r == 0)
			r = cli_deps(c, &image, o.policy, &deps);
		if (r != 0)
			return r;
		(void)printf("%.*s\n", o.full ? PS_IMAGE_ID_LEN : 7 + 32,
		    image.id);
		(void)fflush(stdout);
	}
	return 0;
}

const struct cli_command cli_cmd_fetch = {
	.name = "fetch",
	.arguments = "IMAGE...",
	.summary = "fetch images, check their signatures, and store them",
	.needs = CLI_ALONE | CLI_SPOOL,
	.flags = flags,
	.options = &o,
	.run = run,
};
