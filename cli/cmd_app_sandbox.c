/*
 * rkt app sandbox: a pod without apps, which rkt app add gives it.  Conductor,
 * user rkt.
 */
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/experiment.h"
#include "cli/launch.h"
#include "cli/place.h"

static struct cli_run_pod pod = { .policy = CLI_PULL_NEVER, .mutable = true };

static int
prepare(struct cli *c)
{
	int r = cli_experiment("APP");

	if (r == 0 && c->argc != 0)
		r = cli_fail("takes no arguments: rkt app add adds images");
	if (r == 0 && !c->launched)
		r = cli_fail("cannot run as unprivileged user");
	return r == 0 ? cli_place_read(&pod.place) : r;
}

static int
run(struct cli *c)
{
	const char *uuid;
	int r = cli_in_full(c);

	return r == 0 ? cli_launch(c, &pod, PS_START_RUN, &uuid) : r;
}

const struct cli_command cli_cmd_app_sandbox = {
	.parent = "app",
	.name = "sandbox",
	.summary = "run a pod without apps, for rkt app add (experiment)",
	.flags = cli_sandbox_flags,
	.options = &pod,
	.prepare = prepare,
	.run = run,
};
