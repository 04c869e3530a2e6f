/*
 * An uncompressed image, in pieces, through libarchive, the pre-walk and the
 * plan; nothing is written.  Whatever the bytes: what is accepted has
 * canonical names below rootfs, each once, files that sum up to no more than
 * there is, links to files alone; and pieces of another size change nothing.
 */
/* link: @unpack @appc @privsep */
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/name.h"
#include "verifier/unpack/extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ENTRIES 200u
#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

struct memory {
	const uint8_t *p;
	size_t n, at, piece;
};

static int
next_piece(void *arg, const uint8_t **ret, size_t *ret_n)
{
	struct memory *m = arg;

	*ret = m->p + m->at;
	*ret_n = m->n - m->at < m->piece ? m->n - m->at : m->piece;
	m->at += *ret_n;
	return *ret_n > 0;
}

static void
check_node(const struct vf_plan *p, uint32_t i)
{
	const struct vf_node *n = &p->nodes[i];
	char path[VF_MAX_PATH + 1], again[VF_MAX_PATH + 1];
	const char *why;

	vf_plan_path(p, i, path);
	HOLDS(ps_is_print(path, strlen(path)));
	HOLDS(vf_canonical(path, again, &why) == 0 && !strcmp(path, again));
	HOLDS(n->type != 'h' || p->nodes[n->target].type == 'f');
	if (i == VF_ROOT)
		return;
	HOLDS(n->parent < i && p->nodes[n->parent].type == 'd');
	for (uint32_t k = 0; k < i; k++)
		HOLDS(p->nodes[k].parent != n->parent ||
		    strcmp(vf_plan_name(p, k), vf_plan_name(p, i)) != 0);
}

static int
run(const uint8_t *data, size_t size, size_t piece, uint8_t tree[64])
{
	struct memory m = { data, size, 0, piece };
	struct vf_failure f = { 0 };
	struct vf_extract x = { .failure = &f, .next = next_piece, .arg = &m,
		.root = -1, .max_entries = MAX_ENTRIES, .max_manifest = 4096 };
	int r = vf_extract(&x);

	HOLDS((r == 0) == (f.code == 0));
	HOLDS(ps_is_print(f.text, strlen(f.text)));
	if (r == 0) {
		HOLDS(x.plan->tree_size + x.n_manifest <= size);
		HOLDS(x.plan->n_nodes <= MAX_ENTRIES + 1);
		for (uint32_t i = 0; i < x.plan->n_nodes; i++)
			check_node(x.plan, i);
		memcpy(tree, x.tree, 64);
	}
	vf_extract_free(&x);
	return r;
}

/* Chance never finds a checksum: each header gets the right one. */
static void
mend(uint8_t *data, size_t size)
{
	for (; size >= 512; data += 512, size -= 512) {
		unsigned sum = 8 * ' ';

		if (memcmp(data + 257, "ustar", 5) != 0)
			continue;
		for (unsigned i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : data[i];
		(void)snprintf((char *)data + 148, 8, "%06o", sum);
		data[155] = ' ';
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	uint8_t one[64], two[64], *copy = malloc(size + 1);
	int r;

	if (!ready)
		HOLDS(setlocale(LC_CTYPE, "C.UTF-8") && vf_hash_init() == 0);
	ready = 1;
	(void)run(data, size, 1u << 20, one);
	HOLDS(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	mend(copy, size);
	r = run(copy, size, 1u << 20, one);
	HOLDS(run(copy, size, 500, two) == r);
	HOLDS(r != 0 || memcmp(one, two, 64) == 0);
	free(copy);
	return 0;
}
