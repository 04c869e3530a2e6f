/*
 * rkt trust: keys, reviewed by a person, into the trust store; a list of them;
 * and masks.  Conductor, user rkt; the launcher writes, and only what stands on
 * the command line.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/pod_print.h"
#include "cli/session.h"
#include "cli/trust_print.h"
#include "cli/trust_store.h"
#include "privsep/log.h"
#include "privsep/name.h"

static struct options {
	const char *prefix, *format;
	bool root, skip_review, allow_http, list, remove, no_legend;
} o;

static const struct cli_flag flags[] = {
	CLI_FLAG("prefix", cli_set_string, options, prefix, "NAME", NULL,
	    "trust the keys for images below NAME"),
	CLI_BOOL("root", options, root, "trust the keys for every image"),
	CLI_BOOL("skip-fingerprint-review", options, skip_review,
	    "accept the keys without asking"),
	CLI_BOOL("insecure-allow-http", options, allow_http,
	    "fetch keys over http too"),
	CLI_BOOL("list", options, list, "list the keys, and their masks"),
	CLI_BOOL("no-legend", options, no_legend,
	    "with --list: leave out the header"),
	CLI_FLAG("format", cli_set_format, options, format, "FORMAT", NULL,
	    "with --list: print json, or json-pretty"),
	CLI_BOOL("remove", options, remove,
	    "mask the keys of these fingerprints: trust them no more"),
	{ 0 }
};

static struct cli_trusting trusting;

static int
trust_file(struct cli *c, const char *path)
{
	struct ps_msg_GET_FILE m = { .path = path, .kind = PS_SLOT_KEY };
	struct ps_msg_SLOT slot;

	if (CLI_ASK(c, GET_FILE, &m, NULL, 0, SLOT, &slot) < 0)
		return CLI_FAILED;
	return cli_trust_slot(c, &trusting, slot.slot, path);
}

/* What --list and --remove take. */
static int
check_other(const struct cli *c)
{
	if (o.list && o.remove)
		return cli_fail("--list and --remove exclude each other");
	if (o.list && (o.root || o.prefix || c->argc > 0))
		return cli_fail("--list takes no keys, --prefix or --root");
	if (!o.remove)
		return 0;
	if (o.root == (o.prefix != NULL))
		return cli_fail("--remove takes --prefix or --root, as --list shows "
				"them");
	if (c->argc == 0)
		return cli_fail("--remove takes one or more fingerprints");
	for (int i = 0; i < c->argc; i++) {
		size_t n = strlen(c->argv[i]);

		if ((n != 40 && n != 64) || !ps_is_hex(c->argv[i], n))
			return cli_fail("\"%s\" is not a fingerprint: want all of "
					"its 40 or 64 lower case hex digits",
			    c->argv[i]);
	}
	return 0;
}

/* What a key is trusted for, when one is to be added. */
static int
check_keys(const struct cli *c)
{
	if (o.root && o.prefix)
		return cli_fail("--root and --prefix usage mutually exclusive");
	if (c->argc == 0 && !o.prefix)
		return cli_fail("takes --prefix, or --root and key files");
	if (o.root || o.prefix)
		return 0;
	(void)cli_fail("aborting due to implicit unbounded trust (root domain)");
	(void)fprintf(stderr,
	    "To trust the keys for one prefix:\n"
	    "    rkt trust --prefix \"example.com/foo\" %s\n"
	    "To trust them for every image:\n"
	    "    rkt trust --root %s\n",
	    c->argv[0], c->argv[0]);
	return CLI_FAILED;
}

static int
prepare(struct cli *c)
{
	int r = check_other(c);

	if (r != 0)
		return r;
	if (!o.list && !c->launched)
		return cli_fail("cannot run as unprivileged user");
	if (!o.list && (o.no_legend || o.format))
		return cli_fail("--no-legend and --format go with --list");
	if (o.prefix && strstr(o.prefix, "://"))
		return cli_fail("--prefix must not contain a URL scheme, omit "
				"https://");
	if (!o.list && !o.remove)
		r = check_keys(c);
	if (r == 0 && o.prefix &&
	    (strlen(o.prefix) > 255 ||
		!ps_is_acid(o.prefix, strlen(o.prefix))))
		r = cli_fail("--prefix \"%s\" is not an image name", o.prefix);
	return r;
}

/* Of a mask, other names than those it stands for are not touched. */
static int
remove_key(struct cli *c, const struct cli_trust *before, const char *fingerprint)
{
	struct ps_msg_TRUST_KEY m = { .slot = PS_NO_SLOT, .mask = 1,
		.prefix = o.prefix ? o.prefix : "",
		.fingerprint = fingerprint };
	struct ps_msg_TRUSTED masked;
	bool known = false;

	for (size_t i = 0; i < before->n; i++)
		known |= !before->v[i].mask &&
		    strcmp(before->v[i].fingerprint, fingerprint) == 0;
	if (CLI_ASK(c, TRUST_KEY, &m, NULL, 0, TRUSTED, &masked) < 0)
		return CLI_FAILED;
	if (o.prefix)
		(void)printf("Masked key for prefix \"%s\" at \"%s\"\n", o.prefix,
		    masked.path);
	else
		(void)printf("Masked key for every image at \"%s\"\n",
		    masked.path);
	if (!known)
		ps_log("no key %s was trusted; it is masked all the same",
		    fingerprint);
	return 0;
}

static int
run(struct cli *c)
{
	struct cli_trust trust;
	int r = 0;

	trusting = (struct cli_trusting){ .prefix = o.prefix,
		.skip_review = o.skip_review };
	if (o.allow_http)
		c->g.insecure |= PS_INSECURE_HTTP | PS_INSECURE_PUBKEY;
	if (o.list || o.remove)
		r = cli_trust_load(c, &trust);
	if (r == 0 && o.list)
		return cli_trust_print(c, &trust, o.format, !o.no_legend);
	if (!o.remove && c->argc == 0)
		return cli_trust_remote(c, &trusting, NULL);
	for (int i = 0; r == 0 && i < c->argc; i++)
		r = o.remove		     ? remove_key(c, &trust, c->argv[i]) :
		    strstr(c->argv[i], "://") ? cli_trust_remote(c, &trusting,
						    c->argv[i]) :
						trust_file(c, c->argv[i]);
	return r;
}

const struct cli_command cli_cmd_trust = {
	.name = "trust",
	.arguments = "[KEYFILE|URL|FINGERPRINT...]",
	.summary = "trust keys to sign images; list and remove them",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
