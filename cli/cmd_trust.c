/*
 * rkt trust: keys, reviewed by a person, into the trust store.  Conductor, user
 * rkt.  What a key file holds is read by the verify worker; this shows its words
 * and asks.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/image_string.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/transfer.h"
#include "privsep/log.h"
#include "privsep/name.h"

static struct options {
	const char *prefix;
	bool root, skip_review, allow_http;
} o;

static const struct cli_flag flags[] = {
	CLI_FLAG("prefix", cli_set_string, options, prefix, "NAME", NULL,
	    "trust the keys for images below NAME"),
	CLI_BOOL("root", options, root, "trust the keys for every image"),
	CLI_BOOL("skip-fingerprint-review", options, skip_review,
	    "accept the keys without asking"),
	CLI_BOOL("insecure-allow-http", options, allow_http,
	    "fetch keys over http too"),
	{ 0 }
};

/* One key of a file, in the launcher's words, kept. */
struct key {
	const char *fingerprint, *note;
	struct cli_list subkeys, uids;
};

static const char *
for_whom(void)
{
	return o.prefix ? cli_format("prefix \"%s\"", o.prefix) : "root";
}

static const char *
in_fours(const char *hex)
{
	size_t n = strlen(hex);
	char *out = cli_alloc(n + n / 4 + 2), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 4 == 0)
			*p++ = ' ';
		*p++ = hex[i];
	}
	return out;
}

static void
show_key(const struct key *k, const char *location)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "prefix: \"%s\"\nkey: \"%s\"\n",
	    o.prefix ? o.prefix : "", location);
	(void)printf("gpg key fingerprint is: %s\n", in_fours(k->fingerprint));
	if (k->note)
		(void)printf("    This key is %s\n", k->note);
	for (size_t i = 0; i < k->subkeys.n; i++)
		(void)printf("    Subkey fingerprint: %s\n",
		    in_fours(k->subkeys.v[i]));
	for (size_t i = 0; i < k->uids.n; i++)
		(void)printf("\t%s\n", k->uids.v[i]);
}

static int
refuse_to_guess(const char *location)
{
	const char *p = o.prefix ? o.prefix : "";

	ps_log("cannot ask for a review of \"%s\": stdin and stderr are not "
	       "terminals", location);
	(void)fprintf(stderr,
	    "To trust the key for \"%s\", do one of the following:\n"
	    " - call rkt with --trust-keys-from-https\n"
	    " - run: rkt trust --prefix \"%s\"\n"
	    " - run rkt trust with --skip-fingerprint-review\n",
	    p, p);
	return CLI_FAILED;
}

/* 1 trust it, 0 do not, CLI_FAILED. */
static int
review(const struct cli *c, const struct key *k, const char *location)
{
	bool https = strncmp(location, "https://", 8) == 0;
	int answer;

	show_key(k, location);
	if (o.skip_review || (c->g.trust_https && https)) {
		(void)printf("Trusting \"%s\" for %s without fingerprint "
			     "review.\n", location, for_whom());
		return 1;
	}
	if (!cli_is_interactive())
		return refuse_to_guess(location);
	answer = cli_ask_yes("Are you sure you want to trust this key (yes/no)?");
	if (answer < 0)
		return cli_fail("no answer: not trusting \"%s\"", location);
	if (answer == 0)
		(void)printf("not trusting \"%s\"\n", location);
	else
		(void)printf("Trusting \"%s\" for %s after fingerprint review.\n",
		    location, for_whom());
	return answer;
}

static int
trust_key(struct cli *c, uint16_t slot, const struct key *k,
    const char *location)
{
	struct ps_msg_TRUST_KEY m = { .slot = slot,
		.prefix = o.prefix,
		.fingerprint = k->fingerprint };
	struct ps_msg_TRUSTED trusted;
	int r = review(c, k, location);

	if (r != 1)
		return r;
	if (CLI_ASK(c, TRUST_KEY, &m, NULL, 0, TRUSTED, &trusted) < 0)
		return CLI_FAILED;
	if (o.prefix)
		(void)printf("Added key for prefix \"%s\" at \"%s\"\n", o.prefix,
		    trusted.path);
	else
		(void)printf("Added root key at \"%s\"\n", trusted.path);
	return 0;
}

/* "KIND VALUE" lines to keys.  How many. */
static size_t
read_keys(const struct ps_msg_KEYS *m, struct key *keys, size_t max)
{
	struct key *k = NULL;
	size_t n = 0;

	for (uint16_t i = 0; i < m->n_lines; i++) {
		const char *line = m->lines[i], *value = strchr(line, ' ');

		if (value == NULL)
			continue;
		value = cli_copy(value + 1);
		if (strncmp(line, "pub ", 4) == 0 && n < max) {
			k = &keys[n++];
			*k = (struct key){ .fingerprint = value };
		} else if (k && strncmp(line, "sub ", 4) == 0) {
			cli_list_add(&k->subkeys, value);
		} else if (k && strncmp(line, "uid ", 4) == 0) {
			cli_list_add(&k->uids, value);
		} else if (k && strncmp(line, "flags ", 6) == 0 &&
		    strcmp(value, "-") != 0) {
			k->note = value;
		}
	}
	return n;
}

static int
trust_slot(struct cli *c, uint16_t slot, const char *location)
{
	struct ps_msg_REVIEW_KEYS m = { .slot = slot };
	static struct ps_msg_KEYS found;
	struct key keys[64];
	size_t n;
	int r = 0;

	if (CLI_ASK(c, REVIEW_KEYS, &m, NULL, 0, KEYS, &found) < 0)
		return CLI_FAILED;
	n = read_keys(&found, keys, PS_COUNT(keys));
	if (n == 0)
		return cli_fail("\"%s\" holds no public key", location);
	for (size_t i = 0; i < n && r == 0; i++)
		r = trust_key(c, slot, &keys[i], location);
	return r;
}

static int
trust_file(struct cli *c, const char *path)
{
	struct ps_msg_GET_FILE m = { .path = path, .kind = PS_SLOT_KEY };
	struct ps_msg_SLOT slot;

	if (CLI_ASK(c, GET_FILE, &m, NULL, 0, SLOT, &slot) < 0)
		return CLI_FAILED;
	return trust_slot(c, slot.slot, path);
}

/* The keys at url, or, without one, those that discovery of the prefix
 * names. */
static int
trust_remote(struct cli *c, const char *url)
{
	uint8_t kinds[PS_FETCH_SLOTS];
	struct cli_list urls = { 0 };
	struct cli_fetcher f;
	struct cli_got got;
	int r;

	memset(kinds, PS_SLOT_KEY, sizeof(kinds));
	if (o.allow_http)
		c->g.insecure |= PS_INSECURE_HTTP | PS_INSECURE_PUBKEY;
	r = cli_fetcher_start(c, kinds, url ? 1 : PS_FETCH_SLOTS, &f);
	if (r == 0 && url)
		cli_list_add(&urls, url);
	else if (r == 0)
		r = cli_fetcher_discover(&f, o.prefix, NULL, 0,
		    PS_DISCOVER_KEYS, &urls);
	for (size_t i = 0; r == 0 && i < urls.n && i < PS_FETCH_SLOTS; i++) {
		r = cli_fetcher_get(&f, (uint16_t)i, urls.v[i], PS_MAX_KEY,
		    "Downloading key", &got);
		if (r == 0 && got.status != 200)
			r = cli_fail("%s: bad HTTP status code: %u", urls.v[i],
			    got.status);
	}
	if (r == 0)
		r = cli_fetcher_end(c, &f);
	for (size_t i = 0; r == 0 && i < urls.n && i < PS_FETCH_SLOTS; i++)
		r = trust_slot(c, (uint16_t)(f.first + i), urls.v[i]);
	return r;
}

static int
prepare(struct cli *c)
{
	if (o.prefix && strstr(o.prefix, "://"))
		return cli_fail("--prefix must not contain a URL scheme, omit "
				"https://");
	if (o.root && o.prefix)
		return cli_fail("--root and --prefix usage mutually exclusive");
	if (c->argc == 0 && !o.prefix)
		return cli_fail("takes --prefix, or --root and key files");
	if (!o.root && !o.prefix) {
		(void)cli_fail("aborting due to implicit unbounded trust (root "
			       "domain)");
		(void)fprintf(stderr,
		    "To trust the keys for one prefix:\n"
		    "    rkt trust --prefix \"example.com/foo\" %s\n"
		    "To trust them for every image:\n"
		    "    rkt trust --root %s\n",
		    c->argv[0], c->argv[0]);
		return CLI_FAILED;
	}
	if (o.prefix && (strlen(o.prefix) > 255 ||
			    !ps_is_acid(o.prefix, strlen(o.prefix))))
		return cli_fail("--prefix \"%s\" is not an image name", o.prefix);
	return 0;
}

static int
run(struct cli *c)
{
	int r = 0;

	if (c->argc == 0)
		return trust_remote(c, NULL);
	for (int i = 0; r == 0 && i < c->argc; i++)
		r = strstr(c->argv[i], "://") ? trust_remote(c, c->argv[i]) :
						trust_file(c, c->argv[i]);
	return r;
}

const struct cli_command cli_cmd_trust = {
	.name = "trust",
	.arguments = "[KEYFILE|URL...]",
	.summary = "trust keys to sign images",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
