/*
 * The plan's nodes in the order of verifier/tree.h, and their digest.  Pure;
 * the names are hostile, but have passed the plan.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/unpack/digest.h"
#include "verifier/unpack/plan.h"

/* qsort_r's comparison: by parent, then by name. */
static int
compare(const void *a, const void *b, void *arg)
{
	const struct vf_plan *p = arg;
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const uint32_t px = p->nodes[x].parent, py = p->nodes[y].parent;

	if (px != py)
		return px < py ? -1 : 1;
	return strcmp(vf_plan_name(p, x), vf_plan_name(p, y));
}

struct walk {
	struct vf_plan *plan;
	struct vf_hash *hash;
	uint32_t *sorted;  /* all nodes but the root, by parent and name */
	uint32_t *begin;   /* of a node's children in sorted */
	uint32_t *first;   /* a file's first name that was met, or 0 */
};

static void
free_walk(struct walk *w)
{
	vf_hash_free(w->hash);
	free(w->sorted);
	free(w->begin);
	free(w->first);
}

static void
add(struct walk *w, uint32_t node)
{
	const struct vf_node *n = &w->plan->nodes[node];
	uint32_t file = n->type == 'h' ? n->target : node;
	char path[VF_MAX_PATH + 1], first[VF_MAX_PATH + 1];

	vf_plan_path(w->plan, node, path);
	if (w->plan->nodes[file].type == 'f' && w->first[file] != 0) {
		vf_plan_path(w->plan, w->first[file], first);
		vf_tree_add_link(w->hash, path, first);
		return;
	}
	w->first[file] = node;
	vf_tree_add(w->hash, path, w->plan->nodes[file].type,
	    w->plan->nodes[file].digest);
}

static int
prepare(struct walk *w)
{
	uint32_t n = w->plan->n_nodes;

	w->hash = vf_hash_new(VF_SHA512);
	w->sorted = calloc(n, sizeof(uint32_t));
	w->begin = calloc((size_t)n + 1, sizeof(uint32_t));
	w->first = calloc(n, sizeof(uint32_t));
	if (!w->hash || !w->sorted || !w->begin || !w->first)
		return -ENOMEM;
	for (uint32_t i = 1; i < n; i++)
		w->sorted[i - 1] = i;
	qsort_r(w->sorted, n - 1, sizeof(uint32_t), compare, w->plan);
	for (uint32_t i = 1; i < n; i++)
		w->begin[w->plan->nodes[i].parent + 1]++;
	for (uint32_t i = 0; i < n; i++)
		w->begin[i + 1] += w->begin[i];
	return 0;
}

int
vf_plan_digest(struct vf_plan *p, uint8_t ret[VF_TREE_DIGEST])
{
	_cleanup_(free_walk) struct walk w = { .plan = p };
	uint32_t next[VF_MAX_DEPTH + 2], end[VF_MAX_DEPTH + 2];
	size_t depth = 1;
	int r = prepare(&w);

	if (r < 0)
		return r;
	vf_tree_begin(w.hash);
	add(&w, VF_ROOT);
	next[0] = w.begin[VF_ROOT];
	end[0] = w.begin[VF_ROOT + 1];
	while (depth > 0) {
		uint32_t node;

		if (next[depth - 1] == end[depth - 1]) {
			depth--;
			continue;
		}
		node = w.sorted[next[depth - 1]++];
		add(&w, node);
		if (p->nodes[node].type == 'd') {
			next[depth] = w.begin[node];
			end[depth++] = w.begin[node + 1];
		}
	}
	vf_hash_end(w.hash, ret);
	return 0;
}
