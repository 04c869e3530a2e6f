/* link: @launcher @privsep !launcher/cgroup.c */
/* Cgroups: where this process is, on v2, v1 and hybrid hosts; what is made
 * there; what is taken away, and only that. */
#include "launcher/cgroup.c"

#include "tests/unit/launcher/world.h"

static char paths[LN_CGROUP_TEXT];
static const char *missing;
static struct ln_plan plan;

/* A pod with these limits, whose one app has none of its own. */
static int
enter(const struct ln_limits *l, int conductor)
{
	const struct ln_groups g = { .paths = paths, .pod = *l, .plan = &plan,
		.dir = world.s.pods, .owner = 1879048192, .conductor = conductor };

	int r = ln_cgroup_paths(UUID, paths);

	return r < 0 ? r : ln_cgroup_enter(&g, &missing);
}

static int
begin(void **state)
{
	(void)state;
	world_begin((char *const[]){ "rkt", NULL });
	world_plan(&plan, IMAGE_GOOD);
	return 0;
}

static int
end(void **state)
{
	char path[200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/cgroup.controllers",
	    fake.root);
	(void)unlink(path);
	world_end();
	fake_put("/proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n"
	    "1:name=systemd:/\n0::/\n");
	return 0;
}

/* What /proc/self/cgroup says, by where the pod's groups would be. */
static void
lines(void **state)
{
	static const struct {
		const char *self, *want;
	} rows_v1[] = {
		{ "9:cpu,cpuacct:/a\n8:memory:/b:c\n1:name=systemd:/\n0::/d",
		    "/cpu,cpuacct/a|/memory/b:c|/systemd|/systemd/d|/unified/d|" },
		{ "", "" },
		{ "::", "/systemd|/unified|" },
		{ "8:memory", "" },
		{ "8:memor:/a\n7:memory2:/a\n6:acct,xcpu:/a\n5:name=x:/a\n", "" },
		{ "8:cpuacct,cpu:/\n4:blkio:/x\n3:pids:/y\n",
		    "/cpuacct,cpu|/blkio/x|/pids/y|" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows_v1); i++) {
		const char *want = rows_v1[i].want, *at = paths;

		fake_put("/proc/self/cgroup", rows_v1[i].self);
		assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
		for (; *want; want += strcspn(want, "|") + 1) {
			char line[200];

			(void)snprintf(line, sizeof(line),
			    "/sys/fs/cgroup%.*s/rkt-" UUID "\n",
			    (int)strcspn(want, "|"), want);
			assert_memory_equal(at, line, strlen(line));
			at += strlen(line);
		}
		assert_string_equal(at, "");
	}
	fake_put("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	fake_put("/proc/self/cgroup", "1:name=systemd:/a\n0::/b\n");
	assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
	assert_string_equal(paths, "/sys/fs/cgroup/b/rkt-" UUID "\n");
}

static void
words(void **state)
{
	char line[LINE];

	(void)state;
	assert_true(has_word("cpu,cpuacct/x", "cpuacct"));
	assert_true(has_word("cpu memory\n", "memory"));
	assert_false(has_word("cpu,cpuacct/memory", "memory"));
	assert_false(has_word("cpu\nmemory", "memory"));
	assert_false(has_word("cpuset", "cpu"));
	assert_false(has_word("", "cpu"));
	assert_int_equal(find("/etc/memory/x\n", "memory", line), -ENOENT);
	assert_int_equal(find("/sys/fs/cgroup/cpu/memory\n", "memory", line),
	    -ENOENT);
}

static void
v2(void **state)
{
	const struct ln_limits l = { .memory = 1 << 20, .cpu_milli = 1500,
		.cpu_shares = 1024 };

	(void)state;
	fake_put("/proc/self/cgroup", "0::/system.slice/x.service\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	fake_mkdir("/sys/fs/cgroup/system.slice/x.service");
	assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
	assert_int_equal(enter(&l, -1), 0);
	assert_non_null(strstr(paths, "/system.slice/x.service/rkt-" UUID "\n"));
	assert_non_null(strstr(fake.trace, "rkt-UUID/memory.max 1048576\n"));
	assert_non_null(strstr(fake.trace, "rkt-UUID/cpu.max 150000 100000\n"));
	assert_non_null(strstr(fake.trace, "rkt-UUID/cpu.weight 100\n"));
	assert_non_null(strstr(fake.trace, "rkt-UUID/cgroup.procs 0\n"));
	assert_true(ln_cgroup_in_service(paths));
}

/* A group with processes in it lends no controllers: the conductor goes with
 * the launcher, and both come back when the pod is refused. */
static void
v2_conductor(void **state)
{
	const struct ln_limits l = { .memory = 1 << 20 };

	(void)state;
	fake_put("/proc/self/cgroup", "0::/x.service\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	fake_mkdir("/sys/fs/cgroup/x.service");
	assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
	assert_int_equal(enter(&ln_no_limits, 4242), 0);
	assert_null(strstr(fake.trace, "4242"));
	world_end();
	world_begin((char *const[]){ "rkt", NULL });
	fake_clear("/sys/fs/cgroup/x.service");
	assert_int_equal(enter(&l, 4242), 0);
	assert_non_null(strstr(fake.trace, "rkt-UUID/cgroup.procs 4242\n"));
	assert_non_null(strstr(fake.trace,
	    "x.service/cgroup.subtree_control +memory\n"));
	ln_cgroup_leave(paths, 4242);
	assert_non_null(strstr(fake.trace,
	    "x.service/cgroup.subtree_control -memory\n"));
	assert_non_null(strstr(fake.trace, "x.service/cgroup.procs 4242\n"));
}

/* Where systemd makes a scope for the pod, the shell's lends it nothing: it is
 * not asked for what an app needs (test_G8_vm_limits_of_apps). */
static void
v2_scope(void **state)
{
	struct ln_groups g = { .paths = paths, .plan = &plan, .dir = world.s.pods,
		.conductor = -1 };

	(void)state;
	plan.app[0].memory = 1 << 20;
	fake_put("/proc/self/cgroup", "0::/shell.scope\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	fake_mkdir("/sys/fs/cgroup/shell.scope");
	assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
	assert_true(ln_cgroup_enter(&g, &missing) < 0);
	assert_string_equal(missing, "memory");
	fake_clear("/sys/fs/cgroup/shell.scope");
	g.in_scope = true;
	assert_int_equal(ln_cgroup_enter(&g, &missing), 0);
}

/* G8: what a scope of systemd's could not hold. */
static void
scope(void **state)
{
	const struct ln_limits memory = { .memory = 1 }, cpu = { .cpu_shares = 2 };

	(void)state;
	fake_put("/sys/fs/cgroup/cgroup.controllers", "cpuset io memory\n");
	assert_int_equal(ln_cgroup_check(&memory, &missing), 0);
	assert_int_equal(ln_cgroup_check(&cpu, &missing), -ENOENT);
	assert_string_equal(missing, "cpu");
}

static void
v1(void **state)
{
	const struct ln_limits l = { .memory = 1 << 20 };

	(void)state;
	assert_int_equal(ln_cgroup_paths(UUID, paths), 0);
	assert_int_equal(enter(&l, -1), 0);
	assert_non_null(strstr(paths, "/sys/fs/cgroup/memory/rkt-" UUID "\n"));
	assert_null(strstr(fake.trace, "cpu"));
	assert_non_null(strstr(fake.trace, "memory.limit_in_bytes 1048576\n"));
	assert_false(ln_cgroup_in_service(paths));
}

/* G8: a limit whose controller is not there is an error that names it. */
static void
controller_missing(void **state)
{
	const struct ln_limits l = { .memory = 1 << 20 }, c = { .cpu_milli = 5 };

	(void)state;
	fake_put("/proc/self/cgroup", "1:name=systemd:/\n");
	assert_true(enter(&l, -1) < 0);
	assert_string_equal(missing, "memory");
	fake_clear("/sys/fs/cgroup/systemd");
	assert_true(enter(&c, -1) < 0);
	assert_string_equal(missing, "cpu");
}

/* A pod's cgroup is made, never joined: a uuid that is in use already would
 * else let this pod's plan set another's limits. */
static void
not_another_pods(void **state)
{
	const struct ln_limits l = { .memory = 1 << 30 };

	(void)state;
	fake_mkdir("/sys/fs/cgroup/memory/rkt-" UUID);
	assert_true(enter(&l, -1) < 0);
	assert_null(strstr(fake.trace, "limit_in_bytes"));
	assert_null(strstr(fake.trace, "memory/rkt-UUID/cgroup.procs"));
}

#define GROUPS "5:memory:/\n4:cpu,cpuacct:/\n3:pids:/\n1:name=systemd:/\n0::/\n"

static bool
did(const char *line)
{
	const char *at = strstr(fake.trace, line);

	return at && at[strlen(line)] == '\n';
}

/* On v1 each app with limits has a group of its own below the pod's, and the
 * pod may add processes to it and do no more. */
static void
groups_of_apps(void **state)
{
	(void)state;
	fake_put("/proc/self/cgroup", GROUPS);
	fake_mkdir("/sys/fs/cgroup/pids");
	fake_mkdir("/var/lib/rkt/pods/stage1/rootfs");
	world_add_app(&plan, "second", IMAGE_GOOD);
	world_add_app(&plan, "third", IMAGE_GOOD);
	plan.app[0].memory = 1 << 20;
	plan.app[1].cpu_shares = 512;
	plan.app[1].pids = 7;
	fake.at = 0;
	assert_int_equal(enter(&ln_no_limits, -1), 0);
	assert_true(did("put /sys/fs/cgroup/memory/rkt-UUID/app-hello/"
			"memory.limit_in_bytes 1048576"));
	assert_true(did("put /sys/fs/cgroup/cpu,cpuacct/rkt-UUID/app-second/"
			"cpu.shares 512"));
	assert_true(did("put /sys/fs/cgroup/pids/rkt-UUID/app-second/pids.max 7"));
	assert_true(did("own /sys/fs/cgroup/memory/rkt-UUID/app-hello/cgroup.procs "
			"1879048192:1879048192 0644"));
	assert_true(did("attach bind(/sys/fs/cgroup/pids/rkt-UUID) "
			"/var/lib/rkt/pods/stage1/rootfs/rkt/cgroup/pids"));
	assert_true(did("attach bind(/sys/fs/cgroup/cpu,cpuacct/rkt-UUID) "
			"/var/lib/rkt/pods/stage1/rootfs/rkt/cgroup/cpu"));
	/* Nothing is the pod's but that one file, and not of its own group. */
	for (const char *at = fake.trace; (at = strstr(at, "\nown /sys")); at++)
		if (!strstr(at, "/app-") ||
		    strncmp(strchr(at + 5, ' ') - 12, "cgroup.procs", 12) != 0)
			fail_msg("%.80s", at + 1);
	assert_null(strstr(fake.trace, "third"));
	assert_null(strstr(fake.trace, "memory/rkt-UUID/app-second"));
	assert_null(strstr(fake.trace, "memory/rkt-UUID/memory."));
	assert_null(strstr(fake.trace, "cgroup.procs 4"));
}

/* What any app wants at all. */
static void
wanted(void **state)
{
	struct ln_limits l;

	(void)state;
	world_add_app(&plan, "second", IMAGE_GOOD);
	l = ln_cgroup_apps(&plan);
	assert_true(l.memory == 0 && l.cpu_milli == 0 && l.pids == 0);
	plan.app[1].memory = 1 << 20;
	plan.app[0].cpu_shares = 5;
	l = ln_cgroup_apps(&plan);
	assert_true(l.memory != 0 && l.cpu_shares != 0 && l.pids == 0);
	plan.app[1].pids = 3;
	l = ln_cgroup_apps(&plan);
	assert_true(l.pids != 0);
}

/* An app's limit whose controller is not there is an error too. */
static void
app_controller_missing(void **state)
{
	(void)state;
	plan.app[0].pids = 5; /* world.c's host has none */
	assert_true(enter(&ln_no_limits, -1) < 0);
	assert_string_equal(missing, "pids");
	fake_clear("/sys/fs/cgroup/systemd");
	fake_clear("/sys/fs/cgroup/unified");
	plan.app[0].pids = 0;
	plan.app[0].cpu_milli = 5;
	fake_put("/proc/self/cgroup", "1:name=systemd:/\n");
	assert_true(enter(&ln_no_limits, -1) < 0);
	assert_string_equal(missing, "cpu");
}

static int
rmdir_group(void)
{
	char path[200];

	fake_clear("/sys/fs/cgroup/rkt-" UUID);
	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/rkt-" UUID, fake.root);
	return rmdir(path);
}

static void
forget_groups(void)
{
	static const char *const mounts[] = { "systemd", "unified", "memory", "pids",
		"blkio", "cpu,cpuacct" };
	char path[64];

	for (size_t i = 0; i < PS_COUNT(mounts); i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", mounts[i]);
		if (fake_exists(path))
			fake_clear(path);
	}
	fake.at = 0;
}

/* Throttling on v1 knows no hierarchy: a pod's limit would not hold for an app
 * in a group of its own. */
static void
block_of_both(void **state)
{
	const struct ln_limits l = { .block_iops = 5 };

	(void)state;
	fake_put("/proc/self/cgroup", GROUPS "9:blkio:/\n");
	fake_put("/proc/partitions", " 254 0 1 vda\n");
	fake_mkdir("/sys/fs/cgroup/pids");
	fake_mkdir("/sys/fs/cgroup/blkio");
	fake_mkdir("/var/lib/rkt/pods/stage1/rootfs");
	plan.app[0].block_bandwidth = 7;
	assert_int_equal(enter(&l, -1), -EOPNOTSUPP);
	assert_string_equal(missing, "blkio");
	forget_groups();
	assert_int_equal(enter(&ln_no_limits, -1), 0);
	assert_true(did("put /sys/fs/cgroup/blkio/rkt-UUID/app-hello/"
			"blkio.throttle.read_bps_device 254:0 7"));
	forget_groups();
	plan.app[0].block_bandwidth = 0;
	assert_int_equal(enter(&l, -1), 0);
	assert_true(did("put /sys/fs/cgroup/blkio/rkt-UUID/"
			"blkio.throttle.write_iops_device 254:0 5"));
	forget_groups();
}

/* A mutable pod has what there is, for apps that come: each gets a group where
 * it has a limit, which goes with it. */
static void
later(void **state)
{
	static struct ps_msg_PLAN_APP app;

	(void)state;
	fake_put("/proc/self/cgroup", GROUPS);
	fake_mkdir("/sys/fs/cgroup/pids");
	fake_mkdir("/var/lib/rkt/pods/stage1/rootfs");
	plan.pod.mutable = 1;
	plan.pod.apps = 0;
	assert_int_equal(enter(&ln_no_limits, -1), 0); /* no blkio is no error */
	assert_true(did("attach bind(/sys/fs/cgroup/memory/rkt-UUID) "
			"/var/lib/rkt/pods/stage1/rootfs/rkt/cgroup/memory"));
	assert_true(did("put /sys/fs/cgroup/pids/rkt-UUID/cgroup.procs 0"));
	app = (struct ps_msg_PLAN_APP){ .name = "new", .memory = 1 << 20, .pids = 3 };
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1879048192, &missing),
	    0);
	assert_true(did("put /sys/fs/cgroup/memory/rkt-UUID/app-new/"
			"memory.limit_in_bytes 1048576"));
	assert_true(did("own /sys/fs/cgroup/pids/rkt-UUID/app-new/cgroup.procs "
			"1879048192:1879048192 0644"));
	assert_false(fake_exists("/sys/fs/cgroup/cpu,cpuacct/rkt-" UUID "/app-new"));
	/* Once: a name that is in use is another app's. */
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1879048192, &missing),
	    -EEXIST);
	assert_int_equal(ln_cgroup_remove_app(paths, "new"), 0);
	assert_false(fake_exists("/sys/fs/cgroup/memory/rkt-" UUID "/app-new"));
	assert_true(fake_exists("/sys/fs/cgroup/memory/rkt-" UUID));
	assert_int_equal(ln_cgroup_remove_app(paths, "new"), 0);
	app.block_iops = 1;
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1879048192, &missing),
	    -ENOENT);
	assert_string_equal(missing, "blkio");
	forget_groups();
}

/* On v2 its unit sets them, in a group of the pod's or in systemd's scope. */
static void
later_v2(void **state)
{
	static struct ps_msg_PLAN_APP app;

	(void)state;
	app = (struct ps_msg_PLAN_APP){ .name = "new", .memory = 1 << 20 };
	fake_put("/proc/self/cgroup", "0::/\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "pids memory cpu io\n");
	plan.pod.mutable = 1;
	plan.pod.apps = 0;
	assert_int_equal(enter(&ln_no_limits, -1), 0);
	assert_true(did("put /sys/fs/cgroup/cgroup.subtree_control +io"));
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1, &missing), -ENOENT);
	assert_string_equal(missing, "memory");
	fake_put("/sys/fs/cgroup/rkt-" UUID "/memory.max", "max\n");
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1, &missing), 0);
	assert_int_equal(rmdir_group(), 0);
	fake_mkdir("/sys/fs/cgroup/rkt-" UUID);
	fake_put("/sys/fs/cgroup/machine.slice/machine-rkt\\x2d01234567\\x2d"
	    "89ab\\x2dcdef\\x2d0123\\x2d456789abcdef.scope/memory.max", "max\n");
	assert_int_equal(ln_cgroup_add_app(UUID, paths, &app, 1, &missing), 0);
	fake_clear("/sys/fs/cgroup/machine.slice");
	assert_int_equal(rmdir_group(), 0);
}

/* On v2 an app's unit sets its limit: what it will write must be there. */
static void
apps_on_v2(void **state)
{
	static const char *const files[] = { "memory.max", "cpu.weight", "pids.max" };
	static const char *const names[] = { "memory", "cpu", "pids" };
	(void)state;
	fake_put("/proc/self/cgroup", "0::/\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "pids memory cpu\n");
	for (size_t i = 0; i < 3; i++)
		for (size_t have = 0; have < 2; have++) {
			char line[80];

			world_plan(&plan, IMAGE_GOOD);
			plan.app[0].memory = i == 0 ? 1 << 20 : 0;
			plan.app[0].cpu_shares = i == 1 ? 9 : 0;
			plan.app[0].pids = i == 2 ? 9 : 0;
			fake.group_file = have ? files[i] : NULL;
			fake.at = 0;
			if (enter(&ln_no_limits, -1) != (have ? 0 : -ENOENT))
				fail_msg("%s, %zu", names[i], have);
			if (!have)
				assert_string_equal(missing, names[i]);
			(void)snprintf(line, sizeof(line),
			    "cgroup.subtree_control +%s", names[i]);
			assert_true(did(line));
			assert_null(strstr(fake.trace, "app-hello"));
			assert_int_equal(rmdir_group(), 0);
		}
	fake.group_file = NULL;
}

/* Site policy's own number is set where that is easily done; what a file or
 * the operator says must be. */
static void
pids(void **state)
{
	const struct ln_limits asked = { .pids = 9, .pids_asked = true };
	const struct ln_limits easy = { .pids = 9 };

	(void)state;
	assert_int_equal(enter(&easy, -1), 0);
	assert_null(strstr(fake.trace, "pids"));
	fake_clear("/sys/fs/cgroup/systemd");
	fake_clear("/sys/fs/cgroup/unified");
	assert_true(enter(&asked, -1) < 0);
	assert_string_equal(missing, "pids");
	fake_put("/proc/self/cgroup", GROUPS);
	for (int i = 0; i < 2; i++) {
		fake_clear("/sys/fs/cgroup/systemd");
		fake_clear("/sys/fs/cgroup/unified");
		fake_clear("/sys/fs/cgroup/pids");
		fake_mkdir("/sys/fs/cgroup/pids");
		fake.at = 0;
		assert_int_equal(enter(i ? &asked : &easy, -1), 0);
		assert_true(did("put /sys/fs/cgroup/pids/rkt-UUID/pids.max 9"));
	}
}

static void
pids_v2(void **state)
{
	const struct ln_limits asked = { .pids = 9, .pids_asked = true },
		easy = { .pids = 9 }, both = { .pids = 9, .memory = 1 << 20 };
	unsigned failed = 0, went_on = 0;

	(void)state;
	fake_put("/proc/self/cgroup", "0::/\n");
	fake_put("/sys/fs/cgroup/cgroup.controllers", "pids memory\n");
	assert_int_equal(enter(&asked, -1), 0);
	assert_true(did("rkt-UUID/pids.max 9"));
	assert_true(did("cgroup.subtree_control +pids"));
	for (unsigned n = 1; n < 20; n++) {
		const struct ln_limits *l[] = { &asked, &easy, &both };

		for (size_t i = 0; i < PS_COUNT(l); i++) {
			const char *last;
			int r;

			fake.fail_at = 0;
			if (fake_exists("/sys/fs/cgroup/rkt-" UUID))
				assert_int_equal(rmdir_group(), 0);
			fake.at = fake.verbs = 0;
			fake.fail_at = n;
			fake.fail_error = EIO;
			r = enter(l[i], -1);
			if (fake.verbs != n)
				continue;
			last = strstr(fake.trace, "/pids.max");
			if (!last) /* is it this that failed? */
				continue;
			assert_int_equal(r, l[i]->pids_asked ? -EIO : 0);
			failed += r < 0;
			went_on += r == 0;
		}
	}
	assert_int_equal(failed, 1);
	assert_int_equal(went_on, 1);
	fake.fail_at = 0;
	assert_int_equal(rmdir_group(), 0);
}

#define SCOPE                                                                  \
	"/sys/fs/cgroup/systemd/machine.slice/machine-rkt\\x2d01234567\\x2d"     \
	"89ab\\x2dcdef\\x2d0123\\x2d456789abcdef.scope/"

static void
removal(void **state)
{
	static char list[] = "/sys/fs/cgroup/memory/rkt-" UUID "\n"
			     "/sys/fs/cgroup/memory/other\n"
			     "/etc/rkt-" UUID "\n"
			     "/sys/fs/cgroup/systemd/x-rkt-" UUID "\n"
			     "rkt-" UUID "\n";
	int pod;

	(void)state;
	fake_mkdir("/sys/fs/cgroup/memory/rkt-" UUID "/a/b");
	fake_mkdir("/sys/fs/cgroup/memory/other");
	fake_mkdir(SCOPE "payload");
	fake_mkdir("/sys/fs/cgroup/systemd/x-rkt-" UUID);
	fake_put("/pod/cgroup", list);
	pod = fake_open("/pod", O_RDONLY | O_DIRECTORY);
	ln_cgroup_remove(UUID, pod);
	assert_int_equal(close(pod), 0);
	assert_false(fake_exists("/sys/fs/cgroup/memory/rkt-" UUID));
	assert_true(fake_exists("/sys/fs/cgroup/memory/other"));
	assert_false(fake_exists(SCOPE));
	assert_true(fake_exists("/sys/fs/cgroup/systemd/x-rkt-" UUID));
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(lines),
		with(words),
		
		with(v2),
		with(v2_conductor),
		with(v2_scope),
		with(scope),
		with(v1),
		with(controller_missing),
		with(not_another_pods),
		with(groups_of_apps),
		with(wanted),
		with(app_controller_missing),
		with(pids),
		with(pids_v2),
		with(apps_on_v2),
		with(removal),
		with(block_of_both),
		with(later),
		with(later_v2),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
