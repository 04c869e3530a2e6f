/*
 * rkt app add: an image of the store becomes an app of a pod that runs.
 * Conductor, user rkt.  HOSTILE: the image's manifest.
 */
#include <string.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/experiment.h"
#include "cli/filter.h"
#include "cli/launch.h"
#include "privsep/volume.h"

static struct cli_run_pod pod = { .policy = CLI_PULL_NEVER, .mutable = true };
static const char *uuid;

static int
prepare(struct cli *c)
{
	const char *wrong = cli_add_parse(&pod, &c->g, c->argv, &uuid);

	if (wrong)
		return cli_fail("%s (see rkt %s --help)", wrong,
		    cli_full_name(c->command));
	if (c->g.help)
		return 0;
	/* What the pod's supervisor gave up when it began, no app gets. */
	if (pod.apps[0].has_oom && pod.apps[0].oom_score_adj < 0)
		return cli_fail("--oom-score-adj below 0 is not possible in a pod "
				"that runs: leave it out");
	cli_filter_warm();
	return cli_experiment("APP");
}

/* --mnt-volume is a volume of the pod and a mount of the app in one. */
static const char *
take_volumes(struct cli_plan *plan, struct cli_run_app *a)
{
	for (size_t i = 0; i < a->mnt_volumes.n; i++) {
		static struct ps_volume v;
		const char *wrong = NULL;

		if (ps_volume_parse(a->mnt_volumes.v[i], &v, &wrong) < 0)
			return wrong;
		wrong = cli_volume_add(&plan->volumes, a->mnt_volumes.v[i]);
		if (wrong)
			return wrong;
		cli_list_add(&a->mounts,
		    cli_format("volume=%s,target=%s", v.name, v.target));
	}
	return NULL;
}

static const char *
check(const struct cli_plan *plan, const struct ac_pod *m)
{
	const char *name = plan->apps[0].app.name;

	if (cli_app_index(m, name) < m->n_apps)
		return cli_format("error: multiple apps with name %s (try --name)",
		    name);
	if (m->n_apps >= PS_MAX_APPS)
		return cli_format("a pod has at most %u apps", PS_MAX_APPS);
	for (uint16_t i = 0; i < plan->volumes.n; i++)
		for (size_t k = 0; k < m->n_volumes; k++)
			if (strcmp(plan->volumes.v[i].plan.name,
				m->volumes[k].name) == 0)
				return cli_format("another app of the pod has a "
				    "volume \"%s\"", m->volumes[k].name);
	return cli_plan_check(plan);
}

/* The pod as it is, and the app. */
static int
tell(struct cli_plan *plan, const struct ac_pod *m)
{
	struct ac_pod all = *m, own = { 0 };
	size_t volumes = m->n_volumes, apps = m->n_apps;

	cli_tell_volumes(&plan->volumes, &own);
	all.volumes = cli_alloc((volumes + own.n_volumes + 1) *
	    sizeof(*all.volumes));
	if (volumes > 0)
		memcpy(all.volumes, m->volumes, volumes * sizeof(*all.volumes));
	if (own.n_volumes > 0)
		memcpy(all.volumes + volumes, own.volumes,
		    own.n_volumes * sizeof(*all.volumes));
	all.n_volumes = volumes + own.n_volumes;
	all.apps = cli_alloc((apps + 1) * sizeof(*all.apps));
	if (apps > 0)
		memcpy(all.apps, m->apps, apps * sizeof(*all.apps));
	all.apps[apps] = plan->apps[0].manifest;
	all.n_apps = apps + 1;
	return cli_launch_told(plan, &all);
}

static int
add(struct cli *c, const struct cli_pod *to, const struct ac_pod *m)
{
	struct cli_plan *plan = cli_launch_begin(c, &pod, cli_copy(to->uuid));
	const struct ps_msg_START_POD how = { .how = PS_START_ADD,
		.since = cli_manifest_since() };
	const char *wrong = cli_plan_flags(plan);
	int r;

	if (wrong == NULL)
		wrong = take_volumes(plan, &pod.apps[0]);
	if (wrong)
		return cli_fail("%s", wrong);
	plan->pod.apps = 1;
	plan->apps = cli_alloc(sizeof(*plan->apps));
	r = cli_launch_image(c, plan, &pod.apps[0], &plan->apps[0]);
	if (r != 0)
		return r;
	if (plan->apps[0].app.n_socket_ports > 0)
		return cli_fail("the image has a socket-activated port: sockets "
				"are handed to rkt run alone");
	plan->pod.volumes = plan->volumes.n;
	wrong = check(plan, m);
	if (wrong)
		return cli_fail("%s", wrong);
	r = tell(plan, m);
	return r == 0 ? cli_launch_sealed(c, cli_plan_seal(plan), &how,
			    plan->pod.uuid) : r;
}

static int
run(struct cli *c)
{
	struct cli_pod to;
	struct ac_pod *m;
	int r = cli_in_full(c);

	if (r == 0)
		r = cli_launch_check(c);
	if (r == 0)
		r = cli_find_mutable(c, uuid, &to, &m);
	if (r != 0)
		return r;
	r = add(c, &to, m);
	ac_pod_free(m);
	ps_close_fd(&to.dir);
	return r;
}

const struct cli_command cli_cmd_app_add = {
	.parent = "app",
	.name = "add",
	.arguments = "UUID IMAGE [image flags] [-- ARG...]",
	.summary = "add an image of the store to a pod (experiment)",
	.needs = CLI_OWN_ARGS,
	.more_flags = cli_add_app_flags,
	.options = &pod,
	.prepare = prepare,
	.run = run,
};
