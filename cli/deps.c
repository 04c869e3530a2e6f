/*
 * Resolving dependencies.  Conductor, user rkt.  HOSTILE: manifests of images
 * whose signatures were good.  What comes of it is a proposal: the launcher
 * compares it with its records.
 */
#include "cli/deps.h"

#include <errno.h>
#include <string.h>

#include "appc/image.h"

/* What was asked for once is not asked for again. */
struct answer {
	const struct ac_dependency *asked;
	struct cli_stored image;
	struct answer *next;
};

/* An image on the way from the top to where we are. */
struct step {
	const struct step *up;
	const struct cli_stored *image;
};

struct resolver {
	struct cli *c;
	enum cli_policy policy;
	struct cli_store store;
	bool is_loaded; /* it is what is in the store now */
	struct answer *answers;
	struct cli_deps *ret;
};

static int
read_manifest(struct cli *c, const struct cli_stored *image,
    struct ac_image **ret)
{
	char error[AC_ERROR], *text;
	size_t n;
	int r = cli_store_manifest(c, image->id, &text, &n);

	if (r < 0)
		return cli_fail("cannot read the manifest of \"%s\": %s",
		    image->record.name, strerror(-r));
	if (ac_image_parse(text, n, ret, error) < 0)
		return cli_fail("the manifest of \"%s\" is invalid: %s",
		    image->record.name, error);
	return 0;
}

/* --- one dependency ------------------------------------------------------- */

static int
name_of(const struct ac_dependency *d, struct cli_app_name *ret)
{
	*ret = (struct cli_app_name){ .name = d->image_name };
	for (size_t i = 0; i < d->labels.n && i < PS_COUNT(ret->label); i++) {
		const struct ac_pair *p = &d->labels.v[i];

		ret->label[ret->n_label++] =
		    cli_format("%s=%s", p->name, p->value);
		ret->has_version |= strcmp(p->name, "version") == 0;
	}
	return ret->n_label == d->labels.n ? 0 : -E2BIG;
}

/* An image that says nothing of os and arch is for all hosts; which it is for,
 * the dependency itself may say. */
static bool
is_for_host(const struct cli_app_name *name, const struct ps_record *r)
{
	struct cli_app_name all = { .name = r->name, .n_label = r->n_label };

	if (cli_find_label(name->label, name->n_label, "os") ||
	    cli_find_label(name->label, name->n_label, "arch"))
		return true;
	memcpy(all.label, r->label, r->n_label * sizeof(r->label[0]));
	cli_add_host_labels(&all);
	return cli_check_platform(all.label, all.n_label) == NULL;
}

static const struct cli_stored *
look(const struct cli_store *s, const struct ac_dependency *d,
    const struct cli_app_name *name)
{
	for (size_t i = s->n; i > 0; i--) {
		const struct cli_stored *image = &s->v[i - 1];

		if (d->image_id ? strcmp(image->id, d->image_id) == 0 :
				  cli_record_matches(&image->record, name) &&
			    is_for_host(name, &image->record))
			return image;
	}
	return NULL;
}

/* All that the manifest says of it, whoever signed it. */
static int
check(const struct ac_dependency *d, const struct cli_app_name *name,
    const char *by, const struct cli_stored *image)
{
	const struct ps_record *r = &image->record;

	if (strcmp(r->name, d->image_name) != 0)
		return cli_fail("\"%s\" depends on \"%s\", but that image calls "
				"itself \"%s\"", by, d->image_name, r->name);
	if (d->image_id && strcmp(image->id, d->image_id) != 0)
		return cli_fail("\"%s\" depends on \"%s\" with the image ID %s, "
				"but what there is has %s", by, d->image_name,
		    d->image_id, image->id);
	for (size_t i = 0; i < name->n_label; i++) {
		const struct cli_app_name one = { .name = name->name,
			.n_label = 1, .label = { name->label[i] } };

		if (!cli_record_matches(r, &one))
			return cli_fail("\"%s\" depends on \"%s\" with the label "
					"%s, which the image does not have", by,
			    d->image_name, name->label[i]);
	}
	if (!is_for_host(name, r))
		return cli_fail("\"%s\" depends on \"%s\", which is for another "
				"os or arch", by, d->image_name);
	if (d->size != 0 && d->size != r->raw_size)
		return cli_fail("\"%s\" depends on \"%s\" with a size of %llu "
				"bytes, but the image file has %llu", by,
		    d->image_name, (unsigned long long)d->size,
		    (unsigned long long)r->raw_size);
	return 0;
}

/* A size that is said bounds the download. */
static int
pull(struct resolver *v, const struct ac_dependency *d,
    const struct cli_app_name *name, struct cli_stored *ret)
{
	const struct cli_pull p = { .argument = d->image_name,
		.dependency = name, .only_names = true, .policy = v->policy };
	uint64_t most = v->c->welcome.max_image;
	int r;

	if (d->size != 0 && d->size < most)
		v->c->welcome.max_image = d->size;
	r = cli_pull(v->c, &p, ret);
	v->c->welcome.max_image = most;
	return r;
}

static int
find(struct resolver *v, const struct ac_dependency *d, const char *by,
    struct cli_stored *ret)
{
	const struct cli_stored *found = NULL;
	struct cli_app_name name;
	int r = name_of(d, &name);

	if (r < 0)
		return cli_fail("\"%s\" depends on \"%s\" with too many labels",
		    by, d->image_name);
	/* What goes by its digest is what it is, wherever it came from. */
	if (v->policy != CLI_PULL_UPDATE || d->image_id) {
		if (!v->is_loaded)
			r = cli_store_load(v->c, &v->store);
		v->is_loaded = r == 0;
		found = look(&v->store, d, &name);
	}
	if (found) {
		cli_image_log("using image from local store for dependency %s",
		    d->image_name);
		*ret = *found;
	} else if (r == 0) {
		r = pull(v, d, &name, ret);
		v->is_loaded = false;
		if (r != 0)
			(void)cli_fail("\"%s\" depends on \"%s\", which cannot be "
				       "had", by, d->image_name);
	}
	return r != 0 ? r : check(d, &name, by, ret);
}

static bool
is_same(const struct ac_dependency *a, const struct ac_dependency *b)
{
	if (strcmp(a->image_name, b->image_name) != 0 || a->size != b->size ||
	    a->labels.n != b->labels.n || !a->image_id != !b->image_id ||
	    (a->image_id && strcmp(a->image_id, b->image_id) != 0))
		return false;
	for (size_t i = 0; i < a->labels.n; i++)
		if (strcmp(a->labels.v[i].name, b->labels.v[i].name) != 0 ||
		    strcmp(a->labels.v[i].value, b->labels.v[i].value) != 0)
			return false;
	return true;
}

static int
answer(struct resolver *v, const struct ac_dependency *d, const char *by,
    const struct cli_stored **ret)
{
	struct answer *a = v->answers;
	int r;

	while (a && !is_same(a->asked, d))
		a = a->next;
	if (a == NULL) {
		a = cli_alloc(sizeof(*a));
		r = find(v, d, by, &a->image);
		if (r != 0)
			return r;
		a->asked = d;
		a->next = v->answers;
		v->answers = a;
	}
	*ret = &a->image;
	return 0;
}

/* --- the graph ------------------------------------------------------------ */

static const char *
way(const struct step *to, const char *from)
{
	const char *name = cli_stored_name(&to->image->record);

	if (strcmp(to->image->id, from) == 0 || to->up == NULL)
		return name;
	return cli_format("%s -> %s", way(to->up, from), name);
}

static int resolve(struct resolver *v, const struct step *at);

static int
take(struct resolver *v, const struct step *by, const struct ac_dependency *d)
{
	const struct cli_stored *image;
	const char *name = cli_stored_name(&by->image->record);
	struct step here = { .up = by };
	bool is_new = true;
	int r = answer(v, d, name, &image);

	if (r != 0)
		return r;
	for (const struct step *s = by; s; s = s->up)
		if (strcmp(s->image->id, image->id) == 0)
			return cli_fail("the dependencies are a circle: %s -> %s",
			    way(by, image->id), cli_stored_name(&image->record));
	if (v->ret->n == PS_MAX_LAYERS)
		return cli_fail("\"%s\" depends on \"%s\": that makes more than %u "
				"dependencies in all", name, d->image_name,
		    PS_MAX_LAYERS);
	for (uint16_t i = 0; i < v->ret->n; i++)
		is_new &= memcmp(v->ret->image[i], image->record.image,
			      PS_DIGEST) != 0;
	memcpy(v->ret->image[v->ret->n++], image->record.image, PS_DIGEST);
	here.image = image;
	return is_new ? resolve(v, &here) : 0;
}

/* Those that are applied later lie above. */
static int
resolve(struct resolver *v, const struct step *at)
{
	struct ac_image *m;
	int r = read_manifest(v->c, at->image, &m);

	/* Its strings are in answers: it is not freed. */
	for (size_t i = r == 0 ? m->n_dependencies : 0; r == 0 && i > 0; i--)
		r = take(v, at, &m->dependencies[i - 1]);
	return r;
}

int
cli_deps(struct cli *c, const struct cli_stored *top, enum cli_policy policy,
    struct cli_deps *ret)
{
	struct resolver v = { .c = c, .policy = policy, .ret = ret };
	const struct step at = { .image = top };

	ret->n = 0;
	return resolve(&v, &at);
}
