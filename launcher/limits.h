#pragma once
/*
 * Limits, by the files of cgroups and by systemd's properties.  Caller: root;
 * the plan has been proved.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/proto.h"

#define LN_FACTS 32768 /* bytes of the facts, most of them properties */

/* Who takes it: a hierarchy of v1, v2, systemd for a scope.  The first two
 * say how a controller is called. */
enum { LN_V1, LN_V2, LN_SCOPE };
enum { LN_C_MEMORY, LN_C_CPU, LN_C_PIDS, LN_C_IO, LN_CONTROLLERS };
extern const char *const ln_controllers[LN_CONTROLLERS][2];

/* 0: none. */
enum { LN_MEMORY, LN_CPU, LN_SHARES, LN_PIDS, LN_BYTES, LN_CALLS, LN_LIMITS };
struct ln_limits {
	union {
		struct {
			uint64_t memory; /* bytes */
			uint64_t cpu_milli;
			uint64_t cpu_shares;
			uint64_t pids;
			/* Of each whole disk, to read and again to write; a
			 * disk that comes later has no limit. */
			uint64_t block_bandwidth; /* bytes/s */
			uint64_t block_iops;
		};
		uint64_t n[LN_LIMITS];
	};
	bool pids_asked; /* by a line of site policy or the operator: else it is
			    set where that is easily done */
};

extern const struct ln_limits ln_no_limits;

bool ln_limits_want(const struct ln_limits *l, unsigned controller);
/* It is no one's wish where only site policy's own number of processes wants
 * it: that is set where it is easily done. */
bool ln_limits_must(const struct ln_limits *pod, const struct ln_limits *apps,
    unsigned controller);
/* Of a PLAN_POD or a PLAN_APP. */
#define LN_LIMITS_OF(p)                                                        \
	((struct ln_limits){ .memory = (p)->memory,                            \
	    .cpu_milli = (p)->cpu_milli, .cpu_shares = (p)->cpu_shares,         \
	    .pids = (p)->pids, .block_bandwidth = (p)->block_bandwidth,         \
	    .block_iops = (p)->block_iops })
/* Writes the files of a controller in the cgroup dir; where it is only units
 * that want it, they must be there to be written.  0 or negative errno. */
int ln_limits_set(int dir, unsigned controller, unsigned who,
    const struct ln_limits *l, const struct ln_limits *units);
/* Lines "property --property=NAME=VALUE" for systemd-nspawn, of what systemd
 * is to set on the scope that it makes.  0 or negative errno. */
int ln_limits_properties(const struct ln_limits *l, char *ret, size_t size);
