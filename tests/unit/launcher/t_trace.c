/* link: @launcher @privsep */
/* What root does, verb by verb: the golden traces are the documentation. */
#include "launcher/pod.h"
#include "tests/unit/launcher/world.h"

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

/* The session's opening: configuration, trust stores, data directory. */
static void
hello(void **state)
{
	(void)state;
	world_begin_mute(ARGV("rkt", "list"));
	SAY(HELLO, .dir = "");
	assert_int_equal(world_serve(), 0);
	world_expect(PS_WELCOME);
	world_trace_is("hello");
	world_end();
}

/* Quarantine, fetcher gone, verify, unpack, commit (architecture.md 4). */
static void
fetch(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "fetch", NAME));
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME,
	    .origin = "https://example.com/hello.aci");
	assert_int_equal(world_serve(), 0);
	world_expect(PS_FETCHER);
	world_expect(PS_FETCHED);
	world_expect(PS_ADMITTED);
	world_trace_is("fetch");
	world_end();
}

/* Prove, judge, build, become stage1 (architecture.md 5). */
static void
run(void **state)
{
	static struct ln_plan plan;
	static jmp_buf jump;

	(void)state;
	world_begin(ARGV("rkt", "run", NAME));
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	plan.app[0].memory = 64 << 20;
	plan.app[0].cpu_milli = 500;
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_STARTING);
	assert_true(world.s.become != NULL);
	fake.jump = &jump;
	if (setjmp(jump) == 0)
		ln_become_stage1(&world.s);
	assert_true(fake.executed);
	world_trace_is("run");
	world_end();
}

static void
trust(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "trust", "--prefix=example.com/new", "/home/op/key.asc"));
	fake.may_open[0] = "/home/op/key.asc";
	world.script.verdict.n_signers = 0; /* so that verify exports */
	world.script.keys = (struct ps_msg_KEYLIST){ .n_lines = 1, .lines = { "pub x" } };
	SAY(GET_FILE, .path = "/home/op/key.asc", .kind = PS_SLOT_KEY);
	SAY(REVIEW_KEYS, .slot = 0);
	SAY(TRUST_KEY, .slot = 0, .prefix = "example.com/new", .fingerprint = KEY_N);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_SLOT);
	world_expect(PS_KEYS);
	world_expect(PS_TRUSTED);
	assert_true(fake_exists("/etc/rkt/trustedkeys/prefix.d/example.com/new/" KEY_N));
	world_trace_is("trust");
	fake_clear("/etc/rkt/trustedkeys/prefix.d/example.com/new");
	world_end();
}

static void
rm(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "rm", UUID));
	world_image(IMAGE_GOOD, NAME, KEY_A);
	fake_put("/var/lib/rkt/image/.gone-0123/left/behind/file", "x");
	fake_put("/var/lib/rkt/pods/run/" UUID "/private-users-prepared",
	    "1879048192:65536\n");
	fake_put("/var/lib/rkt/pods/run/" UUID "/cgroup",
	    "/sys/fs/cgroup/memory/rkt-" UUID "\n/sys/fs/cgroup/memory/other\n");
	fake_put("/var/lib/rkt/ids/1879048192", UUID);
	fake_mkdir("/sys/fs/cgroup/memory/rkt-" UUID "/payload");
	fake_mkdir("/sys/fs/cgroup/memory/other");
	SAY(END_POD, .uuid = UUID, .how = PS_END_MARK);
	SAY(END_POD, .uuid = UUID, .how = PS_END_DELETE);
	{
		struct ps_msg_CHECK_IMAGE m = { .remove = 1 };

		memset(m.image, IMAGE_GOOD, PS_DIGEST);
		assert_int_equal(PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0), 0);
	}
	assert_int_equal(world_serve(), 0);
	world_expect(PS_DONE);
	world_expect(PS_DONE);
	world_expect(PS_DONE);
	assert_false(fake_exists("/var/lib/rkt/ids/1879048192"));
	assert_false(fake_exists("/sys/fs/cgroup/memory/rkt-" UUID));
	assert_true(fake_exists("/sys/fs/cgroup/memory/other"));
	world_trace_is("rm");
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(fetch),
		cmocka_unit_test(run),
		cmocka_unit_test(trust),
		cmocka_unit_test(rm),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
