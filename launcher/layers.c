/*
 * An app's image and the images below it.  Runs as root.  HOSTILE: the plan's
 * list of layers.  The list is the graph, written down from the top: behind an
 * image come, for each line of its record's dependencies, the image that
 * stands for it and what comes behind that; an image that stood there already
 * has nothing behind it.  So nothing can be left out, added or put elsewhere
 * that the records, which are root's, do not name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/image.h"
#include "launcher/render.h"
#include "privsep/attr.h"

struct layer {
	uint8_t image[PS_DIGEST], tree[PS_DIGEST];
	char name[256];
	bool whitelist, implicit;
	bool is_open; /* what is below it is being read */
	uint16_t first, n; /* its rows of child and line */
};

struct graph {
	struct ln_session *s;
	const struct ps_msg_PLAN_APP *app;
	bool unsigned_ok;
	uint32_t at; /* bytes of app->layers that were taken */
	uint16_t n_layer, n_child;
	struct layer layer[LN_MAX_LOWERS];
	uint16_t child[PS_MAX_LAYERS];
	char line[PS_MAX_LAYERS][512]; /* "NAME" or "NAME ID" */
};

/* --- reading the graph ---------------------------------------------------- */

static bool
is_that(const struct layer *l, const char *line)
{
	size_t n = strcspn(line, " ");
	uint8_t image[PS_DIGEST];

	if (strncmp(l->name, line, n) != 0 || l->name[n] != '\0')
		return false;
	return line[n] == '\0' || (ps_parse_image_id(line + n + 1, image) &&
	    memcmp(image, l->image, PS_DIGEST) == 0);
}

static int
read_layer(struct graph *g, const uint8_t *image, struct layer *ret)
{
	struct ps_record record;
	int r = ln_image_take(g->s, g->app->name, image, g->unsigned_ok, &record);

	if (r != 0)
		return r;
	if (record.n_dependency > PS_COUNT(g->line) - g->n_child)
		return ln_refuse(g->s, PS_REFUSED_IMAGE, "app \"%s\": its images "
		    "have more than %u dependencies in all", g->app->name,
		    PS_MAX_LAYERS);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->image, record.image, PS_DIGEST);
	memcpy(ret->tree, record.tree, PS_DIGEST);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", record.name);
	ret->whitelist = record.whitelist > 0;
	ret->implicit = record.implicit > 0;
	ret->first = g->n_child;
	ret->n = record.n_dependency;
	g->n_child = (uint16_t)(g->n_child + record.n_dependency);
	for (uint16_t i = 0; i < ret->n; i++)
		(void)snprintf(g->line[ret->first + i], sizeof(g->line[0]), "%s",
		    record.dependency[i]);
	return 0;
}

static int read_below(struct graph *g, struct layer *l);

/* *ret: the image's number in g->layer, with all that is below it. */
static int
read_one(struct graph *g, const uint8_t *image, uint16_t *ret)
{
	struct layer *l;
	uint16_t i = 0;
	int r;

	while (i < g->n_layer && memcmp(g->layer[i].image, image, PS_DIGEST) != 0)
		i++;
	*ret = i;
	if (i < g->n_layer)
		return !g->layer[i].is_open
		    ? 0
		    : ln_refuse(g->s, PS_REFUSED_IMAGE, "image \"%s\" depends "
			  "on itself", g->layer[i].name);
	if (i == PS_COUNT(g->layer))
		return ln_refuse(g->s, PS_REFUSED_PLAN, "too many layers");
	l = &g->layer[g->n_layer++];
	memcpy(l->image, image, PS_DIGEST);
	r = read_layer(g, image, l);
	if (r == 0)
		r = read_below(g, l);
	return r;
}

static int
read_below(struct graph *g, struct layer *l)
{
	l->is_open = true;
	for (uint16_t i = 0; i < l->n; i++) {
		const char *line = g->line[l->first + i];
		uint16_t *child = &g->child[l->first + i];
		int r;

		if (g->app->n_layers - g->at < PS_DIGEST)
			return ln_refuse(g->s, PS_REFUSED_PLAN, "the plan leaves "
			    "out \"%s\", which \"%s\" depends on", line, l->name);
		g->at += PS_DIGEST;
		r = read_one(g, g->app->layers + g->at - PS_DIGEST, child);
		if (r != 0)
			return r;
		if (!is_that(&g->layer[*child], line))
			return ln_refuse(g->s, PS_REFUSED_PLAN, "the plan puts "
			    "\"%s\" in the place of \"%s\", which \"%s\" depends on",
			    g->layer[*child].name, line, l->name);
	}
	l->is_open = false;
	return 0;
}

/* --- what is mounted ------------------------------------------------------ */

static bool
has_lower(const struct ln_lowers *list, const struct layer *l)
{
	for (uint16_t i = 0; i < list->n; i++)
		if (memcmp(list->v[i].image, l->image, PS_DIGEST) == 0)
			return true;
	return false;
}

static void
add_tree(struct ln_lowers *list, const struct layer *l)
{
	struct ln_lower *lower = &list->v[list->n++];

	*lower = (struct ln_lower){ .implicit = l->implicit, .name = l->name };
	memcpy(lower->image, l->image, PS_DIGEST);
	memcpy(lower->tree, l->tree, PS_DIGEST);
}

static int add_layer(struct graph *g, uint16_t at, struct ln_lowers *list);

static int
add_below(struct graph *g, const struct layer *l, struct ln_lowers *list)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < l->n; i++)
		r = add_layer(g, g->child[l->first + i], list);
	return r;
}

/* What an image with a whitelist gives is one tree, rendered; what it gives a
 * second time, further down, hides behind the first. */
static int
add_layer(struct graph *g, uint16_t at, struct ln_lowers *list)
{
	const struct layer *l = &g->layer[at];
	struct ln_lowers of = { 0 };
	int r;

	if (has_lower(list, l))
		return 0;
	if (!l->whitelist) {
		add_tree(list, l);
		return add_below(g, l, list);
	}
	add_tree(&of, l);
	r = add_below(g, l, &of);
	return r != 0 ? r : ln_render(g->s, &of, &list->v[list->n++]);
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
	r = add_layer(g, 0, &list);
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

	g = (struct graph){ .s = s, .app = app, .unsigned_ok = unsigned_ok };
	r = read_one(&g, app->image, &top);
	if (r == 0 && g.at != app->n_layers)
		r = ln_refuse(s, PS_REFUSED_PLAN, "the plan adds layers to app "
		    "\"%s\" that no image of its depends on", app->name);
	if (r == 0)
		r = flatten(&g, ret);
	for (uint16_t k = 0; r == 0 && s->policy.tree_at_launch && k < ret->n; k++)
		r = ln_image_check(s, &ret->v[k]);
	return r;
}
