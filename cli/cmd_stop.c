/*
 * rkt stop: asks pods to end, or makes them.  Conductor, user rkt; the launcher
 * finds the pod's processes and signals them.
 */
#include <time.h>

#include "cli/commands.h"
#include "cli/pods.h"
#include "cli/session.h"

#define SETTLE_MS 2000
#define STEP_MS 20

static struct options {
	bool force;
	const char *uuid_file;
} o;

static const struct cli_flag flags[] = {
	CLI_BOOL("force", options, force,
	    "end the pod at once, without asking its apps"),
	CLI_FLAG("uuid-file", cli_set_string, options, uuid_file, "FILE", NULL,
	    "read the pod's UUID from FILE"),
	{ 0 }
};

static int
prepare(struct cli *c)
{
	return cli_check_uuids(c, o.uuid_file);
}

/* A moment later a pod that ends just now, whose supervisor cannot be found any
 * more or has let go of its lock, is one that has ended; and one that is being
 * made runs, whose UUID is known before: until its state is another. */
static int
settle(struct cli *c, struct cli_pod *pod)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	const enum cli_state was = pod->state;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SETTLE_MS / STEP_MS; i++) {
		(void)nanosleep(&step, NULL);
		r = cli_find_pod(c, pod->uuid, pod);
		if (r == 0)
			ps_close_fd(&pod->dir);
		if (pod->state != was)
			break;
	}
	return r;
}

/* Between the look at it and the request a pod may have ended: then there is
 * nothing left to do, and that is no failure. */
static int
end_pod(struct cli *c, struct cli_pod *pod)
{
	struct ps_msg_END_POD m = { .uuid = pod->uuid,
		.how = o.force ? PS_END_KILL : PS_END_STOP };
	struct ps_msg_DONE done;
	int r;

	c->keeps = 1u << PS_REFUSED_NOTFOUND;
	c->missing = NULL;
	r = CLI_ASK(c, END_POD, &m, NULL, 0, DONE, &done);
	c->keeps = 0;
	if (r == 0 || c->missing == NULL)
		return r;
	if (settle(c, pod) != 0)
		return r;
	return pod->state > CLI_RUNNING ? 0 : cli_fail("%s", c->missing);
}

static int
stop_pod(struct cli *c, const char *uuid)
{
	struct cli_pod pod;
	int r = cli_find_pod(c, uuid, &pod);

	if (r != 0)
		return r;
	ps_close_fd(&pod.dir);
	if (pod.state <= CLI_PREPARING && settle(c, &pod) != 0)
		return CLI_FAILED;
	if (pod.state < CLI_RUNNING)
		return cli_fail("pod \"%s\" is not running", pod.uuid);
	if (pod.orphan && settle(c, &pod) != 0)
		return CLI_FAILED;
	if (pod.orphan)
		return cli_fail("the supervisor of pod \"%s\" has gone: rkt rm "
				"ends what is left of it", pod.uuid);
	if (pod.state == CLI_RUNNING && end_pod(c, &pod) != 0)
		return CLI_FAILED;
	(void)printf(pod.state == CLI_RUNNING ?
			     "\"%s\"\n" : "pod \"%s\" is already stopped\n",
	    pod.uuid);
	return 0;
}

static int
run(struct cli *c)
{
	int failed = cli_each_uuid(c, o.uuid_file, stop_pod);

	if (failed < 0)
		return CLI_FAILED;
	return failed > 0 ? cli_fail("failed to stop %d pod(s)", failed) : 0;
}

const struct cli_command cli_cmd_stop = {
	.name = "stop",
	.arguments = "UUID...",
	.summary = "end pods that run",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
