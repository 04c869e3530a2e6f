/*
 * rkt run: images become a pod, and the launcher becomes its supervisor.
 * Conductor, user rkt.
 */
#include "cli/commands.h"
#include "cli/launch.h"

static struct cli_run_pod pod = { .policy = CLI_PULL_NEW };

static int
prepare(struct cli *c)
{
	return cli_launch_prepare(c, &pod, cli_run_pod_flags);
}

static int
run(struct cli *c)
{
	const char *uuid;

	return cli_launch(c, &pod, PS_START_RUN, &uuid);
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
