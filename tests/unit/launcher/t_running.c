/* link: @launcher @privsep */
/* Ending a pod: only processes of that pod are ever signalled, whatever
 * numbers stand in its files. */
#include "launcher/running.h"
#include "tests/unit/launcher/world.h"

#include <fcntl.h>

extern int sys_flock(int fd, bool exclusive);

#define RUN "/var/lib/rkt/pods/run/" UUID
#define STAGE1 77
#define INIT 78
#define LISTENS "Name:\tsystemd\nSigBlk:\t7fe3c0fe28014a03\nSigIgn:\t0\n"

static int lock = -1;

/* stage1 is 77 and holds the pod's directory; 78 is its only child. */
static int
begin(void **state)
{
	(void)state;
	lock = open("/", O_RDONLY | O_CLOEXEC); /* counted as open before */
	world_begin((char *const[]){ "rkt", "stop", UUID, NULL });
	fake.stage1 = STAGE1;
	fake.init = INIT;
	fake_mkdir("/var/lib/rkt/pods/run/other");
	fake_put(RUN "/ppid", "77\n");
	fake_hold(STAGE1, 0, "/etc");
	fake_hold(STAGE1, 4, RUN);
	fake_hold(STAGE1, 9, "/gone");
	fake_put("/proc/77/task/77/children", "78 ");
	fake_put("/proc/78/ns/pid", "pod");
	fake_put("/proc/78/status", LISTENS);
	fake_put("/proc/self/ns/pid", "host");
	fake_hold(INIT, 0, "/etc");
	ps_close_fd(&lock);
	lock = fake_open(RUN, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(lock, true), 0);
	fake.at = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ps_close_fd(&lock);
	world_end();
	fake_clear("/proc/77");
	fake_clear("/proc/78");
	return 0;
}

static void
say(uint8_t how)
{
	fake.at = 0;
	fake.trace[0] = '\0';
	SAY(END_POD, .uuid = UUID, .how = how);
	assert_int_equal(world_serve(), 0);
}

static void
not_running(const char *why)
{
	for (uint8_t how = PS_END_STOP; how <= PS_END_KILL; how++) {
		say(how);
		world_refused(PS_REFUSED_NOTFOUND);
		if (strstr(fake.trace, "signal") || strstr(fake.trace, "kill"))
			fail_msg("%s: a process was signalled", why);
	}
}

static void
stop(void **state)
{
	(void)state;
	say(PS_END_STOP);
	world_expect(PS_DONE);
	assert_non_null(strstr(fake.trace, "signal init RTMIN+3\n"));
	assert_null(strstr(fake.trace, "signal stage1"));
	assert_null(strstr(fake.trace, "KILL"));
	fake.stubborn = true; /* it was asked, and that is all */
	say(PS_END_STOP);
	world_expect(PS_DONE);
	assert_null(strstr(fake.trace, "KILL"));
}

static void
shorten(void)
{
	fake.at = 0;
	fake.trace[0] = '\0';
}

static void
listens_soon(void)
{
	shorten();
	if (fake.slept == 60)
		fake_put("/proc/78/status", LISTENS);
}

/* Its systemd would not hear it: it is said when it will, or, to one that hangs,
 * after 10 s. */
static void
stop_that_begins(void **state)
{
	static const char *const texts[] = { "",
		"Name:\tsystemd\nSigBlk:\t0000000000000000\nSigIgn:\t0\n",
		"Name:\tsystemd\nSigBlk:\tffffffefffffffff\nSigIgn:\t0\n",
		"Name:\tsystemd\nSigBlk:\t0000001" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		fake_put("/proc/78/status", texts[i]);
		fake.slept = 0;
		fake.while_asleep = i == 1 ? listens_soon : shorten;
		say(PS_END_STOP);
		world_expect(PS_DONE);
		assert_int_equal(fake.slept, i == 1 ? 60 : 10000);
		assert_non_null(strstr(fake.trace, i == 1 ?
		    "signal init RTMIN+3\n" : "signal stage1 TERM\n"));
	}
	fake.slept = 0;
	fake.while_asleep = NULL;
	say(PS_END_KILL); /* needs no ear */
	world_expect(PS_DONE);
	assert_in_range(fake.slept, 0, 1000);
}

static void
force(void **state)
{
	const char *first;

	(void)state;
	say(PS_END_KILL);
	world_expect(PS_DONE);
	assert_non_null(strstr(fake.trace, "signal init KILL\n"));
	assert_null(strstr(fake.trace, "stage1 KILL"));
	assert_null(strstr(fake.trace, "TERM"));
	fake.stubborn = true;
	say(PS_END_KILL);
	world_expect(PS_DONE);
	first = strstr(fake.trace, "signal init KILL\n");
	assert_non_null(first);
	assert_non_null(strstr(first, "signal stage1 KILL\n"));
}

/* Before nspawn has a child, and when what is there is no child. */
static void
no_child(void **state)
{
	static const char *const texts[] = { "", "1 ", "0", "x", "-78", "078", " ",
		"99999999999999999999 " };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		fake_put("/proc/77/task/77/children", texts[i]);
		fake.stubborn = true;
		say(PS_END_KILL);
		world_expect(PS_DONE);
		assert_null(strstr(fake.trace, "signal init"));
		assert_non_null(strstr(fake.trace, "signal stage1 KILL\n"));
	}
}

/* What nspawn forks first is no pid 1 yet. */
static void
child_outside(void **state)
{
	(void)state;
	fake_clear("/proc/78/ns");
	fake.stubborn = true;
	say(PS_END_KILL);
	world_expect(PS_DONE);
	assert_null(strstr(fake.trace, "signal init"));
	assert_non_null(strstr(fake.trace, "signal stage1 KILL\n"));
}

static void
nobody_holds_it(void **state)
{
	(void)state;
	ps_close_fd(&lock);
	not_running("unlocked");
	lock = fake_open("/", O_RDONLY | O_DIRECTORY); /* as many as before */
}

/* A pod in no other place than run/ is running, even if someone has it. */
static void
other_states(void **state)
{
	static const char *const where[] = { "embryo", "prepare", "prepared",
		"exited-garbage", "garbage" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(where); i++) {
		char path[200];
		_cleanup_fd_ int held = -1;

		fake_clear("/var/lib/rkt/pods/run");
		(void)snprintf(path, sizeof(path), "/var/lib/rkt/pods/%s/" UUID,
		    where[i]);
		fake_mkdir(path);
		held = fake_open(path, O_RDONLY | O_DIRECTORY);
		assert_int_equal(sys_flock(held, true), 0);
		(void)snprintf(path, sizeof(path), "/var/lib/rkt/pods/%s/" UUID
		    "/ppid", where[i]);
		fake_put(path, "77\n");
		not_running(where[i]);
	}
}

static void
no_number(void **state)
{
	static const char *const texts[] = { "", "\n", "x", "0\n", "1\n", "-77\n",
		"077\n", " 77\n", "77x\n", "99999999999999999999\n",
		"4294967373\n" /* 77 + 2^32 */, "2147483648\n" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		fake_put(RUN "/ppid", texts[i]);
		not_running(texts[i]);
	}
	assert_int_equal(unlinkat(lock, "ppid", 0), 0);
	not_running("no file");
	assert_int_equal(symlinkat("/proc/self/stat", lock, "ppid"), 0);
	not_running("a link");
}

/* The number is another process's by now: it has not this directory open, but
 * maybe others, and one that is called the same. */
static void
another_process(void **state)
{
	(void)state;
	fake_put(RUN "/ppid", "78\n");
	not_running("no directory");
	fake_hold(INIT, 4, "/var/lib/rkt/pods/run/other");
	not_running("another pod's directory");
	fake_mkdir("/srv/" UUID);
	fake_hold(INIT, 5, "/srv/" UUID);
	not_running("a directory of that name");
	fake_hold(INIT, 6, RUN "/ppid");
	not_running("a file in it");
	fake_put(RUN "/ppid", "99\n");
	not_running("no such process");
	fake_put(RUN "/ppid", "77\n");
	say(PS_END_STOP);
	world_expect(PS_DONE);
}

/* A process that ends at that moment is as good; other errors are said. */
static void
failures(void **state)
{
	unsigned n, refused = 0;

	(void)state;
	for (n = 1; n < 60; n++) {
		uint16_t answer;

		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = n % 2 ? EPERM : ESRCH;
		say(PS_END_KILL);
		fake.fail_at = 0;
		answer = world_hear(NULL);
		if (answer != PS_DONE && answer != PS_REFUSED)
			fail_msg("verb %u: no answer", n);
		refused += answer == PS_REFUSED;
		if (fake.verbs < n)
			break;
	}
	assert_in_range(n, 6, 59);
	assert_in_range(refused, 3, 59);
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(stop),
		with(stop_that_begins),
		with(force),
		with(no_child), with(child_outside),
		with(nobody_holds_it),
		with(other_states),
		with(no_number),
		with(another_process),
		with(failures),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
