/*
 * Capabilities, system calls and limits of an app, conductor, user rkt.  The
 * image's isolators narrow what images get; the operator's flags replace them,
 * up to what site policy lets operators have.
 */
#include <string.h>

#include "cli/filter.h"
#include "cli/plan.h"
#include "privsep/log.h"
#include "privsep/policy.h"
#include "privsep/sysctl.h"

static uint64_t
all_caps(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; ps_cap_name(i); i++)
		all |= UINT64_C(1) << i;
	return all;
}

static const char *
first_cap(uint64_t caps)
{
	for (unsigned i = 0; ps_cap_name(i); i++)
		if ((caps & UINT64_C(1) << i) != 0)
			return ps_cap_name(i);
	return "of an unknown number";
}

/* What an operator retains, by a flag or in a pod manifest (from). */
static const char *
operator_retains(uint64_t caps, const char *from,
    const struct cli_limits *limits, uint64_t *ret)
{
	uint64_t excess = caps & ~(limits->caps_operator | limits->caps_image);

	if (excess != 0)
		return cli_format("site policy does not allow %s %s "
				  "(capabilities-operator)", from, first_cap(excess));
	*ret = caps;
	return NULL;
}

static const char *
operator_caps(const struct cli_run_app *f, const struct cli_limits *limits,
    uint64_t *ret)
{
	const char *flag = f->caps_retain ? "--caps-retain" : "--caps-remove";
	const char *text = f->caps_retain ? f->caps_retain : f->caps_remove;
	uint64_t caps;

	if (f->caps_retain && f->caps_remove)
		return "--caps-retain and --caps-remove exclude each other";
	if (!ps_parse_caps(text, &caps))
		return cli_format("%s: unknown capability in \"%s\"", flag, text);
	if (f->caps_retain)
		return operator_retains(caps, flag, limits, ret);
	*ret = PS_CAPS_DEFAULT & ~caps & limits->caps_image;
	return NULL;
}

/* The app section is an operator's, of a pod manifest. */
static bool
is_operators(const struct cli_run_app *f)
{
	return f->said && f->said->has_app;
}

const char *
cli_plan_caps(const struct cli_run_app *f, const struct ac_isolators *is,
    const struct cli_limits *limits, uint64_t *ret)
{
	uint64_t caps = PS_CAPS_DEFAULT;

	if ((limits->insecure & PS_INSECURE_CAPABILITIES) != 0) {
		*ret = all_caps();
		return NULL;
	}
	if (f->caps_retain || f->caps_remove)
		return operator_caps(f, limits, ret);
	if (is->caps_set == AC_SET_RETAIN && is_operators(f))
		return operator_retains(is->caps, "the pod manifest", limits, ret);
	if (is->caps_set == AC_SET_RETAIN)
		caps = is->caps;
	else if (is->caps_set == AC_SET_REMOVE)
		caps &= ~is->caps;
	if ((caps & ~limits->caps_image) != 0)
		ps_log("the image asks for %s, which site policy does not give "
		       "to images (try --caps-retain)",
		    first_cap(caps & ~limits->caps_image));
	*ret = caps & limits->caps_image;
	return NULL;
}

static const char *
plan_seccomp(const struct cli_run_app *f, const struct ac_isolators *is,
    const struct cli_limits *limits, struct ps_msg_PLAN_APP *ret)
{
	struct cli_filter filter = { 0 };
	struct cli_list calls = { 0 };
	const char *wrong, *error = is->seccomp_errno;
	enum ac_set mode = is->seccomp_set;
	bool own = f->seccomp ||
	    (is_operators(f) && is->seccomp_set != AC_SET_NONE);
	bool wide = own && limits->seccomp_wide;

	ret->seccomp = wide ? PS_SECCOMP_WIDE : PS_SECCOMP_DEFAULT;
	if ((limits->insecure & PS_INSECURE_SECCOMP) != 0) {
		ret->seccomp = PS_SECCOMP_NONE;
		return NULL;
	}
	if (f->seccomp) {
		wrong = cli_parse_seccomp(f->seccomp, &mode, &error, &calls);
		if (wrong)
			return cli_format("--seccomp: %s", wrong);
	}
	if (own && !wide)
		ps_debug("site policy does not let operators widen the default "
			 "filter (seccomp-operator)");
	wrong = f->seccomp ?
	    cli_filter_build(mode, calls.v, calls.n, error, wide, &filter) :
	    cli_filter_build(mode, is->seccomp.v, is->seccomp.n, error, wide,
		&filter);
	if (wrong)
		return cli_format("seccomp: %s", wrong);
	ret->filter = filter.code;
	ret->n_filter = (uint32_t)filter.size;
	return NULL;
}

/* The operator's quantity, or the image's limit. */
static const char *
pick(const char *flag, const char *text, uint64_t scale, uint64_t own,
    uint64_t *ret)
{
	int r = text ? ac_quantity(text, scale, ret) : 0;

	if (text == NULL)
		*ret = own;
	else if (r < 0 || *ret == 0)
		return cli_format("--%s: \"%s\" is not a quantity such as %s",
		    flag, text, scale == 1 ? "512Mi" : "500m");
	return NULL;
}

static const char *
check_block(uint64_t bandwidth, uint64_t iops)
{
	return bandwidth > UINT64_C(1) << 50 || iops > UINT32_MAX ?
	    "a limit of block I/O is beyond 1Pi, or 4294967295 operations" :
	    NULL;
}

static const char *
check_limits(uint64_t memory, uint64_t cpu_milli)
{
	if (memory != 0 && (memory < 4096 || memory > UINT64_C(1) << 50))
		return "the memory limit is below 4096 bytes, or beyond 1Pi";
	if (cpu_milli > 1000000)
		return "the CPU limit is beyond 1000 CPUs";
	return NULL;
}

static const char *
plan_limits(const struct cli_run_app *f, const struct ac_isolators *is,
    struct ps_msg_PLAN_APP *ret)
{
	const char *wrong = pick("memory", f->memory, 1, is->memory_limit,
	    &ret->memory);

	if (wrong == NULL)
		wrong = pick("cpu", f->cpu, 1000, is->cpu_limit, &ret->cpu_milli);
	if (wrong == NULL)
		wrong = check_limits(ret->memory, ret->cpu_milli);
	if (wrong == NULL)
		wrong = check_block(is->bandwidth_limit, is->iops_limit);
	if (wrong)
		return wrong;
	ret->block_bandwidth = is->bandwidth_limit;
	ret->block_iops = is->iops_limit;
	ret->cpu_shares = f->cpu_shares ? (uint32_t)f->cpu_shares :
					  is->cpu_shares;
	ret->has_oom = f->has_oom || is->has_oom;
	ret->oom_score_adj = f->has_oom ? f->oom_score_adj : is->oom_score_adj;
	/* An image may offer itself to the killer, not hide from it. */
	if (!f->has_oom && ret->oom_score_adj < 0) {
		if (is_operators(f))
			return "has an os/linux/oom-score-adj below 0, which only "
			       "--oom-score-adj may say";
		ps_log("the image's os/linux/oom-score-adj below 0 is ignored "
		       "(try --oom-score-adj)");
		ret->has_oom = 0;
		ret->oom_score_adj = 0;
	}
	return NULL;
}

static const char *
why_not(const char *name)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ "resource/network-bandwidth",
		    "a pod has no network whose traffic could be limited" },
		{ "os/linux/selinux-context",
		    "pods run without labels of SELinux" },
		{ "os/linux/apparmor-profile",
		    "pods run without profiles of AppArmor" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].why;
	return "rkt knows none of that name";
}

/* What would leave the app less confined than it asked is refused.  The
 * specification asks to make known what is not enforced: that is requests. */
static const char *
check_unsupported(const struct ac_isolators *is, bool by_operator)
{
	const struct {
		uint64_t request;
		const char *name;
	} rows[] = { { is->memory_request, "resource/memory" },
		{ is->cpu_request, "resource/cpu" },
		{ is->bandwidth_request, "resource/block-bandwidth" },
		{ is->iops_request, "resource/block-iops" } };
	const char *ignored = NULL;

	if (is->unsupported.n > 0)
		return cli_format("isolator \"%s\" is not supported: %s%s",
		    is->unsupported.v[0], why_not(is->unsupported.v[0]),
		    by_operator ? "" : " (a pod manifest can give the app "
				       "without it: --pod-manifest)");
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].request != 0)
			ignored = ignored ?
			    cli_format("%s and %s", ignored, rows[i].name) :
			    rows[i].name;
	if (ignored)
		ps_log("note: the request of %s is ignored, limits are applied",
		    ignored);
	return NULL;
}

static const char *
sayer(const char *app)
{
	return app ? cli_format("app \"%s\"", app) : "the pod";
}

static const char *
add_sysctl(struct cli_plan *p, const char *text, size_t name, const char *app)
{
	struct ps_msg_PLAN_POD *pod = &p->pod;

	for (uint16_t i = 0; i < pod->n_sysctls; i++)
		if (strncmp(pod->sysctls[i], text, name + 1) == 0)
			return strcmp(pod->sysctls[i], text) == 0 ? NULL :
			    cli_format("%s wants the sysctl %s and %s %s: they "
				       "share the pod's namespaces",
				sayer(p->sysctl_of[i]), pod->sysctls[i],
				sayer(app), text + name + 1);
	if (pod->n_sysctls == PS_COUNT(p->sysctl_of))
		return cli_format("more than %zu sysctls in a pod",
		    PS_COUNT(p->sysctl_of));
	p->sysctl_of[pod->n_sysctls] = app;
	pod->sysctls[pod->n_sysctls++] = text;
	return NULL;
}

const char *
cli_plan_sysctls(struct cli_plan *p, const struct ac_isolators *is,
    const char *app, bool by_operator)
{
	const char *wrong = NULL;

	for (size_t i = 0; wrong == NULL && i < is->sysctls.n; i++) {
		const char *name = is->sysctls.v[i].name;
		const char *text = cli_format("%s=%s", name,
		    is->sysctls.v[i].value);
		enum ps_sysctl who = ps_sysctl(text);

		if (who == PS_SYSCTL_NO)
			wrong = cli_format("isolator \"os/unix/sysctl\": %s is not "
			    "of a namespace that a pod has of its own", name);
		else if (who == PS_SYSCTL_OPERATOR && !by_operator)
			wrong = cli_format("isolator \"os/unix/sysctl\": %s is not "
			    "for an image to set, but for the isolators of a pod "
			    "manifest (--pod-manifest)", name);
		else if (p->pod.net == PS_NET_HOST && strncmp(text, "net.", 4) == 0)
			wrong = cli_format("isolator \"os/unix/sysctl\": with "
			    "--net=host %s would be the host's", name);
		else if (p->pod.mutable)
			wrong = "isolator \"os/unix/sysctl\": the pod of an app "
				"that comes later runs already";
		else
			wrong = add_sysctl(p, text, strlen(name), app);
	}
	return wrong;
}

/* The specification wants to hear which isolators hold.  What is modified or
 * ignored was said where that was decided. */
static void
report(const struct ac_isolators *is, const struct ps_msg_PLAN_APP *p)
{
	const struct {
		bool there;
		const char *name;
	} rows[] = { { p->memory != 0, "resource/memory" },
		{ p->cpu_milli != 0, "resource/cpu" },
		{ p->block_bandwidth != 0, "resource/block-bandwidth" },
		{ p->block_iops != 0, "resource/block-iops" },
		{ is->sysctls.n > 0, "os/unix/sysctl" },
		{ p->cpu_shares != 0, "os/linux/cpu-shares" },
		{ p->has_oom != 0, "os/linux/oom-score-adj" },
		{ p->no_new_privs != 0, "os/linux/no-new-privileges" },
		{ is->caps_set == AC_SET_RETAIN,
		    "os/linux/capabilities-retain-set" },
		{ is->caps_set == AC_SET_REMOVE,
		    "os/linux/capabilities-remove-set" },
		{ is->seccomp_set == AC_SET_RETAIN,
		    "os/linux/seccomp-retain-set" },
		{ is->seccomp_set == AC_SET_REMOVE,
		    "os/linux/seccomp-remove-set" } };
	const char *text = "";

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].there)
			text = cli_format("%s %s", text, rows[i].name);
	if (p->name)
		ps_debug("app \"%s\": isolators enforced:%s", p->name,
		    *text != '\0' ? text : " none");
	else if (*text != '\0')
		ps_debug("isolators of the pod enforced:%s", text);
}

const char *
cli_plan_pod_isolators(const struct ac_isolators *is,
    struct ps_msg_PLAN_POD *ret)
{
	const struct {
		bool there;
		const char *name;
	} apps[] = { { is->has_oom, "os/linux/oom-score-adj" },
		{ is->has_no_new_privs, "os/linux/no-new-privileges" },
		{ is->caps_set != AC_SET_NONE, "os/linux/capabilities-*-set" },
		{ is->seccomp_set != AC_SET_NONE, "os/linux/seccomp-*-set" } };
	const char *wrong = check_unsupported(is, true);

	for (size_t i = 0; wrong == NULL && i < PS_COUNT(apps); i++)
		if (apps[i].there)
			wrong = cli_format("isolator \"%s\" is an app's, not a "
					   "pod's", apps[i].name);
	if (wrong == NULL)
		wrong = check_limits(is->memory_limit, is->cpu_limit);
	if (wrong == NULL)
		wrong = check_block(is->bandwidth_limit, is->iops_limit);
	if (wrong)
		return wrong;
	ret->memory = is->memory_limit;
	ret->cpu_milli = is->cpu_limit;
	ret->cpu_shares = is->cpu_shares;
	ret->block_bandwidth = is->bandwidth_limit;
	ret->block_iops = is->iops_limit;
	report(is, &(struct ps_msg_PLAN_APP){ .memory = ret->memory,
	    .cpu_milli = ret->cpu_milli, .cpu_shares = ret->cpu_shares,
	    .block_bandwidth = ret->block_bandwidth,
	    .block_iops = ret->block_iops });
	return NULL;
}

/* The operator's flags stand in the pod manifest in place of the image's. */
static void
tell_limits(const struct cli_run_app *f, const struct ps_msg_PLAN_APP *p,
    struct ac_isolators *ret)
{
	if (f->memory)
		ret->memory_request = ret->memory_limit = p->memory;
	if (f->cpu)
		ret->cpu_request = ret->cpu_limit = p->cpu_milli;
	if (f->cpu_shares)
		ret->cpu_shares = p->cpu_shares;
	if (f->has_oom) {
		ret->has_oom = true;
		ret->oom_score_adj = p->oom_score_adj;
	}
}

const char *
cli_tell_isolators(const struct cli_run_app *f, const struct ps_msg_PLAN_APP *p,
    struct ac_isolators *ret)
{
	const char *caps = f->caps_retain ? f->caps_retain : f->caps_remove;
	struct cli_list calls = { 0 };
	const char *wrong;

	tell_limits(f, p, ret);
	if (caps) {
		ret->caps_set = f->caps_retain ? AC_SET_RETAIN : AC_SET_REMOVE;
		if (!ps_parse_caps(caps, &ret->caps))
			return "names an unknown capability";
	}
	if (f->seccomp == NULL)
		return NULL;
	ret->seccomp_errno = NULL;
	wrong = cli_parse_seccomp(f->seccomp, &ret->seccomp_set,
	    &ret->seccomp_errno, &calls);
	ret->seccomp = (struct ac_strs){ .n = calls.n, .v = calls.v };
	return wrong;
}

const char *
cli_plan_isolators(const struct cli_run_app *flags, const struct ac_app *app,
    const struct cli_limits *limits, struct ps_msg_PLAN_APP *ret)
{
	const struct ac_isolators *is = &app->isolators;
	const char *wrong = check_unsupported(is, is_operators(flags));

	if (wrong == NULL)
		wrong = cli_plan_caps(flags, is, limits, &ret->caps);
	if (wrong == NULL)
		wrong = plan_seccomp(flags, is, limits, ret);
	if (wrong == NULL)
		wrong = plan_limits(flags, is, ret);
	ret->no_new_privs = is->has_no_new_privs && is->no_new_privs;
	ret->paths = (limits->insecure & PS_INSECURE_PATHS) == 0;
	/* A flag stands in the place of the image's sets. */
	if (wrong == NULL) {
		struct ac_isolators said = *is;

		wrong = cli_tell_isolators(flags, ret, &said);
		if ((limits->insecure & PS_INSECURE_CAPABILITIES) != 0)
			said.caps_set = AC_SET_NONE;
		if ((limits->insecure & PS_INSECURE_SECCOMP) != 0)
			said.seccomp_set = AC_SET_NONE;
		report(&said, ret);
	}
	return wrong;
}
