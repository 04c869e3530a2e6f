/* link: @launcher @privsep -lcmocka */
/*
 * The plan's proof.  Bytes: one chooses the command line, one the site policy,
 * the rest is a plan; where that does not decode it varies a good one.  What
 * is accepted is no weaker than policy and argv allow (lattice.h).
 */
#include "tests/unit/launcher/lattice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ln_plan plan, unused;
	static struct lattice_line line, now;
	struct ps_policy policy;
	uint64_t seed = 1, words;

	if (size < 10)
		return 0;
	memcpy(&seed, data, sizeof(seed));
	seed |= 1;
	ps_policy_default(&policy);
	world_plan(&unused, IMAGE_GOOD);
	lattice_vary(&seed, &unused, &policy); /* the policy alone is kept */
	words = (uint64_t)data[8] + 1;
	lattice_say(&words, &line, LATTICE_APPS);
	now = line;
	if (data[8] % 2) /* a pod that was prepared */
		lattice_say(&words, &now, LATTICE_APPS);
	if (ln_plan_decode(data + 9, size - 9, &plan) < 0) {
		world_plan(&plan, IMAGE_GOOD);
		lattice_obey(&seed, &plan, &line);
		lattice_vary(&seed, &plan, &policy);
		plan.app[0].caps ^= size > 17 ? (uint64_t)data[10] << data[11] % 56 : 0;
		plan.app[0].seccomp = data[9] % 4;
	}
	(void)lattice_check(&plan, &policy, &now, &line);
	return 0;
}
