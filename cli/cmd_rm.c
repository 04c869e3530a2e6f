/*
 * rkt rm: pods that have ended, or never began, are moved to their garbage
 * directory and deleted.  Conductor, user rkt; the launcher proves that they may.
 */
#include "cli/commands.h"
#include "cli/pods.h"
#include "cli/remove.h"

static struct options {
	const char *uuid_file;
} o;

static const struct cli_flag flags[] = {
	CLI_FLAG("uuid-file", cli_set_string, options, uuid_file, "FILE", NULL,
	    "read the pod's UUID from FILE"),
	{ 0 }
};

static int
prepare(struct cli *c)
{
	return cli_check_uuids(c, o.uuid_file);
}

static int
remove_pod(struct cli *c, const char *uuid)
{
	static const char *const refusals[CLI_GONE + 1] = {
		[CLI_EMBRYO] = "currently being prepared",
		[CLI_PREPARING] = "currently being prepared",
		[CLI_RUNNING] = "currently running",
		[CLI_EXITED_DELETING] = "currently being deleted",
		[CLI_DELETING] = "currently being deleted",
	};
	struct cli_pod pod;
	int r = cli_find_pod(c, uuid, &pod);

	if (r != 0)
		return r;
	ps_close_fd(&pod.dir);
	/* There is no one left to ask it to end: removing it does that. */
	if (refusals[pod.state] && !pod.orphan)
		return cli_fail("pod \"%s\" is %s", pod.uuid,
		    refusals[pod.state]);
	if (pod.state != CLI_EXITED_GARBAGE && pod.state != CLI_GARBAGE)
		r = cli_remove_pod(c, pod.uuid, false);
	if (r == 0)
		r = cli_remove_pod(c, pod.uuid, true);
	if (r == 0)
		(void)printf("\"%s\"\n", pod.uuid);
	return r;
}

static int
run(struct cli *c)
{
	int failed = cli_each_uuid(c, o.uuid_file, remove_pod);

	if (failed < 0)
		return CLI_FAILED;
	if (failed > 0)
		return cli_fail("failed to remove one or more pods");
	return 0;
}

const struct cli_command cli_cmd_rm = {
	.name = "rm",
	.arguments = "UUID...",
	.summary = "remove pods that have ended",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
