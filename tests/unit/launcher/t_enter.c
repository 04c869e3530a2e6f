/* link: @launcher @privsep */
/* What may be entered is what the operator's own words say. */
#include "tests/unit/launcher/world.h"

#define MOST 8

static char bash[] = "/bin/bash", ls[] = "ls", l[] = "-l", rkt[] = "rkt",
	    enter[] = "enter", uuid[] = UUID, part[] = "01234567",
	    other[] = "01234567-9", app[] = "--app=hello", dashes[] = "--",
	    two[] = "--app", hello[] = "hello", wrong[] = "--app=other", none[] = "",
	    attach[] = "attach", out[] = "--mode=stdout", mode[] = "--mode",
	    tty[] = "tty", automatic[] = "--mode=auto", list[] = "stdout,stdin",
	    empty[] = "--mode=";

static const struct row {
	char *argv[MOST + 1];
	const char *exec[MOST + 1], *env;
	bool allowed;
	uint8_t how;
} rows[] = {
	{ { rkt, enter, uuid, ls, l }, { ls, l }, NULL, true, 0 },
	{ { rkt, enter, part, ls, l }, { ls, l }, NULL, true, 0 },
	{ { rkt, enter, part, dashes, ls }, { ls }, NULL, true, 0 },
	{ { rkt, enter, app, part, ls }, { ls }, NULL, true, 0 },
	{ { rkt, enter, two, hello, part, ls }, { ls }, NULL, true, 0 },
	{ { rkt, enter, part }, { bash }, NULL, true, 0 },
	{ { rkt, enter, part, bash }, { bash }, NULL, true, 0 },
	{ { rkt, enter, app, part }, { bash }, "TERM=vt100", true, 0 },
	/* Behind the pod all words are the command's. */
	{ { rkt, enter, part, ls, wrong }, { ls, wrong }, NULL, true, 0 },
	/* Another command, part of it, more of it. */
	{ { rkt, enter, part, ls, l }, { ls }, NULL, false, 0 },
	{ { rkt, enter, part, ls, l }, { l }, NULL, false, 0 },
	{ { rkt, enter, part, ls }, { ls, l }, NULL, false, 0 },
	{ { rkt, enter, part, ls }, { l }, NULL, false, 0 },
	{ { rkt, enter, part, ls, l }, { ls, ls }, NULL, false, 0 },
	{ { rkt, enter, part, ls, l }, { bash }, NULL, false, 0 },
	{ { rkt, enter, part, ls }, { dashes, ls }, NULL, false, 0 },
	{ { rkt, enter, part }, { ls }, NULL, false, 0 },
	{ { rkt, enter, part }, { NULL }, NULL, false, 0 },
	/* Another pod, or none. */
	{ { rkt, enter, other, ls }, { ls }, NULL, false, 0 },
	{ { rkt, enter, none, ls }, { ls }, NULL, false, 0 },
	{ { rkt, enter, ls }, { ls }, NULL, false, 0 },
	{ { rkt, ls }, { ls }, NULL, false, 0 },
	{ { rkt }, { bash }, NULL, false, 0 },
	{ { rkt, uuid, enter, ls }, { ls }, NULL, false, 0 },
	/* Another app. */
	{ { rkt, enter, wrong, part, ls }, { ls }, NULL, false, 0 },
	/* Variables that are not the caller's TERM. */
	{ { rkt, enter, part, ls }, { ls }, "TERM=other", false, 0 },
	{ { rkt, enter, part, ls }, { ls }, "LD_PRELOAD=/x", false, 0 },
	{ { rkt, enter, part, ls }, { ls }, "HOME=/root", false, 0 },
	/* Attaching: UUID is the last word, and the mode is the one said. */
	{ { rkt, attach, part }, { "auto" }, NULL, true, PS_ENTER_ATTACH },
	{ { rkt, attach, automatic, uuid }, { "auto" }, NULL, true,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, app, out, part }, { "stdout" }, NULL, true,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, two, hello, mode, tty, part }, { tty }, NULL, true,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, mode, list, part }, { list }, NULL, true,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, part }, { "stdout" }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, part }, { NULL }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, part }, { "auto", "auto" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, out, part }, { "auto" }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, out, part }, { "stdout,stdin" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, mode, list, part }, { "stdin" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, empty, part }, { "auto" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, mode, part }, { "auto" }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, wrong, part }, { "auto" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, other }, { "auto" }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, none }, { "auto" }, NULL, false, PS_ENTER_ATTACH },
	{ { rkt, attach, part, out }, { "stdout" }, NULL, false,
	    PS_ENTER_ATTACH },
	{ { rkt, attach, part }, { "auto" }, "TERM=vt100", false,
	    PS_ENTER_ATTACH },
	{ { uuid }, { "auto" }, NULL, false, PS_ENTER_ATTACH },
	/* And no other way is one. */
	{ { rkt, enter, part, ls }, { ls }, NULL, false, 77 },
};

static void
words(void **state)
{
	static char *const env[] = { "HOME=/root", "TERM=vt100", NULL };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_msg_ENTER_POD m = { .how = rows[i].how, .uuid = UUID,
			.app = "hello" };
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
