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

#include "launcher/limits.h"
#include "privsep/attr.h"
#include "privsep/name.h"
#include "privsep/sysctl.h"

#define PROC_FD_DIRS 3

/* Everything a rule may look at. */
struct matter {
	const struct ln_plan *plan;
	const struct ps_msg_PLAN_POD *pod;
	const struct ps_msg_PLAN_VOLUME *volume;
	const struct ps_msg_PLAN_APP *app;
	const char *sysctl;
	const struct ps_policy *policy;
	struct ln_argv argv;  /* of this command */
	struct ln_argv made;  /* of the command that made the apps: prepare's, if
				 that was another */
	struct ln_argv words; /* of this app's image, in made */
	bool sandbox, add;    /* made is rkt app sandbox, or add */
	unsigned first;	      /* of made's images that an app is of: before it
				 add names the pod */
	bool manifest;	      /* made names a --pod-manifest: no image has words,
				 and what the operator may ask stands there */
	uint32_t insecure;    /* in argv and allowed by policy */
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
	    ps_decode_PLAN_POD(body, len, &ret->pod) < 0 || ret->pod.apps > PS_MAX_APPS || ret->pod.volumes > PS_MAX_VOLUMES)
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
		(ln_argv_flag(m->argv, "--interactive") ||
		    ln_argv_option(m->made, "--stdin", "interactive")));
}

static bool
pod_debug(const struct matter *m)
{
	return m->pod->debug == 0 ||
	    (m->pod->debug == 1 && ln_argv_flag(m->argv, "--debug"));
}

/* rkt app sandbox begins without apps, and without what is theirs; rkt app add
 * adds one to the pod that it names. */
static bool
pod_mutable(const struct matter *m)
{
	struct ln_argv uuid;

	if (m->pod->mutable != (m->sandbox || m->add) ||
	    (m->pod->mutable != 0 && (m->pod->interactive | m->pod->n_sysctls) != 0))
		return false;
	if (m->sandbox)
		return m->pod->apps == 0 && m->pod->volumes == 0;
	return !m->add || (m->pod->apps == 1 && m->pod->n_sysctls == 0 && ln_argv_app(m->made, 0, &uuid) &&
	    uuid.argv[0][0] != '\0' &&
	    strncmp(m->pod->uuid, uuid.argv[0], strlen(uuid.argv[0])) == 0);
}

/* As many as images were named, each with a name of its own. */
static bool
pod_apps(const struct matter *m)
{
	struct ln_argv words;
	unsigned n = m->pod->apps + m->first;

	for (uint16_t i = 0; i < m->pod->apps; i++)
		for (uint16_t k = 0; k < i; k++)
			if (strcmp(m->plan->app[i].name, m->plan->app[k].name) == 0)
				return false;
	if (n == 0)
		return m->sandbox && !ln_argv_app(m->made, 0, &words);
	return m->manifest || (ln_argv_app(m->made, n - 1u, &words) &&
	    !ln_argv_app(m->made, n, &words));
}

static bool
is_limits(struct ln_limits l)
{
	static const uint64_t most[LN_LIMITS] = { [LN_MEMORY] = 1ull << 50,
		[LN_CPU] = 1000000, [LN_SHARES] = 262144, [LN_PIDS] = 4194304,
		[LN_BYTES] = 1ull << 50, [LN_CALLS] = UINT32_MAX };

	for (size_t i = 0; i < LN_LIMITS; i++)
		if (l.n[i] > most[i])
			return false;
	return (l.memory == 0 || l.memory >= 4096) && l.cpu_shares != 1;
}

static bool
pod_limits(const struct matter *m)
{
	return is_limits(LN_LIMITS_OF(m->pod));
}

/* --- rules of a sysctl --------------------------------------------------- */

static bool
sysctl_who(const struct matter *m)
{
	return ps_sysctl(m->sysctl) >=
	    (m->manifest ? PS_SYSCTL_OPERATOR : PS_SYSCTL_IMAGE);
}

static bool
sysctl_net(const struct matter *m)
{
	return m->pod->net == PS_NET_NONE || strncmp(m->sysctl, "net.", 4) != 0;
}

/* --- rules of a volume --------------------------------------------------- */

static bool
volume_form(const struct matter *m)
{
	const struct ps_msg_PLAN_VOLUME *v = m->volume;
	bool host = v->kind == PS_VOLUME_HOST;

	for (const struct ps_msg_PLAN_VOLUME *o = m->plan->volume; o < v; o++)
		if (strcmp(o->name, v->name) == 0)
			return false;
	return v->kind >= PS_VOLUME_HOST && v->kind <= PS_VOLUME_TMPFS &&
	    v->readonly <= 1 && v->recursive <= 1 && v->idmap <= PS_IDMAP_POD &&
	    v->mode <= 07777 && v->uid < PS_RANGE && v->gid < PS_RANGE &&
	    (host ? ps_is_abspath(v->source, strlen(v->source)) :
		    v->source[0] == '\0') &&
	    (v->size == 0 || v->kind == PS_VOLUME_TMPFS);
}

/* The path as the operator wrote it, n bytes, where some slashes mean nothing. */
static bool
is_source(const char *source, const char *said, size_t n)
{
	const char *at = strcmp(source, "/") == 0 ? "" : source;

	for (size_t i = 0; i < n; i++)
		if (said[i] == '/' && (i + 1 == n || said[i + 1] == '/'))
			continue;
		else if (said[i] != *at++)
			return false;
	return *at == '\0';
}

/* NAME,KEY=VALUE,... of a volume of the host (privsep/volume.h): this one, and
 * no wider than it was said.  Of what the conductor takes for a value, the first
 * letter says which it is. */
static bool
is_volume(const struct ps_msg_PLAN_VOLUME *v, const char *text)
{
	const bool pod = v->idmap == PS_IDMAP_POD;
	const struct {
		const char *key, *letters;
		bool must; /* stand there: by default it is another */
		const char *path;
	} rows[] = { { "kind=", "h", true, NULL },
		{ "source=", "/", true, v->source },
		{ "readOnly=", v->readonly ? "tT1fF0" : "fF0", false, NULL },
		{ "recursive=", v->recursive ? "tT1" : "tT1fF0", false, NULL },
		{ "idmap=", pod ? "p" : "h", pod, NULL },
		{ "target=", "/", false, NULL } };
	size_t n = strcspn(text, ",");
	unsigned seen = 0;

	if (strncmp(text, v->name, n) != 0 || v->name[n] != '\0')
		return false;
	for (text += n; *text == ','; text += n) {
		size_t i = 0, key;

		n = strcspn(++text, ",");
		while (i < PS_COUNT(rows) &&
		    strncmp(text, rows[i].key, strlen(rows[i].key)) != 0)
			i++;
		if (i == PS_COUNT(rows) || (seen & 1u << i) != 0)
			return false;
		seen |= 1u << i;
		key = strlen(rows[i].key);
		if (strspn(text + key, rows[i].letters) == 0 || (rows[i].path &&
		    !is_source(rows[i].path, text + key, n - key)))
			return false;
	}
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].must && (seen & 1u << i) == 0)
			return false;
	return true;
}

/* A path of the host is one that the operator named as this volume's, or that
 * a pod manifest names where site policy lets it. */
static bool
volume_source(const struct matter *m)
{
	const struct ps_msg_PLAN_VOLUME *v = m->volume;
	const char *text;

	if (v->kind != PS_VOLUME_HOST)
		return true;
	for (int at = 0; (text = ln_argv_value(m->add ? m->words : m->made,
			      m->add ? "--mnt-volume" : "--volume", &at));)
		if (is_volume(v, text))
			return true;
	for (uint16_t i = 0; m->manifest && i < m->policy->n_root; i++)
		if (strcmp(m->policy->root[i], "/") == 0 ||
		    ps_is_prefix(m->policy->root[i], v->source))
			return true;
	return false;
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
	return (more & ~((m->manifest ? ~0ull : ln_argv_caps(m->words, "retain")) &
			   m->policy->caps_operator)) == 0;
}

static bool
app_seccomp(const struct matter *m)
{
	switch (m->app->seccomp) {
	case PS_SECCOMP_DEFAULT:
		return true;
	case PS_SECCOMP_WIDE:
		return m->policy->seccomp_wide &&
		    (m->manifest || ln_argv_has(m->words, "--seccomp"));
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

	return is_limits(LN_LIMITS_OF(a)) && a->oom_score_adj >= -1000 && a->oom_score_adj <= 1000;
}

/* They give the app nothing of the host's: whatever it is, the pod has it. */
static bool
app_stdio(const struct ps_msg_PLAN_APP *a)
{
	return a->std_in <= PS_STDIO_TTY && a->std_out <= PS_STDIO_NULL &&
	    a->std_err <= PS_STDIO_NULL;
}

static bool
app_switches(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;

	return a->no_new_privs <= 1 && a->has_oom <= 1 && a->readonly_rootfs <= 1 &&
	    a->paths <= 1 && a->notify <= 1 &&
	    app_stdio(a) && a->n_layers % PS_DIGEST == 0;
}

static bool
app_paths(const struct matter *m)
{
	return m->app->paths == 1 || (m->insecure & PS_INSECURE_PATHS) != 0;
}

/* What argv takes away, the plan does not give back. */
static bool
app_caps_asked(const struct matter *m)
{
	bool retain = ln_argv_has(m->words, "--caps-retain") ||
	    ln_argv_has(m->words, "--cap-retain");

	if ((m->insecure & PS_INSECURE_CAPABILITIES) != 0)
		return true;
	return (m->app->caps & ln_argv_caps(m->words, "remove")) == 0 &&
	    (!retain || (m->app->caps & ~ln_argv_caps(m->words, "retain")) == 0);
}

/* A flag that confines is not lost on its way into the plan. */
static bool
app_asked(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;
	const struct ln_argv v = m->words;

	return (a->memory != 0 || !ln_argv_has(v, "--memory")) &&
	    (a->cpu_milli != 0 || !ln_argv_has(v, "--cpu")) &&
	    (a->readonly_rootfs == 1 || !ln_argv_flag(v, "--readonly-rootfs")) &&
	    (a->oom_score_adj >= 0 || ln_argv_has(v, "--oom-score-adj")) &&
	    (!ln_argv_has(v, "--user") || ln_argv_option(v, "--user", a->user)) &&
	    (!ln_argv_has(v, "--group") || ln_argv_option(v, "--group", a->group));
}

/* Each mount is of a volume of this pod, each list as long as its sisters. */
static bool
app_mounts(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;
	uint16_t n = a->n_mount_volume;

	if (a->n_mount_target != n || a->n_mount_flags != n)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t v = 0;

		while (v < m->pod->volumes &&
		    strcmp(m->plan->volume[v].name, a->mount_volume[i]) != 0)
			v++;
		if (v == m->pod->volumes ||
		    (a->mount_flags[i] & ~PS_MOUNT_READONLY) != 0 ||
		    strcmp(a->mount_target[i], "/") == 0)
			return false;
	}
	return true;
}

static bool
app_sockets(const struct matter *m)
{
	const struct ps_msg_PLAN_APP *a = m->app;

	for (uint16_t i = 0; i < a->n_socket_ports; i++)
		if ((a->socket_ports[i] & ~PS_SOCKET_UDP) > 65535 ||
		    (a->socket_ports[i] & 65535) == 0)
			return false;
	return a->n_socket_ports == a->n_socket_names;
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
	{ pod_mutable, PS_REFUSED_PLAN,
	    "a pod whose apps come and go is asked for by rkt app sandbox, an app "
	    "of it by rkt app add UUID, in full" },
	{ pod_apps, PS_REFUSED_PLAN,
	    "the plan's apps are not the images of the command line" },
	{ pod_limits, PS_REFUSED_PLAN, "a limit of the pod is out of range" },
};

static const struct rule sysctl_rules[] = {
	{ sysctl_who, PS_REFUSED_PLAN, "sysctl \"%s\" is not for a pod, or not for "
	    "an image to say (see --pod-manifest)" },
	{ sysctl_net, PS_REFUSED_PLAN,
	    "sysctl \"%s\" would be the host's with --net=host" },
};

static const struct rule volume_rules[] = {
	{ volume_form, PS_REFUSED_PLAN, "volume \"%s\" is not one" },
	{ volume_source, PS_REFUSED_POLICY,
	    "volume \"%s\": its source is not what the command line says, and "
	    "below no volume-root of site policy" },
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
	{ app_mounts, PS_REFUSED_PLAN,
	    "app \"%s\": a mount is of no volume of this pod, or on /" },
	{ app_sockets, PS_REFUSED_PLAN, "app \"%s\": its sockets are damaged" },
	{ app_paths, PS_REFUSED_POLICY,
	    "app \"%s\": unprotected paths need --insecure-options=paths" },
};

static uint32_t
apply(const struct rule *rules, size_t n, const struct matter *m,
    const char *name, char error[256])
{
	for (size_t i = 0; i < n; i++) {
		const char *arg;

		if (rules[i].holds(m))
			continue;
		arg = strstr(rules[i].broken, "%s");
		if (arg && name)
			(void)snprintf(error, 256, "%.*s%.100s%s",
			    (int)(arg - rules[i].broken), rules[i].broken, name,
			    arg + 2);
		else
			(void)snprintf(error, 256, "%s", rules[i].broken);
		return rules[i].code;
	}
	return 0;
}

uint32_t
ln_plan_prove(const struct ln_plan *plan, struct ln_argv argv,
    struct ln_argv made, const struct ps_policy *policy, char error[256])
{
	struct matter m = { .plan = plan, .pod = &plan->pod, .policy = policy,
		.argv = argv, .made = made,
		.insecure = plan->pod.insecure & ln_argv_insecure(argv) &
		    policy->insecure };
	uint32_t code;

	m.sandbox = ln_argv_command(made, "app", "sandbox", &m.made);
	m.add = ln_argv_command(made, "app", "add", &m.made);
	m.first = m.add ? 1 : 0;
	m.manifest = !m.sandbox && !m.add && ln_argv_has(made, "--pod-manifest");
	code = apply(pod_rules, PS_COUNT(pod_rules), &m, NULL, error);
	if (m.add)
		(void)ln_argv_app(m.made, 1, &m.words);
	for (uint16_t i = 0; code == 0 && i < plan->pod.n_sysctls; i++) {
		m.sysctl = plan->pod.sysctls[i];
		code = apply(sysctl_rules, PS_COUNT(sysctl_rules), &m, m.sysctl,
		    error);
	}
	for (uint16_t i = 0; code == 0 && i < plan->pod.volumes; i++) {
		m.volume = &plan->volume[i];
		code = apply(volume_rules, PS_COUNT(volume_rules), &m,
		    m.volume->name, error);
	}
	for (uint16_t i = 0; code == 0 && i < plan->pod.apps; i++) {
		m.app = &plan->app[i];
		m.words = (struct ln_argv){ 0, NULL };
		if (!m.manifest)
			(void)ln_argv_app(m.made, m.first + i, &m.words);
		code = apply(app_rules, PS_COUNT(app_rules), &m, m.app->name,
		    error);
	}
	return code;
}
