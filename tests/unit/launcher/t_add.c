/* link: @launcher @privsep */
/* Apps of a pod that runs: what is proved of them, what root does for them, and
 * that nothing is left of one that did not come to be. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "privsep/attr.h"
#include "privsep/fds.h"

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define RUN "/var/lib/rkt/pods/run/" UUID
#define STAGE1 77
#define INIT 78

extern int sys_flock(int fd, bool exclusive);

static struct ln_plan plan;
static struct ps_policy policy;
static int lock = -1;
static int adds, removes; /* how the pod answers */

/* --- what may be asked ---------------------------------------------------- */

static void
sandbox(struct ln_plan *p, uint16_t apps)
{
	world_plan(p, IMAGE_GOOD);
	p->pod.mutable = 1;
	p->pod.apps = apps;
}

static uint32_t
prove(const char *line)
{
	char error[256];
	struct ln_argv a = world_line(line);
	uint32_t code = ln_plan_prove(&plan, a, a, &policy, error);

	if (code != 0 && error[0] == '\0')
		fail_msg("%s: refused without a word", line);
	return code;
}

static void
plans(void **state)
{
	static const struct {
		const char *line;
		uint16_t apps;
		bool good;
	} rows[] = {
		{ "rkt app sandbox", 0, true },
		{ "rkt --debug --dir /d app sandbox --net=none", 0, true },
		{ "rkt app --debug sandbox", 0, true },
		{ "rkt app add 01234567 x", 1, true },
		{ "rkt app add " UUID " x --name=hello -- y app sandbox", 1, true },
		{ "rkt app sandbox", 1, false },
		{ "rkt app sandbox x", 0, false },
		{ "rkt app add 01234567 x", 0, false },
		{ "rkt app add 01234567 x x", 1, false },
		{ "rkt app add 01234567", 1, false },
		{ "rkt app add 11234567 x", 1, false },
		{ "rkt app add x 01234567", 1, false },
		{ "rkt run x", 0, false },
		{ "rkt run x", 1, false },
		{ "rkt run app sandbox", 0, false },
		{ "rkt run -- app sandbox", 0, false },
		{ "rkt sandbox app", 0, false },
		{ "rkt app list sandbox", 0, false },
		{ "rkt app s", 0, false },
		{ "rkt app a 01234567 x", 1, false },
		{ "rkt --dir app add 01234567 x", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_policy_default(&policy);
		sandbox(&plan, rows[i].apps);
		if ((prove(rows[i].line) == 0) != rows[i].good)
			fail_msg("row %zu: %s", i, rows[i].line);
		/* Nor is the plan of a pod that does not change taken for it. */
		plan.pod.mutable = 0;
		if (rows[i].good && prove(rows[i].line) == 0)
			fail_msg("row %zu: %s, fixed", i, rows[i].line);
		plan.pod.mutable = 2;
		if (prove(rows[i].line) == 0)
			fail_msg("row %zu: %s, odd", i, rows[i].line);
	}
}

/* What widens stands behind the image, and allowed; volumes in the words of
 * app add alone. */
static void
widening(void **state)
{
#define ADD "rkt app add 01234567 x "
	static const struct {
		const char *line;
		uint64_t caps;
		const char *source;
		uint8_t readonly, interactive;
		bool good;
	} rows[] = {
		{ ADD "--caps-retain=CAP_SYS_ADMIN", 1ull << 21, NULL, 0, 0, true },
		{ ADD, 1ull << 21, NULL, 0, 0, false },
		{ ADD "-- --caps-retain=CAP_SYS_ADMIN", 1ull << 21, NULL, 0, 0, false },
		{ "rkt app add --caps-retain=CAP_SYS_ADMIN 01234567 x", 1ull << 21,
		    NULL, 0, 0, false },
		{ ADD "--mnt-volume=v,kind=host,source=/srv,target=/v", 0, "/srv", 0, 0,
		    true },
		{ ADD "--mnt-volume=v,kind=host,source=/srv,readOnly=true,target=/v", 0,
		    "/srv", 1, 0, true },
		{ ADD "--mnt-volume=v,kind=host,source=/srv,readOnly=true,target=/v", 0,
		    "/srv", 0, 0, false },
		{ ADD "--mnt-volume=v,kind=host,source=/etc,target=/v", 0, "/srv", 0, 0,
		    false },
		{ ADD "--volume=v,kind=host,source=/srv", 0, "/srv", 0, 0, false },
		{ "rkt app add --mnt-volume=v,kind=host,source=/srv 01234567 x", 0,
		    "/srv", 0, 0, false },
		{ ADD "--pod-manifest=m", 0, "/srv", 0, 0, false },
		{ "rkt --pod-manifest=m app add 01234567 x", 0, "/srv", 0, 0, false },
		{ ADD "-- --mnt-volume=v,kind=host,source=/srv,target=/v", 0, "/srv", 0,
		    0, false },
		{ "rkt app add --interactive 01234567 x", 0, NULL, 0, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_policy_default(&policy);
		policy.root[0] = "/";
		policy.n_root = 1; /* for pod manifests, of which this is none */
		sandbox(&plan, 1);
		plan.app[0].caps = rows[i].caps;
		plan.pod.interactive = rows[i].interactive;
		if (rows[i].source) {
			world_add_volume(&plan, "v", PS_VOLUME_HOST, rows[i].source)
			    ->readonly = rows[i].readonly;
			plan.volume[0].recursive = 1;
			world_add_mount(&plan.app[0], "v", "/v");
		}
		if ((prove(rows[i].line) == 0) != rows[i].good)
			fail_msg("row %zu: %s", i, rows[i].line);
	}
	sandbox(&plan, 0);
	world_add_volume(&plan, "v", PS_VOLUME_EMPTY, "");
	assert_int_not_equal(prove("rkt app sandbox"), 0);
	sandbox(&plan, 0);
	plan.pod.n_sysctls = 1;
	plan.pod.sysctls[0] = "net.ipv4.ip_forward=1";
	assert_int_not_equal(prove("rkt app sandbox"), 0);
}

static char hello[] = "--app=hello", other[] = "--app=other";

static void
words(void **state)
{
	static const struct {
		uint8_t how;
		char *verb, *uuid, *flag, *more;
		bool good;
	} rows[] = {
		{ PS_ENTER_START, "start", "01234567", hello, NULL, true },
		{ PS_ENTER_STOP, "stop", UUID, hello, NULL, true },
		{ PS_ENTER_REMOVE, "rm", "0", hello, NULL, true },
		{ PS_ENTER_START, "stop", UUID, hello, NULL, false },
		{ PS_ENTER_STOP, "start", UUID, hello, NULL, false },
		{ PS_ENTER_REMOVE, "stop", UUID, hello, NULL, false },
		{ PS_ENTER_REMOVE, "r", UUID, hello, NULL, false },
		{ PS_ENTER_START, "exec", UUID, hello, NULL, false },
		{ PS_ENTER_START, "start", "1", hello, NULL, false },
		{ PS_ENTER_START, "start", "", hello, NULL, false },
		{ PS_ENTER_START, "start", UUID, other, NULL, false },
		{ PS_ENTER_START, "start", UUID, UUID, NULL, false },
		{ PS_ENTER_START, "start", UUID, hello, UUID, false },
		{ PS_ENTER_REMOVE + 1, "start", UUID, hello, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const struct ps_msg_ENTER_POD m = { .how = rows[i].how, .uuid = UUID,
			.app = "hello" };
		_cleanup_fd_ int manifest = ps_sealed("m", "{}", 2);
		int r;

		world_begin(ARGV("rkt", "app", rows[i].verb, rows[i].uuid,
		    rows[i].flag, rows[i].more));
		assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, &manifest,
		    rows[i].how == PS_ENTER_REMOVE ? 1 : 0), 0);
		r = world_serve();
		if (r != (rows[i].good ? 0 : -EPROTO))
			fail_msg("row %zu: %d", i, r);
		if (rows[i].good) /* and there is no such pod */
			world_refused(PS_REFUSED_NOTFOUND);
		world_end();
	}
}

/* A manifest goes with what is removed and with nothing else; none has words. */
static void
forms(void **state)
{
	static const struct {
		uint8_t how;
		bool manifest, sealed, word;
	} rows[] = { { PS_ENTER_START, true, true, false },
		{ PS_ENTER_REMOVE, false, true, false },
		{ PS_ENTER_REMOVE, true, false, false },
		{ PS_ENTER_REMOVE, true, true, true },
		{ PS_ENTER_STOP, false, true, true } };
	static const char *const verbs[] = { [PS_ENTER_START] = "start",
		[PS_ENTER_STOP] = "stop", [PS_ENTER_REMOVE] = "rm" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_msg_ENTER_POD m = { .how = rows[i].how, .uuid = UUID,
			.app = "hello", .n_exec = rows[i].word, .exec = { "x" } };
		_cleanup_fd_ int fd = rows[i].sealed ? ps_sealed("m", "{}", 2) :
						       open("/dev/null", O_RDONLY);

		world_begin(ARGV("rkt", "app", (char *)(uintptr_t)verbs[rows[i].how],
		    UUID, hello));
		assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, &fd,
		    rows[i].manifest ? 1 : 0), 0);
		if (world_serve() != -EPROTO)
			fail_msg("row %zu", i);
		world_end();
	}
}

/* --- a pod that runs ------------------------------------------------------ */

static void
answer(struct fake_worker *w)
{
	if (strcmp(w->program, "add") == 0)
		w->status = adds;
	else if (strcmp(w->program, "remove") == 0)
		w->status = removes;
}

/* stage1 is 77 and holds the pod's directory; 78 is its only child. */
static void
begin(char *const argv[])
{
	/* Counted as open before. */
	lock = open("/", O_RDONLY | O_CLOEXEC);
	world_begin(argv);
	adds = removes = 0;
	fake.act = answer;
	fake.stage1 = STAGE1;
	fake.init = INIT;
	fake_clear(RUN);
	fake_put(RUN "/ppid", "77\n");
	fake_put(RUN "/pod", "{\"old\":1}");
	fake_put(RUN "/plan", "root's");
	fake_put(RUN "/cgroup", "/sys/fs/cgroup/memory/rkt-" UUID "\n");
	fake_put(RUN "/private-users-prepared", "1879048192:65536\n");
	fake_mkdir(RUN "/mutable/stage2");
	fake_mkdir(RUN "/mutable/volumes");
	fake_mkdir(RUN "/apps");
	fake_mkdir(RUN "/overlay/stage1/upper");
	fake_put("/proc/self/ns/mnt", "");
	fake_hold(STAGE1, 4, RUN);
	fake_put("/proc/77/task/77/children", "78 ");
	fake_put("/proc/78/ns/pid", "pod");
	fake_put("/proc/self/ns/pid", "host");
	fake_hold(INIT, 0, "/etc");
	world_image(IMAGE_GOOD, NAME, KEY_A);
	ps_close_fd(&lock);
	lock = fake_open(RUN, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(lock, true), 0);
	fake.at = 0;
	fake.trace[0] = '\0';
}

static void
end(void)
{
	ps_close_fd(&lock);
	world_end();
	fake_clear(RUN);
	fake_clear("/proc/77");
	fake_clear("/proc/78");
}

static uint64_t
since(void)
{
	_cleanup_fd_ int fd = fake_open(RUN "/pod", O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 +
	    (uint64_t)st.st_mtim.tv_nsec;
}

static void
say_add(uint8_t how, uint64_t when)
{
	static uint8_t bytes[PS_MAX_PLAN];
	size_t n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	_cleanup_fd_ int fd = ps_sealed("plan", bytes, n);

	assert_int_equal(PS_SEND(&world.conductor, START_POD,
	    (&(struct ps_msg_START_POD){ .how = how, .since = when }), &fd, 1), 0);
}

static void
say_rm(const char *manifest, uint64_t when)
{
	const struct ps_msg_ENTER_POD m = { .how = PS_ENTER_REMOVE, .uuid = UUID,
		.app = "hello", .since = when };
	_cleanup_fd_ int fd = ps_sealed("m", manifest, strlen(manifest));

	assert_int_equal(PS_SEND(&world.conductor, ENTER_POD, &m, &fd, 1), 0);
}

static bool
manifest_is(const char *text)
{
	_cleanup_fd_ int fd = fake_open(RUN "/pod", O_RDONLY);
	char got[64] = "";

	return fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 &&
	    strcmp(got, text) == 0;
}

static void
nothing_left(void)
{
	assert_false(fake_exists(RUN "/apps/hello"));
	assert_false(fake_exists(RUN "/overlay/app-hello"));
	assert_false(fake_exists(RUN "/mutable/stage2/hello"));
	assert_false(fake_exists(RUN "/mutable/volumes/own"));
	assert_true(manifest_is("{\"old\":1}"));
	assert_false(fake.joined);
}

static void
with_volumes(void)
{
	sandbox(&plan, 1);
	world_add_volume(&plan, "own", PS_VOLUME_EMPTY, "")->mode = 0755;
	world_add_volume(&plan, "mem", PS_VOLUME_TMPFS, "")->mode = 0755;
	world_add_mount(&plan.app[0], "own", "/own");
	world_add_mount(&plan.app[0], "mem", "/mem");
}

static void
comes_and_goes(void **state)
{
	(void)state;
	begin(ARGV("rkt", "app", "add", "01234567", NAME));
	with_volumes();
	say_add(PS_START_ADD, since());
	assert_int_equal(world_serve(), 0);
	world_expect(PS_STARTING);
	assert_null(world.s.become);
	assert_false(fake.joined);
	assert_true(fake_exists(RUN "/apps/hello"));
	assert_true(fake_exists(RUN "/mutable/volumes/own"));
	assert_true(manifest_is("{}"));
	world_trace_is("add");
	world_again(ARGV("rkt", "app", "rm", "01234567", hello));
	fake.act = answer;
	fake.stage1 = STAGE1;
	fake.init = INIT;
	fake.at = 0;
	say_rm("{\"old\":1}", since());
	assert_int_equal(world_serve(), 0);
	world_expect(PS_DONE);
	nothing_left();
	end();
}

/* Another how for such a plan, another plan for that how. */
static void
other_ways(void **state)
{
	static const uint8_t hows[] = { PS_START_RUN, PS_START_PREPARE,
		PS_START_PREPARED, PS_START_ADD + 1 };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(hows); i++) {
		begin(ARGV("rkt", "app", "add", UUID, NAME));
		sandbox(&plan, 1);
		say_add(hows[i], since());
		assert_int_equal(world_serve(), -EPROTO);
		nothing_left();
		end();
	}
	begin(ARGV("rkt", "app", "sandbox"));
	sandbox(&plan, 0);
	say_add(PS_START_ADD, since());
	assert_int_equal(world_serve(), -EPROTO);
	end();
	begin(ARGV("rkt", "prepare"));
	sandbox(&plan, 0);
	say_add(PS_START_PREPARE, 0);
	assert_int_equal(world_serve(), -EPROTO);
	end();
	begin(ARGV("rkt", "run", NAME));
	world_plan(&plan, IMAGE_GOOD);
	say_add(PS_START_ADD, since());
	assert_int_equal(world_serve(), -EPROTO);
	nothing_left();
	end();
}

static void is_there(void) { fake_put(RUN "/apps/hello", "left"); }
static void has_volume(void) { fake_mkdir(RUN "/mutable/volumes/own/data"); }
static void refuses(void) { adds = 254; }
static void is_silent(void) { adds = FAKE_TIMEOUT; }
static void no_image(void) { fake_clear("/var/lib/rkt/image"); }
static void no_ids(void) { fake_put(RUN "/private-users-prepared", "0:65536\n"); }
static void unlocked(void) { ps_close_fd(&lock); lock = fake_open("/", O_RDONLY); }
static void nothing(void) {}

static void
refused(void **state)
{
	static const struct {
		void (*change)(void);
		uint32_t code;
		uint64_t late;
		bool kept; /* what is there is another's */
	} rows[] = {
		{ nothing, PS_REFUSED_BUSY, 1, false },
		{ is_there, PS_REFUSED_BUSY, 0, true },
		{ has_volume, PS_REFUSED_BUSY, 0, true },
		{ refuses, PS_REFUSED_SYSTEM, 0, false },
		{ is_silent, PS_REFUSED_SYSTEM, 0, false },
		{ no_image, PS_REFUSED_NOTFOUND, 0, false },
		{ no_ids, PS_REFUSED_SYSTEM, 0, false },
		{ unlocked, PS_REFUSED_NOTFOUND, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin(ARGV("rkt", "app", "add", "01234567", NAME));
		with_volumes();
		rows[i].change();
		say_add(PS_START_ADD, since() + rows[i].late);
		if (world_serve() != 0)
			fail_msg("row %zu", i);
		world_refused(rows[i].code);
		if (rows[i].kept)
			assert_null(strstr(fake.trace, "rmdir"));
		else
			nothing_left();
		end();
	}
}

/* Only a pod that began as one: root's own directory says so. */
static void
fixed_pod(void **state)
{
	(void)state;
	begin(ARGV("rkt", "app", "add", "01234567", NAME));
	fake_clear(RUN);
	fake_put(RUN "/ppid", "77\n");
	fake_put(RUN "/pod", "{\"old\":1}");
	fake_hold(STAGE1, 4, RUN);
	ps_close_fd(&lock);
	lock = fake_open(RUN, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(lock, true), 0);
	sandbox(&plan, 1);
	say_add(PS_START_ADD, since());
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_PLAN);
	assert_null(strstr(fake.trace, "attach"));
	assert_null(strstr(fake.trace, "start "));
	end();
}

/* Another command has it, for longer than one waits. */
static void
locked(void **state)
{
	int held;

	(void)state;
	begin(ARGV("rkt", "app", "rm", "01234567", hello));
	ps_close_fd(&lock);
	lock = fake_open(RUN, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(lock, true), 0);
	held = fake_open(RUN "/mutable", O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(held, true), 0);
	say_rm("{}", since());
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_BUSY);
	assert_true(manifest_is("{\"old\":1}"));
	ps_close_fd(&held);
	end();
}

/* What is there of it goes: no more than the manifest's word, or a plan that
 * no one may have written. */
static void
half_removed(void **state)
{
	(void)state;
	begin(ARGV("rkt", "app", "rm", "01234567", hello));
	say_rm("{}", since());
	assert_int_equal(world_serve(), 0);
	world_expect(PS_DONE);
	assert_true(manifest_is("{}"));
	assert_null(strstr(fake.trace, "start "));
	end();
	begin(ARGV("rkt", "app", "rm", "01234567", hello));
	fake_put(RUN "/apps/hello", "damaged");
	say_rm("{}", since());
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_SYSTEM);
	assert_true(manifest_is("{\"old\":1}"));
	end();
}

/* The pod does not let go: it keeps the app, and says so. */
static void
held(void **state)
{
	static uint8_t bytes[65536];
	_cleanup_fd_ int fd = -1;
	size_t n;

	(void)state;
	begin(ARGV("rkt", "app", "rm", "01234567", hello));
	sandbox(&plan, 1);
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	fake_put(RUN "/apps/hello", "");
	fd = fake_open(RUN "/apps/hello", O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	ps_close_fd(&fd);
	removes = 254;
	say_rm("{}", since());
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_SYSTEM);
	assert_true(fake_exists(RUN "/apps/hello"));
	assert_true(manifest_is("{\"old\":1}"));
	end();
}

/* Whatever call fails: it is all there, or nothing is, or rm finds the rest. */
static void
faults(void **state)
{
	unsigned n, failures = 0;

	(void)state;
	for (n = 1; n < 400; n++) {
		unsigned verbs;
		uint64_t when;
		uint16_t heard;

		begin(ARGV("rkt", "app", "add", "01234567", NAME));
		with_volumes();
		when = since();
		say_add(PS_START_ADD, when);
		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = ENOSPC;
		assert_int_equal(world_serve(), 0);
		verbs = fake.verbs;
		fake.fail_at = 0;
		heard = world_hear(NULL);
		if (heard != PS_STARTING && heard != PS_REFUSED)
			fail_msg("verb %u: no answer", n);
		failures += heard == PS_REFUSED;
		if (heard == PS_REFUSED && !fake_exists(RUN "/apps/hello") &&
		    (fake_exists(RUN "/overlay/app-hello") ||
			fake_exists(RUN "/mutable/stage2/hello") ||
			fake_exists(RUN "/mutable/volumes/own")))
			fail_msg("verb %u: left without a plan", n);
		if ((heard == PS_STARTING) != manifest_is("{}"))
			fail_msg("verb %u: the manifest says otherwise", n);
		end();
		if (verbs < n)
			break;
	}
	assert_in_range(n, 60, 399);
	assert_in_range(failures, 40, 399);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans),
		cmocka_unit_test(widening),
		cmocka_unit_test(words),
		cmocka_unit_test(forms),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(other_ways),
		cmocka_unit_test(refused),
		cmocka_unit_test(fixed_pod),
		cmocka_unit_test(locked),
		cmocka_unit_test(half_removed),
		cmocka_unit_test(held),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
