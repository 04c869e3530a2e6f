/* link: @launcher @privsep */
/* The proof of a plan: a table of what is refused and why, and the lattice:
 * whatever is accepted is no weaker than site policy and argv allow (G4). */
#include "tests/unit/launcher/lattice.h"

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

static struct ln_plan plan;
static struct ps_policy policy;
static char error[256];

static uint32_t
prove(char *const argv[])
{
	struct ln_argv a = { .argv = argv };

	while (argv[a.argc])
		a.argc++;
	error[0] = '\0';
	return ln_plan_prove(&plan, a, a, &policy, error);
}

static void
fresh(void)
{
	ps_policy_default(&policy);
	world_plan(&plan, IMAGE_GOOD);
}

static void
good(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(prove(ARGV("rkt", "run", "x")), 0);
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(prove(ARGV("rkt", "run", "--net=host", "x")), 0);
	plan.app[0].seccomp = PS_SECCOMP_WIDE;
	assert_int_equal(prove(ARGV("rkt", "run", "--net=host", "x", "--seccomp=x")), 0);
	fresh();
	plan.app[0].std_in = PS_STDIO_TTY;
	plan.app[0].std_out = plan.app[0].std_err = PS_STDIO_NULL;
	assert_int_equal(prove(ARGV("rkt", "run", "x")), 0);
	fresh();
	plan.app[0].caps = 1ull << 21;
	assert_int_equal(prove(ARGV("rkt", "run", "x", "--caps-retain=CAP_SYS_ADMIN")), 0);
	fresh();
	plan.app[0].caps = (1ull << 41) - 1;
	plan.app[0].seccomp = PS_SECCOMP_NONE;
	plan.app[0].paths = 0;
	plan.pod.insecure = PS_INSECURE_CAPABILITIES | PS_INSECURE_SECCOMP |
	    PS_INSECURE_PATHS;
	assert_int_equal(prove(ARGV("rkt", "run", "--insecure-options=all-run", "x")), 0);
}

/* Whose word a sysctl takes: an image's, a pod manifest's, no one's; and of the
 * network none where it is the host's. */
static void
sysctls(void **state)
{
	enum { NO, MANIFEST, IMAGE };
	static const struct {
		const char *text;
		int who;
		bool net;
	} rows[] = {
		{ "net.ipv4.tcp_fin_timeout=1", IMAGE, true },
		{ "net.ipv4.ip_local_port_range=1 2", IMAGE, true },
		{ "kernel.shm_rmid_forced=1", IMAGE, false },
		{ "net.ipv4.tcp_fin_timeout_x=1", MANIFEST, true },
		{ "net.ipv4.ip_forward=1", MANIFEST, true },
		{ "kernel.shmmax=1", MANIFEST, false },
		{ "kernel.msgmni=1", MANIFEST, false },
		{ "kernel.sem=1 2 3 4", MANIFEST, false },
		{ "fs.mqueue.msg_max=1", MANIFEST, false },
		{ "kernel.semaphore=1", NO, false },
		{ "kernel.core_pattern=|/x", NO, false },
		{ "kernel.modprobe=/x", NO, false },
		{ "fs.file-max=1", NO, false },
		{ "vm.swappiness=1", NO, false },
		{ "net..ipv4.tcp_fin_timeout=1", NO, true },
		{ "net.ipv4.../core_pattern=1", NO, true },
		{ "net./../kernel.core_pattern=1", NO, true },
		{ "net/../../kernel/core_pattern=1", NO, true },
		{ "net.ipv4.~=1", NO, true },
		{ "net.=1", NO, true },
		{ "net=1", NO, true },
		{ "net.ipv4.tcp_fin_timeout=", NO, true },
		{ "net.ipv4.tcp_fin_timeout", NO, true },
		{ "NET.ipv4.tcp_fin_timeout=1", NO, true },
		{ "=1", NO, true },
		{ "", NO, true },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh();
		plan.pod.n_sysctls = 1;
		plan.pod.sysctls[0] = rows[i].text;
		assert_int_equal(prove(ARGV("rkt", "run", "x")) == 0,
		    rows[i].who == IMAGE);
		if (rows[i].who != IMAGE)
			assert_non_null(strstr(error, "sysctl"));
		assert_int_equal(prove(ARGV("rkt", "run", "--pod-manifest=x")) == 0,
		    rows[i].who != NO);
		plan.pod.net = PS_NET_HOST;
		policy.net_host = true;
		assert_int_equal(prove(ARGV("rkt", "run", "--net=host",
				     "--pod-manifest=x")) == 0,
		    rows[i].who != NO && !rows[i].net);
	}
}

static void set_version(void) { plan.pod.version = PS_PLAN_VERSION + 1; }
static void set_no_apps(void) { plan.pod.apps = 0; }
static void set_net(void) { plan.pod.net = PS_NET_HOST; }
static void set_net_odd(void) { plan.pod.net = 2; }
static void set_flavor(void) { plan.pod.flavor = 2; }
static void set_interactive(void) { plan.pod.interactive = 1; }
static void set_interactive_odd(void) { plan.pod.interactive = 2; }
static void set_debug(void) { plan.pod.debug = 1; }
static void set_insecure(void) { plan.pod.insecure = PS_INSECURE_IMAGE; }
static void set_insecure_unknown(void) { plan.pod.insecure = 1u << 31; }
static void set_no_exec(void) { plan.app[0].n_exec = 0; }
static void set_empty_exec(void) { plan.app[0].exec[0] = ""; }
static void set_wd_proc(void) { plan.app[0].working_dir = "/proc/self/fd/7"; }
static void set_wd_devfd(void) { plan.app[0].working_dir = "/dev/fd/9"; }
static void set_user_empty(void) { plan.app[0].user = ""; }
static void set_group_odd(void) { plan.app[0].group = "a\nb"; }
static void set_gid_high(void)
{
	plan.app[0].n_supplementary_gids = 1;
	plan.app[0].supplementary_gids[0] = 65536;
}
static void set_caps_more(void) { plan.app[0].caps |= 1ull << 21; }
static void set_caps_unknown(void) { plan.app[0].caps |= 1ull << 41; }
static void set_seccomp_wide(void) { plan.app[0].seccomp = PS_SECCOMP_WIDE; }
static void set_seccomp_none(void) { plan.app[0].seccomp = PS_SECCOMP_NONE; }
static void set_seccomp_odd(void) { plan.app[0].seccomp = 3; }
static void set_filter_odd(void) { plan.app[0].n_filter = 9; }
static void set_memory_small(void) { plan.app[0].memory = 4095; }
static void set_memory_big(void) { plan.app[0].memory = (1ull << 50) + 1; }
static void set_cpu_big(void) { plan.app[0].cpu_milli = 1000001; }
static void set_shares_small(void) { plan.app[0].cpu_shares = 1; }
static void set_shares_big(void) { plan.app[0].cpu_shares = 262145; }
static void set_bandwidth_big(void) { plan.app[0].block_bandwidth = (1ull << 50) + 1; }
static void set_iops_big(void) { plan.app[0].block_iops = 1ull << 32; }
static void set_pod_iops_big(void) { plan.pod.block_iops = 1ull << 32; }
static void set_oom_low(void) { plan.app[0].oom_score_adj = -1001; }
static void set_oom_high(void) { plan.app[0].oom_score_adj = 1001; }
static void set_switch(void) { plan.app[0].no_new_privs = 2; }
static void set_readonly_odd(void) { plan.app[0].readonly_rootfs = 255; }
static void set_stdin_null(void) { plan.app[0].std_in = PS_STDIO_NULL; }
static void set_stdin_odd(void) { plan.app[0].std_in = 255; }
static void set_stdout_odd(void) { plan.app[0].std_out = PS_STDIO_NULL + 1; }
static void set_stderr_odd(void) { plan.app[0].std_err = 255; }
static void set_paths_off(void) { plan.app[0].paths = 0; }

static void
refused(void **state)
{
	static const struct {
		void (*set)(void);
		uint32_t code;
		const char *says;
	} rows[] = {
		{ set_version, PS_REFUSED_PLAN, "version" },
		{ set_no_apps, PS_REFUSED_PLAN, "apps" },
		{ set_net, PS_REFUSED_PLAN, "network" },
		{ set_net_odd, PS_REFUSED_PLAN, "network" },
		{ set_flavor, PS_REFUSED_PLAN, "flavor" },
		{ set_interactive, PS_REFUSED_PLAN, "interactive" },
		{ set_interactive_odd, PS_REFUSED_PLAN, "interactive" },
		{ set_debug, PS_REFUSED_PLAN, "debug" },
		{ set_insecure, PS_REFUSED_PLAN, "insecure" },
		{ set_insecure_unknown, PS_REFUSED_PLAN, "insecure" },
		{ set_no_exec, PS_REFUSED_PLAN, "execute" },
		{ set_empty_exec, PS_REFUSED_PLAN, "execute" },
		{ set_wd_proc, PS_REFUSED_PLAN, "working directory" },
		{ set_wd_devfd, PS_REFUSED_PLAN, "working directory" },
		{ set_user_empty, PS_REFUSED_PLAN, "user" },
		{ set_group_odd, PS_REFUSED_PLAN, "user" },
		{ set_gid_high, PS_REFUSED_PLAN, "group" },
		{ set_caps_more, PS_REFUSED_POLICY, "capabilities" },
		{ set_caps_unknown, PS_REFUSED_POLICY, "capabilities" },
		{ set_seccomp_wide, PS_REFUSED_POLICY, "seccomp" },
		{ set_seccomp_none, PS_REFUSED_POLICY, "seccomp" },
		{ set_seccomp_odd, PS_REFUSED_POLICY, "seccomp" },
		{ set_filter_odd, PS_REFUSED_PLAN, "filter" },
		{ set_memory_small, PS_REFUSED_PLAN, "limit" },
		{ set_memory_big, PS_REFUSED_PLAN, "limit" },
		{ set_cpu_big, PS_REFUSED_PLAN, "limit" },
		{ set_shares_small, PS_REFUSED_PLAN, "limit" },
		{ set_shares_big, PS_REFUSED_PLAN, "limit" },
		{ set_bandwidth_big, PS_REFUSED_PLAN, "limit" },
		{ set_iops_big, PS_REFUSED_PLAN, "limit" },
		{ set_pod_iops_big, PS_REFUSED_PLAN, "limit" },
		{ set_oom_low, PS_REFUSED_PLAN, "limit" },
		{ set_oom_high, PS_REFUSED_PLAN, "limit" },
		{ set_switch, PS_REFUSED_PLAN, "switch" },
		{ set_readonly_odd, PS_REFUSED_PLAN, "switch" },
		{ set_stdin_null, PS_REFUSED_PLAN, "switch" },
		{ set_stdin_odd, PS_REFUSED_PLAN, "switch" },
		{ set_stdout_odd, PS_REFUSED_PLAN, "switch" },
		{ set_stderr_odd, PS_REFUSED_PLAN, "switch" },
		{ set_paths_off, PS_REFUSED_POLICY, "paths" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint32_t code;

		fresh();
		rows[i].set();
		code = prove(ARGV("rkt", "run", "x"));
		if (code != rows[i].code || !strstr(error, rows[i].says))
			fail_msg("row %zu: %u \"%s\"", i, code, error);
	}
}

/* Said in argv, but locked by site policy. */
static void
policy_locks(void **state)
{
	(void)state;
	fresh();
	policy.insecure = 0;
	plan.pod.insecure = PS_INSECURE_SECCOMP;
	plan.app[0].seccomp = PS_SECCOMP_NONE;
	assert_int_equal(prove(ARGV("rkt", "--insecure-options=seccomp", "run", "x")),
	    PS_REFUSED_POLICY);
	fresh();
	policy.net_host = false;
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(prove(ARGV("rkt", "run", "--net=host", "x")), PS_REFUSED_POLICY);
	fresh();
	policy.seccomp_wide = false;
	plan.app[0].seccomp = PS_SECCOMP_WIDE;
	assert_int_equal(prove(ARGV("rkt", "run", "x", "--seccomp=x")), PS_REFUSED_POLICY);
	fresh();
	policy.caps_operator = 0;
	plan.app[0].caps |= 1ull << 21;
	assert_int_equal(prove(ARGV("rkt", "run", "x", "--caps-retain=CAP_SYS_ADMIN")),
	    PS_REFUSED_POLICY);
	fresh();
	policy.caps_image = 0;
	assert_int_equal(prove(ARGV("rkt", "run", "x")), PS_REFUSED_POLICY);
	plan.app[0].caps = 0;
	assert_int_equal(prove(ARGV("rkt", "run", "x")), 0);
}

/* A flag that confines is not lost on its way into the plan. */
static void
asked(void **state)
{
	static const char *const flags[] = { "--memory=1M", "--cpu=1",
		"--readonly-rootfs", "--user=5", "--group=5", "--caps-remove=CAP_CHOWN",
		"--caps-retain=CAP_KILL" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(flags); i++) {
		char flag[40];

		(void)snprintf(flag, sizeof(flag), "%s", flags[i]);
		fresh();
		if (prove(ARGV("rkt", "run", "x", flag)) != PS_REFUSED_PLAN)
			fail_msg("%s was lost", flag);
	}
	fresh();
	plan.app[0].memory = 1 << 20;
	plan.app[0].cpu_milli = 1000;
	plan.app[0].readonly_rootfs = 1;
	plan.app[0].user = plan.app[0].group = "5";
	plan.app[0].caps = 1ull << 5;
	assert_int_equal(prove(ARGV("rkt", "run", "x", "--memory=1M", "--cpu", "1",
	    "--readonly-rootfs", "--user=5", "--group", "5", "--caps-retain=CAP_KILL")), 0);
}

/* An insecure option that is in argv but not in the plan widens nothing. */
static void
said_not_planned(void **state)
{
	(void)state;
	fresh();
	plan.app[0].seccomp = PS_SECCOMP_NONE;
	assert_int_equal(prove(ARGV("rkt", "--insecure-options=all", "run", "x")), PS_REFUSED_POLICY);
}

static void
lattice(void **state)
{
	static struct lattice_line line, now;
	unsigned accepted = 0, several = 0, volumes = 0, manifests = 0, waited = 0;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		fresh();
		lattice_say(&seed, &line, LATTICE_APPS);
		lattice_obey(&seed, &plan, &line);
		lattice_vary(&seed, &plan, &policy);
		lattice_say(&seed, &now, LATTICE_APPS);
		if (!lattice_check(&plan, &policy, i % 2 ? &now : &line, &line))
			continue;
		accepted++;
		waited += i % 2;
		several += plan.pod.apps > 1;
		volumes += plan.pod.volumes > 0;
		manifests += line.manifest;
	}
	print_message("%u accepted, %u of several apps, %u with volumes, "
	    "%u manifests\n", accepted, several, volumes, manifests);
	/* Both outcomes were seen, of all sorts. */
	assert_in_range(accepted, 3000, 90000);
	assert_in_range(several, 500, accepted - 500);
	assert_in_range(volumes, 500, accepted - 500);
	assert_in_range(manifests, 100, accepted - 500);
	assert_in_range(waited, 500, accepted - 500);
}

static uint8_t bytes[1 << 18];

static void
decode(void **state)
{
	static struct ln_plan back;
	size_t n;

	(void)state;
	fresh();
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), 0);
	assert_string_equal(back.app[0].exec[0], "/hello");
	assert_int_equal(ln_plan_decode(bytes, n - 1, &back), -EBADMSG);
	bytes[n] = 0;
	assert_int_equal(ln_plan_decode(bytes, n + 1, &back), -EBADMSG);
	for (size_t cut = 0; cut < n; cut += 7)
		assert_int_equal(ln_plan_decode(bytes, cut, &back), -EBADMSG);
	plan.pod.apps = 0; /* a form; it is the proof that refuses it */
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), 0);
	plan.pod.apps = PS_MAX_APPS + 1;
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), -EBADMSG);
	plan.pod.apps = 2; /* says two, holds one */
	plan.app[1] = plan.app[0];
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), 0);
	n = n / 2;
	assert_int_equal(ln_plan_decode(bytes, n, &back), -EBADMSG);
}

/* Records in their order, numbered from 1, without descriptors. */
static void
decode_headers(void **state)
{
	static const size_t at[] = { 0, 4, 6, 8, 12 };
	static struct ln_plan back;
	size_t n;

	(void)state;
	fresh();
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	for (size_t i = 0; i < PS_COUNT(at); i++) {
		bytes[at[i]] ^= 1;
		assert_int_equal(ln_plan_decode(bytes, n, &back), -EBADMSG);
		bytes[at[i]] ^= 1;
	}
	assert_int_equal(ln_plan_decode(bytes, n, &back), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(sysctls),
		cmocka_unit_test(refused),
		cmocka_unit_test(policy_locks),
		cmocka_unit_test(asked),
		cmocka_unit_test(said_not_planned),
		cmocka_unit_test(lattice),
		cmocka_unit_test(decode),
		cmocka_unit_test(decode_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
