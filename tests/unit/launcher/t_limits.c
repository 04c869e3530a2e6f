/* link: @launcher @privsep !launcher/limits.c */
/* The table of limits: what is written where, for each disk, by whom. */
#include "launcher/limits.c"

#include "tests/unit/launcher/world.h"

#define GROUP "/sys/fs/cgroup/g"

static const char partitions[] = "major minor  #blocks  name\n\n"
    " 254        0  268435456 vda\n   8       16 12 sdb\n 259 1048575 7 x\n";

static int
begin(void **state)
{
	(void)state;
	world_begin((char *const[]){ "rkt", NULL });
	fake_put("/proc/partitions", partitions);
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
weights(void **state)
{
	(void)state;
	assert_int_equal(weight(2), 1);
	assert_int_equal(weight(262144), 10000);
	assert_int_equal(weight(1024), 100);
}

/* All that is put, in order. */
static void
expect(const struct ln_limits *l, unsigned who, const char *want)
{
	static const char put[] = "put " GROUP "/";
	_cleanup_fd_ int dir = -1;
	char got[4096] = "";

	fake_mkdir(GROUP);
	dir = sys_open(AT_FDCWD, GROUP, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	fake.trace[fake.at = 0] = '\0';
	for (unsigned c = 0; c < LN_CONTROLLERS; c++)
		assert_int_equal(ln_limits_set(dir, c, who, l, &ln_no_limits), 0);
	for (const char *at = fake.trace; (at = strstr(at, put)); at++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s\n",
		    (int)strcspn(at + sizeof(put) - 1, "\n"), at + sizeof(put) - 1);
	assert_string_equal(got, want);
}

static const struct ln_limits all = { .memory = 1 << 20, .cpu_milli = 1505,
	.cpu_shares = 512, .pids = 9, .block_bandwidth = 2000000, .block_iops = 7 };

static void
files(void **state)
{
	(void)state;
	expect(&ln_no_limits, LN_V1, "");
	expect(&(struct ln_limits){ .block_iops = 5 }, LN_V2,
	    "io.max 254:0 riops=5 wiops=5\nio.max 8:16 riops=5 wiops=5\n"
	    "io.max 259:1048575 riops=5 wiops=5\n");
	fake_put("/proc/partitions", " 254 0 1 vda\n");
	expect(&all, LN_V1, "memory.limit_in_bytes 1048576\n"
	    "cpu.cfs_period_us 100000\ncpu.cfs_quota_us 150500\ncpu.shares 512\n"
	    "pids.max 9\n"
	    "blkio.throttle.read_bps_device 254:0 2000000\n"
	    "blkio.throttle.write_bps_device 254:0 2000000\n"
	    "blkio.throttle.read_iops_device 254:0 7\n"
	    "blkio.throttle.write_iops_device 254:0 7\n");
	expect(&all, LN_V2, "memory.max 1048576\nmemory.swap.max 0\n"
	    "cpu.max 150500 100000\ncpu.weight 50\npids.max 9\n"
	    "io.max 254:0 rbps=2000000 wbps=2000000\n"
	    "io.max 254:0 riops=7 wiops=7\n");
}

static void
properties(void **state)
{
	char text[4096], small[60];

	(void)state;
	fake_put("/proc/partitions", " 254 0 1 vda\n");
	assert_int_equal(ln_limits_properties(&all, text, sizeof(text)), 0);
#define P "property --property="
	assert_string_equal(text, P "MemoryMax=1048576\n" P "MemorySwapMax=0\n"
	    P "CPUQuota=150.5%\n" P "CPUShares=512\n" P "TasksMax=9\n"
	    P "IOReadBandwidthMax=/dev/block/254:0 2000000\n"
	    P "IOWriteBandwidthMax=/dev/block/254:0 2000000\n"
	    P "IOReadIOPSMax=/dev/block/254:0 7\n"
	    P "IOWriteIOPSMax=/dev/block/254:0 7\n");
	assert_int_equal(ln_limits_properties(&ln_no_limits, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(ln_limits_properties(&all, small, sizeof(small)), -E2BIG);
}

/* A line of no disk is no error, any other is: the limit is had, or said to be
 * missing. */
static void
failures(void **state)
{
	static const struct ln_limits l = { .block_bandwidth = 5 };
	_cleanup_fd_ int dir = -1;
	static char many[PS_PARTITIONS + 1];

	(void)state;
	fake_mkdir(GROUP);
	dir = sys_open(AT_FDCWD, GROUP, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	for (unsigned n = 1; n < 6; n++) {
		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = ENODEV;
		assert_int_equal(ln_limits_set(dir, LN_C_IO, LN_V2, &l,
		    &ln_no_limits), n == 1 ? -ENODEV : 0);
		fake.verbs = 0;
		fake.fail_error = EPERM;
		assert_int_equal(ln_limits_set(dir, LN_C_IO, LN_V2, &l,
		    &ln_no_limits), n < 5 ? -EPERM : 0);
	}
	fake.fail_at = 0;
	memset(many, ' ', sizeof(many) - 1);
	fake_put("/proc/partitions", many);
	assert_int_equal(ln_limits_set(dir, LN_C_IO, LN_V2, &l, &ln_no_limits),
	    -E2BIG);
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(weights),
		with(files),
		with(properties),
		with(failures),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
