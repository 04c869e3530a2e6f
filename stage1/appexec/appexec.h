#pragma once
/*
 * The last program before an app.  Runs inside the pod's user namespace as
 * the pod's root.  HOSTILE: everything below the app's root directory; the
 * plan record is the launcher's, proved.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "privsep/proto.h"

#define S1_MAX_ID 65534u /* largest uid or gid of a pod */

struct s1_ids {
	uint32_t uid, gid;
};

/* All functions: 0 or negative errno, unless said.  They log nothing but
 * through s1_why, the line that main prints. */

/* What the environment says behind key, "KEY=", or "". */
static inline const char *
s1_value(char *const *env, const char *key)
{
	const size_t n = strlen(key);

	while (*env && strncmp(*env, key, n) != 0)
		env++;
	return *env ? *env + n : "";
}

/* What went wrong, for the one log line; kept until main prints it. */
extern const char *s1_why;
/* The interpreter that the program names and the image lacks; NULL: none. */
extern const char *s1_lacks;
/* Descriptors from 3 on that are the app's: its sockets. */
extern unsigned s1_kept;

/* plan.c: read rkt/plan/<name> below the pod's root. */
int s1_read_plan(int pod_root, const char *name, struct ps_msg_PLAN_APP *ret);

/*
 * confine.c: the one way in.  After it the calling process is the app but for
 * execve: own mount namespace with the app's root and nothing else, its uid,
 * groups, capabilities, limits, directory and filters.  run, enter, attach and
 * app add all come through here, which is what makes them equal.  On success
 * ret_program is the path to execute; on failure *ret_code the exit code
 * (S1_EXIT_*), s1_why the step, ret_program what was sought for S1_EXIT_EXEC.
 */
int s1_confine(
    const struct ps_msg_PLAN_APP *a, char ret_program[4096], int *ret_code);

/* exec.c: a variable for the program, before any of its own of that name. */
int s1_set_variable(const char *name, const char *value);
/* Confine and execute a->exec.  Returns only the exit code of a failure, of
 * which it has told. */
int s1_become(const struct ps_msg_PLAN_APP *a);

/* event.c: run the app's pre-start or post-stop handler, if it has one, in a
 * child.  Its exit code or the number of its signal, or negative errno;
 * seconds < 0 waits for ever. */
int s1_run_event(int pod_root, struct ps_msg_PLAN_APP *a, bool stop, int seconds);

/* sockets.c: how many systemd gave (to s1_kept); then that they are those of
 * the record, and what the app is to know of them. */
void s1_note_sockets(char *const *env);
int s1_take_sockets(const struct ps_msg_PLAN_APP *a);

/* sysctl.c: a row of main's table. */
int s1_sysctl(int pod_root, char **argv, char *const *env);

/* cgroup.c: into the cgroups that the launcher made for the app, if it did. */
int s1_enter_cgroups(int pod_root, const char *name);
/* With cgroup v2: the limits of the record are those of this process. */
int s1_check_cgroup(int pod_root, const struct ps_msg_PLAN_APP *a);

/* root.c */
int s1_make_root(int pod_root, const struct ps_msg_PLAN_APP *a, int *ret_root);
int s1_pivot(int root);
/* dev.c: a fresh /dev on the app's root. */
int s1_make_dev(int pod_root, int root);
/* A new mount of the node dev/<name> of the pod, proved by its number. */
int s1_clone_node(int pod_root, const char *name);
/* mask.c: hide and protect paths of proc and sys, already on root. */
int s1_protect(int pod_root, int root);

/* user.c */
int s1_resolve_ids(
    int root, const struct ps_msg_PLAN_APP *a, struct s1_ids *ret);
/* Pure.  0; -ERANGE or -EINVAL: a number that no pod has; -ENOENT not a number.
 */
int s1_parse_id(const char *s, uint32_t *ret);
/* Pure: the field'th column (2: id) of name's line in passwd or group text. */
int s1_find_id(const char *text, size_t n, const char *name, uint32_t *ret);

/* privs.c */
int s1_set_limits(int pod_root, const struct ps_msg_PLAN_APP *a);
int s1_set_ids(const struct ps_msg_PLAN_APP *a, const struct s1_ids *ids);
int s1_set_filters(const struct ps_msg_PLAN_APP *a, bool must_nnp);

/* find.c: where a program is, by rkt's rules (architecture of exec[0]). */
int s1_find_program(
    const char *name, const char *const *env, size_t n_env, char ret[4096]);

/* interp.c: the interpreter that program names, a script or an ELF file, if it
 * is not there; else NULL.  Overwritten by the next call. */
const char *s1_missing_interpreter(const char *program);

/* reap.c: the pod's apps come and go, and none of them is its end. */
bool s1_is_mutable(int pod_root);
/* reap.c: rows of main's table; each returns the exit code of the program. */
int s1_reap(int pod_root, char **argv, char *const *env);
int s1_ready(int pod_root, char **argv, char *const *env);
/* An app is started: that may have been the last. */
void s1_note_ready(int pod_root);
int s1_end(int pod_root, char **argv, char *const *env);
/* rkt/status/<name>; the first number that is not 0 will be the pod's. */
int s1_write_status(int pod_root, const char *name, int number);
/* Pure: systemd's EXIT_CODE and EXIT_STATUS to rkt's number, or -EINVAL. */
int s1_exit_number(const char *code, const char *status);
/* manager.c: have pid 1 stop all apps; or end the pod with this code. */
int s1_stop_apps(void);
int s1_end_pod(uint8_t code);
int s1_sync_journal(void);
