/* link: @launcher @privsep */
/* What may be entered is what the operator's own words say. */
#include "tests/unit/launcher/world.h"

#define MOST 8

static char bash[] = "/bin/bash", ls[] = "ls", l[] = "-l", rkt[] = "rkt",
	    enter[] = "enter", uuid[] = UUID, part[] = "01234567",
	    other[] = "01234567-9", app[] = "--app=hello", dashes[] = "--",
	    two[] = "--app", hello[] = "hello", wrong[] = "--app=other", none[] = "";

static const struct row {
	char *argv[MOST + 1];
	const char *exec[MOST + 1], *env;
	bool allowed;
} rows[] = {
	{ { rkt, enter, uuid, ls, l }, { ls, l }, NULL, true },
	{ { rkt, enter, part, ls, l }, { ls, l }, NULL, true },
	{ { rkt, enter, part, dashes, ls }, { ls }, NULL, true },
	{ { rkt, enter, app, part, ls }, { ls }, NULL, true },
	{ { rkt, enter, two, hello, part, ls }, { ls }, NULL, true },
	{ { rkt, enter, part }, { bash }, NULL, true },
	{ { rkt, enter, part, bash }, { bash }, NULL, true },
	{ { rkt, enter, app, part }, { bash }, "TERM=vt100", true },
	/* Behind the pod all words are the command's. */
	{ { rkt, enter, part, ls, wrong }, { ls, wrong }, NULL, true },
	/* Another command, part of it, more of it. */
	{ { rkt, enter, part, ls, l }, { ls }, NULL, false },
	{ { rkt, enter, part, ls, l }, { l }, NULL, false },
	{ { rkt, enter, part, ls }, { ls, l }, NULL, false },
	{ { rkt, enter, part, ls }, { l }, NULL, false },
	{ { rkt, enter, part, ls, l }, { ls, ls }, NULL, false },
	{ { rkt, enter, part, ls, l }, { bash }, NULL, false },
	{ { rkt, enter, part, ls }, { dashes, ls }, NULL, false },
	{ { rkt, enter, part }, { ls }, NULL, false },
	{ { rkt, enter, part }, { NULL }, NULL, false },
	/* Another pod, or none. */
	{ { rkt, enter, other, ls }, { ls }, NULL, false },
	{ { rkt, enter, none, ls }, { ls }, NULL, false },
	{ { rkt, enter, ls }, { ls }, NULL, false },
	{ { rkt, ls }, { ls }, NULL, false },
	{ { rkt }, { bash }, NULL, false },
	{ { rkt, uuid, enter, ls }, { ls }, NULL, false },
	/* Another app. */
	{ { rkt, enter, wrong, part, ls }, { ls }, NULL, false },
	/* Variables that are not the caller's TERM. */
	{ { rkt, enter, part, ls }, { ls }, "TERM=other", false },
	{ { rkt, enter, part, ls }, { ls }, "LD_PRELOAD=/x", false },
	{ { rkt, enter, part, ls }, { ls }, "HOME=/root", false },
};

static void
words(void **state)
{
	static char *const env[] = { "HOME=/root", "TERM=vt100", NULL };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_msg_ENTER_POD m = { .uuid = UUID, .app = "hello" };
		int r;

		for (; rows[i].exec[m.n_exec]; m.n_exec++)
			m.exec[m.n_exec] = rows[i].exec[m.n_exec];
		m.n_env = rows[i].env != NULL;
		m.env[0] = rows[i].env;
		world_begin(rows[i].argv);
		world.s.env = env;
		assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, NULL, 0), 0);
		r = world_serve();
		if (r != (rows[i].allowed ? 0 : -EPROTO))
			fail_msg("row %zu: %d", i, r);
		if (rows[i].allowed) /* and there is no such pod */
			world_refused(PS_REFUSED_NOTFOUND);
		assert_null(world.s.become);
		world_end();
	}
}

/* Only one that runs, and once. */
static void
pods(void **state)
{
	static char *const argv[] = { rkt, enter, uuid, ls, NULL };
	struct ps_msg_ENTER_POD m = { .uuid = UUID, .app = "hello", .n_exec = 1,
		.exec = { ls } };

	(void)state;
	fake_mkdir("/var/lib/rkt/pods/run/" UUID);
	world_begin(argv);
	assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, NULL, 0), 0);
	assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, NULL, 0), 0);
	assert_int_equal(world_serve(), -EPROTO);
	world_refused(PS_REFUSED_NOTFOUND); /* no one holds its lock */
	assert_null(world.s.become);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words),
		cmocka_unit_test(pods) };

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
