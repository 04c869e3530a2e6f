#pragma once
/*
 * The entry of the nspawn flavor.  Host root.  The plan is proved, the facts
 * are the launcher's; what is checked here again is what a unit file and an
 * argument vector can be made to say.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/proto.h"

struct s1_facts {
	uint32_t base;
	bool machined, keep_unit, cgroup2;
	unsigned held, sockets; /* descriptors: images, then sockets */
	/* For the scope that systemd makes; 0 none. */
	uint64_t memory, cpu_milli, pids;
	uint32_t cpu_shares;
};

/* text[0..n) is split in place.  0 or -EBADMSG. */
int s1_parse_facts(char *text, size_t n, struct s1_facts *ret);

/* unit.c, pure.  The unit of an app as text: its length, or negative errno.
 * What was written has been read back and says the same. */
int s1_format_unit(
    const struct ps_msg_PLAN_APP *a, bool interactive, char *ret, size_t size);

/* What the arguments depend on: sums over all apps. */
struct s1_pod {
	const struct ps_msg_PLAN_POD *plan;
	const struct s1_facts *facts;
	uint64_t caps; /* union over apps */
	int32_t oom;   /* lowest asked for, at most 0 */
};

/* argv.c, pure.  nspawn's argument vector, NULL at the end; texts live in
 * storage of argv.c.  0 or negative errno. */
#define S1_MAX_ARGS 40
int s1_format_args(const struct s1_pod *pod, const char *ret[S1_MAX_ARGS]);

/* write.c.  Files of an app below root, owned by base. */
int s1_write_app(int root, uint32_t base, const struct ps_msg_PLAN_APP *a,
    const char *unit, size_t n);
