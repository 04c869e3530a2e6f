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

static int
begin(void **state)
{
	(void)state;
	world_begin(argv);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

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
	world.s.policy.pinned = true;
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
	struct ps_msg_REMOVE_IMAGE m = { 0 };
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
		assert_int_equal(PS_SEND(&world.conductor, REMOVE_IMAGE, &m, NULL, 0), 0);
		assert_int_equal(world_serve(), 0);
		world_refused(PS_REFUSED_BUSY);
		assert_true(fake_exists(path));
		assert_int_equal(sys_flock(other, true), 0);
		start(IMAGE_GOOD);
		world_refused(PS_REFUSED_BUSY);
	}
	ps_close_fd(&other);
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

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
		with(tree_at_launch),
		with(image_in_use),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
