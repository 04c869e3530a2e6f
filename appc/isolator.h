#pragma once
/*
 * Isolators: what an image asks to be given or denied.  Parsed here, judged
 * elsewhere.  Those that rkt does not apply are kept by name, so that a caller
 * can refuse them or say that they are ignored.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ac_strs {
	size_t n;
	const char **v;
};

struct ac_pair {
	const char *name, *value;
};

struct ac_pairs {
	size_t n;
	struct ac_pair *v;
};

enum ac_set { AC_SET_NONE = 0, AC_SET_RETAIN = 1, AC_SET_REMOVE = 2 };

struct ac_isolators {
	/* 0: not said. */
	uint64_t memory_request, memory_limit; /* bytes */
	uint64_t cpu_request, cpu_limit;       /* thousandths of a CPU */
	uint64_t bandwidth_request, bandwidth_limit; /* of disks, bytes/s */
	uint64_t iops_request, iops_limit;
	uint32_t cpu_shares;		       /* 2..262144 */
	bool has_oom, has_no_new_privs;
	int32_t oom_score_adj; /* -1000..1000 */
	bool no_new_privs;
	enum ac_set caps_set, seccomp_set;
	uint64_t caps; /* bit n: capability n */
	struct ac_strs seccomp;	   /* system calls and @group/names */
	const char *seccomp_errno; /* NULL: kill */
	struct ac_pairs sysctls;   /* names of [a-z0-9_.-], values printable */
	struct ac_strs unsupported;
};

/* A quantity (1.5G, 250m, 3e6, 512Ki) times scale, rounded up to an integer.
 * 0; -EINVAL: not a quantity; -ERANGE: negative or beyond 2^64-1. */
int ac_quantity(const char *text, uint64_t scale, uint64_t *ret);

/* CAP_KILL to 5; -1 if there is no such capability. */
int ac_capability(const char *name);
