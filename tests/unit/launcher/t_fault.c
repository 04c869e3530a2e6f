/* link: @launcher @privsep */
/* Every verb of a fetch and of a run fails once: the person gets an answer or
 * the session ends, nothing is half committed, nothing stays open (G9, R9). */
#include "tests/unit/launcher/world.h"

static char *const argv_fetch[] = { "rkt", "fetch", NAME, NULL };
static char *const argv_run[] = { "rkt", "run", NAME, NULL };
static struct ln_plan plan;

static void
say_fetch(void)
{
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
}

/* An image directory is whole, whatever failed. */
static void
check_store(void)
{
	static char text[PS_MAX_RECORD + 1];
	uint8_t id[PS_DIGEST];
	struct ps_record r;
	int e;

	memset(id, IMAGE_NEW, PS_DIGEST);
	fake.fail_at = 0;
	e = ln_record_read(&world.s, id, text, &r);
	if (e != 0 && e != -ENOENT)
		fake_bug("a damaged record was committed", strerror(-e));
}

static void
fetch_with(int error)
{
	unsigned n, answered = 0;

	for (n = 1; n < 400; n++) {
		unsigned verbs;
		int r;

		world_begin(argv_fetch);
		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = error;
		say_fetch();
		r = world_serve();
		if (r != 0 && r != -EPROTO)
			fail_msg("verb %u: the session ended with %d", n, r);
		verbs = fake.verbs;
		while (world_hear(NULL) != 0)
			answered++;
		check_store();
		world_end();
		if (verbs < n)
			break;
	}
	assert_in_range(n, 30, 399);
	assert_true(answered > n);
}

static void
fetch_enospc(void **state)
{
	(void)state;
	fetch_with(ENOSPC);
}

static void
fetch_eio(void **state)
{
	(void)state;
	fetch_with(EIO);
}

/* A pod is started, or it is not there. */
static void
run(void **state)
{
	unsigned n, refused = 0;

	(void)state;
	for (n = 1; n < 600; n++) {
		unsigned verbs;
		uint16_t answer;

		world_begin(argv_run);
		world_image(IMAGE_GOOD, NAME, KEY_A);
		world_plan(&plan, IMAGE_GOOD);
		plan.app[0].memory = 1 << 20;
		world_start_pod(&plan);
		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = ENOSPC;
		assert_int_equal(world_serve(), 0);
		verbs = fake.verbs;
		answer = world_hear(NULL);
		if (answer != PS_STARTING && answer != PS_REFUSED)
			fail_msg("verb %u: no answer", n);
		if ((world.s.become != NULL) != (answer == PS_STARTING) ||
		    fake_exists("/var/lib/rkt/pods/run/" UUID) != (world.s.become != NULL))
			fail_msg("verb %u: half a pod", n);
		refused += answer == PS_REFUSED;
		if (answer == PS_REFUSED && verbs >= n &&
		    fake_exists("/var/lib/rkt/ids/1879048192") &&
		    !fake_exists("/var/lib/rkt/pods/prepare/" UUID) &&
		    !fake_exists("/var/lib/rkt/pods/embryo/" UUID))
			fail_msg("verb %u: a claim without a pod", n);
		world_end();
		if (verbs < n)
			break;
	}
	assert_in_range(n, 60, 599);
	assert_in_range(refused, 40, 599);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetch_enospc),
		cmocka_unit_test(fetch_eio),
		cmocka_unit_test(run),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
