#pragma once
/*
 * Pods by their directories: state, files, and finding one by the beginning of
 * its UUID.
 */
#include "appc/pod.h"
#include "cli/cli.h"

enum cli_state {
	CLI_EMBRYO,
	CLI_PREPARING,
	CLI_ABORTED_PREPARE,
	CLI_PREPARED,
	CLI_RUNNING,
	CLI_EXITED,
	CLI_EXITED_DELETING,
	CLI_EXITED_GARBAGE,
	CLI_DELETING,
	CLI_GARBAGE,
	CLI_GONE
};

struct cli_pod {
	char uuid[37];
	enum cli_state state;
	bool orphan; /* running, and its supervisor has gone */
	int dir; /* the pod's directory; -1: not ours to read */
	int64_t mtime; /* its, seconds */
};

/* "running", "aborted prepare", ... */
const char *cli_state_name(enum cli_state state);
/* The state of the pod directory dir that lies in pods/<place>, by its lock. */
enum cli_state cli_pod_state(size_t place, int dir);
#define CLI_PLACES 6
/* Names of the directories below pods/, in rkt's order. */
extern const char *const cli_places[CLI_PLACES];

/* Does anything of it run, by its cgroups?  For a pod without a supervisor. */
bool cli_pod_is_alive(const struct cli_pod *pod);

typedef int cli_pod_visit(const struct cli_pod *pod, void *arg);

/* Visits the pods of places[0..), a bit mask; stops at the first answer that
 * is not 0 and returns it.  pod->dir is closed behind visit. */
int cli_each_pod(struct cli *c, unsigned places, cli_pod_visit *visit,
    void *arg);
#define CLI_ALL_PLACES 0x3fu
/* All but embryo and garbage: what list shows. */
#define CLI_MOST_PLACES 0x1eu

/* By UUID or its unambiguous beginning.  0 or CLI_FAILED (said). */
int cli_find_pod(struct cli *c, const char *uuid, struct cli_pod *ret);
/* What the file of --uuid-file says.  When it may be called: cli_read_named. */
int cli_read_uuid_file(struct cli *c, const char *path, const char **ret);
/* The arguments are UUIDs, or file says one: not both, not none.  0 or
 * CLI_FAILED (said). */
int cli_check_uuids(const struct cli *c, const char *file);
/* How many of those pods act failed for; -1: the file cannot be read (said). */
int cli_each_uuid(struct cli *c, const char *file,
    int (*act)(struct cli *c, const char *uuid));

/* The pod's manifest: 0 or negative errno. */
int cli_pod_manifest(const struct cli_pod *pod, char **ret, size_t *ret_n);
int cli_pod_parse(const struct cli_pod *pod, struct ac_pod **ret);
/* Exit code of an app: 0, or negative errno (-ENOENT: has not ended). */
int cli_app_status(const struct cli_pod *pod, const char *app, int *ret);
/* HOSTILE: does the pod say that its apps are ready? */
bool cli_pod_ready(const struct cli_pod *pod);
/* ns since the epoch; 0 unknown.  HOSTILE: those of an app, which the pod
 * wrote. */
int64_t cli_pod_created(const struct cli_pod *pod);
int64_t cli_pod_started(const struct cli_pod *pod);
int64_t cli_app_created(const struct cli_pod *pod, const char *app);
int64_t cli_app_started(const struct cli_pod *pod, const char *app);
int64_t cli_app_finished(const struct cli_pod *pod, const char *app);
/* 0 unknown. */
int cli_pod_pid(const struct cli_pod *pod);
