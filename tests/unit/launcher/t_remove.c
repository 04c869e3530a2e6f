/* link: @launcher @privsep */
/* Taking away: only what was named, whatever a stranger's tree looks like. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <sys/stat.h>

extern int sys_flock(int fd, bool exclusive);

static char *const argv[] = { "rkt", "rm", NULL };
#define POD "/var/lib/rkt/pods/"

/* 600 levels deep, symlinks out of it, odd names. */
static void
strange_tree(void **state)
{
	char path[300];
	int dir, top;

	(void)state;
	fake_put("/var/lib/rkt/canary", "x");
	fake_mkdir("/var/lib/rkt/image/t/rootfs");
	(void)snprintf(path, sizeof(path), "%s/var/lib/rkt/image/t/rootfs", fake.root);
	top = dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(symlinkat("../../../canary", dir, "l"), 0);
	assert_int_equal(symlinkat("/", dir, "root"), 0);
	assert_int_equal(mkdirat(dir, "a\nb\xff", 0700), 0);
	assert_int_equal(symlinkat("..", dir, "up"), 0);
	for (int i = 0; i < 600; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "d", 0700), 0);
		assert_int_equal(symlinkat("..", dir, "u"), 0);
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY);
		(void)close(dir);
		dir = next;
	}
	(void)top;
	(void)close(dir);
	assert_int_equal(ln_remove_tree(world.s.image, "t"), 0);
	assert_false(fake_exists("/var/lib/rkt/image/t"));
	assert_true(fake_exists("/var/lib/rkt/canary"));
	assert_int_equal(ln_remove_tree(world.s.image, "t"), -ENOENT);
}

/* A staging directory whose maker lives is left alone. */
static void
sweep(void **state)
{
	_cleanup_fd_ int alive = -1;

	(void)state;
	fake_put("/var/lib/rkt/image/.new-1/tree/x", "x");
	fake_put("/var/lib/rkt/image/.new-2/tree/x", "x");
	fake_put("/var/lib/rkt/image/.gone-3/x", "x");
	fake_put("/var/lib/rkt/image/keep/x", "x");
	alive = fake_open("/var/lib/rkt/image/.new-2", O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(alive, true), 0);
	ln_sweep(world.s.image);
	assert_false(fake_exists("/var/lib/rkt/image/.new-1"));
	assert_true(fake_exists("/var/lib/rkt/image/.new-2/tree/x"));
	assert_false(fake_exists("/var/lib/rkt/image/.gone-3"));
	assert_true(fake_exists("/var/lib/rkt/image/keep/x"));
}

static void
rm(uint8_t delete)
{
	SAY(END_POD, .uuid = UUID, .how = PS_END_MARK + delete);
	assert_int_equal(world_serve(), 0);
}

static void
pod_running(void **state)
{
	_cleanup_fd_ int pod = -1;

	(void)state;
	fake_mkdir(POD "run/" UUID);
	pod = fake_open(POD "run/" UUID, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(pod, true), 0);
	rm(0);
	world_refused(PS_REFUSED_BUSY);
	rm(1); /* it is in no garbage bin */
	world_refused(PS_REFUSED_NOTFOUND);
	assert_true(fake_exists(POD "run/" UUID));
}

static int looked_at = -1;

static void
looked(void)
{
	ps_close_fd(&looked_at);
}

/* rkt list asks each pod's lock whether it runs: who removes one waits for that,
 * and no longer. */
static void
pod_is_looked_at(void **state)
{
	(void)state;
	fake_mkdir(POD "run/" UUID);
	looked_at = fake_open(POD "run/" UUID, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys_flock(looked_at, false), 0);
	fake.slept = 0;
	rm(0);
	world_refused(PS_REFUSED_BUSY);
	assert_in_range(fake.slept, 1, 50);
	fake.while_asleep = looked;
	rm(0);
	fake.while_asleep = NULL;
	assert_int_equal(world_hear(NULL), PS_DONE);
	assert_true(fake_exists(POD "exited-garbage/" UUID));
}

static void
pod_moves(void **state)
{
	static const char *const rows[][2] = { { "run", "exited-garbage" },
		{ "prepare", "garbage" }, { "prepared", "garbage" },
		{ "embryo", "garbage" } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char from[120], to[120];

		(void)snprintf(from, sizeof(from), POD "%s/" UUID, rows[i][0]);
		(void)snprintf(to, sizeof(to), POD "%s/" UUID, rows[i][1]);
		fake_mkdir(from);
		rm(0);
		world_expect(PS_DONE);
		assert_true(fake_exists(to));
		rm(1);
		world_expect(PS_DONE);
		assert_false(fake_exists(to));
	}
	rm(0);
	world_refused(PS_REFUSED_NOTFOUND);
	rm(1);
	world_refused(PS_REFUSED_NOTFOUND);
	SAY(END_POD, .uuid = UUID, .how = PS_END_DELETE + 1);
	assert_int_equal(world_serve(), -EPROTO);
}

/* A pod's files say which range and cgroups are its own: no other's go. */
static void
not_anothers(void **state)
{
	(void)state;
	fake_put("/var/lib/rkt/ids/1879048192", "99999999-89ab-cdef-0123-456789abcdef");
	fake_mkdir(POD "run/99999999-89ab-cdef-0123-456789abcdef");
	fake_put(POD "garbage/" UUID "/private-users-prepared", "1879048192:65536\n");
	fake_put(POD "garbage/" UUID "/cgroup", "/sys/fs/cgroup/memory\n"
	    "/etc/rkt-" UUID "\n/sys/fs/cgroup/memory/rkt-99999999-89ab-cdef-0123-456789abcdef\n");
	fake_mkdir("/sys/fs/cgroup/memory/rkt-99999999-89ab-cdef-0123-456789abcdef");
	rm(1);
	world_expect(PS_DONE);
	assert_true(fake_exists("/var/lib/rkt/ids/1879048192"));
	assert_true(fake_exists(
	    "/sys/fs/cgroup/memory/rkt-99999999-89ab-cdef-0123-456789abcdef"));
}

static void
check(void **state)
{
	struct ps_msg_CHECK_IMAGE m = { 0 };

	(void)state;
	world_image(IMAGE_GOOD, NAME, KEY_A);
	memset(m.image, IMAGE_GOOD, PS_DIGEST);
	world.script.unpacked.name = NULL;
	assert_int_equal(PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0), 0);
	assert_int_equal(world_serve(), 0);
	world_expect(PS_DONE);
	world.script.tree.tree[63] ^= 1;
	assert_int_equal(PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0), 0);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_IMAGE);
	memset(m.image, IMAGE_OTHER, PS_DIGEST);
	assert_int_equal(PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0), 0);
	assert_int_equal(world_serve(), 0);
	assert_int_equal(world_hear(NULL), PS_REFUSED);
}

#define with(t) WORLD_TEST(t)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(strange_tree),
		with(sweep),
		with(pod_running),
		with(pod_is_looked_at),
		with(pod_moves),
		with(not_anothers),
		with(check),
	};

	world_words = argv;
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
