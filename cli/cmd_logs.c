/*
 * rkt logs: what a pod's apps wrote to their standard output and error, and to
 * the pod's journal.  Conductor, user rkt or whoever called, behind its closed
 * door; what it reads is hostile.
 */
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/logs.h"

#define POLL_NS (200 * 1000000)
#define MOST_LINES 1000000u

static struct options {
	const char *app, *output;
	bool follow;
	uint64_t lines; /* 0 all */
} o = { .output = "short" };

static const char *
set_output(void *dest, const char *value)
{
	if (cli_log_printer(value) == NULL)
		return "must be short, cat or json";
	*(const char **)dest = value;
	return NULL;
}

static const char *
set_lines(void *dest, const char *value)
{
	uint64_t *lines = dest;

	if (cli_set_u64(lines, value) != NULL || *lines == 0 ||
	    *lines > MOST_LINES)
		return "must be a number from 1 to 1000000";
	return NULL;
}

static const struct cli_flag flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "only what this app wrote"),
	CLI_BOOL("follow", options, follow, "go on until the pod has ended"),
	CLI_FLAG("lines", set_lines, options, lines, "N", NULL,
	    "begin with the last N lines"),
	CLI_FLAG("output", set_output, options, output, "FORMAT", "short",
	    "print short, cat (the text alone) or json"),
	{ 0 }
};

/* Where the last lines are. */
struct tail {
	struct place {
		size_t file;
		uint64_t at;
	} *v;
	uint64_t n; /* of all that were seen */
};

static int
remember(const struct cli_line *line, void *arg)
{
	struct tail *t = arg;

	t->v[t->n++ % o.lines] = (struct place){ line->file, line->at };
	return 0;
}

static int
print_last(struct cli_log *log, cli_log_visit *print)
{
	struct tail t = { .v = cli_alloc(o.lines * sizeof(*t.v)) };
	int r = cli_log_read(log, remember, &t);
	uint64_t first = t.n > o.lines ? t.n - o.lines : 0;

	for (uint64_t i = first; r == 0 && i < t.n; i++)
		r = cli_log_again(log, t.v[i % o.lines].file,
		    t.v[i % o.lines].at, print, NULL);
	return r;
}

/* A running pod's lock is on the directory that is open, wherever it moves. */
static bool
has_ended(const struct cli_pod *pod)
{
	size_t run = 0;

	while (strcmp(cli_places[run], "run") != 0)
		run++;
	return cli_pod_state(run, pod->dir) != CLI_RUNNING;
}

static int
follow(struct cli_log *log, cli_log_visit *print)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	bool ended = false;
	int r = 0;

	while (r == 0 && !ended) {
		(void)nanosleep(&pause, NULL);
		ended = has_ended(log->pod);
		r = cli_log_scan(log);
		if (r == 0)
			r = cli_log_read(log, print, NULL);
		if (fflush(stdout) != 0)
			r = CLI_FAILED;
	}
	return r;
}

static int
check(const struct cli_log *log)
{
	if (log->pod->state < CLI_RUNNING)
		return cli_fail("pod \"%s\" is %s: it has not run yet",
		    log->pod->uuid, cli_state_name(log->pod->state));
	for (size_t i = 0; o.app && i < log->manifest->n_apps; i++)
		if (strcmp(log->manifest->apps[i].name, o.app) == 0)
			return 0;
	return o.app ? cli_fail("pod \"%s\" has no app \"%s\"", log->pod->uuid,
			   o.app) :
		       0;
}

static int
print_log(const struct cli_pod *pod, const struct ac_pod *manifest)
{
	static struct cli_log log;
	cli_log_visit *print = cli_log_printer(o.output);
	int r;

	log.pod = pod;
	log.manifest = manifest;
	log.app = o.app;
	r = check(&log);
	if (r == 0)
		r = cli_log_scan(&log);
	if (r == 0)
		r = o.lines ? print_last(&log, print) :
			      cli_log_read(&log, print, NULL);
	if (r == 0 && fflush(stdout) == 0 && o.follow &&
	    pod->state == CLI_RUNNING)
		r = follow(&log, print);
	return r == 0 ? 0 : CLI_FAILED;
}

static int
run(struct cli *c)
{
	struct ac_pod *manifest;
	struct cli_pod pod;
	int r;

	if (c->argc != 1)
		return cli_fail("takes one UUID");
	r = cli_find_pod(c, c->argv[0], &pod);
	if (r != 0)
		return r;
	if (cli_pod_parse(&pod, &manifest) < 0)
		return cli_fail("cannot read the manifest of pod \"%s\"",
		    pod.uuid);
	r = print_log(&pod, manifest);
	ac_pod_free(manifest);
	ps_close_fd(&pod.dir);
	return r;
}

const struct cli_command cli_cmd_logs = {
	.name = "logs",
	.arguments = "UUID",
	.summary = "print what the apps of a pod wrote",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.run = run,
};
