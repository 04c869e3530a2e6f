/* link: @launcher @privsep */
/* The proof of plans of several apps: each app by the words of its own image,
 * a pod manifest by site policy, a prepared pod by two command lines. */
#include "tests/unit/launcher/world.h"

static struct ln_plan plan;
static struct ps_policy policy;
static char error[256];

static void
fresh(unsigned apps)
{
	static const char *const names[] = { "hello", "second", "third" };

	ps_policy_default(&policy);
	world_plan(&plan, IMAGE_GOOD);
	for (unsigned i = 1; i < apps; i++)
		world_add_app(&plan, names[i], IMAGE_OTHER);
}

static uint32_t
prove_made(const char *line, const char *made)
{
	error[0] = '\0';
	return ln_plan_prove(&plan, world_line(line), world_line(made), &policy,
	    error);
}

static uint32_t
prove(const char *line)
{
	return prove_made(line, line);
}

#define SYS_ADMIN (1ull << 21)
#define KILL (1ull << 5)

static void memory(struct ps_msg_PLAN_APP *a) { a->memory = 1 << 20; }
static void cpu(struct ps_msg_PLAN_APP *a) { a->cpu_milli = 10; }
static void readonly(struct ps_msg_PLAN_APP *a) { a->readonly_rootfs = 1; }
static void user(struct ps_msg_PLAN_APP *a) { a->user = "5"; }
static void group(struct ps_msg_PLAN_APP *a) { a->group = "5"; }
static void only_kill(struct ps_msg_PLAN_APP *a) { a->caps = KILL; }
static void no_chown(struct ps_msg_PLAN_APP *a) { a->caps &= ~1ull; }
static void admin(struct ps_msg_PLAN_APP *a) { a->caps = SYS_ADMIN; }
static void wide(struct ps_msg_PLAN_APP *a) { a->seccomp = PS_SECCOMP_WIDE; }
static void spared(struct ps_msg_PLAN_APP *a) { a->oom_score_adj = -5; }

/* A flag behind an image confines that app, and no other; no other app's
 * stands for it. */
static void
confines_its_own(void **state)
{
	static const struct {
		const char *flag;
		void (*obey)(struct ps_msg_PLAN_APP *a);
	} rows[] = { { "--memory=1M", memory }, { "--memory 1M", memory },
		{ "--cpu=10m", cpu }, { "--readonly-rootfs", readonly },
		{ "--user=5", user }, { "--user 5", user }, { "--group=5", group },
		{ "--caps-retain=CAP_KILL", only_kill },
		{ "--cap-retain=CAP_KILL", only_kill },
		{ "--caps-remove=CAP_CHOWN", no_chown },
		{ "--cap-remove CAP_CHOWN", no_chown } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		for (unsigned which = 0; which < 3; which++) {
			char line[200];

			(void)snprintf(line, sizeof(line), "rkt run a %s b %s c %s",
			    which == 0 ? rows[i].flag : "--name=x",
			    which == 1 ? rows[i].flag : "--name=y",
			    which == 2 ? rows[i].flag : "--name=z");
			fresh(3);
			rows[i].obey(&plan.app[which]);
			if (prove(line) != 0)
				fail_msg("%s: %s", line, error);
			fresh(3);
			rows[i].obey(&plan.app[(which + 1) % 3]);
			rows[i].obey(&plan.app[(which + 2) % 3]);
			if (prove(line) != PS_REFUSED_PLAN)
				fail_msg("%s was lost (%s)", line, error);
		}
}

/* What the operator gives to one app, another may not have. */
static void
widens_its_own(void **state)
{
	static const struct {
		const char *flag;
		void (*use)(struct ps_msg_PLAN_APP *a);
	} rows[] = { { "--caps-retain=CAP_SYS_ADMIN", admin },
		{ "--cap-retain CAP_SYS_ADMIN", admin },
		{ "--seccomp=mode=retain,@rkt/x", wide }, { "--seccomp x", wide },
		{ "--oom-score-adj=-5", spared } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char line[200];

		(void)snprintf(line, sizeof(line), "rkt run a b %s -- x --- c",
		    rows[i].flag);
		fresh(3);
		rows[i].use(&plan.app[1]);
		if (prove(line) != 0)
			fail_msg("%s: %s", line, error);
		for (unsigned other = 0; other < 3; other += 2) {
			fresh(3);
			rows[i].use(&plan.app[1]);
			rows[i].use(&plan.app[other]);
			if (prove(line) == 0)
				fail_msg("%s widened app %u", line, other);
		}
		/* An app's own argument is not the operator's word. */
		(void)snprintf(line, sizeof(line), "rkt run a b -- %s --- c",
		    rows[i].flag);
		fresh(3);
		rows[i].use(&plan.app[1]);
		if (prove(line) == 0)
			fail_msg("%s widened", line);
	}
}

/* As many apps as images, each with a name of its own. */
static void
numbers_and_names(void **state)
{
	static const struct {
		const char *line;
		unsigned apps;
	} rows[] = { { "rkt run a", 1 }, { "rkt run a b", 2 },
		{ "rkt prepare a -- b --- c", 2 }, { "rkt run a --name b c", 2 },
		{ "rkt run a b c", 3 }, { "rkt run --net host a", 2 },
		{ "rkt run", 0 }, { "rkt run-prepared", 0 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		for (unsigned n = 1; n <= 3; n++) {
			uint32_t code;

			fresh(n);
			code = prove(rows[i].line);
			if (code != (n == rows[i].apps ? 0 : PS_REFUSED_PLAN))
				fail_msg("%s with %u apps: %u %s", rows[i].line, n,
				    code, error);
		}
	fresh(3);
	plan.app[2].name = "hello";
	assert_int_equal(prove("rkt run a b c"), PS_REFUSED_PLAN);
	plan.app[2].name = "second";
	assert_int_equal(prove("rkt run a b c"), PS_REFUSED_PLAN);
	plan.app[2].name = "third";
	assert_int_equal(prove("rkt run a b c"), 0);
	plan.pod.interactive = 1; /* which of them would have it? */
	assert_int_equal(prove("rkt run --interactive a b c"), PS_REFUSED_PLAN);
	assert_int_equal(prove("rkt run a b c --stdin=interactive"),
	    PS_REFUSED_PLAN);
}

/* A pod manifest is read by the conductor alone: it may ask what an operator
 * may, and what is the pod's still stands in argv. */
static void
pod_manifest(void **state)
{
	static const char line[] = "rkt run --pod-manifest=/m";

	(void)state;
	fresh(3);
	assert_int_equal(prove(line), 0);
	assert_int_equal(prove("rkt run --pod-manifest /m"), 0);
	plan.app[1].caps = SYS_ADMIN;
	plan.app[1].seccomp = PS_SECCOMP_WIDE;
	assert_int_equal(prove(line), 0);
	policy.caps_operator &= ~SYS_ADMIN;
	assert_int_equal(prove(line), PS_REFUSED_POLICY);
	fresh(2);
	policy.caps_image = 0;
	policy.caps_operator = KILL;
	plan.app[0].caps = plan.app[1].caps = KILL;
	assert_int_equal(prove(line), 0);
	plan.app[1].caps |= 1;
	assert_int_equal(prove(line), PS_REFUSED_POLICY);
	fresh(1);
	plan.app[0].seccomp = PS_SECCOMP_WIDE;
	policy.seccomp_wide = false;
	assert_int_equal(prove(line), PS_REFUSED_POLICY);
	fresh(1);
	plan.app[0].seccomp = PS_SECCOMP_NONE;
	assert_int_equal(prove(line), PS_REFUSED_POLICY);
	fresh(1);
	plan.app[0].paths = 0;
	assert_int_equal(prove(line), PS_REFUSED_POLICY);
	fresh(1);
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(prove(line), PS_REFUSED_PLAN);
	fresh(2); /* --net is "default" here, and "host" an image */
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(prove("rkt run --net host a"), PS_REFUSED_PLAN);
	fresh(1);
	plan.pod.insecure = PS_INSECURE_IMAGE;
	assert_int_equal(prove(line), PS_REFUSED_PLAN);
	fresh(2);
	plan.app[1].name = "hello";
	assert_int_equal(prove(line), PS_REFUSED_PLAN);
}

/* None was named: words of an app, or half a word. */
static void
no_pod_manifest(void **state)
{
	static const char *const lines[] = { "rkt run a -- --pod-manifest=/m",
		"rkt run a --pod-manifests=/m", "rkt run a pod-manifest",
		"rkt run a --exec=--pod-manifest" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(lines); i++) {
		fresh(3);
		if (prove(lines[i]) != PS_REFUSED_PLAN)
			fail_msg("%s is no pod manifest", lines[i]);
		fresh(1);
		plan.app[0].caps = SYS_ADMIN;
		if (prove(lines[i]) == 0)
			fail_msg("%s widens", lines[i]);
	}
}

/* The pod is proved by this command, its apps by the one that made them. */
static void
prepared(void **state)
{
	static const char run[] = "rkt run-prepared 0123";
	static const struct {
		const char *line, *made;
		uint32_t code;
	} rows[] = {
		{ run, "rkt prepare a", 0 },
		{ run, "rkt prepare a b", PS_REFUSED_PLAN },
		{ run, "rkt prepare", PS_REFUSED_PLAN },
		{ run, "rkt prepare a --memory=1M", PS_REFUSED_PLAN },
		{ "rkt run-prepared 0123 --memory=1M", "rkt prepare a", 0 },
		{ run, "rkt prepare --pod-manifest=/m", 0 },
		{ "rkt run-prepared --pod-manifest=/m", "rkt prepare a b",
		    PS_REFUSED_PLAN },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(1);
		if (prove_made(rows[i].line, rows[i].made) != rows[i].code)
			fail_msg("row %zu: %s", i, error);
	}
	fresh(1);
	plan.pod.net = PS_NET_HOST;
	assert_int_equal(prove_made("rkt run-prepared --net=host 0123",
	    "rkt prepare a"), 0);
	assert_int_equal(prove_made(run, "rkt prepare --net=host a"),
	    PS_REFUSED_PLAN);
	fresh(1);
	plan.pod.insecure = PS_INSECURE_SECCOMP;
	plan.app[0].seccomp = PS_SECCOMP_NONE;
	assert_int_equal(prove_made("rkt run-prepared --insecure-options=seccomp 0",
	    "rkt prepare a"), 0);
	assert_int_equal(prove_made(run, "rkt --insecure-options=seccomp prepare a"),
	    PS_REFUSED_PLAN);
	fresh(1);
	plan.pod.interactive = plan.pod.debug = 1;
	assert_int_equal(prove_made("rkt run-prepared --interactive --debug 0",
	    "rkt prepare a"), 0);
	assert_int_equal(prove_made(run, "rkt prepare --interactive --debug a"),
	    PS_REFUSED_PLAN);
	plan.pod.debug = 0; /* an app's flag, which was said when it was made */
	assert_int_equal(prove_made(run, "rkt prepare a --stdin=interactive"), 0);
	assert_int_equal(prove_made(run, "rkt prepare a --stdin=tty"),
	    PS_REFUSED_PLAN);
	assert_int_equal(prove_made("rkt run-prepared --stdin=interactive 0123",
	    "rkt prepare a"), PS_REFUSED_PLAN);
	fresh(1);
	plan.app[0].caps = SYS_ADMIN;
	assert_int_equal(prove_made(run, "rkt prepare a --caps-retain=CAP_SYS_ADMIN"),
	    0);
	assert_int_equal(prove_made("rkt run-prepared a --caps-retain=CAP_SYS_ADMIN",
	    "rkt prepare a"), PS_REFUSED_POLICY);
	/* Site policy is today's. */
	policy.caps_operator = 0;
	assert_int_equal(prove_made(run, "rkt prepare a --caps-retain=CAP_SYS_ADMIN"),
	    PS_REFUSED_POLICY);
}

static void
pod_limits(void **state)
{
	static const struct {
		uint64_t memory, cpu, shares, pids;
		bool good;
	} rows[] = { { 4096, 0, 0, 0, true }, { 4095, 0, 0, 0, false },
		{ 1ull << 50, 0, 0, 0, true }, { (1ull << 50) + 1, 0, 0, 0, false },
		{ 0, 1000000, 0, 0, true }, { 0, 1000001, 0, 0, false },
		{ 0, 0, 2, 0, true }, { 0, 0, 1, 0, false },
		{ 0, 0, 262144, 0, true }, { 0, 0, 262145, 0, false },
		{ 0, 0, 0, 4194304, true }, { 0, 0, 0, 4194305, false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(1);
		plan.pod.memory = rows[i].memory;
		plan.pod.cpu_milli = rows[i].cpu;
		plan.pod.cpu_shares = (uint32_t)rows[i].shares;
		plan.pod.pids = rows[i].pids;
		if (prove("rkt run a") != (rows[i].good ? 0 : PS_REFUSED_PLAN))
			fail_msg("pod, row %zu: %s", i, error);
		fresh(2);
		plan.app[1].memory = rows[i].memory;
		plan.app[1].cpu_milli = rows[i].cpu;
		plan.app[1].cpu_shares = (uint32_t)rows[i].shares;
		plan.app[1].pids = rows[i].pids;
		if (prove("rkt run a b") != (rows[i].good ? 0 : PS_REFUSED_PLAN))
			fail_msg("app, row %zu: %s", i, error);
	}
}

static void
switches(void **state)
{
	(void)state;
	fresh(2);
	plan.app[1].notify = plan.app[1].has_oom = 1;
	plan.app[1].layers = (const uint8_t[2 * PS_DIGEST]){ 1 };
	plan.app[1].n_layers = 2 * PS_DIGEST;
	assert_int_equal(prove("rkt run a b"), 0);
	plan.app[1].n_layers--;
	assert_int_equal(prove("rkt run a b"), PS_REFUSED_PLAN);
	plan.app[1].n_layers = 0;
	plan.app[1].notify = 2;
	assert_int_equal(prove("rkt run a b"), PS_REFUSED_PLAN);
	plan.app[1].notify = 0;
	plan.app[1].has_oom = 2;
	assert_int_equal(prove("rkt run a b"), PS_REFUSED_PLAN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confines_its_own),
		cmocka_unit_test(widens_its_own),
		cmocka_unit_test(numbers_and_names),
		cmocka_unit_test(pod_manifest),
		cmocka_unit_test(no_pod_manifest),
		cmocka_unit_test(prepared),
		cmocka_unit_test(pod_limits),
		cmocka_unit_test(switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
