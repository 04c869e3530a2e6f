/*
 * rkt gc: mark what has ended, delete what was marked long enough ago.
 * Conductor, user rkt; the launcher proves that a pod may go.
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/pods.h"
#include "cli/remove.h"
#include "cli/session.h"
#include "privsep/log.h"

#define EMBRYO_LIFE 10 /* seconds */

static struct options {
	int64_t grace, expire;
	bool mark_only;
} o = { .grace = 30 * 60 * CLI_SECOND, .expire = 24 * 3600 * CLI_SECOND };

static const struct cli_flag flags[] = {
	CLI_FLAG("grace-period", cli_set_duration, options, grace, "DURATION",
	    "30m", "how long marked pods stay"),
	CLI_FLAG("expire-prepared", cli_set_duration, options, expire,
	    "DURATION", "24h", "age at which prepared pods are garbage"),
	CLI_BOOL("mark-only", options, mark_only,
	    "mark pods that have ended, delete nothing"),
	{ 0 }
};

int
cli_remove_pod(struct cli *c, const char *uuid, bool delete)
{
	struct ps_msg_END_POD m = { .uuid = uuid,
		.how = delete ? PS_END_DELETE : PS_END_MARK };
	struct ps_msg_DONE done;

	return CLI_ASK(c, END_POD, &m, NULL, 0, DONE, &done) < 0 ?
	    CLI_FAILED :
	    0;
}

/* What a walk chose; asked of the launcher when no directory is open. */
struct chosen {
	struct cli_list list;
	int64_t now;
};

static int64_t
clock_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * CLI_SECOND + t.tv_nsec;
}

static int
choose_ended(const struct cli_pod *pod, void *arg)
{
	struct chosen *s = arg;
	bool expired = pod->state == CLI_PREPARED &&
	    s->now - cli_pod_created(pod) > o.expire;

	/* An embryo has no lock for an instant; its maker is dead by now. */
	if (pod->state == CLI_EMBRYO &&
	    s->now / CLI_SECOND - pod->mtime > EMBRYO_LIFE)
		cli_list_add(&s->list, cli_copy(pod->uuid));
	if (pod->state == CLI_ABORTED_PREPARE)
		ps_log("moving failed prepare \"%s\" to garbage", pod->uuid);
	if (pod->state == CLI_ABORTED_PREPARE || pod->state == CLI_EXITED ||
	    pod->orphan || expired)
		cli_list_add(&s->list, cli_copy(pod->uuid));
	return 0;
}

/* The rename that marked a pod is the last change of its directory's inode. */
static int
choose_marked(const struct cli_pod *pod, void *arg)
{
	struct chosen *s = arg;
	struct stat st;
	int64_t marked;

	if (pod->state == CLI_GARBAGE) {
		cli_list_add(&s->list, cli_copy(pod->uuid));
		return 0;
	}
	if (pod->state != CLI_EXITED_GARBAGE || fstat(pod->dir, &st) < 0)
		return 0;
	marked = st.st_ctim.tv_sec * CLI_SECOND + st.st_ctim.tv_nsec;
	if (s->now - marked < o.grace)
		ps_log("pod \"%s\" not removed: still within grace period (%s)",
		    pod->uuid, cli_format_duration(o.grace));
	else
		cli_list_add(&s->list, cli_copy(pod->uuid));
	return 0;
}

/* Who collects at the same time, and was first, has done it. */
static int
collect(struct cli *c, const char *uuid, bool delete)
{
	c->keeps = 1u << PS_REFUSED_NOTFOUND | 1u << PS_REFUSED_BUSY;
	c->missing = NULL;
	return cli_remove_pod(c, uuid, delete) != 0 && !c->missing ? CLI_FAILED : 0;
}

static int
run(struct cli *c)
{
	struct chosen ended = { .now = clock_now() };
	struct chosen marked = { 0 };
	int r, failed = 0;

	if (c->argc > 0)
		return cli_fail("takes no arguments");
	r = cli_each_pod(c, CLI_ALL_PLACES, choose_ended, &ended);
	if (r != 0)
		return r;
	for (size_t i = 0; i < ended.list.n; i++)
		if (collect(c, ended.list.v[i], false) != 0)
			failed = CLI_FAILED;
	if (o.mark_only)
		return failed;
	marked.now = clock_now();
	r = cli_each_pod(c, CLI_ALL_PLACES, choose_marked, &marked);
	if (r != 0)
		return r;
	for (size_t i = 0; i < marked.list.n; i++) {
		(void)printf("Garbage collecting pod \"%s\"\n",
		    marked.list.v[i]);
		if (collect(c, marked.list.v[i], true) != 0)
			failed = CLI_FAILED;
	}
	return failed;
}

const struct cli_command cli_cmd_gc = {
	.name = "gc",
	.summary = "delete pods that ended some time ago",
	.flags = flags,
	.options = &o,
	.run = run,
};
