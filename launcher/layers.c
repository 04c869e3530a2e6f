/*
 * An app's image and the images below it.  Runs as root.  HOSTILE: the plan's
 * list of layers.  The list is the graph, written down from the top: behind an
 * image come, for each line of its record's dependencies, the image that
 * stands for it and what comes behind that; an image that stood there already
 * has nothing behind it.  So nothing can be left out, added or put elsewhere
 * that the records, which are root's, do not name.
 */
#include <string.h>

#include "launcher/image.h"
#include "launcher/render.h"
#include "privsep/attr.h"
#include "privsep/name.h"

struct layer {
	struct ps_record record;
	char text[PS_MAX_RECORD + 1]; /* that the record points into */
	uint16_t child[PS_MAX_LAYERS]; /* for each of its dependencies */
	bool is_open; /* what is below it is being read */
};

struct graph {
	struct ln_session *s;
	const struct ps_msg_PLAN_APP *app;
	bool unsigned_ok;
	uint32_t at; /* bytes of app->layers that were taken */
	uint16_t n_layer, n_dependency;
	struct layer layer[LN_MAX_LOWERS];
};

/* --- reading the graph ---------------------------------------------------- */

/* line: "NAME" or "NAME ID". */
static bool
is_that(const struct ps_record *r, const char *line)
{
	size_t n = strcspn(line, " ");
	uint8_t image[PS_DIGEST];

	if (strncmp(r->name, line, n) != 0 || r->name[n] != '\0')
		return false;
	return line[n] == '\0' || (ps_parse_image_id(line + n + 1, image) &&
	    memcmp(image, r->image, PS_DIGEST) == 0);
}

static int read_below(struct graph *g, struct layer *l);

/* *ret: the image's number in g->layer, with all that is below it. */
static int
read_layer(struct graph *g, const uint8_t *image, uint16_t *ret)
{
	struct layer *l = g->layer;
	int r;

	while (l < g->layer + g->n_layer &&
	    memcmp(l->record.image, image, PS_DIGEST) != 0)
		l++;
	*ret = (uint16_t)(l - g->layer);
	if (*ret < g->n_layer)
		return !l->is_open ? 0
		    : ln_refuse(g->s, PS_REFUSED_IMAGE,
			  "image \"%s\" depends on itself", l->record.name);
	if (*ret == PS_COUNT(g->layer))
		return ln_refuse(g->s, PS_REFUSED_PLAN, "too many layers");
	r = ln_image_take(g->s, g->app->name, image, g->unsigned_ok, l->text,
	    &l->record);
	if (r != 0)
		return r;
	g->n_layer++;
	g->n_dependency = (uint16_t)(g->n_dependency + l->record.n_dependency);
	if (g->n_dependency > PS_MAX_LAYERS)
		return ln_refuse(g->s, PS_REFUSED_IMAGE, "app \"%s\": its images "
		    "have more than %u dependencies in all", g->app->name,
		    PS_MAX_LAYERS);
	return read_below(g, l);
}

static int
read_below(struct graph *g, struct layer *l)
{
	l->is_open = true;
	for (uint16_t i = 0; i < l->record.n_dependency; i++) {
		const char *line = l->record.dependency[i];
		const struct ps_record *child;
		int r;

		if (g->app->n_layers - g->at < PS_DIGEST)
			return ln_refuse(g->s, PS_REFUSED_PLAN, "the plan leaves out "
			    "\"%s\", which \"%s\" depends on", line,
			    l->record.name);
		g->at += PS_DIGEST;
		r = read_layer(g, g->app->layers + g->at - PS_DIGEST, &l->child[i]);
		if (r != 0)
			return r;
		child = &g->layer[l->child[i]].record;
		if (!is_that(child, line))
			return ln_refuse(g->s, PS_REFUSED_PLAN, "the plan puts "
			    "\"%s\" in the place of \"%s\", which \"%s\" "
			    "depends on", child->name, line, l->record.name);
	}
	l->is_open = false;
	return 0;
}

/* --- what is mounted ------------------------------------------------------ */

/* What an image with a whitelist gives is one tree, rendered; what it gives a
 * second time, further down, hides behind the first. */
static int
add_layer(struct graph *g, const struct layer *l, struct ln_lowers *list)
{
	const struct ps_record *record = &l->record;
	struct ln_lowers of = { 0 };
	struct ln_lowers *to = record->whitelist > 0 ? &of : list;
	int r = 0;

	for (uint16_t i = 0; i < list->n; i++)
		if (memcmp(list->v[i].image, record->image, PS_DIGEST) == 0)
			return 0;
	to->v[to->n++] = ln_lower_of(record);
	for (uint16_t i = 0; r == 0 && i < record->n_dependency; i++)
		r = add_layer(g, &g->layer[l->child[i]], to);
	return r != 0 || to == list ? r : ln_render(g->s, &of, &list->v[list->n++]);
}

/* In an overlay a directory that an upper image only implies would hide the
 * mode and owner that a lower one gives it: such a root is rendered too. */
static int
flatten(struct graph *g, struct ln_lowers *ret)
{
	static struct ln_lowers list;
	bool implied = false;
	int r;

	list.n = 0;
	r = add_layer(g, g->layer, &list);
	if (r != 0)
		return r;
	for (uint16_t i = 0; i + 1 < list.n; i++)
		implied = implied || list.v[i].implicit;
	if (!implied) {
		*ret = list;
		return 0;
	}
	ret->n = 1;
	return ln_render(g->s, &list, &ret->v[0]);
}

int
ln_layers(struct ln_session *s, const struct ps_msg_PLAN_APP *app,
    bool unsigned_ok, struct ln_lowers *ret)
{
	static struct graph g;
	uint16_t top;
	int r;

	g.s = s;
	g.app = app;
	g.unsigned_ok = unsigned_ok;
	g.at = g.n_layer = g.n_dependency = 0;
	r = read_layer(&g, app->image, &top);
	if (r == 0 && g.at != app->n_layers)
		r = ln_refuse(s, PS_REFUSED_PLAN, "the plan adds layers to app "
		    "\"%s\" that no image of its depends on", app->name);
	if (r == 0)
		r = flatten(&g, ret);
	for (uint16_t k = 0; r == 0 && s->policy.tree_at_launch && k < ret->n; k++)
		r = ln_image_check(s, &ret->v[k]);
	return r;
}
