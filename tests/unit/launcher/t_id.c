/* link: @launcher @privsep */
/* Claims of id ranges: never one twice, never outside site policy's. */
#include "tests/unit/launcher/world.h"

#include "launcher/id.h"

#define OTHER "11111111-89ab-cdef-0123-456789abcdef"

static int
begin(void **state)
{
	(void)state;
	world_begin((char *const[]){ "rkt", NULL });
	world.s.policy.id_first = 0x70000000;
	world.s.policy.id_count = 5;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

static void
disjoint(void **state)
{
	uint32_t base[5], more;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(ln_id_claim(&world.s, UUID, &base[i]), 0);
		assert_int_equal(base[i] % PS_RANGE, 0);
		assert_in_range(base[i], 0x70000000, 0x70040000);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(base[i], base[j]);
	}
	assert_int_equal(ln_id_claim(&world.s, UUID, &more), -ENOSPC);
	ln_id_release(&world.s, UUID, base[3]);
	assert_int_equal(ln_id_claim(&world.s, OTHER, &more), 0);
	assert_int_equal(more, base[3]);
}

/* Only the holder gives back. */
static void
holder(void **state)
{
	uint32_t base, i;

	(void)state;
	assert_int_equal(ln_id_claim(&world.s, UUID, &base), 0);
	ln_id_release(&world.s, OTHER, base);
	for (i = 0; i < 4; i++) {
		uint32_t other;

		assert_int_equal(ln_id_claim(&world.s, OTHER, &other), 0);
		assert_int_not_equal(other, base);
	}
}

/* A claim that cannot be written is no claim. */
static void
failing(void **state)
{
	uint32_t base = 1;

	(void)state;
	for (unsigned at = 1; at <= 2; at++) {
		fake.verbs = 0;
		fake.fail_at = at;
		fake.fail_error = EROFS;
		assert_int_equal(ln_id_claim(&world.s, UUID, &base), -EROFS);
		assert_int_equal(base, 1);
	}
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(disjoint),
		with(holder),
		with(failing),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
