#pragma once
/*
 * The lattice property of the plan's proof, for the unit test and the fuzzer:
 * a second, independent statement of what an accepted plan may be.
 */
#include "tests/unit/launcher/world.h"

#include "launcher/argv.h"
#include "privsep/policy.h"

/* Command lines, and what each says. */
static const struct lattice_line {
	char *const *argv;
	int argc;
	uint32_t insecure;
	uint64_t caps;
	bool net, seccomp, interactive, debug;
} lattice_lines[] = {
#define LINE(...) (char *const[]){ "rkt", "run", __VA_ARGS__, NULL }, \
	(int)(sizeof((char *const[]){ "rkt", "run", __VA_ARGS__ }) / sizeof(char *))
	{ LINE("x"), 0, 0, false, false, false, false },
	{ LINE("--insecure-options=all"), PS_INSECURE_ALL, 0, false, false, false, false },
	{ LINE("--insecure-options=seccomp", "--net=host"), PS_INSECURE_SECCOMP, 0,
	    true, false, false, false },
	{ LINE("--insecure-options=capabilities,paths"),
	    PS_INSECURE_CAPABILITIES | PS_INSECURE_PATHS, 0, false, false, false, false },
	{ LINE("--caps-retain=CAP_SYS_ADMIN,CAP_CHOWN", "--seccomp=mode=retain"), 0,
	    1ull << 21 | 1, false, true, false, false },
	{ LINE("--interactive", "--debug", "--net", "host"), 0, 0, true, false, true,
	    true },
	{ LINE("x", "--", "--insecure-options=all", "--net=host", "--debug"), 0, 0,
	    false, false, false, false },
#undef LINE
};

/* Few values, so that neighbours of every rule are met. */
static inline void
lattice_vary(uint64_t *seed, struct ln_plan *plan, struct ps_policy *policy)
{
	static const char *const dirs[] = { "/", "/proc", "/proc/self/fd/3", "/sys/fs",
		"/dev/fd", "/dev/fdx", "/procx", "/srv" };
	static const uint8_t filter[32];
	struct ps_msg_PLAN_APP *a = &plan->app[0];

	a->filter = filter;
#define RARE(x) if (test_random(seed) % 8 == 0) x
	RARE(plan->pod.insecure = (uint32_t)test_random(seed) & 0x1ff);
	RARE(plan->pod.net = (uint8_t)(test_random(seed) % 3));
	RARE(plan->pod.flavor = (uint8_t)(test_random(seed) % 3));
	RARE(plan->pod.interactive = (uint8_t)(test_random(seed) % 3));
	RARE(plan->pod.debug = (uint8_t)(test_random(seed) % 3));
	RARE(plan->pod.version = (uint32_t)test_random(seed) % 3);
	RARE(a->caps ^= 1ull << test_random(seed) % 64);
	RARE(a->caps = test_random(seed));
	RARE(a->seccomp = (uint8_t)(test_random(seed) % 4));
	RARE(a->paths = (uint8_t)(test_random(seed) % 3));
	RARE(a->no_new_privs = (uint8_t)(test_random(seed) % 3));
	RARE(a->memory = test_random(seed) >> test_random(seed) % 64);
	RARE(a->cpu_shares = (uint32_t)test_random(seed) % 300000);
	RARE(a->oom_score_adj = (int32_t)(test_random(seed) % 3000) - 1500);
	RARE(a->working_dir = dirs[test_random(seed) % PS_COUNT(dirs)]);
	RARE(a->n_filter = (uint32_t)test_random(seed) % 32);
	RARE((a->n_supplementary_gids = 1,
	    a->supplementary_gids[0] = (uint32_t)test_random(seed) % 131072));
	RARE(policy->insecure = (uint32_t)test_random(seed) & PS_INSECURE_ALL);
	RARE(policy->caps_image = test_random(seed) & ((1ull << 41) - 1));
	RARE(policy->caps_operator = test_random(seed) & ((1ull << 41) - 1));
	RARE(policy->net_host = false);
	RARE(policy->seccomp_wide = false);
#undef RARE
}

#define HOLDS(x) do { if (!(x)) fake_bug("an accepted plan breaks", #x); } while (0)

/* Everything that must hold of an accepted plan. */
static inline void
lattice_holds(const struct ln_plan *plan, const struct ps_policy *p,
    const struct lattice_line *l)
{
	const struct ps_msg_PLAN_POD *pod = &plan->pod;
	uint32_t in = l->insecure & p->insecure & pod->insecure;

	HOLDS((pod->insecure & ~(l->insecure & p->insecure)) == 0);
	HOLDS(pod->net == PS_NET_NONE ||
	    (pod->net == PS_NET_HOST && l->net && p->net_host));
	HOLDS(pod->interactive <= l->interactive && pod->debug <= l->debug);
	HOLDS(pod->flavor == PS_FLAVOR_NSPAWN && pod->version == PS_PLAN_VERSION);
	for (unsigned i = 0; i < pod->apps; i++) {
		const struct ps_msg_PLAN_APP *a = &plan->app[i];

		HOLDS((in & PS_INSECURE_CAPABILITIES) != 0 ||
		    (a->caps & ~(p->caps_image | (l->caps & p->caps_operator))) == 0);
		HOLDS((in & PS_INSECURE_CAPABILITIES) != 0 || l->caps == 0 ||
		    (a->caps & ~l->caps) == 0);
		HOLDS(a->caps >> 41 == 0);
		HOLDS(a->seccomp == PS_SECCOMP_DEFAULT ||
		    (a->seccomp == PS_SECCOMP_WIDE && l->seccomp && p->seccomp_wide) ||
		    (a->seccomp == PS_SECCOMP_NONE && (in & PS_INSECURE_SECCOMP) != 0));
		HOLDS(a->paths == 1 || (in & PS_INSECURE_PATHS) != 0);
		HOLDS(a->paths <= 1 && a->no_new_privs <= 1 && a->readonly_rootfs <= 1);
		HOLDS(a->n_exec > 0 && a->n_filter % 8 == 0);
		HOLDS(a->memory == 0 || a->memory >= 4096);
		HOLDS(a->cpu_shares == 0 ||
		    (a->cpu_shares >= 2 && a->cpu_shares <= 262144));
		HOLDS(a->oom_score_adj >= -1000 && a->oom_score_adj <= 1000);
		HOLDS(strncmp(a->working_dir, "/proc/", 6) != 0 &&
		    strncmp(a->working_dir, "/sys/", 5) != 0 &&
		    strncmp(a->working_dir, "/dev/fd/", 8) != 0);
		for (unsigned g = 0; g < a->n_supplementary_gids; g++)
			HOLDS(a->supplementary_gids[g] < PS_RANGE);
	}
}

/* Proves the plan for one of the lines; true if it was accepted. */
static inline bool
lattice_check(const struct ln_plan *plan, const struct ps_policy *p, uint64_t choice)
{
	const struct lattice_line *l = &lattice_lines[choice % PS_COUNT(lattice_lines)];
	const struct ln_argv argv = { l->argc, l->argv };
	char error[256] = "";

	if (ln_plan_prove(plan, argv, argv, p, error) != 0) {
		HOLDS(error[0] != '\0');
		return false;
	}
	lattice_holds(plan, p, l);
	return true;
}
