/*
 * rkt run-prepared: a pod that waits becomes one that runs.  Conductor, user
 * rkt.  The apps and volumes are those that were prepared, byte for byte; where
 * the pod is (network, names, terminal) is of this command line.
 */
#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/insecure.h"
#include "cli/launch.h"
#include "cli/place.h"
#include "cli/pods.h"

static struct cli_run_place place;

static int
prepare(struct cli *c)
{
	if (c->argc != 1)
		return cli_fail("takes one UUID");
	return c->launched ? cli_place_read(&place) : 0;
}

/* The pod that waits, and its plan. */
static int
read_plan(struct cli *c, struct cli_pod *ret_pod, char **ret, size_t *ret_n)
{
	int r = cli_find_pod(c, c->argv[0], ret_pod);

	if (r != 0)
		return r;
	if (ret_pod->state != CLI_PREPARED)
		r = cli_fail("pod \"%s\" is not prepared", ret_pod->uuid);
	else if ((r = cli_read_below(ret_pod->dir, "plan", PS_MAX_PLAN, ret,
		      ret_n)) < 0)
		r = cli_fail("cannot read the plan of pod \"%s\": %s",
		    ret_pod->uuid, strerror(-r));
	ps_close_fd(&ret_pod->dir);
	return r;
}

/* What the pod was prepared without, it is run without: the launcher wants to
 * hear it from both command lines. */
static int
check_insecure(const struct cli *c, const struct ps_msg_PLAN_POD *m)
{
	const char *missing =
	    cli_insecure_excess(m->insecure, cli_launch_insecure(c));

	return missing ? cli_fail("the pod was prepared with "
				  "--insecure-options=%s: say it again to run "
				  "it so, or prepare it anew", missing) :
			 0;
}

static int
run(struct cli *c)
{
	struct ps_msg_PLAN_POD m;
	struct cli_pod pod;
	const uint8_t *plan;
	char *text;
	size_t n, rest;
	int r = cli_launch_check(c);

	if (r == 0)
		r = read_plan(c, &pod, &text, &n);
	if (r != 0)
		return r;
	plan = (const uint8_t *)text;
	if (cli_plan_first(plan, n, &m, &rest) < 0 ||
	    strcmp(m.uuid, pod.uuid) != 0)
		return cli_fail("the plan of pod \"%s\" is damaged, or of another "
				"version: prepare it anew", pod.uuid);
	/* Of the app: it was said when it was prepared. */
	place.interactive = place.interactive || m.interactive;
	if (place.interactive && m.apps > 1)
		return cli_fail("interactive option only supports pods with one "
				"app");
	r = check_insecure(c, &m);
	m.insecure = cli_launch_insecure(c);
	m.debug = c->g.debug;
	m.n_resolv_conf = m.n_hosts = 0;
	if (r == 0)
		r = cli_place_plan(&place, &m);
	if (r != 0)
		return r;
	return cli_launch_sealed(c, cli_plan_seal_again(&m, plan + rest, n - rest),
	    &(struct ps_msg_START_POD){ .how = PS_START_PREPARED }, pod.uuid);
}

const struct cli_command cli_cmd_run_prepared = {
	.name = "run-prepared",
	.arguments = "UUID",
	.summary = "run a pod that was prepared",
	.flags = cli_run_prepared_flags,
	.options = &place,
	.prepare = prepare,
	.run = run,
};
