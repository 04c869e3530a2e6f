/*
 * Launch facts: a few lines from the launcher.  Pure.
 */
#include "stage1/nspawn/nspawn.h"

#include <errno.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/kv.h"
#include "privsep/name.h"
#include "stage1/common/contract.h"

/* The rows of contract.h. */
enum {
	BASE,
	MACHINED,
	KEEP_UNIT,
	CGROUP2,
	HELD,
	SOCKETS,
	MEMORY,
	CPU_MILLI,
	CPU_SHARES,
	PIDS,
	N_FACTS
};

static const struct {
	const char *key;
	uint64_t max;
} rows[N_FACTS] = {
    [BASE] = {"uid-base", UINT32_MAX - S1_RANGE},
    [MACHINED] = {"machined", 1},
    [KEEP_UNIT] = {"keep-unit", 1},
    [CGROUP2] = {"cgroup2", 1},
    [HELD] = {"held", 2048},
    [SOCKETS] = {"sockets", 32},
    [MEMORY] = {"memory", UINT64_MAX},
    [CPU_MILLI] = {"cpu-milli", UINT64_MAX},
    [CPU_SHARES] = {"cpu-shares", UINT32_MAX},
    [PIDS] = {"pids", UINT64_MAX},
};

int
s1_parse_facts(char *text, size_t n, struct s1_facts *ret)
{
	uint64_t v[N_FACTS] = {0};
	bool seen[N_FACTS] = {0};
	const char *key, *value;
	struct ps_kv kv;
	int r;

	ps_kv_begin(&kv, text, n);
	while ((r = ps_kv_next(&kv, &key, &value)) == 1) {
		size_t i = 0;

		while (i < N_FACTS && strcmp(rows[i].key, key) != 0)
			i++;
		if (i == N_FACTS || seen[i] ||
		    !ps_parse_u64(value, rows[i].max, &v[i]))
			return -EBADMSG;
		seen[i] = true;
	}
	for (size_t i = 0; r == 0 && i < N_FACTS; i++)
		r = seen[i] ? 0 : -EBADMSG;
	if (r < 0 || v[BASE] == 0 || v[BASE] % S1_RANGE != 0)
		return -EBADMSG;
	*ret = (struct s1_facts){.base = (uint32_t)v[BASE],
	    .machined = v[MACHINED] == 1,
	    .keep_unit = v[KEEP_UNIT] == 1,
	    .cgroup2 = v[CGROUP2] == 1,
	    .held = (unsigned)v[HELD],
	    .sockets = (unsigned)v[SOCKETS],
	    .memory = v[MEMORY],
	    .cpu_milli = v[CPU_MILLI],
	    .cpu_shares = (uint32_t)v[CPU_SHARES],
	    .pids = v[PIDS]};
	return 0;
}
