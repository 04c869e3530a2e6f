/*
 * Reviewing keys, conductor, user rkt.  What a key file holds is read by the
 * verify worker; this shows its words and asks.
 */
#include "cli/keys.h"

#include <string.h>

#include "cli/files.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/transfer.h"
#include "cli/trust_store.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"

#define FEW_SLOTS 4 /* for keys on the way to an image */

/* One key of a file, in the launcher's words, kept. */
struct key {
	const char *fingerprint, *note;
	struct cli_list subkeys, uids;
};

static const char *
for_whom(const struct cli_trusting *t)
{
	return t->prefix ? cli_format("prefix \"%s\"", t->prefix) : "root";
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
show_key(const struct cli_trusting *t, const struct key *k,
    const char *location)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "prefix: \"%s\"\nkey: \"%s\"\n",
	    t->prefix ? t->prefix : "", location);
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
refuse_to_guess(const struct cli_trusting *t, const char *location)
{
	const char *p = t->prefix ? t->prefix : "";

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
review(const struct cli *c, const struct cli_trusting *t, const struct key *k,
    const char *location)
{
	bool https = strncmp(location, "https://", 8) == 0;
	int answer;

	show_key(t, k, location);
	if (t->skip_review || (c->g.trust_https && https)) {
		(void)printf("Trusting \"%s\" for %s without fingerprint "
			     "review.\n", location, for_whom(t));
		return 1;
	}
	if (!cli_is_interactive())
		return refuse_to_guess(t, location);
	answer = cli_ask_yes("Are you sure you want to trust this key (yes/no)?");
	if (answer < 0)
		return cli_fail("no answer: not trusting \"%s\"", location);
	if (answer == 0)
		(void)printf("not trusting \"%s\"\n", location);
	else
		(void)printf("Trusting \"%s\" for %s after fingerprint review.\n",
		    location, for_whom(t));
	return answer;
}

static int
trust_key(struct cli *c, const struct cli_trusting *t, uint16_t slot,
    const struct key *k, const char *location)
{
	struct ps_msg_TRUST_KEY m = { .slot = slot,
		.prefix = t->prefix,
		.fingerprint = k->fingerprint };
	struct ps_msg_TRUSTED trusted;
	int r = review(c, t, k, location);

	if (r != 1)
		return r;
	if (CLI_ASK(c, TRUST_KEY, &m, NULL, 0, TRUSTED, &trusted) < 0)
		return CLI_FAILED;
	if (t->prefix)
		(void)printf("Added key for prefix \"%s\" at \"%s\"\n", t->prefix,
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

int
cli_trust_slot(struct cli *c, const struct cli_trusting *t, uint16_t slot,
    const char *location)
{
	struct ps_msg_REVIEW_KEYS m = { .slot = slot };
	static struct ps_msg_KEYS found;
	struct key keys[64];
	size_t n;
	int r = 0;

	if (t->https_only && strncmp(location, "https://", 8) != 0) {
		ps_log("passing over \"%s\": keys are taken by https alone",
		    location);
		return 0;
	}
	if (CLI_ASK(c, REVIEW_KEYS, &m, NULL, 0, KEYS, &found) < 0)
		return CLI_FAILED;
	n = read_keys(&found, keys, PS_COUNT(keys));
	if (n == 0)
		return cli_fail("\"%s\" holds no public key", location);
	for (size_t i = 0; i < n && r == 0; i++)
		r = trust_key(c, t, slot, &keys[i], location);
	return r;
}

/* The files at urls, each into a slot of its own. */
static int
get_keys(struct cli_fetcher *f, const struct cli_list *urls, uint16_t slots)
{
	struct cli_got got;
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < urls->n && i < slots; i++) {
		r = cli_fetcher_get(f, i, urls->v[i], PS_MAX_KEY,
		    "Downloading key", &got);
		if (r == 0 && got.status != 200)
			r = cli_fail("%s: bad HTTP status code: %u", urls->v[i],
			    got.status);
	}
	return r;
}

int
cli_trust_remote(struct cli *c, const struct cli_trusting *t, const char *url)
{
	uint16_t slots = url ? 1 : t->https_only ? FEW_SLOTS : PS_FETCH_SLOTS;
	uint8_t kinds[PS_FETCH_SLOTS];
	struct cli_list urls = { 0 };
	struct cli_fetcher f;
	int r;

	memset(kinds, PS_SLOT_KEY, sizeof(kinds));
	r = cli_fetcher_start(c, kinds, slots, &f);
	if (r == 0 && url)
		cli_list_add(&urls, url);
	else if (r == 0)
		r = cli_fetcher_discover(&f, t->prefix, NULL, 0,
		    PS_DISCOVER_KEYS, &urls);
	if (r == 0)
		r = get_keys(&f, &urls, slots);
	if (r == 0)
		r = cli_fetcher_end(c, &f);
	for (size_t i = slots; r == 0 && i < urls.n; i++)
		ps_log("passing over \"%s\": too many keys", urls.v[i]);
	for (uint16_t i = 0; r == 0 && i < urls.n && i < slots; i++)
		r = cli_trust_slot(c, t, (uint16_t)(f.first + i), urls.v[i]);
	return r;
}

int
cli_trust_for_fetch(struct cli *c, const char *name)
{
	const struct cli_trusting t = { .prefix = name, .https_only = true };
	struct cli_trust trust;
	int r = cli_trust_load(c, &trust);

	if (r != 0 || cli_trust_knows(&trust, name))
		return r;
	if (!c->g.trust_https)
		return cli_fail("\"%s\" is not trusted: no key is, for that name or "
				"a prefix of it (run: rkt trust --prefix \"%s\", or "
				"call rkt with --trust-keys-from-https)", name,
		    name);
	cli_image_log("no key is trusted for %s: searching for its keys", name);
	return cli_trust_remote(c, &t, NULL);
}

struct cli_key_facts
cli_key_facts(struct cli *c, const struct cli_trusted *k)
{
	struct ps_msg_REVIEW_KEYS m = { .slot = PS_NO_SLOT };
	static struct ps_msg_KEYS found;
	struct cli_key_facts f = { 0 };
	_cleanup_fd_ int key = -1;
	size_t n;
	char *text;
	int r;

	if (!c->launched)
		return f;
	r = cli_read_below(k->local ? c->local : c->system,
	    cli_format("trustedkeys/%s%s/%s", *k->prefix ? "prefix.d/" : "root.d",
		k->prefix, k->fingerprint), PS_MAX_KEY, &text, &n);
	key = r < 0 ? r : ps_sealed("rkt-key", text, n);
	if (key < 0) {
		(void)cli_fail("cannot read %s: %s", k->file, strerror(-key));
		return f;
	}
	if (CLI_ASK(c, REVIEW_KEYS, &m, &key, 1, KEYS, &found) < 0)
		return f;
	for (uint16_t i = 0; i < found.n_lines; i++) {
		const char *line = found.lines[i];

		if (strncmp(line, "uid ", 4) == 0 && f.uid == NULL)
			f.uid = cli_copy(line + 4);
		else if (strncmp(line, "expires ", 8) == 0 && !f.known)
			f.known = ps_parse_u64(line + 8, INT64_MAX, &f.expires);
	}
	return f;
}
