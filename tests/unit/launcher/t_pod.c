/* link: @launcher @privsep */
/* Starting a pod: only what is in the store, recorded, still trusted, proved;
 * a refusal leaves nothing behind (G4, G8, G9). */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "privsep/fds.h"

static char *const argv[] = { "rkt", "run", NAME, NULL };
static char *const argv_image[] = { "rkt", "--insecure-options=image", "run", NAME, NULL };
static struct ln_plan plan;

static void
again(char *const args[])
{
	world_end();
	world_begin(args);
}

static void
start(uint8_t image)
{
	world_plan(&plan, image);
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
}

/* No pod, no claim, no cgroup; nothing was built. */
static void
refused(uint32_t code)
{
	world_refused(code);
	assert_false(world.s.become != NULL);
	assert_null(strstr(fake.trace, "overlay("));
	assert_null(strstr(fake.trace, "mkdir /var/lib/rkt/pods"));
	assert_null(strstr(fake.trace, "/sys/fs/cgroup"));
}

static void
good(void **state)
{
	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	start(IMAGE_GOOD);
	world_expect(PS_STARTING);
	assert_true(world.s.become != NULL);
	assert_int_equal(world.s.state, LN_ENDED);
	assert_true(fake_exists("/var/lib/rkt/pods/run/" UUID "/plan"));
	assert_false(fake_exists("/var/lib/rkt/pods/prepare/" UUID));
}

static void
not_in_store(void **state)
{
	(void)state;
	start(IMAGE_GOOD);
	refused(PS_REFUSED_NOTFOUND);
}

static void
record_damaged(void **state)
{
	char path[400];

	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_image(IMAGE_OTHER, NAME, KEY_A);
	/* another image's record in this one's place */
	(void)snprintf(path, sizeof(path), "cd %s/var/lib/rkt/image && "
	    "cp sha512-5555*/record sha512-2222*/record", fake.root);
	assert_int_equal(system(path), 0);
	start(IMAGE_GOOD);
	refused(PS_REFUSED_IMAGE);
	again(argv);
	world_image(IMAGE_GOOD, NAME, KEY_A);
	(void)snprintf(path, sizeof(path), "cd %s/var/lib/rkt/image && "
	    "echo 'color red' >>$(echo sha512-2222*)/record", fake.root);
	assert_int_equal(system(path), 0);
	start(IMAGE_GOOD);
	refused(PS_REFUSED_IMAGE);
}

/* Trust is looked at again at every launch. */
static void
trust_at_launch(void **state)
{
	(void)state;
	world_image(IMAGE_MASKED, NAME, KEY_M);
	start(IMAGE_MASKED);
	refused(PS_REFUSED_TRUST);
	again(argv);
	world_image(IMAGE_OTHER, NAME, KEY_N);
	start(IMAGE_OTHER);
	refused(PS_REFUSED_TRUST);
	again(argv);
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world.s.policy.deny_key[0] = KEY_A;
	world.s.policy.n_deny_key = 1;
	start(IMAGE_GOOD);
	refused(PS_REFUSED_TRUST);
	again(argv);
	world_image(IMAGE_GOOD, "elsewhere.org/x", KEY_A);
	start(IMAGE_GOOD);
	refused(PS_REFUSED_TRUST);
}

static void
policy_at_launch(void **state)
{
	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	memset(world.s.policy.deny[0], IMAGE_GOOD, PS_DIGEST);
	world.s.policy.n_deny = 1;
	start(IMAGE_GOOD);
	refused(PS_REFUSED_POLICY);
	again(argv);
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world.s.policy.n_pin = 1;
	start(IMAGE_GOOD);
	refused(PS_REFUSED_POLICY);
}

static void
unsigned_at_launch(void **state)
{
	(void)state;
	world_image(IMAGE_UNSIGNED, NAME, NULL);
	start(IMAGE_UNSIGNED);
	refused(PS_REFUSED_TRUST);
	again(argv_image); /* argv says so, the plan does not */
	world_image(IMAGE_UNSIGNED, NAME, NULL);
	start(IMAGE_UNSIGNED);
	refused(PS_REFUSED_TRUST);
	again(argv_image);
	world_image(IMAGE_UNSIGNED, NAME, NULL);
	world_plan(&plan, IMAGE_UNSIGNED);
	plan.pod.insecure = PS_INSECURE_IMAGE;
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_STARTING);
}

static void
plan_not_proved(void **state)
{
	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	plan.pod.net = PS_NET_HOST;
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	refused(PS_REFUSED_PLAN);
}

static void
say_fd(int fd)
{
	assert_int_equal(PS_SEND(&world.conductor, START_POD,
	    (&(struct ps_msg_START_POD){ 0 }), &fd, 1), 0);
	assert_int_equal(world_serve(), -EPROTO);
	assert_int_equal(fake.at, 0);
}

/* A plan that is no sealed memory file, or no plan. */
static void
plan_descriptor(void **state)
{
	static uint8_t bytes[1 << 18];
	_cleanup_fd_ int loose = -1, empty = -1, huge = -1, noise = -1, file = -1;
	size_t n;

	(void)state;
	world_plan(&plan, IMAGE_GOOD);
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	world_end();
	loose = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ps_write_full(loose, bytes, n), 0);
	empty = ps_sealed("plan", "", 0);
	noise = ps_sealed("plan", bytes, n - 1);
	huge = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(huge, PS_MAX_PLAN + 1), 0);
	assert_int_equal(fcntl(huge, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	{
		const int fds[] = { loose, empty, noise, huge, file };

		for (size_t i = 0; i < PS_COUNT(fds); i++) {
			world_begin(argv);
			world_image(IMAGE_GOOD, NAME, KEY_A);
			say_fd(fds[i]);
			world_end();
		}
	}
	world_begin(argv);
}

static void
one_pod(void **state)
{
	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	world_start_pod(&plan);
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0); /* the second is not even read */
	world_expect(PS_STARTING);
	assert_int_equal(world_hear(NULL), 0);
}

/* The conductor names the uuid: never one that is another pod's. */
static void
uuid_in_use(void **state)
{
	static const char *const where[] = { "embryo", "prepare", "prepared", "run",
		"exited-garbage", "garbage" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(where); i++) {
		char path[120];

		again(argv);
		world_image(IMAGE_GOOD, NAME, KEY_A);
		(void)snprintf(path, sizeof(path), "/var/lib/rkt/pods/%s/" UUID "/x",
		    where[i]);
		fake_put(path, "");
		start(IMAGE_GOOD);
		world_refused(PS_REFUSED_SYSTEM);
		assert_true(fake_exists(path));
		assert_null(strstr(fake.trace, "/sys/fs/cgroup"));
		assert_null(strstr(fake.trace, "overlay("));
	}
}

/* G8: what site policy requires and the machine has not. */
static void
protections(void **state)
{
	(void)state;
	fake_put("/proc/self/cgroup", "0::/\n");
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	plan.app[0].memory = 1 << 20;
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_PROTECTION);
	assert_false(fake_exists("/var/lib/rkt/pods/prepare/" UUID));
	assert_false(fake_exists("/var/lib/rkt/pods/run/" UUID));
	again(argv);
	world.s.policy.best_effort = PS_PROTECT_CGROUP;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_STARTING);
	fake_put("/proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n"
	    "1:name=systemd:/\n0::/\n");
}

/* A group that stands there is no missing protection: whatever site policy
 * says, a pod is never started in none of its own. */
static void
group_of_another(void **state)
{
	static const uint32_t policies[] = { 0, PS_PROTECT_CGROUP };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(policies); i++) {
		again(argv);
		world.s.policy.best_effort = policies[i];
		fake_mkdir("/sys/fs/cgroup/systemd/rkt-" UUID);
		world_image(IMAGE_GOOD, NAME, KEY_A);
		start(IMAGE_GOOD);
		world_refused(PS_REFUSED_PROTECTION);
		assert_false(fake_exists("/var/lib/rkt/pods/run/" UUID));
		assert_true(fake_exists("/sys/fs/cgroup/systemd/rkt-" UUID));
	}
}

static bool
did(const char *line)
{
	const char *at = strstr(fake.trace, line);

	return at && at[strlen(line)] == '\n';
}

#define MEMORY "put /sys/fs/cgroup/memory/rkt-UUID/memory.limit_in_bytes "

/* The pod has the sum of its apps' limits, if all have one, or its own. */
static void
limits_of_apps(void **state)
{
	static const struct {
		uint64_t first, second, pod;
		const char *does, *not;
	} rows[] = {
		{ 1 << 20, 2 << 20, 0, MEMORY "3145728", NULL },
		{ 1 << 20, 0, 0, "app-hello/memory.limit_in_bytes 1048576",
		    "memory/rkt-UUID/memory." },
		{ 1 << 20, 2 << 20, 4 << 20, MEMORY "4194304", "3145728" },
		{ 0, 0, 4 << 20, MEMORY "4194304", "app-" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const char *at;

		again((char *[]){ "rkt", "run", NAME, NAME, NULL });
		world_image(IMAGE_GOOD, NAME, KEY_A);
		world_plan(&plan, IMAGE_GOOD);
		world_add_app(&plan, "second", IMAGE_GOOD);
		plan.app[0].memory = rows[i].first;
		plan.app[1].memory = rows[i].second;
		plan.pod.memory = rows[i].pod;
		world_start_pod(&plan);
		assert_int_equal(world_serve(), 0);
		world_expect(PS_STARTING);
		at = strstr(fake.trace, "mkdir /sys/fs/cgroup");
		assert_non_null(at);
		if (!did(rows[i].does) || (rows[i].not && strstr(at, rows[i].not)))
			fail_msg("row %zu: %s", i, at);
	}
}

/* The pod's own number of processes, below site policy's. */
static void
pids_of_pod(void **state)
{
	static const struct {
		uint64_t pod, policy;
		const char *does; /* NULL: nothing */
	} rows[] = { { 0, 0, NULL }, { 5, 0, "pids.max 5" }, { 0, 7, "pids.max 7" },
		{ 5, 7, "pids.max 5" }, { 9, 7, "pids.max 7" } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		again(argv);
		fake_put("/proc/self/cgroup", "3:pids:/\n1:name=systemd:/\n0::/\n");
		fake_mkdir("/sys/fs/cgroup/pids");
		world.s.policy.pids = rows[i].policy;
		world_image(IMAGE_GOOD, NAME, KEY_A);
		world_plan(&plan, IMAGE_GOOD);
		plan.pod.pids = rows[i].pod;
		world_start_pod(&plan);
		assert_int_equal(world_serve(), 0);
		world_expect(PS_STARTING);
		if (rows[i].does ? !did(rows[i].does)
				 : strstr(fake.trace, "pids.max") != NULL)
			fail_msg("row %zu", i);
	}
	/* What a file says is needed; the default is set where it can be. */
	for (unsigned said = 0; said < 2; said++) {
		again(argv);
		fake_put("/proc/self/cgroup", "1:name=systemd:/\n0::/\n");
		world.s.policy.pids = 7;
		world.s.policy.pids_said = said;
		world_image(IMAGE_GOOD, NAME, KEY_A);
		start(IMAGE_GOOD);
		if (said)
			world_refused(PS_REFUSED_PROTECTION);
		else
			world_expect(PS_STARTING);
	}
	fake_put("/proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n"
	    "1:name=systemd:/\n0::/\n");
}

/* check-tree launch: the tree is digested again. */
static void
tree_at_launch(void **state)
{
	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world.s.policy.tree_at_launch = true;
	world.script.unpacked.name = NULL;
	start(IMAGE_GOOD);
	world_expect(PS_STARTING);
	again(argv);
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world.s.policy.tree_at_launch = true;
	world.script.unpacked.name = NULL;
	world.script.tree.tree[5] ^= 1;
	start(IMAGE_GOOD);
	refused(PS_REFUSED_IMAGE);
}

/* An image that is being removed is not started, and one in use not removed. */
static void
image_in_use(void **state)
{
	struct ps_msg_CHECK_IMAGE m = { .remove = 1 };
	_cleanup_fd_ int other = -1;
	char path[300];

	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	memset(m.image, IMAGE_GOOD, PS_DIGEST);
	memcpy(path, "/var/lib/rkt/image/sha512-", 27);
	for (size_t i = 0; i < 128; i++)
		path[26 + i] = '2';
	path[154] = '\0';
	other = fake_open(path, O_RDONLY | O_DIRECTORY);
	assert_true(other >= 0);
	{
		extern int sys_flock(int fd, bool exclusive);

		assert_int_equal(sys_flock(other, false), 0);
		assert_int_equal(PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0), 0);
		assert_int_equal(world_serve(), 0);
		world_refused(PS_REFUSED_BUSY);
		assert_true(fake_exists(path));
		assert_int_equal(sys_flock(other, true), 0);
		start(IMAGE_GOOD);
		world_refused(PS_REFUSED_BUSY);
	}
	ps_close_fd(&other);
}

#define with(t) WORLD_TEST(t)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(good),
		with(not_in_store),
		with(record_damaged),
		with(trust_at_launch),
		with(policy_at_launch),
		with(unsigned_at_launch),
		with(plan_not_proved),
		with(plan_descriptor),
		with(one_pod),
		with(uuid_in_use),
		with(protections),
		with(group_of_another),
		with(limits_of_apps),
		with(pids_of_pod),
		with(tree_at_launch),
		with(image_in_use),
	};

	world_words = argv;
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
