/*
 * rkt enter: a command in an app of a running pod, confined as the app is.
 * Conductor, user rkt.
 */
#include "cli/commands.h"
#include "cli/enter.h"

const struct cli_command cli_cmd_enter = {
	.name = "enter",
	.arguments = "UUID [CMD [ARGS...]]",
	.summary = "run a command in an app of a running pod",
	.needs = CLI_OWN_ARGS,
	.flags = cli_enter_flags,
	.prepare = cli_enter_prepare,
	.run = cli_enter_run,
};
