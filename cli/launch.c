/*
 * Making a pod: images, a plan, and the launcher, who proves the plan.
 * Conductor, user rkt.  HOSTILE: manifests of images.
 */
#include "cli/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cli/config.h"
#include "cli/deps.h"
#include "cli/filter.h"
#include "cli/insecure.h"
#include "cli/place.h"
#include "cli/session.h"
#include "cli/stdio.h"
#include "privsep/fds.h"
#include "privsep/name.h"

#define MAX_ENV_FILE PS_MAX_KEY
#define MAX_POD_MANIFEST PS_MAX_KEY

static int
read_env_file(struct cli *c, struct cli_run_pod *pod, const char *path)
{
	const char *wrong;
	char *text = NULL;
	size_t n = 0;
	int r = cli_read_named(c, path, MAX_ENV_FILE, &text, &n);

	if (r != 0)
		return r;
	wrong = cli_env_parse(&pod->file_env, text, n);
	return wrong ? cli_fail("%s: %s", path, wrong) : 0;
}

int
cli_launch_prepare(struct cli *c, struct cli_run_pod *pod,
    const struct cli_flag *pod_flags)
{
	const char *wrong = cli_run_parse(pod, pod_flags, &c->g, c->argv);
	int r = 0;

	if (wrong == NULL && !c->g.help)
		wrong = cli_stdio_off(pod);
	if (wrong)
		return cli_fail("%s (see rkt %s --help)", wrong,
		    cli_full_name(c->command));
	if (c->g.help)
		return 0;
	if (!c->launched)
		return cli_fail("cannot run as unprivileged user");
	for (size_t i = 0; r == 0 && i < pod->set_env.n; i++) {
		wrong = cli_env_once(&pod->flag_env, pod->set_env.v[i]);
		if (wrong)
			r = cli_fail("--set-env: %s", wrong);
	}
	if (r == 0)
		r = cli_place_read(&pod->place);
	cli_filter_warm();
	return r;
}

uint32_t
cli_launch_insecure(const struct cli *c)
{
	return c->g.insecure & (PS_INSECURE_CAPABILITIES | PS_INSECURE_PATHS |
				   PS_INSECURE_SECCOMP | PS_INSECURE_IMAGE);
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

int
cli_launch_check(struct cli *c)
{
	const char *excess =
	    cli_insecure_excess(c->g.insecure, c->welcome.insecure_allowed);

	return excess ? cli_fail("site policy does not allow "
				 "--insecure-options=%s", excess) :
			check_stage1(c);
}

static const char *
new_uuid(void)
{
	char *uuid = cli_alloc(37);
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b)) {
		(void)cli_fail("no random numbers");
		return NULL;
	}
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0, at = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			uuid[at++] = '-';
		(void)snprintf(uuid + at, 3, "%02x", b[i]);
		at += 2;
	}
	return uuid;
}

/* An app of a pod manifest names its image by id, by name, or both. */
static int
pull_said(struct cli *c, const struct ac_pod_app *said, enum cli_policy policy,
    struct cli_stored *ret)
{
	const char *name = said->image_name, *version;
	uint8_t digest[PS_DIGEST];
	struct cli_pull pull = { .policy = policy, .only_names = true };
	int r;

	if (said->image_id && ps_parse_image_id(said->image_id, digest) &&
	    cli_store_read(c, digest, ret) == 0)
		return 0;
	if (name == NULL)
		return cli_fail("app \"%s\": image %s is not in the store",
		    said->name, said->image_id);
	version = ac_find(&said->image_labels, "version");
	if (version)
		name = cli_format("%s:%s", name, version);
	for (size_t i = 0; i < said->image_labels.n; i++)
		if (strcmp(said->image_labels.v[i].name, "version") != 0)
			name = cli_format("%s,%s=%s", name,
			    said->image_labels.v[i].name,
			    said->image_labels.v[i].value);
	pull.argument = name;
	r = cli_pull(c, &pull, ret);
	if (r == 0 && said->image_id && strcmp(said->image_id, ret->id) != 0)
		return cli_fail("app \"%s\": image \"%s\" is %s, and the pod "
				"manifest says %s", said->name, name, ret->id,
		    said->image_id);
	return r;
}

static int
read_image(struct cli *c, const struct cli_stored *stored,
    struct ac_image **ret)
{
	const char *wrong = cli_check_platform(stored->record.label,
	    stored->record.n_label);
	char error[AC_ERROR], *text;
	size_t n;
	int r;

	if (wrong)
		return cli_fail("image \"%s\": %s", stored->record.name, wrong);
	r = cli_store_manifest(c, stored->id, &text, &n);
	if (r < 0)
		return cli_fail("cannot read the manifest of %s: %s", stored->id,
		    strerror(-r));
	/* Its strings are in the plan: it is not freed. */
	if (ac_image_parse(text, n, ret, error) < 0)
		return cli_fail("the manifest of %s is invalid: %s", stored->id,
		    error);
	return 0;
}

/* What is wrong begins with a verb of the image's, or with the thing. */
static int
refuse_image(const char *name, const char *wrong)
{
	bool verb = strncmp(wrong, "has ", 4) == 0 ||
	    strncmp(wrong, "is ", 3) == 0 || strncmp(wrong, "mounts ", 7) == 0;

	return cli_fail("image \"%s\"%s %s", name, verb ? "" : ":", wrong);
}

int
cli_launch_image(struct cli *c, struct cli_plan *plan,
    const struct cli_run_app *flags, struct cli_planned *ret)
{
	const struct cli_pull pull = { .argument = flags->image,
		.signature = flags->signature,
		.policy = plan->said->policy,
		.only_names = plan->pod.mutable == 1 &&
		    strncmp(flags->image, "sha512-", 7) != 0 };
	struct cli_deps *deps = cli_alloc(sizeof(*deps));
	struct cli_stored stored;
	struct ac_image *image;
	const char *wrong;
	int r = flags->said ?
	    pull_said(c, flags->said, plan->said->policy, &stored) :
	    cli_pull(c, &pull, &stored);

	if (r == 0)
		r = read_image(c, &stored, &image);
	if (r == 0)
		r = cli_deps(c, &stored, plan->said->policy, deps);
	if (r != 0)
		return r;
	wrong = cli_plan_app(plan, flags, image, ret);
	if (wrong)
		return refuse_image(image->name, wrong);
	memcpy(ret->app.image, stored.record.image, PS_DIGEST);
	ret->app.layers = deps->image[0];
	ret->app.n_layers = deps->n * PS_DIGEST;
	ret->manifest.image_id = cli_copy(stored.id);
	return 0;
}

static int
plan_images(struct cli *c, struct cli_plan *plan)
{
	const struct cli_run_pod *pod = plan->said;
	const char *wrong;

	plan->pod.apps = (uint16_t)pod->n_apps;
	plan->apps = cli_alloc((pod->n_apps + 1) * sizeof(*plan->apps));
	for (size_t i = 0; i < pod->n_apps; i++) {
		int r = cli_launch_image(c, plan, &pod->apps[i],
		    &plan->apps[i]);

		if (r != 0)
			return r;
	}
	plan->pod.volumes = plan->volumes.n;
	wrong = cli_plan_check(plan);
	return wrong ? cli_fail("%s", wrong) : 0;
}

static int
read_pod_manifest(struct cli *c, struct cli_run_pod *pod, struct cli_plan *plan)
{
	char error[AC_ERROR], *text;
	struct ac_pod *m;
	const char *wrong;
	size_t n;
	int r = cli_read_named(c, pod->pod_manifest, MAX_POD_MANIFEST, &text, &n);

	if (r != 0)
		return r;
	/* Its strings are in the plan, too. */
	if (ac_pod_parse(text, n, &m, error) < 0)
		return cli_fail("%s: %s", pod->pod_manifest, error);
	if (m->n_apps == 0)
		return cli_fail("%s: a pod has at least one app",
		    pod->pod_manifest);
	if (pod->place.interactive && m->n_apps > 1)
		return cli_fail("interactive option only supports one image");
	for (; pod->n_apps < m->n_apps; pod->n_apps++)
		pod->apps[pod->n_apps].said = &m->apps[pod->n_apps];
	wrong = cli_plan_told(plan, m);
	return wrong ? cli_fail("%s: %s", pod->pod_manifest, wrong) : 0;
}

int
cli_launch_told(struct cli_plan *plan, const struct ac_pod *m)
{
	char *text;
	int r = ac_pod_write(m, false, &text);

	if (r < 0)
		return cli_fail("cannot write the pod manifest: %s",
		    r == -EINVAL ? "an argument, a variable or a path is not "
				   "UTF-8" :
				   strerror(-r));
	plan->pod.manifest = (const uint8_t *)text;
	plan->pod.n_manifest = (uint32_t)strlen(text);
	return 0;
}

static int
write_manifest(struct cli_plan *plan)
{
	struct ac_pod *m = &plan->told;

	cli_tell_volumes(&plan->volumes, m);
	m->n_apps = plan->pod.apps;
	m->apps = cli_alloc((m->n_apps + 1) * sizeof(*m->apps));
	for (size_t i = 0; i < m->n_apps; i++)
		m->apps[i] = plan->apps[i].manifest;
	return cli_launch_told(plan, m);
}

int
cli_launch_sealed(struct cli *c, int fd, const struct ps_msg_START_POD *how,
    const char *uuid)
{
	_cleanup_fd_ int plan = fd;
	struct ps_msg_STARTING started;

	if (plan < 0)
		return cli_fail("%s", plan == -EMSGSIZE || plan == -EINVAL ?
			"the arguments and the environments of a pod take at "
			"most some 60000 bytes together: put what is long in a "
			"file of a volume" :
			cli_format("the plan of the pod: %s", strerror(-plan)));
	if (CLI_ASK(c, START_POD, how, &plan, 1, STARTING, &started) < 0)
		return CLI_FAILED;
	if (strcmp(started.uuid, uuid) != 0)
		return cli_fail("the launcher started another pod");
	return 0;
}

/* What comes of the flags or of the pod manifest, before any image. */
static int
plan_pod(struct cli *c, struct cli_run_pod *pod, struct cli_plan *plan)
{
	const char *wrong;
	int r = cli_place_plan(&pod->place, &plan->pod);

	for (size_t i = 0; r == 0 && i < pod->set_env_files.n; i++)
		r = read_env_file(c, pod, pod->set_env_files.v[i]);
	if (r != 0)
		return r;
	if (pod->pod_manifest)
		return read_pod_manifest(c, pod, plan);
	wrong = cli_plan_flags(plan);
	return wrong ? cli_fail("%s", wrong) : 0;
}

struct cli_plan *
cli_launch_begin(struct cli *c, const struct cli_run_pod *pod,
    const char *uuid)
{
	struct cli_plan *plan = cli_alloc(sizeof(*plan));

	*plan = (struct cli_plan){ .said = pod,
		.outer = pod->inherit_env ? environ : NULL,
		.limits = { .caps_image = c->welcome.caps_image,
		    .caps_operator = c->welcome.caps_operator,
		    .seccomp_wide = c->welcome.seccomp_wide,
		    .insecure = c->g.insecure },
		.pod = { .version = PS_PLAN_VERSION, .uuid = uuid,
		    .insecure = cli_launch_insecure(c),
		    .flavor = PS_FLAVOR_NSPAWN, .debug = c->g.debug,
		    .mutable = pod->mutable } };
	return plan;
}

/* Of the caller's variables an app with the caller's terminal has its type. */
static void
tell_terminal(struct cli_plan *plan)
{
	struct ps_msg_PLAN_APP *a = &plan->apps[0].app;

	for (uint16_t i = 0; i < a->n_env; i++)
		if (strncmp(a->env[i], "TERM=", 5) == 0)
			return;
	for (char **e = environ; *e && a->n_env < PS_COUNT(a->env); e++)
		if (strncmp(*e, "TERM=", 5) == 0 && strlen(*e) <= AC_MAX_ARG &&
		    ps_is_print(*e, strlen(*e))) {
			a->env[a->n_env++] = *e;
			return;
		}
}

int
cli_launch(struct cli *c, struct cli_run_pod *pod, uint8_t how,
    const char **ret_uuid)
{
	struct cli_plan *plan = cli_launch_begin(c, pod, new_uuid());
	int r = cli_launch_check(c);

	if (plan->pod.uuid == NULL)
		return CLI_FAILED;
	if (r == 0)
		r = plan_pod(c, pod, plan);
	if (r == 0)
		r = plan_images(c, plan);
	if (r == 0 && how == PS_START_RUN && plan->pod.interactive)
		r = cli_place_stdin();
	if (r == 0 && how == PS_START_RUN && plan->pod.interactive)
		tell_terminal(plan);
	if (r == 0)
		r = write_manifest(plan);
	if (r == 0)
		r = cli_launch_sealed(c, cli_plan_seal(plan),
		    &(struct ps_msg_START_POD){ .how = how }, plan->pod.uuid);
	*ret_uuid = plan->pod.uuid;
	return r;
}
