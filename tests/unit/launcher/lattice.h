#pragma once
/*
 * The lattice property of the plan's proof, for the unit test and the fuzzer:
 * a second, independent statement of what an accepted plan may be.  A command
 * line is made, not read: so what it says is known.
 */
#include "tests/unit/launcher/world.h"

#include "launcher/argv.h"
#include "privsep/policy.h"

#define LATTICE_APPS 3
#define LATTICE_VOLUMES 3

struct lattice_volume {
	const char *word, *name, *source;
	uint8_t readonly, recursive, idmap;
};

static const struct lattice_volume lattice_volumes[] = {
	{ "data,kind=host,source=/srv/data", "data", "/srv/data", 0, 1, 0 },
	{ "data,kind=host,source=/srv/data,readOnly=true", "data", "/srv/data", 1, 1,
	    0 },
	{ "data,kind=host,source=/srv//data/,recursive=false", "data", "/srv/data",
	    0, 0, 0 },
	{ "etc,kind=host,source=/etc,idmap=pod", "etc", "/etc", 0, 1, 1 },
	{ "data,kind=empty", "", "", 0, 0, 0 },
	{ "data,kind=host,source=/srv/../etc", "", "", 0, 0, 0 },
};

/* What the words behind an image say. */
struct lattice_app {
	uint64_t retained, removed; /* 0: not said */
	bool memory, cpu, readonly, user, group, seccomp, oom;
};

struct lattice_line {
	char *argv[120];
	int argc;
	uint32_t insecure;
	bool net, interactive, debug, manifest;
	unsigned apps, volumes;
	struct lattice_app app[LATTICE_APPS];
	const struct lattice_volume *volume[LATTICE_VOLUMES];
};

static inline void
lattice_word(struct lattice_line *l, const char *word)
{
	l->argv[l->argc++] = (char *)(uintptr_t)word;
	l->argv[l->argc] = NULL;
}

#define ONE_IN(n) (test_random(seed) % (n) == 0)

/* A flag and its value, as one word or as two. */
static inline void
lattice_flag(uint64_t *seed, struct lattice_line *l, const char *flag,
    const char *value)
{
	static char text[32][80];
	static unsigned turn;

	if (ONE_IN(2)) {
		lattice_word(l, flag);
		lattice_word(l, value);
		return;
	}
	(void)snprintf(text[++turn % 32], 80, "%s=%s", flag, value);
	lattice_word(l, text[turn % 32]);
}

static inline void
lattice_pod_words(uint64_t *seed, struct lattice_line *l)
{
	static const struct {
		const char *word;
		uint32_t bits;
	} insecure[] = { { "all", PS_INSECURE_ALL }, { "seccomp", PS_INSECURE_SECCOMP },
		{ "capabilities,paths",
		    PS_INSECURE_CAPABILITIES | PS_INSECURE_PATHS },
		{ "none", 0 }, { "image,nonsense", 0 } };
	size_t i = test_random(seed) % PS_COUNT(insecure);

	if (ONE_IN(3)) {
		lattice_flag(seed, l, "--insecure-options", insecure[i].word);
		l->insecure = insecure[i].bits;
	}
	if ((l->net = ONE_IN(3)))
		lattice_word(l, "--net=host");
	else if (ONE_IN(4))
		lattice_word(l, "--net");
	if ((l->interactive = ONE_IN(4)))
		lattice_word(l, "--interactive");
	if ((l->debug = ONE_IN(4)))
		lattice_word(l, "--debug");
	if ((l->manifest = ONE_IN(8)))
		lattice_flag(seed, l, "--pod-manifest", "/m");
	if (ONE_IN(4))
		lattice_flag(seed, l, "--hostname", "host");
	while (l->volumes < LATTICE_VOLUMES && ONE_IN(2)) {
		const struct lattice_volume *v =
		    &lattice_volumes[test_random(seed) % PS_COUNT(lattice_volumes)];

		lattice_flag(seed, l, "--volume", v->word);
		l->volume[l->volumes++] = v;
	}
}

static inline void
lattice_app_words(uint64_t *seed, struct lattice_line *l, struct lattice_app *a)
{
	static const char *const theirs[] = { "--insecure-options=all", "--net=host",
		"--caps-retain=all", "--pod-manifest=/m", "--seccomp=x", "x", "--",
		"--volume=etc,kind=host,source=/etc", "--oom-score-adj=-9",
		"--interactive", "--debug" };

	lattice_word(l, "image");
	if (ONE_IN(5)) {
		lattice_flag(seed, l, "--caps-retain", "CAP_SYS_ADMIN,CAP_CHOWN");
		a->retained = 1ull << 21 | 1;
	}
	if (ONE_IN(5)) {
		lattice_flag(seed, l, "--cap-remove", "CAP_CHOWN");
		a->removed = 1;
	}
	if ((a->memory = ONE_IN(5)))
		lattice_flag(seed, l, "--memory", "1M");
	if ((a->cpu = ONE_IN(5)))
		lattice_flag(seed, l, "--cpu", "1");
	if ((a->readonly = ONE_IN(5)))
		lattice_word(l, "--readonly-rootfs");
	if ((a->user = ONE_IN(5)))
		lattice_flag(seed, l, "--user", "5");
	if ((a->group = ONE_IN(5)))
		lattice_flag(seed, l, "--group", "6");
	if ((a->seccomp = ONE_IN(5)))
		lattice_flag(seed, l, "--seccomp", "mode=retain,x");
	if ((a->oom = ONE_IN(5)))
		lattice_flag(seed, l, "--oom-score-adj", "-5");
	if (ONE_IN(8))
		lattice_flag(seed, l, "--exec", "--");
	if (!ONE_IN(3))
		return;
	lattice_word(l, "--");
	for (size_t n = test_random(seed) % 4; n > 0; n--)
		lattice_word(l, theirs[test_random(seed) % PS_COUNT(theirs)]);
	lattice_word(l, "---");
}

/* A command line of rkt run, of at most so many images. */
static inline void
lattice_say(uint64_t *seed, struct lattice_line *l, unsigned apps)
{
	*l = (struct lattice_line){ .argc = 0 };
	lattice_word(l, "rkt");
	if (ONE_IN(4))
		lattice_flag(seed, l, "--dir", "/var/lib/rkt");
	lattice_word(l, "run");
	lattice_pod_words(seed, l);
	l->apps = l->manifest && ONE_IN(2) ? 0
					   : 1 + (unsigned)(test_random(seed) % apps);
	for (unsigned i = 0; i < l->apps; i++)
		lattice_app_words(seed, l, &l->app[i]);
}

/* The plan does what was said, mostly. */
static inline void
lattice_obey(uint64_t *seed, struct ln_plan *plan, const struct lattice_line *l)
{
	static const char *const names[] = { "hello", "second", "third" };

	plan->pod.apps = 1;
	while (plan->pod.apps < l->apps)
		world_add_app(plan, names[plan->pod.apps], IMAGE_GOOD);
	for (unsigned i = 0; i < l->apps && !l->manifest; i++) {
		const struct lattice_app *said = &l->app[i];
		struct ps_msg_PLAN_APP *a = &plan->app[i];

		if (ONE_IN(16))
			continue;
		a->memory = said->memory ? 1 << 20 : 0;
		a->cpu_milli = said->cpu ? 1000 : 0;
		a->readonly_rootfs = said->readonly;
		a->user = said->user ? "5" : "0";
		a->group = said->group ? "6" : "0";
		if (said->retained)
			a->caps &= said->retained;
		a->caps &= ~said->removed;
	}
	for (unsigned i = 0; i < l->volumes; i++) {
		const struct lattice_volume *said = l->volume[i];
		struct ps_msg_PLAN_VOLUME *v;

		if (!said->source[0] || ONE_IN(2))
			continue;
		v = world_add_volume(plan, said->name, PS_VOLUME_HOST, said->source);
		v->readonly = said->readonly || ONE_IN(8);
		v->recursive = said->recursive && !ONE_IN(8);
		v->idmap = said->idmap;
		world_add_mount(&plan->app[0], said->name, "/mnt");
	}
}

#define RARE(x) if (ONE_IN(24)) x
#define ANY(t) ((t)test_random(seed))

static inline void
lattice_vary_volumes(uint64_t *seed, struct ln_plan *plan)
{
	static const char *const sources[] = { "/srv/data", "/srv/datax", "/etc",
		"/srv", "/", "", "x", "/srv/../etc" };

	RARE((void)(plan->pod.volumes < LATTICE_VOLUMES &&
	    world_add_volume(plan, "data", 1 + ANY(uint8_t) % 3, "")));
	for (unsigned i = 0; i < plan->pod.volumes; i++) {
		struct ps_msg_PLAN_VOLUME *v = &plan->volume[i];

		RARE(v->kind = ANY(uint8_t) % 5);
		RARE(v->source = sources[ANY(size_t) % PS_COUNT(sources)]);
		RARE(v->name = ONE_IN(2) ? "etc" : "data");
		RARE(v->readonly = ANY(uint8_t) % 3);
		RARE(v->recursive = ANY(uint8_t) % 3);
		RARE(v->idmap = ANY(uint8_t) % 3);
		RARE(v->mode = ANY(uint32_t) % 010010);
		RARE(v->uid = ANY(uint32_t) % 131072);
		RARE(v->gid = ANY(uint32_t) % 131072);
		RARE(v->size = ANY(uint64_t) % 3);
	}
}

static inline void
lattice_vary_app(uint64_t *seed, struct ps_msg_PLAN_APP *a)
{
	static const char *const dirs[] = { "/", "/proc", "/proc/self/fd/3", "/sys/fs",
		"/dev/fd", "/dev/fdx", "/procx", "/srv" };
	static const char *const volumes[] = { "data", "etc", "none" };
	static const uint8_t filter[32];

	a->filter = filter;
	RARE(a->caps ^= 1ull << test_random(seed) % 64);
	RARE(a->caps = test_random(seed));
	RARE(a->seccomp = ANY(uint8_t) % 4);
	RARE(a->paths = ANY(uint8_t) % 3);
	RARE(a->no_new_privs = ANY(uint8_t) % 3);
	RARE(a->notify = ANY(uint8_t) % 3);
	RARE(a->readonly_rootfs = ANY(uint8_t) % 3);
	RARE(a->memory = test_random(seed) >> test_random(seed) % 64);
	RARE(a->cpu_milli = ANY(uint64_t) % 1100000);
	RARE(a->cpu_shares = ANY(uint32_t) % 300000);
	RARE(a->pids = ANY(uint64_t) % 5000000);
	RARE(a->oom_score_adj = (int32_t)(test_random(seed) % 3000) - 1500);
	RARE(a->working_dir = dirs[test_random(seed) % PS_COUNT(dirs)]);
	RARE(a->user = ONE_IN(2) ? "5" : "/etc/passwd");
	RARE(a->group = ONE_IN(2) ? "6" : "");
	RARE(a->n_filter = ANY(uint32_t) % 32);
	RARE(a->n_layers = ANY(uint8_t) % 2 * 10);
	a->layers = filter;
	RARE((a->n_supplementary_gids = 1,
	    a->supplementary_gids[0] = ANY(uint32_t) % 131072));
	RARE(world_add_mount(a, volumes[ANY(size_t) % PS_COUNT(volumes)],
	    ONE_IN(4) ? "/" : "/x"));
	RARE(a->mount_flags[0] = ANY(uint32_t) % 3);
	RARE(a->n_mount_flags ^= 1);
	RARE((a->n_socket_names = a->n_socket_ports = 1,
	    a->socket_names[0] = "s", a->socket_ports[0] = ANY(uint32_t) % 0x30000));
	RARE(a->n_socket_ports ^= 1);
}

/* Two for all, one for those who write manifests, the rest for no one; those of
 * the network only where it is the pod's. */
static const char *const lattice_sysctls[] = { "kernel.shm_rmid_forced=1",
	"net.ipv4.tcp_fin_timeout=9", "net.ipv4.ip_forward=1",
	"kernel.core_pattern=x", "net..x=1", "net.ipv4.x", "fs.file-max=1",
	"net/../kernel/panic=1" };

/* Few values, so that neighbours of every rule are met. */
static inline void
lattice_vary(uint64_t *seed, struct ln_plan *plan, struct ps_policy *policy)
{
	RARE(plan->pod.insecure = ANY(uint32_t) & 0x1ff);
	RARE(plan->pod.insecure = PS_INSECURE_CAPABILITIES | PS_INSECURE_PATHS);
	RARE(plan->pod.insecure = PS_INSECURE_SECCOMP);
	RARE(plan->pod.net = ANY(uint8_t) % 3);
	RARE(plan->pod.flavor = ANY(uint8_t) % 3);
	RARE(plan->pod.interactive = ANY(uint8_t) % 3);
	RARE(plan->pod.debug = ANY(uint8_t) % 3);
	RARE(plan->pod.version = ANY(uint32_t) % 3);
	RARE(plan->pod.mutable = ANY(uint8_t) % 3);
	RARE(plan->pod.memory = test_random(seed) >> test_random(seed) % 64);
	RARE(plan->pod.pids = ANY(uint64_t) % 5000000);
	RARE(plan->pod.block_iops = test_random(seed) >> test_random(seed) % 64);
	RARE((plan->pod.n_sysctls = 1,
	    plan->pod.sysctls[0] = lattice_sysctls[ANY(size_t) % 8]));
	RARE(plan->pod.apps = 1 + ANY(uint16_t) % LATTICE_APPS);
	for (unsigned i = 0; i < plan->pod.apps; i++) {
		if (!plan->app[i].name) {
			plan->app[i] = plan->app[0];
			plan->app[i].name = ONE_IN(2) ? "third" : "second";
		}
		lattice_vary_app(seed, &plan->app[i]);
	}
	lattice_vary_volumes(seed, plan);
	RARE(policy->insecure = ANY(uint32_t) & PS_INSECURE_ALL);
	RARE(policy->caps_image = test_random(seed) & ((1ull << 41) - 1));
	RARE(policy->caps_operator = test_random(seed) & ((1ull << 41) - 1));
	RARE(policy->net_host = false);
	RARE(policy->seccomp_wide = false);
	if (ONE_IN(4)) {
		policy->root[0] = ONE_IN(2) ? "/srv" : "/srv/data";
		policy->n_root = 1;
	}
}
#undef RARE
#undef ANY
#undef ONE_IN

#define HOLDS(x) do { if (!(x)) fake_bug("an accepted plan breaks", #x); } while (0)

static inline void
lattice_volume_holds(const struct ln_plan *plan, unsigned i,
    const struct ps_policy *p, const struct lattice_line *l)
{
	const struct ps_msg_PLAN_VOLUME *v = &plan->volume[i];
	bool may = false;

	for (unsigned k = 0; k < i; k++)
		HOLDS(strcmp(plan->volume[k].name, v->name) != 0);
	HOLDS(v->readonly <= 1 && v->recursive <= 1 && v->idmap <= 1);
	HOLDS(v->mode <= 07777 && v->uid <= 65535 && v->gid <= 65535);
	if (v->kind == PS_VOLUME_EMPTY || v->kind == PS_VOLUME_TMPFS) {
		HOLDS(v->source[0] == '\0');
		HOLDS(v->kind == PS_VOLUME_TMPFS || v->size == 0);
		return;
	}
	HOLDS(v->kind == PS_VOLUME_HOST && v->source[0] == '/');
	HOLDS(!strstr(v->source, "/.") && v->size == 0);
	for (unsigned k = 0; k < l->volumes; k++) {
		const struct lattice_volume *s = l->volume[k];

		may |= strcmp(s->name, v->name) == 0 &&
		    strcmp(s->source, v->source) == 0 && s->idmap == v->idmap &&
		    (v->readonly || !s->readonly) && (!v->recursive || s->recursive);
	}
	if (l->manifest && p->n_root > 0) {
		char below[100], source[100];

		(void)snprintf(below, sizeof(below), "%s/", p->root[0]);
		(void)snprintf(source, sizeof(source), "%s/", v->source);
		may |= strncmp(source, below, strlen(below)) == 0;
	}
	HOLDS(may);
}

static inline void
lattice_asked_holds(const struct ps_msg_PLAN_APP *a, const struct lattice_app *said)
{
	HOLDS(!said->memory || a->memory > 0);
	HOLDS(!said->cpu || a->cpu_milli > 0);
	HOLDS(!said->readonly || a->readonly_rootfs == 1);
	HOLDS(!said->user || strcmp(a->user, "5") == 0);
	HOLDS(!said->group || strcmp(a->group, "6") == 0);
}

static inline void
lattice_app_holds(const struct ln_plan *plan, unsigned i,
    const struct ps_policy *p, const struct lattice_line *now,
    const struct lattice_line *l)
{
	static const struct lattice_app nothing;
	const struct ps_msg_PLAN_APP *a = &plan->app[i];
	const struct lattice_app *said =
	    l->manifest || i >= LATTICE_APPS ? &nothing : &l->app[i];
	uint32_t in = now->insecure & p->insecure & plan->pod.insecure;
	uint64_t more = l->manifest ? ~0ull : said->retained;

	if ((in & PS_INSECURE_CAPABILITIES) == 0) {
		HOLDS((a->caps & ~(p->caps_image | (more & p->caps_operator))) == 0);
		HOLDS((a->caps & said->removed) == 0);
		HOLDS(said->retained == 0 || (a->caps & ~said->retained) == 0);
	}
	HOLDS(a->caps >> 41 == 0);
	HOLDS(a->seccomp == PS_SECCOMP_DEFAULT ||
	    (a->seccomp == PS_SECCOMP_WIDE && (said->seccomp || l->manifest) &&
		p->seccomp_wide) ||
	    (a->seccomp == PS_SECCOMP_NONE && (in & PS_INSECURE_SECCOMP) != 0));
	HOLDS(a->paths == 1 || (a->paths == 0 && (in & PS_INSECURE_PATHS) != 0));
	HOLDS(a->no_new_privs <= 1 && a->readonly_rootfs <= 1 && a->notify <= 1);
	HOLDS(a->n_exec > 0 && a->n_filter % 8 == 0 && a->n_layers % 64 == 0);
	HOLDS(a->memory == 0 || (a->memory >= 4096 && a->memory <= 1ull << 50));
	HOLDS(a->cpu_shares == 0 || (a->cpu_shares >= 2 && a->cpu_shares <= 262144));
	HOLDS(a->cpu_milli <= 1000000 && a->pids <= 4194304);
	HOLDS(a->oom_score_adj >= (said->oom ? -1000 : 0) && a->oom_score_adj <= 1000);
	HOLDS(strncmp(a->working_dir, "/proc/", 6) != 0 &&
	    strcmp(a->working_dir, "/proc") != 0 &&
	    strncmp(a->working_dir, "/sys/", 5) != 0 &&
	    strcmp(a->working_dir, "/dev/fd") != 0);
	HOLDS(a->user[0] != '\0' && a->group[0] != '\0');
	for (unsigned g = 0; g < a->n_supplementary_gids; g++)
		HOLDS(a->supplementary_gids[g] < PS_RANGE);
	lattice_asked_holds(a, said);
}

static inline void
lattice_lists_hold(const struct ln_plan *plan, const struct ps_msg_PLAN_APP *a)
{
	HOLDS(a->n_mount_volume == a->n_mount_target);
	HOLDS(a->n_mount_volume == a->n_mount_flags);
	for (unsigned i = 0; i < a->n_mount_volume; i++) {
		bool found = false;

		for (unsigned k = 0; k < plan->pod.volumes; k++)
			found |= strcmp(plan->volume[k].name, a->mount_volume[i]) == 0;
		HOLDS(found && strcmp(a->mount_target[i], "/") != 0);
		HOLDS(a->mount_flags[i] <= 1);
	}
	HOLDS(a->n_socket_names == a->n_socket_ports);
	for (unsigned i = 0; i < a->n_socket_ports; i++)
		HOLDS(a->socket_ports[i] % 65536 != 0 && a->socket_ports[i] < 131072);
}

/* Everything that must hold of an accepted plan: the pod's by the words of
 * this command, its apps' by those that made them. */
static inline void
lattice_holds(const struct ln_plan *plan, const struct ps_policy *p,
    const struct lattice_line *now, const struct lattice_line *l)
{
	const struct ps_msg_PLAN_POD *pod = &plan->pod;

	HOLDS((pod->insecure & ~(now->insecure & p->insecure)) == 0);
	HOLDS(pod->net == PS_NET_NONE ||
	    (pod->net == PS_NET_HOST && now->net && p->net_host));
	HOLDS(pod->interactive <= now->interactive && pod->debug <= now->debug);
	HOLDS(pod->interactive == 0 || pod->apps == 1);
	HOLDS(pod->mutable == 0 && pod->apps > 0); /* no line is rkt app's */
	HOLDS(pod->flavor == PS_FLAVOR_NSPAWN && pod->version == PS_PLAN_VERSION);
	HOLDS(pod->memory == 0 || (pod->memory >= 4096 && pod->memory <= 1ull << 50));
	HOLDS(pod->pids <= 4194304);
	HOLDS(pod->block_iops <= UINT32_MAX);
	if (pod->n_sysctls > 0) {
		unsigned i = 0;

		while (strcmp(lattice_sysctls[i], pod->sysctls[0]) != 0)
			i++;
		HOLDS(i < (l->manifest ? 3 : 2));
		HOLDS(i == 0 || pod->net == PS_NET_NONE);
	}
	HOLDS(l->manifest || pod->apps == l->apps);
	for (unsigned i = 0; i < pod->apps; i++) {
		for (unsigned k = 0; k < i; k++)
			HOLDS(strcmp(plan->app[i].name, plan->app[k].name) != 0);
		lattice_app_holds(plan, i, p, now, l);
		lattice_lists_hold(plan, &plan->app[i]);
	}
	for (unsigned i = 0; i < pod->volumes; i++)
		lattice_volume_holds(plan, i, p, l);
}

/* Proves the plan for those lines; true if it was accepted. */
static inline bool
lattice_check(const struct ln_plan *plan, const struct ps_policy *p,
    const struct lattice_line *now, const struct lattice_line *made)
{
	char error[256] = "";

	if (ln_plan_prove(plan, (struct ln_argv){ now->argc, now->argv },
		(struct ln_argv){ made->argc, made->argv }, p, error) != 0) {
		HOLDS(error[0] != '\0');
		return false;
	}
	lattice_holds(plan, p, now, made);
	return true;
}
