/* link: @launcher @privsep */
/* Pods that wait: what was prepared is what runs, whatever the plan of
 * run-prepared says; and a start that fails leaves it waiting. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "launcher/pod.h"

extern int sys_flock(int fd, bool exclusive);

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define PREPARED "/var/lib/rkt/pods/prepared/" UUID
#define RUN "/var/lib/rkt/pods/run/" UUID
#define BASE "1879048192"

static const char *const files[] = { "pod", "plan", "argv",
	"private-users-prepared", "pod-created" };
static struct ln_plan plan;
static char *const run_argv[] = { "rkt", "run-prepared", UUID, NULL };

static int
end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

/* Two apps and a volume wait; the next session is run-prepared's. */
static void
prepare(void)
{
	world_begin(ARGV("rkt", "prepare",
	    "--volume=data,kind=host,source=/srv/data", NAME, "--memory=1M",
	    "--caps-retain=CAP_KILL,CAP_SYS_ADMIN", NAME));
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	world_add_app(&plan, "second", IMAGE_GOOD);
	(void)world_add_volume(&plan, "data", PS_VOLUME_HOST, "/srv/data");
	(void)world_add_volume(&plan, "own", PS_VOLUME_EMPTY, "");
	world_add_mount(&plan.app[1], "data", "/mnt");
	plan.app[0].memory = 1 << 20;
	plan.app[0].caps = 1ull << 5 | 1ull << 21;
	world_start_how(&plan, PS_START_PREPARE);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_STARTING);
}

/* run-prepared's session; what is said is the plan as it is now. */
static int
run(void)
{
	fake.may_open[0] = "/srv/data";
	world_start_how(&plan, PS_START_PREPARED);
	return world_serve();
}

static int
begin(void **state)
{
	(void)state;
	prepare();
	world_again(run_argv);
	return 0;
}

/* It is there, whole, and nothing runs. */
static void
check_waits(const char *when)
{
	char path[200];

	for (size_t i = 0; i < PS_COUNT(files); i++) {
		(void)snprintf(path, sizeof(path), PREPARED "/%s", files[i]);
		if (!fake_exists(path))
			fail_msg("%s: %s is gone", when, files[i]);
	}
	if (fake_exists(RUN) || world.s.become || !fake_exists("/var/lib/rkt/ids/" BASE))
		fail_msg("%s: it does not wait", when);
}

static void
prepared(void **state)
{
	(void)state;
	prepare();
	check_waits("prepared");
	assert_int_equal(world.s.state, LN_ENDED);
	assert_null(strstr(fake.trace, "overlay"));
	assert_null(strstr(fake.trace, "/sys/fs/cgroup"));
	assert_null(strstr(fake.trace, "/srv"));
	assert_null(strstr(fake.trace, "ppid"));
	assert_false(fake_exists("/var/lib/rkt/pods/prepare/" UUID));
	world_trace_is("prepare");
	world_end();
}

static void
runs(void **state)
{
	static jmp_buf jump;

	(void)state;
	plan.pod.hostname = "other";
	plan.pod.hosts = (const uint8_t *)"::1 x\n";
	plan.pod.n_hosts = 6;
	assert_int_equal(run(), 0);
	world_expect(PS_STARTING);
	assert_true(fake_exists(RUN "/plan"));
	assert_true(fake_exists(RUN "/ppid"));
	assert_false(fake_exists(PREPARED));
	assert_null(strstr(fake.trace, "tmpfile /var/lib/rkt/ids"));
	fake.jump = &jump;
	if (setjmp(jump) == 0)
		world.s.become(&world.s);
	world_trace_is("run-prepared");
	world_again(run_argv); /* and never twice */
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_NOTFOUND);
}

static void
write_bytes(const char *path, const void *p, size_t n)
{
	int fd = fake_open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(close(fd), 0);
}

/* Root's own files, damaged or gone: it says so, and nothing runs. */
static void
damaged(void **state)
{
	static const char many[20000] = "x";
	static const struct {
		const char *name, *text; /* NULL: gone */
		size_t n;
	} rows[] = {
		{ "plan", NULL, 0 }, { "plan", "", 0 }, { "plan", "x", 1 },
		{ "plan", many, 16 }, { "plan", many, sizeof(many) },
		{ "argv", NULL, 0 }, { "argv", "", 0 }, { "argv", "rkt", 3 },
		{ "argv", "rkt\0prepare", 11 }, { "argv", many, sizeof(many) },
		{ "private-users-prepared", NULL, 0 },
		{ "private-users-prepared", "", 0 },
		{ "private-users-prepared", "x", 1 },
		{ "private-users-prepared", "0:65536\n", 8 },
		{ "private-users-prepared", "65535:65536\n", 12 },
		{ "private-users-prepared", "1879048193:65536\n", 17 },
		{ "private-users-prepared", "2147352576:65536\n", 17 },
		{ "private-users-prepared", "2147418112:65536\n", 17 },
		{ "private-users-prepared", "4294967296:65536\n", 17 },
		{ "private-users-prepared", many, 40 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char path[200];

		world_end();
		prepare();
		world_again(run_argv);
		(void)snprintf(path, sizeof(path), PREPARED "/%s", rows[i].name);
		if (rows[i].text) {
			write_bytes(path, rows[i].text, rows[i].n);
		} else {
			char full[400];

			(void)snprintf(full, sizeof(full), "%s%s", fake.root, path);
			assert_int_equal(unlink(full), 0);
		}
		if (run() != 0)
			fail_msg("row %zu ended the session", i);
		world_refused(PS_REFUSED_SYSTEM);
		assert_false(fake_exists(RUN));
		assert_true(fake_exists(PREPARED));
		assert_null(strstr(fake.trace, "overlay"));
	}
}

/* A link in a file's place leads nowhere. */
static void
linked(void **state)
{
	static const char *const names[] = { "plan", "argv",
		"private-users-prepared" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(names); i++) {
		char from[400], to[400];

		world_end();
		prepare();
		world_again(run_argv);
		(void)snprintf(from, sizeof(from), "%s" PREPARED "/%s", fake.root,
		    names[i]);
		(void)snprintf(to, sizeof(to), "%s" PREPARED "/moved", fake.root);
		assert_int_equal(rename(from, to), 0);
		assert_int_equal(symlink("moved", from), 0);
		assert_int_equal(run(), 0);
		world_refused(PS_REFUSED_SYSTEM);
		assert_false(fake_exists(RUN));
	}
}

/* The conductor that says another plan is one that broke its protocol. */
static void
other(const char *what)
{
	if (run() != -EPROTO || world_hear(NULL) != 0)
		fail_msg("%s was not noticed", what);
	check_waits(what);
	world_again(run_argv);
}

static void
other_plan(void **state)
{
	static struct ln_plan was;
	static const uint8_t manifest[] = "{}x";

	(void)state;
	was = plan;
#define OTHER(x) do { plan = was; x; other(#x); } while (0)
	OTHER(plan.app[0].exec[0] = "/hellp");
	OTHER(plan.app[1].image[63] ^= 1);
	OTHER(plan.app[1].name = "seconx");
	OTHER(plan.app[0].caps |= 1);
	OTHER(plan.app[0].memory++);
	OTHER(plan.app[1].mount_target[0] = "/mnu");
	OTHER(plan.volume[0].source = "/srv/datb");
	OTHER(plan.volume[0].idmap = PS_IDMAP_POD);
	OTHER(plan.pod.apps--);
	OTHER(world_add_app(&plan, "third", IMAGE_GOOD));
	OTHER(plan.pod.volumes--);
	OTHER((void)world_add_volume(&plan, "third", PS_VOLUME_EMPTY, ""));
	OTHER(plan.pod.memory = 1 << 20);
	OTHER(plan.pod.cpu_milli = 1);
	OTHER(plan.pod.cpu_shares = 2);
	OTHER(plan.pod.pids = 1);
	OTHER(plan.pod.manifest = manifest; plan.pod.n_manifest = 3);
	OTHER(plan.pod.manifest = manifest + 1);
#undef OTHER
	plan = was;
	assert_int_equal(run(), 0);
	world_expect(PS_STARTING);
}

/* Every byte of what was prepared counts. */
static void
one_byte(void **state)
{
	static uint8_t bytes[1 << 16];
	size_t n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	size_t tail = PS_HEADER + bytes[8] + 256u * bytes[9];
	unsigned tried = 0;

	(void)state;
	for (size_t at = tail; at < n; at += 5, tried++) {
		bytes[at] ^= 1;
		write_bytes(PREPARED "/plan", bytes, n);
		bytes[at] ^= 1;
		other("a byte");
	}
	write_bytes(PREPARED "/plan", bytes, n - 1);
	other("a byte less");
	bytes[n] = 0;
	write_bytes(PREPARED "/plan", bytes, n + 1);
	other("a byte more");
	write_bytes(PREPARED "/plan", bytes, n);
	assert_in_range(tried, 50, 5000);
	assert_int_equal(run(), 0);
	world_expect(PS_STARTING);
}

/* Said by run-prepared, and only if it is in its own argv. */
static void
pod_of_this_command(void **state)
{
	(void)state;
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_PLAN);
	check_waits("net");
	world_again(ARGV("rkt", "run-prepared", "--net=host", UUID));
	assert_int_equal(run(), 0);
	world_expect(PS_STARTING);
}

/* Two at once: the second hears that it is in use. */
static void
in_use(void **state)
{
	_cleanup_fd_ int held = fake_open(PREPARED, O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(sys_flock(held, true), 0);
	SAY(END_POD, .uuid = UUID, .how = PS_END_MARK);
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_BUSY);
	world_refused(PS_REFUSED_BUSY);
	check_waits("in use");
	ps_close_fd(&held);
	world_again(run_argv);
	assert_int_equal(run(), 0);
	world_expect(PS_STARTING);
}

/* What site policy and the trust store say on the day it runs. */
static void
policy_changed(void **state)
{
	(void)state;
	world.s.policy.caps_operator = 0;
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_POLICY);
	check_waits("capabilities");
	world_again(run_argv);
	world.s.policy.n_deny = 1;
	memset(world.s.policy.deny[0], IMAGE_GOOD, PS_DIGEST);
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_POLICY);
	check_waits("denied image");
	world_again(run_argv);
	world.s.policy.n_deny_key = 1;
	world.s.policy.deny_key[0] = KEY_A;
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_TRUST);
	check_waits("denied key");
	world_again(run_argv);
	fake_clear("/var/lib/rkt/image");
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_NOTFOUND);
	check_waits("image removed");
}

/* A pod of that uuid runs elsewhere, in another data directory: whatever is
 * refused here, what runs there is not ended. */
static void
uuid_of_another(void **state)
{
	static const char group[] = "/sys/fs/cgroup/memory/rkt-" UUID "/payload";
	static const char scope[] = "/sys/fs/cgroup/systemd/machine.slice/"
	    "machine-rkt\\x2d01234567\\x2d89ab\\x2dcdef\\x2d0123"
	    "\\x2d456789abcdef.scope/payload";

	(void)state;
	fake_mkdir(scope);
	fake_mkdir(group);
	plan.pod.net = PS_NET_HOST; /* not said: refused at once */
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_PLAN);
	assert_true(fake_exists(scope) && fake_exists(group));
	plan.pod.net = PS_NET_NONE;
	world_again(run_argv);
	assert_int_equal(run(), 0); /* its groups cannot be made */
	world_refused(PS_REFUSED_PROTECTION);
	check_waits("another's groups");
	assert_true(fake_exists(scope) && fake_exists(group));
	assert_null(strstr(fake.trace, "cgroup.kill"));
	assert_false(fake_exists(PREPARED "/cgroup"));
}

static void
taken_away(void **state)
{
	(void)state;
	world_again(ARGV("rkt", "rm", UUID));
	SAY(END_POD, .uuid = UUID, .how = PS_END_DELETE); /* not from there */
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_NOTFOUND);
	check_waits("delete");
	SAY(END_POD, .uuid = UUID, .how = PS_END_MARK);
	SAY(END_POD, .uuid = UUID, .how = PS_END_DELETE);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_DONE);
	world_expect(PS_DONE);
	assert_false(fake_exists(PREPARED));
	assert_false(fake_exists("/var/lib/rkt/ids/" BASE));
	world_again(run_argv);
	assert_int_equal(run(), 0);
	world_refused(PS_REFUSED_NOTFOUND);
}

static void
how_unknown(void **state)
{
	(void)state;
	world_start_how(&plan, PS_START_PREPARED + 1);
	assert_int_equal(world_serve(), -EPROTO);
}

/* Whatever fails, it waits and can be started. */
static void
failures(void **state)
{
	unsigned n, refused = 0;

	(void)state;
	for (n = 1; n < 600; n++) {
		unsigned verbs;
		uint16_t answer;
		char when[40];

		world_end();
		prepare();
		world_again(run_argv);
		fake.fail_at = n;
		fake.fail_error = n % 2 ? ENOSPC : EIO;
		assert_int_equal(run(), 0);
		fake.fail_at = 0;
		verbs = fake.verbs;
		answer = world_hear(NULL);
		(void)snprintf(when, sizeof(when), "verb %u", n);
		if (verbs < n)
			break;
		if (answer == PS_STARTING)
			continue;
		if (answer != PS_REFUSED)
			fail_msg("%s: no answer", when);
		refused++;
		check_waits(when);
		world_again(run_argv);
		assert_int_equal(run(), 0);
		if (world_hear(NULL) != PS_STARTING)
			fail_msg("%s: it does not start any more", when);
	}
	assert_in_range(n, 100, 599);
	assert_in_range(refused, 80, 599);
}

/* A preparation that fails leaves nothing but what a sweep takes. */
static void
failures_of_prepare(void **state)
{
	unsigned n, refused = 0;

	(void)state;
	for (n = 1; n < 200; n++) {
		uint16_t answer;

		world_again(ARGV("rkt", "prepare", NAME));
		fake_clear("/var/lib/rkt/pods/prepared");
		fake_clear("/var/lib/rkt/ids");
		world_image(IMAGE_GOOD, NAME, KEY_A);
		world_plan(&plan, IMAGE_GOOD);
		fake.fail_at = n;
		fake.fail_error = ENOSPC;
		world_start_how(&plan, PS_START_PREPARE);
		assert_int_equal(world_serve(), 0);
		fake.fail_at = 0;
		if (fake.verbs < n)
			break;
		answer = world_hear(NULL);
		if (fake_exists(PREPARED) != (answer == PS_STARTING))
			fail_msg("verb %u: half a pod", n);
		refused += answer == PS_REFUSED;
		if (answer == PS_REFUSED && fake_exists("/var/lib/rkt/ids/" BASE))
			fail_msg("verb %u: a claim without a pod", n);
		fake_clear("/var/lib/rkt/pods/prepare");
		fake_clear("/var/lib/rkt/pods/embryo");
	}
	assert_in_range(n, 30, 199);
	assert_in_range(refused, 20, 199);
}

/* Words that cannot be kept. */
static void
too_many_words(void **state)
{
	static char *argv[5002] = { "rkt", "prepare", NAME, "--" };

	(void)state;
	for (size_t i = 4; i < 5000; i++)
		argv[i] = "x";
	world_again(argv);
	fake_clear("/var/lib/rkt/pods/prepared");
	world_plan(&plan, IMAGE_GOOD);
	world_start_how(&plan, PS_START_PREPARE);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_SYSTEM);
	assert_false(fake_exists(PREPARED));
	assert_false(fake_exists("/var/lib/rkt/pods/prepare/" UUID));
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepared),
		with(runs),
		with(damaged),
		with(linked),
		with(other_plan),
		with(one_byte),
		with(pod_of_this_command),
		with(in_use),
		with(policy_changed),
		with(uuid_of_another),
		with(taken_away),
		with(how_unknown),
		with(failures),
		with(failures_of_prepare),
		with(too_many_words),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
