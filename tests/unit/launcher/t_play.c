/* link: @launcher @privsep tests/unit/launcher/play.c */
/* Random sessions of liars, the same every time: guarantee G4 holds, and all
 * outcomes are met. */
#include "tests/unit/launcher/world.h"

#include "tests/unit/launcher/play.h"

#define SESSIONS 4000

static void
G4_sessions(void **state)
{
	unsigned bad = 0, committed = 0, started = 0, answers = 0;
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < SESSIONS; i++) {
		struct play_result r;
		uint8_t data[200];

		for (size_t n = 0; n < sizeof(data); n++)
			data[n] = (uint8_t)(test_random(&seed) >> 24);
		play(data, sizeof(data), &r);
		bad += r.ended_badly;
		committed += r.committed;
		started += r.started;
		answers += r.answers;
	}
	print_message("%u ended badly, %u committed, %u started, %u answers\n", bad,
	    committed, started, answers);
	assert_in_range(bad, SESSIONS / 4, SESSIONS - 50);
	assert_in_range(committed, 1, SESSIONS);
	assert_in_range(started, 5, SESSIONS);
	assert_true(answers > SESSIONS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(G4_sessions),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
