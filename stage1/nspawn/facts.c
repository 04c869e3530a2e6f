/*
 * Launch facts: a few lines from the launcher.  Pure.
 */
#include "stage1/nspawn/nspawn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/kv.h"
#include "privsep/name.h"
#include "stage1/common/contract.h"

/* The rows of contract.h, in the order of struct s1_facts. */
static const struct {
	const char *key;
	uint64_t max;
} rows[] = {
    {"uid-base", UINT32_MAX - S1_RANGE},
    {"machined", 1},
    {"keep-unit", 1},
    {"cgroup2", 1},
    {"held", 2048},
    {"sockets", S1_MAX_SOCKETS},
    {"caps", UINT64_MAX},
};

static_assert(offsetof(struct s1_facts, property) == sizeof(uint64_t[PS_COUNT(rows)]),
    "a row for each field");

int
s1_parse_facts(char *text, size_t n, struct s1_facts *ret)
{
	uint64_t v[PS_COUNT(rows)] = {0};
	bool seen[PS_COUNT(rows)] = {0};
	const char *key, *value;
	size_t properties = 0;
	struct ps_kv kv;
	int r;

	ps_kv_begin(&kv, text, n);
	while ((r = ps_kv_next(&kv, &key, &value)) == 1) {
		size_t i = 0;

		if (strcmp(key, "property") == 0 && properties < S1_MAX_PROPERTIES &&
		    strncmp(value, "--property=", 11) == 0) {
			ret->property[properties++] = value;
			continue;
		}
		while (i < PS_COUNT(rows) && strcmp(rows[i].key, key) != 0)
			i++;
		if (i == PS_COUNT(rows) || seen[i] ||
		    !ps_parse_u64(value, rows[i].max, &v[i]))
			return -EBADMSG;
		seen[i] = true;
	}
	for (size_t i = 0; r == 0 && i < PS_COUNT(rows); i++)
		r = seen[i] ? 0 : -EBADMSG;
	if (r < 0 || v[0] == 0 || v[0] % S1_RANGE != 0)
		return -EBADMSG;
	ret->property[properties] = NULL;
	memcpy(ret, v, sizeof(v));
	return 0;
}
