/*
 * rkt status: one pod, in words that scripts read; or waiting for its end.
 * Conductor, user rkt; what lies in a pod is hostile.
 */
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/pod_print.h"

#define FOR_EVER (-1)
#define POLL_NS (100 * 1000000)

static struct options {
	int64_t wait, wait_ready; /* 0 no, FOR_EVER, or ns */
	const char *format, *uuid_file;
} o;

static const char *
set_wait(void *dest, const char *value)
{
	int64_t *wait = dest;
	bool on;

	if (cli_set_bool(&on, value) == NULL) {
		*wait = on ? FOR_EVER : 0;
		return NULL;
	}
	if (cli_parse_duration(value, wait) < 0)
		return "must be true, false, or a duration such as 30s";
	if (*wait < 0)
		*wait = FOR_EVER;
	return NULL;
}

static const struct cli_flag flags[] = {
	{ .name = "wait", .set = set_wait, .offset = offsetof(struct options, wait),
	    .bare = "true", .value = "DURATION",
	    .help = "wait until the pod has ended" },
	{ .name = "wait-ready", .set = set_wait,
	    .offset = offsetof(struct options, wait_ready),
	    .bare = "true", .value = "DURATION",
	    .help = "wait until the apps of the pod are ready" },
	CLI_FLAG("format", cli_set_format, options, format, "FORMAT", NULL,
	    "print json, or json-pretty"),
	CLI_FLAG("uuid-file", cli_set_string, options, uuid_file, "FILE", NULL,
	    "read the pod's UUID from FILE"),
	{ 0 }
};

static const char *uuid;

static int
prepare(struct cli *c)
{
	if (c->g.help)
		return 0;
	if (o.wait != 0 && o.wait_ready != 0)
		return cli_fail("--wait and --wait-ready exclude each other");
	if (o.uuid_file && c->argc > 0)
		return cli_fail("takes a UUID or --uuid-file, not both");
	if (o.uuid_file)
		return c->launched ? 0 :
				     cli_read_uuid_file(c, o.uuid_file, &uuid);
	if (c->argc != 1)
		return cli_fail("takes one UUID");
	uuid = c->argv[0];
	return 0;
}

static void
print_text(const struct cli_pod *pod)
{
	int64_t created = cli_pod_created(pod), started = cli_pod_started(pod);
	int pid = cli_pod_pid(pod), code;
	struct ac_pod *m;

	(void)printf("state=%s\n", cli_state_name(pod->state));
	if (created != 0)
		(void)printf("created=%s\n", cli_format_time(created));
	if (started != 0)
		(void)printf("started=%s\n", cli_format_time(started));
	if (pod->state >= CLI_RUNNING && pod->state <= CLI_EXITED)
		(void)printf("networks=\n");
	if (pid > 0)
		(void)printf("pid=%d\nexited=%s\n", pid,
		    pod->state == CLI_RUNNING ? "false" : "true");
	if (cli_pod_parse(pod, &m) < 0)
		return;
	for (size_t i = 0; i < m->n_apps; i++)
		if (cli_app_status(pod, m->apps[i].name, &code) == 0)
			(void)printf("app-%s=%d\n", m->apps[i].name, code);
	ac_pod_free(m);
}

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * CLI_SECOND + t.tv_nsec;
}

static bool
has_ended(const struct cli_pod *pod)
{
	return pod->state >= CLI_EXITED;
}

/* A pod that has ended will never be ready. */
static bool
is_ready(const struct cli_pod *pod)
{
	return has_ended(pod) ||
	    (pod->state == CLI_RUNNING && cli_pod_ready(pod));
}

/* Looks until there is what is waited for. */
static int
wait_until(struct cli *c, struct cli_pod *pod,
    bool (*there)(const struct cli_pod *pod), int64_t wait)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	int64_t end = wait == FOR_EVER ? INT64_MAX : now() + wait;

	while (!there(pod)) {
		char full[37];
		int r;

		if (now() >= end)
			return cli_fail("pod \"%s\" is still %s%s after %s", pod->uuid,
			    cli_state_name(pod->state),
			    there == is_ready ? ", and not ready," : "",
			    cli_format_duration(wait));
		(void)nanosleep(&pause, NULL);
		memcpy(full, pod->uuid, sizeof(full));
		ps_close_fd(&pod->dir);
		r = cli_find_pod(c, full, pod);
		if (r != 0)
			return r;
	}
	if (there == is_ready && has_ended(pod))
		return cli_fail("pod \"%s\" has ended: it is %s", pod->uuid,
		    cli_state_name(pod->state));
	return 0;
}

static int
run(struct cli *c)
{
	struct cli_json j = { .out = stdout };
	struct cli_pod pod;
	int r = uuid ? 0 : cli_read_uuid_file(c, o.uuid_file, &uuid);

	if (r == 0)
		r = cli_find_pod(c, uuid, &pod);
	if (r == 0 && o.wait != 0)
		r = wait_until(c, &pod, has_ended, o.wait);
	if (r == 0 && o.wait_ready != 0)
		r = wait_until(c, &pod, is_ready, o.wait_ready);
	if (r != 0)
		return r;
	if (o.format == NULL) {
		print_text(&pod);
	} else {
		j.pretty = strcmp(o.format, "json-pretty") == 0;
		cli_pod_json(&j, &pod);
		(void)fputc('\n', stdout);
	}
	ps_close_fd(&pod.dir);
	return 0;
}

const struct cli_command cli_cmd_status = {
	.name = "status",
	.arguments = "UUID",
	.summary = "print the state of a pod",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
