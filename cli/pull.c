/*
 * Orchestrating a fetch, conductor, user rkt.  It decides what is asked for;
 * what may be had is decided by the launcher, who hears verify and unpack.
 */
#include "cli/pull.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/cached.h"
#include "cli/keys.h"
#include "cli/session.h"
#include "cli/spool.h"
#include "cli/transfer.h"
#include "privsep/log.h"

const char *
cli_set_pull_policy(void *dest, const char *value)
{
	static const struct {
		const char *word;
		enum cli_policy policy;
	} rows[] = { { "new", CLI_PULL_NEW }, { "never", CLI_PULL_NEVER },
		{ "update", CLI_PULL_UPDATE } };

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (strcmp(rows[i].word, value) == 0) {
			*(enum cli_policy *)dest = rows[i].policy;
			return NULL;
		}
	}
	return "must be never, new or update";
}

/* Slots of one image, and what the launcher shall be told of them. */
struct arrival {
	uint16_t image, signature;
	const char *name, *origin;
	const char *etag; /* the server's, "" none */
	uint64_t max_age; /* seconds, 0 none */
	const struct cli_app_name *wanted; /* NULL: whatever it is */
	const struct cli_app_name *sought; /* discovery's; NULL: as wanted */
	const char *id; /* its beginning; NULL: any */
};

static bool
is_unsigned(const struct cli *c)
{
	return (c->g.insecure & PS_INSECURE_IMAGE) != 0;
}

static int
get_file(struct cli *c, const char *path, uint8_t kind, uint16_t *ret)
{
	struct ps_msg_GET_FILE m = { .path = path, .kind = kind };
	struct ps_msg_SLOT slot;

	if (CLI_ASK(c, GET_FILE, &m, NULL, 0, SLOT, &slot) < 0)
		return CLI_FAILED;
	*ret = slot.slot;
	return 0;
}

/* why: the launcher's or fetcher's words, not yet said. */
static int
no_signature(const char *why)
{
	return cli_fail("%s: signature not found (an image without one needs "
			"--insecure-options=image)", why);
}

static int
get_signature(struct cli *c, const char *path, uint16_t *ret)
{
	int r;

	c->keeps = 1u << PS_REFUSED_NOTFOUND;
	c->missing = NULL;
	r = get_file(c, path, PS_SLOT_SIGNATURE, ret);
	c->keeps = 0;
	return r != 0 && c->missing ? no_signature(c->missing) : r;
}

static void
tell_signer(const struct ps_msg_ADMITTED *m)
{
	if (m->signer[0] == '\0') {
		cli_image_log("warning: image signature verification has been "
			      "disabled");
		return;
	}
	cli_image_log("signature verified:");
	cli_image_log("  key %s", m->signer);
}

static bool
is_wanted(const struct cli *c, const struct arrival *a,
    const struct cli_stored *image)
{
	if (a->id)
		return strncmp(image->id, a->id, strlen(a->id)) == 0;
	return a->wanted == NULL || is_unsigned(c) ||
	    cli_record_matches(&image->record, a->wanted);
}

/* An image of another version, os or arch is not the one asked for. */
static int
check_labels(struct cli *c, const struct arrival *a, bool existed,
    const struct cli_stored *image)
{
	struct ps_msg_CHECK_IMAGE m = { .remove = 1 };
	struct ps_msg_DONE done;

	if (is_wanted(c, a, image))
		return 0;
	memcpy(m.image, image->record.image, sizeof(m.image));
	if (!existed)
		(void)CLI_ASK(c, CHECK_IMAGE, &m, NULL, 0, DONE, &done);
	if (a->id)
		return cli_fail("%s is not the image %s", a->origin, a->id);
	for (uint16_t i = 0; i < a->wanted->n_label; i++) {
		const char *want = a->wanted->label[i];
		bool found = false;

		for (uint16_t k = 0; k < image->record.n_label; k++)
			found |= strcmp(image->record.label[k], want) == 0;
		if (!found)
			return cli_fail("the image that came for \"%s\" does not "
					"have the label \"%s\"", a->wanted->name,
			    want);
	}
	return cli_fail("asked for \"%s\", but the image calls itself \"%s\"",
	    a->wanted->name, image->record.name);
}

static int
admit(struct cli *c, const struct arrival *a, struct cli_stored *ret)
{
	struct ps_msg_ADMIT_IMAGE m = { .image = a->image,
		.signature = a->signature,
		.name = a->name,
		.origin = a->origin,
		.etag = a->etag ? a->etag : "",
		.max_age = a->max_age,
		.insecure = c->g.insecure & PS_INSECURE_IMAGE };
	struct ps_msg_ADMITTED admitted;
	int r;

	c->about = a->origin;
	r = CLI_ASK(c, ADMIT_IMAGE, &m, NULL, 0, ADMITTED, &admitted);
	c->about = NULL;
	if (r < 0) {
		if (c->refused == PS_REFUSED_TRUST && !is_unsigned(c))
			ps_log("if you expected the signing key to change, try: "
			       "rkt trust --prefix %s",
			    a->wanted ? a->wanted->name : "NAME");
		return CLI_FAILED;
	}
	tell_signer(&admitted);
	r = c->alone ? cli_spool_read(c, admitted.image, ret) :
		       cli_store_read(c, admitted.image, ret);
	if (r < 0)
		return cli_fail("cannot read the record of the image: %s",
		    strerror(-r));
	return check_labels(c, a, admitted.existed != 0, ret);
}

/* What a member of group rkt says is the image is admitted as if it came from
 * the network, and only where its signature or its id can tell that it is what
 * was asked for. */
static int
admit_spooled(struct cli *c, const struct cli_spooled *s, struct arrival *a,
    struct cli_stored *ret)
{
	int r;

	a->origin = cli_spool_path(s, "aci");
	cli_image_log("using image from the spool for %s",
	    a->id ? a->id : a->wanted->name);
	r = get_file(c, a->origin, PS_SLOT_IMAGE, &a->image);
	if (r == 0)
		r = get_file(c, cli_spool_path(s, "asc"), PS_SLOT_SIGNATURE,
		    &a->signature);
	return r == 0 ? admit(c, a, ret) : r;
}

/* 0, or CLI_FAILED: look elsewhere. */
static int
pull_spooled(struct cli *c, const struct cli_app_name *app, const char *id,
    struct cli_stored *ret)
{
	struct arrival a = { .name = app ? app->name : "", .wanted = app,
		.id = id };
	struct cli_spool spool;
	unsigned tries = 0;

	if (is_unsigned(c))
		return CLI_FAILED;
	cli_spool_load(c, &spool);
	for (size_t i = 0; i < spool.n && tries < 4; i++) {
		const struct cli_spooled *s = &spool.v[i];

		if ((c->alone && s->owner != c->uid) ||
		    !is_wanted(c, &a, &s->image))
			continue;
		tries++;
		*ret = s->image;
		if (c->alone || admit_spooled(c, s, &a, ret) == 0)
			return 0;
	}
	return CLI_FAILED;
}

static int
pull_path(struct cli *c, const struct cli_pull *p, const char *path,
    struct cli_stored *ret)
{
	struct arrival a = { .signature = PS_NO_SLOT, .name = "", .origin = path };
	const char *signature =
	    p->signature ? p->signature : cli_format("%s.asc", path);
	int r;

	cli_image_log("using image from file %s", path);
	if (!ps_is_print(path, strlen(path)) || strlen(path) > 2047)
		return cli_fail("the path is too long, or not printable");
	r = get_file(c, path, PS_SLOT_IMAGE, &a.image);
	if (r == 0 && !is_unsigned(c))
		r = get_signature(c, signature, &a.signature);
	return r == 0 ? admit(c, &a, ret) : r;
}

/* The signature first: without one the image is not asked for.  304 where
 * f->etag holds, else *ret is of the image. */
static int
download(struct cli *c, struct cli_fetcher *f, const char *url,
    const char *signature_url, bool has_signature, struct cli_got *ret)
{
	const char *etag = f->etag;
	struct cli_got got = { 0 };
	uint16_t image = has_signature ? 0 : 1;
	bool deferred = false;
	int r = 0;

	if (!has_signature) {
		cli_image_log("fetching signature from %s", signature_url);
		f->may_miss = true;
		f->etag = NULL;
		r = cli_fetcher_get(f, 0, signature_url, PS_MAX_SIGNATURE,
		    "Downloading signature", &got);
		f->may_miss = false;
		f->etag = etag;
		if (r != 0)
			return f->missing ? no_signature(f->missing) : r;
		deferred = got.status == 202;
		if (deferred)
			cli_image_log("server asks to wait for the signature");
	}
	cli_image_log("fetching image from %s", url);
	r = cli_fetcher_get(f, image, url, c->welcome.max_image,
	    "Downloading ACI", ret);
	if (r != 0)
		return r;
	if (ret->status == 202)
		return cli_fail("%s: bad HTTP status code: %u", url, ret->status);
	if (!deferred || ret->status == 304)
		return 0;
	f->etag = NULL;
	r = cli_fetcher_get(f, 0, signature_url, PS_MAX_SIGNATURE,
	    "Downloading signature", &got);
	if (r == 0 && got.status == 202)
		return cli_fail("%s: the server deferred the signature a second "
				"time (HTTP status 202)", signature_url);
	return r;
}

/* Does the store have what is at url now, as far as its server said? */
static struct cli_cached
look(struct cli *c, const struct cli_pull *p, const char *url,
    const struct arrival *a, const struct cli_store *store)
{
	/* With --signature it is that signature that shall be looked at. */
	if (p->policy != CLI_PULL_UPDATE || p->signature)
		return (struct cli_cached){ 0 };
	return cli_cached_find(store, url, a->wanted, is_unsigned(c),
	    (uint64_t)time(NULL));
}

static int
use_cached(const struct cli_cached *cached, const char *url,
    struct cli_stored *ret)
{
	cli_image_log("using image from local store for url %s (%s)", url,
	    cached->fresh ? "its Cache-Control still holds" :
			    "the server says it has not changed");
	*ret = *cached->image;
	return 0;
}

/* url NULL: by discovery of a->wanted. */
static int
pull_remote(struct cli *c, const struct cli_pull *p, const char *url,
    struct arrival *a, const struct cli_store *store, struct cli_stored *ret)
{
	static const uint8_t kinds[] = { PS_SLOT_SIGNATURE, PS_SLOT_IMAGE };
	bool bare = is_unsigned(c) || p->signature;
	const char *signature_url = url ? cli_signature_url(url) : NULL;
	struct cli_cached cached = { 0 };
	struct cli_list urls = { 0 };
	struct cli_got got = { 0 };
	struct cli_fetcher f;
	int r = 0;

	if (url)
		cached = look(c, p, url, a, store);
	if (cached.image && cached.fresh)
		return use_cached(&cached, url, ret);
	a->signature = PS_NO_SLOT;
	if (url == NULL && !is_unsigned(c))
		r = cli_trust_for_fetch(c, a->wanted->name);
	if (r == 0 && p->signature && !is_unsigned(c))
		r = get_signature(c, p->signature, &a->signature);
	if (r == 0)
		r = cli_fetcher_start(c, bare ? kinds + 1 : kinds,
		    bare ? 1 : 2, &f);
	if (r == 0 && url == NULL) {
		cli_image_log("searching for app image %s", a->wanted->name);
		r = cli_fetcher_discover(&f, a->wanted->name,
		    (a->sought ? a->sought : a->wanted)->label,
		    (a->sought ? a->sought : a->wanted)->n_label,
		    PS_DISCOVER_IMAGE, &urls);
		if (r == 0 && urls.n < 2)
			r = cli_fail("discovery of \"%s\" gave no signature",
			    a->wanted->name);
		if (r == 0) {
			url = urls.v[0];
			signature_url = urls.v[1];
			cached = look(c, p, url, a, store);
		}
	}
	if (r != 0)
		return r;
	a->origin = url;
	if (!cached.image || !cached.fresh) {
		cli_image_log("remote fetching from URL \"%s\"", url);
		f.etag = cached.etag;
		r = download(c, &f, url, signature_url, bare, &got);
	}
	if (r == 0)
		r = cli_fetcher_end(c, &f);
	if (r != 0)
		return r;
	if (cached.image && (cached.fresh || got.status == 304))
		return use_cached(&cached, url, ret);
	a->etag = got.etag;
	a->max_age = got.max_age;
	if (!bare)
		a->signature = f.first;
	a->image = (uint16_t)(f.first + (bare ? 0 : 1));
	return admit(c, a, ret);
}

static int
pull_url(struct cli *c, const struct cli_pull *p, const char *url,
    const struct cli_store *store, struct cli_stored *ret)
{
	const struct cli_stored *found = p->policy == CLI_PULL_UPDATE ?
	    NULL :
	    cli_store_by_origin(store, url);
	struct arrival a = { .name = "" };

	if (found) {
		cli_image_log("using image from local store for url %s", url);
		*ret = *found;
		return 0;
	}
	if (p->policy == CLI_PULL_NEVER)
		return cli_fail("no image from %s in the store (--pull-policy="
				"never)", url);
	return pull_remote(c, p, url, &a, store, ret);
}

static int
pull_name(struct cli *c, const struct cli_pull *p, struct cli_app_name *app,
    const struct cli_store *store, struct cli_stored *ret)
{
	const struct cli_stored *found;
	struct arrival a = { .name = app->name, .wanted = app };

	cli_add_host_labels(app);
	found = p->policy == CLI_PULL_UPDATE ? NULL :
					       cli_store_by_name(store, app);
	if (found) {
		cli_image_log("using image from local store for image name %s",
		    p->argument);
		*ret = *found;
		return 0;
	}
	if (p->policy != CLI_PULL_UPDATE && pull_spooled(c, app, NULL, ret) == 0)
		return 0;
	if (p->policy == CLI_PULL_NEVER)
		return cli_fail("no image named \"%s\" in the store "
				"(--pull-policy=never)", p->argument);
	return pull_remote(c, p, NULL, &a, store, ret);
}

static int
pull_id(struct cli *c, const struct cli_pull *p, const struct cli_store *store,
    struct cli_stored *ret)
{
	const struct cli_stored *found;
	const char *wrong;

	if (p->refuse_ids)
		return cli_fail("\"%s\" is an image ID: give a name, path or URL",
		    p->argument);
	wrong = cli_store_by_id(store, p->argument, &found);
	/* As much of it as rkt fetch prints can mean no other. */
	if (wrong && cli_is_image_id_prefix(p->argument) &&
	    strlen(p->argument) >= 7 + 32 &&
	    pull_spooled(c, NULL, p->argument, ret) == 0)
		return 0;
	if (wrong)
		return cli_fail("%s", wrong);
	cli_image_log("using image from the store with hash %s", found->id);
	*ret = *found;
	return 0;
}

/* It is asked for as for this host, and may be for all. */
static int
pull_dependency(struct cli *c, const struct cli_pull *p,
    const struct cli_store *store, struct cli_stored *ret)
{
	struct cli_app_name sought = *p->dependency;
	struct arrival a = { .name = sought.name, .wanted = p->dependency,
		.sought = &sought };

	cli_add_host_labels(&sought);
	if (p->policy != CLI_PULL_UPDATE &&
	    pull_spooled(c, p->dependency, NULL, ret) == 0)
		return 0;
	if (p->policy == CLI_PULL_NEVER)
		return cli_fail("no image named \"%s\" in the store "
				"(--pull-policy=never)", p->argument);
	return pull_remote(c, p, NULL, &a, store, ret);
}

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
is_no_file(const char *path)
{
	(void)path;
	return false;
}

int
cli_pull(struct cli *c, const struct cli_pull *p, struct cli_stored *ret)
{
	struct cli_image_string im;
	struct cli_store store = { 0 };
	const char *wrong = cli_classify_image(p->argument,
	    p->only_names ? is_no_file : is_file, &im);
	int r = 0;

	if (wrong)
		return cli_fail("%s", wrong);
	if (p->only_names && im.kind != CLI_IMAGE_NAME)
		return cli_fail("\"%s\" is not the name of an image",
		    p->argument);
	if (im.kind != CLI_IMAGE_PATH)
		r = cli_store_load(c, &store);
	if (r != 0)
		return r;
	switch (im.kind) {
	case CLI_IMAGE_ID:
		return pull_id(c, p, &store, ret);
	case CLI_IMAGE_PATH:
		return pull_path(c, p, im.text, ret);
	case CLI_IMAGE_URL:
		return pull_url(c, p, im.text, &store, ret);
	case CLI_IMAGE_NAME:
		return p->dependency ?
		    pull_dependency(c, p, &store, ret) :
		    pull_name(c, p, &im.app, &store, ret);
	}
	return CLI_FAILED;
}
