/* link: @launcher @privsep tests/unit/launcher/play.c -lcmocka */
/*
 * The whole launcher behind its permit table, over a system layer that is
 * played: the bytes are what a compromised conductor and compromised workers
 * say.  Property: guarantee G4 (tests/unit/launcher/play.h).
 */
#include "tests/unit/launcher/world.h"

#include "tests/unit/launcher/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
clean_up(void)
{
	(void)world_tear_down(NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_up;
	struct play_result result;

	if (!is_up && world_set_up(NULL) == 0)
		is_up = atexit(clean_up) == 0;
	if (size <= 1024)
		play(data, size, &result);
	return 0;
}
