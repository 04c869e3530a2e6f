/*
 * rkt prepare: images become a pod that waits for run-prepared.  Conductor,
 * user rkt; the launcher makes the pod.
 */
#include "cli/commands.h"
#include "cli/launch.h"

static struct cli_run_pod pod = { .policy = CLI_PULL_NEW };

static int
prepare(struct cli *c)
{
	return cli_launch_prepare(c, &pod, cli_prepare_pod_flags);
}

static int
run(struct cli *c)
{
	const char *uuid;
	int r;

	cli_quiet(pod.quiet);
	r = cli_launch(c, &pod, PS_START_PREPARE, &uuid);
	if (r == 0)
		(void)printf("%s\n", uuid);
	return r;
}

const struct cli_command cli_cmd_prepare = {
	.name = "prepare",
	.arguments = "IMAGE [image flags] [-- ARG... [---]] ...",
	.summary = "make a pod of images, to be run later",
	.needs = CLI_OWN_ARGS,
	.flags = cli_prepare_pod_flags,
	.more_flags = cli_run_app_flags,
	.options = &pod,
	.prepare = prepare,
	.run = run,
};
