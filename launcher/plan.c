/*
 * Proving a plan.  Pure; runs as root over bytes that a compromised conductor
 * may have made.  Rules are rows: what must hold of a pod, what of each app.
 */
#include "launcher/plan.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"

#define PROC_FD_DIRS 3

/* Everything a rule may look at. */
struct matter {
	const struct ps_msg_PLAN_POD *pod;
	const struct ps_msg_PLAN_APP *app;
	const struct ps_policy *policy;
	struct ln_argv argv;
	uint32_t insecure; /* in argv and allowed by policy */
};

static int
next_record(const uint8_t *p, size_t n, size_t *at, uint16_t type,
    uint32_t serial, const uint8_t **ret, size_t *ret_n)
{
	struct ps_reader r = { .p = p, .size = n, .at = *at };
	const uint8_t *head = ps_get_bytes(&r, PS_HEADER);
	struct ps_reader h = { .p = head, .size = PS_HEADER, .at = 8 };
	struct ps_header header;
	uint32_t length;

	if (!head)
		return -EBADMSG;
	length = ps_get_u32(&h);
	*ret = ps_get_bytes(&r, length);
	if (!*ret || ps_get_header(head, PS_HEADER + length, &header) < 0 ||
	    header.type != type || header.serial != serial || header.nfds != 0)
		return -EBADMSG;
	*ret_n = length;
	*at = r.at;
	return 0;
}

int
ln_plan_decode(const uint8_t *p, size_t n, struct ln_plan *ret)
{
	uint32_t serial = 2;
	const uint8_t *body;
	size_t at = 0, len;

	if (n > PS_MAX_PLAN || next_record(p, n, &at, PS_PLAN_POD, 1, &body, &len) < 0 ||
	    ps_decode_PLAN_POD(body, len, &ret->pod) < 0 || ret->pod.apps < 1 ||
	    ret->pod.apps > PS_MAX_APPS || ret->pod.volumes > PS_MAX_VOLUMES)
		return -EBADMSG;
	for (uint16_t i = 0; i < ret->pod.volumes; i++)
		if (next_record(p, n, &at, PS_PLAN_VOLUME, serial++, &body, &len) < 0 ||
		    ps_decode_PLAN_VOLUME(body, len, &ret->volume[i]) < 0)
			return -EBADMSG;
	for (uint16_t i = 0; i < ret->pod.apps; i++)
		if (next_record(p, n, &at, PS_PLAN_APP, serial++, &body, &len) < 0 ||
		    ps_decode_PLAN_APP(body, len, &ret->app[i]) < 0)
			return -EBADMSG;
	return at == n ? 0 : -EBADMSG;
}

/* --- rules of a pod ------------------------------------------------------ */

static bool
pod_version(const struct matter *m)
{
	return m->pod->version == PS_PLAN_VERSION;
}

static bool
pod_insecure_said(const struct matter *m)
{
	return (m->pod->insecure & ~ln_argv_insecure(m->argv)) == 0;
}

static bool
pod_insecure_allowed(const struct matter *m)
{
	return (m->pod->insecure & ~m->policy->insecure) == 0;
}

static bool
pod_net(const struct matter *m)
{
	return m->pod->net == PS_NET_NONE ||
	    (m->pod->net == PS_NET_HOST && ln_argv_option(m->argv, "--net", "host"));
}

static bool
pod_net_allowed(const struct matter *m)
{
	return m->pod->net != PS_NET_HOST || m->policy->net_host;
}

static bool
pod_flavor(const struct matter *m)
{
	return m->pod->flavor == PS_FLAVOR_NSPAWN;
}

static bool
pod_interactive(const struct matter *m)
{
	return m->pod->interactive == 0 ||
	    (m->pod->interactive == 1 && m->pod->apps == 1 &&
		ln_argv_flag(m->argv, "--interactive"));
}

static bool
pod_debug(const struct matter *m)
{
	return m->pod->debug == 0 ||
	    (m->pod->debug == 1 && ln_argv_flag(m->argv, "--debug"));
}

static bool
pod_one_app(const struct matter *m)
{
	return m->pod->apps == 1;
}

/* --- rules of an app ----------------------------------------------------- */

static bool
app_exec(const struct matter *m)
{
	return m->app->n_exec > 0 && m->app->exec[0][0] != '\0';
}

/* A descriptor directory is no place to stand (CVE-2024-21626). */
static bool
app_working_dir(const struct matter *m)
{
	static const char *const bad[PROC_FD_DIRS] = { "/proc", "/dev/fd", "/sys" };

	for (size_t i = 0; i < PROC_FD_DIRS; i++)
		if (ps_is_prefix(bad[i], m->app->working_dir))
			return false;
	return true;
}

static bool
app_user(const struct matter *m)
{
	return ps_is_path(m->app->user, strlen(m->app->user)) &&
	    ps_is_path(m->app->group, strlen(m->app->group)) &&
	    m->app->user[0] != '\0' && m->app->group[0] != '\0';
}

static bool
app_gids(const struct matter *m)
{
	for (uint16_t i = 0; i < m->app->n_supplementary_gids; i++)
		if (m->app->supplementary_gids[i] >= PS_RANGE)
			return false;
	return true;
}

/* Beyond what any image may ask: named in argv and under the operator's
 * ceiling, or the whole protection is off. */
static bool
app_caps(const struct matter *m)
{
	uint64_t more = m->app->caps & ~m->policy->caps_image;
	uint64_t known = 0;

	for (unsigned i = 0; ps_cap_name(i); i++)
		known |= 1ull << i;
	if ((m->app->caps & ~known) != 0)
		return false;
	if ((m->insecure & PS_INSECURE_CAPABILITIES) != 0)
		return true;
	return (more & ~(ln_argv_caps(m->argv) & m->policy->caps_operator)) == 0;
}

static bool
app_seccomp(const struct matter *m)
{
	switch (m->app->seccomp) {
	case PS_SECCOMP_DEFAULT:
		return true;
	case PS_SECCOMP_WIDE:
		return m->policy->seccomp_wide && ln_argv_has(m->argv, "--seccomp");
	case PS_SECCOMP_NONE:
		return (m->insecure & PS_INSECURE_SECCOMP) != 0;
	default:
		return false;
	}
}

static bool
app_filter(const struct matter *m)
{
	return m->app->n_filter % sizeof(struct sock_filter) == 0;
}

static bool
app_limits(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;

	return (a->memory == 0 || (a->memory >= 4096 && a->memory <= 1ull << 50)) &&
	    a->cpu_milli <= 1000000 &&
	    (a->cpu_shares == 0 || (a->cpu_shares >= 2 && a->cpu_shares <= 262144)) &&
	    a->oom_score_adj >= -1000 && a->oom_score_adj <= 1000;
}

static bool
app_switches(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;

	return a->no_new_privs <= 1 && a->has_oom <= 1 && a->readonly_rootfs <= 1 &&
	    a->paths <= 1;
}

static bool
app_paths(const struct matter *m)
{
	return m->app->paths == 1 || (m->insecure & PS_INSECURE_PATHS) != 0;
}

static uint64_t
caps_removed(struct ln_argv argv)
{
	static const char *const flags[] = { "--caps-remove", "--cap-remove" };
	uint64_t all = 0, caps;
	const char *list;

	for (size_t i = 0; i < PS_COUNT(flags); i++)
		for (int at = 0; (list = ln_argv_value(argv, flags[i], &at));)
			if (ps_parse_caps(list, &caps))
				all |= caps;
	return all;
}

/* What argv takes away, the plan does not give back. */
static bool
app_caps_asked(const struct matter *m)
{
	bool retain = ln_argv_has(m->argv, "--caps-retain") ||
	    ln_argv_has(m->argv, "--cap-retain");

	if ((m->insecure & PS_INSECURE_CAPABILITIES) != 0)
		return true;
	return (m->app->caps & caps_removed(m->argv)) == 0 &&
	    (!retain || (m->app->caps & ~ln_argv_caps(m->argv)) == 0);
}

/* A flag that confines is not lost on its way into the plan. */
static bool
app_asked(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;
	const struct ln_argv v = m->argv;

	return (a->memory != 0 || !ln_argv_has(v, "--memory")) &&
	    (a->cpu_milli != 0 || !ln_argv_has(v, "--cpu")) &&
	    (a->readonly_rootfs == 1 || !ln_argv_flag(v, "--readonly-rootfs")) &&
	    (a->oom_score_adj >= 0 || ln_argv_has(v, "--oom-score-adj")) &&
	    (!ln_argv_has(v, "--user") || ln_argv_option(v, "--user", a->user)) &&
	    (!ln_argv_has(v, "--group") || ln_argv_option(v, "--group", a->group));
}

struct rule {
	bool (*holds)(const struct matter *m);
	uint32_t code;
	const char *broken; /* %s: the app's name */
};

static const struct rule pod_rules[] = {
	{ pod_version, PS_REFUSED_PLAN, "the plan is of another version" },
	{ pod_insecure_said, PS_REFUSED_PLAN,
	    "the plan names insecure options that the command line does not" },
	{ pod_insecure_allowed, PS_REFUSED_POLICY,
	    "site policy does not allow these --insecure-options (insecure-options)" },
	{ pod_net, PS_REFUSED_PLAN, "the plan's network is not what was asked" },
	{ pod_net_allowed, PS_REFUSED_POLICY,
	    "site policy does not allow --net=host (net-host yes)" },
	{ pod_flavor, PS_REFUSED_PLAN, "unknown stage1 flavor" },
	{ pod_interactive, PS_REFUSED_PLAN, "interactive was not asked" },
	{ pod_debug, PS_REFUSED_PLAN, "debug was not asked" },
	{ pod_one_app, PS_REFUSED_PLAN, "a pod has one app for now" },
};

static const struct rule app_rules[] = {
	{ app_exec, PS_REFUSED_PLAN, "app \"%s\" has nothing to execute (try --exec)" },
	{ app_working_dir, PS_REFUSED_PLAN,
	    "app \"%s\": a working directory in /proc, /sys or /dev/fd is refused" },
	{ app_user, PS_REFUSED_PLAN, "app \"%s\": bad user or group" },
	{ app_gids, PS_REFUSED_PLAN,
	    "app \"%s\": a supplementary group is not below 65536" },
	{ app_caps, PS_REFUSED_POLICY,
	    "app \"%s\" asks for capabilities beyond site policy "
	    "(capabilities-image, capabilities-operator)" },
	{ app_caps_asked, PS_REFUSED_PLAN,
	    "app \"%s\": its capabilities are not what was asked" },
	{ app_asked, PS_REFUSED_PLAN,
	    "app \"%s\": its user, limits or root are not what was asked" },
	{ app_seccomp, PS_REFUSED_POLICY,
	    "app \"%s\" asks for a wider seccomp filter than site policy "
	    "(seccomp-operator, insecure-options)" },
	{ app_filter, PS_REFUSED_PLAN, "app \"%s\": its filter is damaged" },
	{ app_limits, PS_REFUSED_PLAN, "app \"%s\": a resource limit is out of range" },
	{ app_switches, PS_REFUSED_PLAN, "app \"%s\": a switch is out of range" },
	{ app_paths, PS_REFUSED_POLICY,
	    "app \"%s\": unprotected paths need --insecure-options=paths" },
};

static uint32_t
apply(const struct rule *rules, size_t n, const struct matter *m, char error[256])
{
	for (size_t i = 0; i < n; i++) {
		const char *arg;

		if (rules[i].holds(m))
			continue;
		arg = strstr(rules[i].broken, "%s");
		if (arg && m->app)
			(void)snprintf(error, 256, "%.*s%s%s",
			    (int)(arg - rules[i].broken), rules[i].broken,
			    m->app->name, arg + 2);
		else
			(void)snprintf(error, 256, "%s", rules[i].broken);
		return rules[i].code;
	}
	return 0;
}

uint32_t
ln_plan_prove(const struct ln_plan *plan, struct ln_argv argv,
    const struct ps_policy *policy, char error[256])
{
	struct matter m = { .pod = &plan->pod, .policy = policy, .argv = argv,
		.insecure = plan->pod.insecure & ln_argv_insecure(argv) &
		    policy->insecure };
	uint32_t code = apply(pod_rules, PS_COUNT(pod_rules), &m, error);

	for (uint16_t i = 0; code == 0 && i < plan->pod.apps; i++) {
		m.app = &plan->app[i];
		code = apply(app_rules, PS_COUNT(app_rules), &m, error);
	}
	return code;
}
