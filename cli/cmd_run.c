/*
 * rkt run: images, a plan, and the launcher, who proves the plan and becomes
 * the pod.  Conductor, user rkt.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/filter.h"
#include "cli/insecure.h"
#include "cli/plan.h"
#include "cli/session.h"
#include "privsep/fds.h"
#include "privsep/name.h"

#define MAX_ENV_FILE PS_MAX_KEY

static struct cli_run_pod pod = { .policy = CLI_PULL_NEW };

static int
read_env_file(struct cli *c, const char *path)
{
	const char *wrong;
	char *text = NULL;
	size_t n = 0;
	int r = cli_read_named(c, path, MAX_ENV_FILE, &text, &n);

	if (r != 0)
		return r;
	wrong = cli_env_parse(&pod.file_env, text, n);
	return wrong ? cli_fail("%s: %s", path, wrong) : 0;
}

static int
prepare(struct cli *c)
{
	const char *wrong = cli_run_parse(&pod, &c->g, c->argv);
	int r = 0;

	if (wrong)
		return cli_fail("%s", wrong);
	if (c->g.help)
		return 0;
	if (!c->launched)
		return cli_fail("cannot run as unprivileged user");
	for (size_t i = 0; r == 0 && i < pod.set_env.n; i++) {
		wrong = cli_env_once(&pod.flag_env, pod.set_env.v[i]);
		if (wrong)
			r = cli_fail("--set-env: %s", wrong);
	}
	cli_filter_warm();
	return r;
}

/* none, or host, once. */
static int
choose_net(uint8_t *ret)
{
	*ret = PS_NET_NONE;
	if (pod.net.n > 1)
		return cli_fail("--net: one network is supported: none or host");
	if (pod.net.n == 0 || strcmp(pod.net.v[0], "none") == 0)
		return 0;
	if (strcmp(pod.net.v[0], "host") != 0)
		return cli_fail("--net=%s is not supported yet: use --net=none or "
				"--net=host", pod.net.v[0]);
	*ret = PS_NET_HOST;
	return 0;
}

/* The stage1 is rkt's own. */
static int
check_stage1(struct cli *c)
{
	const struct cli_config_entry *e;
	struct cli_config cfg;
	int r = cli_config_load(c, CLI_CONFIG_STAGE1, &cfg);

	if (r != 0)
		return r;
	e = cli_config_find(&cfg, "stage1", NULL);
	return e ? cli_fail("%s: %s: another stage1 than rkt's own is not "
			    "supported", e->file, e->key) :
		   0;
}

static int
new_uuid(char ret[37])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return cli_fail("no random numbers");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0, at = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[at++] = '-';
		(void)snprintf(ret + at, 3, "%02x", b[i]);
		at += 2;
	}
	return 0;
}

static int
plan_app(struct cli *c, const struct cli_run_app *flags, char *const *outer,
    struct cli_planned *ret)
{
	const struct cli_limits limits = { .caps_image = c->welcome.caps_image,
		.caps_operator = c->welcome.caps_operator,
		.seccomp_wide = c->welcome.seccomp_wide,
		.insecure = c->g.insecure };
	const struct cli_pull pull = { .argument = flags->image,
		.signature = flags->signature,
		.policy = pod.policy };
	char error[AC_ERROR], *text;
	struct cli_stored stored;
	struct ac_image *image;
	const char *wrong;
	size_t n;
	int r = cli_pull(c, &pull, &stored);

	if (r != 0)
		return r;
	wrong = cli_check_platform(stored.record.label, stored.record.n_label);
	if (wrong)
		return cli_fail("image \"%s\": %s", stored.record.name, wrong);
	r = cli_store_manifest(c, stored.id, &text, &n);
	if (r < 0)
		return cli_fail("cannot read the manifest of %s: %s", stored.id,
		    strerror(-r));
	if (ac_image_parse(text, n, &image, error) < 0)
		return cli_fail("the manifest of %s is invalid: %s", stored.id,
		    error);
	/* The image's strings are in the plan: it is not freed. */
	wrong = cli_plan_app(&pod, flags, image, &limits, outer, ret);
	if (wrong)
		return cli_fail("image \"%s\" %s", image->name, wrong);
	memcpy(ret->app.image, stored.record.image, PS_DIGEST);
	ret->manifest.image_id = cli_copy(stored.id);
	return 0;
}

static int
plan_apps(struct cli *c, char *const *outer, struct cli_planned *apps)
{
	for (size_t i = 0; i < pod.n_apps; i++) {
		int r = plan_app(c, &pod.apps[i], pod.inherit_env ? outer : NULL,
		    &apps[i]);

		if (r != 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(apps[k].app.name, apps[i].app.name) == 0)
				return cli_fail("error: multiple apps with name %s "
						"(try --name)", apps[i].app.name);
	}
	return 0;
}

static int
write_manifest(const struct cli_planned *apps, char **ret)
{
	static struct ac_pair mutable = {
		.name = "coreos.com/rkt/stage1/mutable", .value = "false"
	};
	struct ac_pod m = { .n_apps = pod.n_apps,
		.apps = cli_alloc(pod.n_apps * sizeof(*m.apps)),
		.annotations = { .n = 1, .v = &mutable } };
	int r;

	for (size_t i = 0; i < pod.n_apps; i++)
		m.apps[i] = apps[i].manifest;
	r = ac_pod_write(&m, false, ret);
	if (r < 0)
		return cli_fail("cannot write the pod manifest: %s",
		    r == -EINVAL ? "an argument or variable is not UTF-8" :
				   strerror(-r));
	return 0;
}

/* On success the launcher waits for our exit, and becomes the pod. */
static int
start_pod(struct cli *c, const struct ps_msg_PLAN_POD *m,
    const struct cli_planned *apps)
{
	_cleanup_fd_ int plan = cli_plan_seal(m, apps);
	struct ps_msg_STARTING started;

	if (plan < 0)
		return cli_fail("the plan of the pod is %s",
		    plan == -EMSGSIZE || plan == -EINVAL ?
			"too large (environment, arguments or manifest)" :
			strerror(-plan));
	if (CLI_ASK(c, START_POD, (&(struct ps_msg_START_POD){ 0 }), &plan, 1,
		STARTING, &started) < 0)
		return CLI_FAILED;
	if (strcmp(started.uuid, m->uuid) != 0)
		return cli_fail("the launcher started another pod");
	return 0;
}

static int
run(struct cli *c)
{
	const char *excess =
	    cli_insecure_excess(c->g.insecure, c->welcome.insecure_allowed);
	char uuid[37], *manifest = NULL;
	struct ps_msg_PLAN_POD m = { .version = PS_PLAN_VERSION,
		.uuid = uuid,
		.hostname = pod.hostname,
		.insecure = c->g.insecure & (PS_INSECURE_CAPABILITIES |
					    PS_INSECURE_PATHS |
					    PS_INSECURE_SECCOMP |
					    PS_INSECURE_IMAGE),
		.flavor = PS_FLAVOR_NSPAWN,
		.interactive = pod.interactive,
		.debug = c->g.debug,
		.apps = (uint16_t)pod.n_apps };
	struct cli_planned *apps = cli_alloc(pod.n_apps * sizeof(*apps));
	int r;

	if (excess)
		return cli_fail("site policy does not allow "
				"--insecure-options=%s", excess);
	if (pod.hostname && !ps_is_host(pod.hostname, strlen(pod.hostname)))
		return cli_fail("--hostname \"%s\" is not a host name",
		    pod.hostname);
	r = check_stage1(c);
	if (r == 0)
		r = choose_net(&m.net);
	for (size_t i = 0; r == 0 && i < pod.set_env_files.n; i++)
		r = read_env_file(c, pod.set_env_files.v[i]);
	if (r == 0)
		r = plan_apps(c, environ, apps);
	if (r == 0)
		r = new_uuid(uuid);
	if (r == 0)
		r = write_manifest(apps, &manifest);
	if (r != 0)
		return r;
	m.manifest = (const uint8_t *)manifest;
	m.n_manifest = (uint32_t)strlen(manifest);
	return start_pod(c, &m, apps);
}

const struct cli_command cli_cmd_run = {
	.name = "run",
	.arguments = "IMAGE [image flags] [-- ARG... [---]] ...",
	.summary = "run images as a pod",
	.needs = CLI_OWN_ARGS,
	.flags = cli_run_pod_flags,
	.more_flags = cli_run_app_flags,
	.options = &pod,
	.prepare = prepare,
	.run = run,
};
