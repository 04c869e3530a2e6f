/* link: @cli @appc @privsep launcher/plan.c launcher/argv.c */
/*
 * Random manifests and command lines, under random policies, to plans.  Three
 * things hold of each: what the image says takes away and never adds; what was
 * said is not lost; and what the conductor plans the launcher can prove.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/filter.h"
#include "cli/plan.h"
#include "launcher/plan.h"
#include "privsep/fds.h"
#include "privsep/policy.h"

#define ROUNDS 4000
#define ALLOW 0x7fff0000u
#define UUID "01234567-89ab-4def-8123-456789abcdef"

static uint64_t seed = 7;
static int planned, null, err;

static unsigned
pick(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

/* A text that grows. */
static struct {
	char s[8192];
	size_t n;
} json;

static void
say(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(json.s + json.n, sizeof(json.s) - json.n, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(json.s) - json.n);
	json.n += (size_t)n;
}

static const char *const caps[] = { "CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN",
	"CAP_NET_ADMIN", "CAP_SETUID", "CAP_BPF" };
static const char *const calls[] = { "mkdir", "ptrace", "@systemd/clock",
	"@docker/default-whitelist", "reboot", "personality" };

static void
say_set(const char *const *from, unsigned n)
{
	say("{\"set\": [\"%s\"", from[pick(n)]);
	while (pick(2) == 0)
		say(", \"%s\"", from[pick(n)]);
	say("]}");
}

static void
say_isolator(const char *name)
{
	say("%s{\"name\": \"%s\", \"value\": ", json.s[json.n - 1] == '[' ? "" : ",",
	    name);
}

/* What of the kernel an image wants: what it may, also without a network of
 * its own, and what it may not. */
static const struct {
	const char *name;
	bool may, net;
} sysctls[] = { { "kernel.shm_rmid_forced", true, false },
	{ "net/ipv4/tcp_fin_timeout", true, true },
	{ "net.ipv4.ip_forward", false, true }, { "kernel.shmmax", false, false },
	{ "kernel.core_pattern", false, false } };
static unsigned sysctl;

/* The image's wishes; true if it has one that rkt does not know. */
static bool
say_manifest(void)
{
	bool unknown = pick(16) == 0;

	json.n = 0;
	say("{\"acKind\": \"ImageManifest\", \"acVersion\": \"0.8.11\", \"name\": "
	    "\"a.com/b\", \"app\": {\"exec\": [\"/b\"], \"user\": \"0\", \"group\": "
	    "\"0\", \"isolators\": [");
	if (unknown)
		say_isolator("a.com/x"), say("{\"x\": 1}}");
	if (pick(3) == 0)
		say_isolator("resource/memory"), say("{\"limit\": \"%uMi\"}}", pick(9) + 1);
	if (pick(3) == 0)
		say_isolator("resource/cpu"), say("{\"limit\": \"%um\"}}", pick(900) + 1);
	if (pick(3) == 0)
		say_isolator("resource/block-iops"),
		    say("{\"default\": true, \"limit\": %u}}", pick(900) + 1);
	sysctl = pick(2) ? 2 + pick(30) : pick(2);
	if (sysctl < PS_COUNT(sysctls))
		say_isolator("os/unix/sysctl"),
		    say("{\"%s\": \"1\"}}", sysctls[sysctl].name);
	if (pick(3) == 0)
		say_isolator("os/linux/oom-score-adj"), say("%d}", (int)pick(2001) - 1000);
	if (pick(3) == 0)
		say_isolator("os/linux/no-new-privileges"), say("%s}", pick(2) ? "true" : "false");
	if (pick(2) == 0) {
		say_isolator(pick(2) ? "os/linux/capabilities-retain-set" :
				       "os/linux/capabilities-remove-set");
		say_set(caps, PS_COUNT(caps));
		say("}");
	}
	if (pick(2) == 0) {
		say_isolator(pick(2) ? "os/linux/seccomp-retain-set" :
				       "os/linux/seccomp-remove-set");
		say_set(calls, PS_COUNT(calls));
		say("}");
	}
	say("], \"mountPoints\": [{\"name\": \"v%u\", \"path\": \"/v\", "
	    "\"readOnly\": %s}]}}", pick(3), pick(2) ? "true" : "false");
	return unknown;
}

/* A command line of one app or two. */
static char *
word(const char *text)
{
	return cli_copy(text);
}

static int
say_line(char **argv)
{
	static const char *const pods[] = { "--insecure-options=paths",
		"--insecure-options=capabilities,seccomp", "--net=host",
		"--volume=v1,kind=host,source=/srv,readOnly=true",
		"--volume=v2,kind=tmpfs", "--volume=v3,kind=host,source=/srv//a/",
		"--hostname=h", "--interactive", "--ipc=private" };
	static const char *const apps[] = { "--memory=3Mi", "--cpu=2",
		"--cpu-shares=9", "--oom-score-adj=-7", "--readonly-rootfs",
		"--caps-retain=CAP_KILL,CAP_SYS_ADMIN", "--caps-remove=CAP_CHOWN",
		"--seccomp=mode=remove,mkdir", "--seccomp=mode=retain,read,exit_group",
		"--user=5", "--group=6", "--mount=volume=v2,target=/t" };
	static const char *const arguments[] = { "--caps-retain=CAP_SYS_ADMIN",
		"--memory=1", "x", "" };
	unsigned images = 1 + pick(2);
	int n = 0;

	argv[n++] = word("rkt");
	argv[n++] = word("run");
	for (size_t i = 0; i < PS_COUNT(pods); i++)
		if (pick(4) == 0 && (i != 7 || images == 1))
			argv[n++] = word(pods[i]);
	for (unsigned k = 0; k < images; k++) {
		argv[n++] = word("a.com/b");
		if (k > 0)
			argv[n++] = word("--name=second");
		for (size_t i = 0; i < PS_COUNT(apps); i++)
			if (pick(5) == 0)
				argv[n++] = word(apps[i]);
		if (pick(2) == 0)
			continue;
		argv[n++] = word("--");
		while (pick(2) == 0)
			argv[n++] = word(arguments[pick(PS_COUNT(arguments))]);
		argv[n++] = word("---");
	}
	argv[n] = NULL;
	return n;
}

/* What a filter answers to a call of this machine. */
static uint32_t
ask(const uint8_t *code, size_t size, uint32_t call)
{
	const struct sock_filter *f = (const struct sock_filter *)(const void *)code;
	uint32_t acc = 0;

	for (size_t pc = 0; pc < size / sizeof(*f); pc++) {
		bool yes = false;

		switch (f[pc].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			acc = f[pc].k == 0 ? call : 0xc000003e;
			continue;
		case BPF_RET | BPF_K:
			return f[pc].k;
		case BPF_JMP | BPF_JA:
			pc += f[pc].k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = acc == f[pc].k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = acc > f[pc].k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = acc >= f[pc].k;
			break;
		default:
			fail_msg("an instruction that is not known here");
		}
		pc += yes ? f[pc].jt : f[pc].jf;
	}
	return ALLOW; /* no filter at all */
}

static uint64_t
said_caps(const char *list)
{
	uint64_t all = 0;

	assert_true(list == NULL || ps_parse_caps(list, &all));
	return all;
}

/* Of one app: image, command line, policy, and what came of them. */
static void
check_app(const struct cli_run_app *f, const struct ac_app *image,
    const struct cli_limits *l, const struct ps_msg_PLAN_APP *a)
{
	const struct ac_isolators *is = &image->isolators;
	bool all = (l->insecure & PS_INSECURE_CAPABILITIES) != 0;
	uint64_t most = all ? UINT64_MAX :
	    f->caps_retain  ? said_caps(f->caps_retain) :
			      l->caps_image;

	assert_int_equal(a->caps & ~most, 0);
	assert_int_equal(a->caps & ~(all ? UINT64_MAX :
				l->caps_image | l->caps_operator), 0);
	if (!all && f->caps_remove)
		assert_int_equal(a->caps & said_caps(f->caps_remove), 0);
	if (!all && !f->caps_retain && !f->caps_remove) {
		if (is->caps_set == AC_SET_REMOVE)
			assert_int_equal(a->caps & is->caps, 0);
		if (is->caps_set == AC_SET_RETAIN)
			assert_int_equal(a->caps & ~is->caps, 0);
		else
			assert_int_equal(a->caps & ~PS_CAPS_DEFAULT, 0);
	}
	assert_int_equal(a->seccomp,
	    (l->insecure & PS_INSECURE_SECCOMP) ? PS_SECCOMP_NONE :
		f->seccomp && l->seccomp_wide	? PS_SECCOMP_WIDE :
						  PS_SECCOMP_DEFAULT);
	assert_int_equal(a->memory, f->memory ? 3 << 20 : is->memory_limit);
	assert_int_equal(a->cpu_milli, f->cpu ? 2000 : is->cpu_limit);
	assert_int_equal(a->block_iops, is->iops_limit);
	assert_true(a->oom_score_adj >= 0 || (f->has_oom && a->oom_score_adj == -7));
	if (!f->has_oom) {
		bool offers = is->has_oom && is->oom_score_adj >= 0;

		assert_int_equal(a->has_oom, offers);
		assert_int_equal(a->oom_score_adj,
		    offers ? is->oom_score_adj : 0);
	}
	assert_int_equal(a->no_new_privs, is->no_new_privs);
	assert_int_equal(a->paths, (l->insecure & PS_INSECURE_PATHS) == 0);
	assert_int_equal(a->readonly_rootfs, f->readonly_rootfs);
}

/* A removed call is removed, and a flag leaves nothing of the image's. */
static void
check_filter(const struct cli_run_app *f, const struct ac_isolators *is,
    const struct ps_msg_PLAN_APP *a)
{
	const uint32_t mkdir = 83, read = 0, ptrace = 101;
	bool removes = false;

	if (a->seccomp == PS_SECCOMP_NONE) {
		assert_int_equal(a->n_filter, 0);
		return;
	}
	for (size_t i = 0; i < is->seccomp.n; i++)
		removes |= strcmp(is->seccomp.v[i], "mkdir") == 0;
	if (f->seccomp) {
		assert_int_not_equal(ask(a->filter, a->n_filter, mkdir),
		    ALLOW);
		assert_int_equal(ask(a->filter, a->n_filter, read),
		    ALLOW);
	} else if (is->seccomp_set == AC_SET_REMOVE && removes) {
		assert_int_not_equal(ask(a->filter, a->n_filter, mkdir),
		    ALLOW);
	} else if (is->seccomp_set == AC_SET_RETAIN && !removes &&
	    is->seccomp.n == 1 && strcmp(is->seccomp.v[0], "reboot") == 0) {
		assert_int_not_equal(ask(a->filter, a->n_filter, ptrace),
		    ALLOW);
	}
}

static void
check_mounts(const struct cli_plan *p, const struct cli_run_app *f,
    const struct ac_app *image, const struct ps_msg_PLAN_APP *a)
{
	const struct ac_mount_point *point = &image->mount_points[0];

	assert_int_equal(a->n_mount_volume, 1 + f->mounts.n);
	for (uint16_t i = 0; i < a->n_mount_volume; i++) {
		const char *v = a->mount_volume[i];
		bool wish = point->read_only &&
		    (strcmp(a->mount_target[i], point->path) == 0 ||
			strcmp(v, point->name) == 0);

		/* v1 says that it is read-only; v3 nothing of that, and no
		 * mount point is called like it. */
		assert_string_not_equal(v, "v3");
		assert_int_equal(a->mount_flags[i],
		    wish || strcmp(v, "v1") == 0 ? PS_MOUNT_READONLY : 0);
	}
	for (uint16_t i = 0; i < p->volumes.n; i++)
		if (p->volumes.v[i].plan.kind == PS_VOLUME_HOST)
			assert_true(strncmp(p->volumes.v[i].plan.source, "/srv",
					4) == 0);
}

/* Only what an image may say; and that is not lost. */
static void
check_sysctls(const struct ps_msg_PLAN_POD *pod)
{
	if (sysctl >= PS_COUNT(sysctls)) {
		assert_int_equal(pod->n_sysctls, 0);
		return;
	}
	assert_true(sysctls[sysctl].may);
	assert_false(sysctls[sysctl].net && pod->net == PS_NET_HOST);
	assert_int_equal(pod->n_sysctls, 1);
	assert_string_equal(pod->sysctls[0], sysctls[sysctl].net ?
		"net.ipv4.tcp_fin_timeout=1" : "kernel.shm_rmid_forced=1");
}

/* The launcher proves what the conductor made. */
static void
check_proof(const struct cli_plan *p, const struct ps_policy *policy, int argc,
    char **argv)
{
	static uint8_t bytes[PS_MAX_PLAN];
	static struct ln_plan plan;
	const struct ln_argv words = { argc, argv };
	_cleanup_fd_ int fd = cli_plan_seal(p);
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	char error[256] = "";

	assert_true(n > 0);
	assert_int_equal(ln_plan_decode(bytes, (size_t)n, &plan), 0);
	if (ln_plan_prove(&plan, words, words, policy, error) != 0)
		fail_msg("not proved: %s", error);
}

static void
play(void)
{
	static struct ps_policy policy;
	static struct cli_plan p;
	struct cli_run_pod pod = { 0 };
	struct cli_globals g = { 0 };
	char *argv[80], error[AC_ERROR];
	struct ac_image *image = NULL;
	bool unknown = say_manifest(), wrong = false;
	int argc = say_line(argv);

	ps_policy_default(&policy);
	policy.insecure = PS_INSECURE_ALL;
	policy.seccomp_wide = pick(2);
	policy.net_host = true;
	policy.caps_image = pick(2) ? PS_CAPS_DEFAULT : test_random(&seed);
	policy.caps_operator = pick(4) ? UINT64_MAX : test_random(&seed);
	assert_int_equal(ac_image_parse(json.s, json.n, &image, error), 0);
	assert_null(cli_run_parse(&pod, cli_run_pod_flags, &g, argv + 2));
	p = (struct cli_plan){ .said = &pod, .limits = {
		.caps_image = policy.caps_image, .insecure = g.insecure,
		.caps_operator = policy.caps_operator,
		.seccomp_wide = policy.seccomp_wide },
		.pod = { .version = PS_PLAN_VERSION, .uuid = UUID,
		    .insecure = g.insecure, .flavor = PS_FLAVOR_NSPAWN,
		    .net = pod.place.net.n > 0 ? PS_NET_HOST : PS_NET_NONE,
		    .interactive = pod.place.interactive,
		    .apps = (uint16_t)pod.n_apps },
		.apps = cli_alloc(pod.n_apps * sizeof(*p.apps)) };
	assert_null(cli_plan_flags(&p));
	for (size_t i = 0; i < pod.n_apps && !wrong; i++) {
		const struct cli_run_app *f = &pod.apps[i];

		(void)dup2(null, 2); /* what is ignored is said, often */
		wrong = cli_plan_app(&p, f, image, &p.apps[i]) != NULL;
		(void)dup2(err, 2);
		if (wrong)
			continue;
		assert_false(unknown);
		check_app(f, &image->app, &p.limits, &p.apps[i].app);
		check_filter(f, &image->app.isolators, &p.apps[i].app);
		check_mounts(&p, f, &image->app, &p.apps[i].app);
		check_sysctls(&p.pod);
	}
	p.pod.volumes = p.volumes.n;
	if (!wrong && cli_plan_check(&p) == NULL) {
		check_proof(&p, &policy, argc, argv);
		planned++;
	}
	ac_image_free(image);
}

static void
narrow(void **state)
{
	(void)state;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	err = dup(2);
	for (int i = 0; i < ROUNDS; i++) {
		void *mark = cli_mark();

		play();
		cli_release(mark);
	}
	(void)close(null);
	(void)close(err);
	/* Both ends of the test were met. */
	assert_true(planned > ROUNDS / 3 && planned < ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(narrow) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
