#pragma once
/*
 * stage1-enter: from a launcher that has proved that this may be, to a command
 * in an app.  Host root at first, which it gives up before it hears a word of
 * the pod; what comes from the door and from the terminal's master is hostile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define S1_FAILED 254 /* rkt's code for its own errors */

/* Descriptors that the launcher gives. */
#define S1_ENTER_PLAN 3 /* the pod's file `plan`, root's, read-only */
#define S1_ENTER_POD 4	/* the pod's directory */
#define S1_ENTER_INIT 5 /* pidfd of the pod's pid 1 */
#define S1_ENTER_LOCK 6 /* of a change of the pod's apps, if it is one: kept */

/*
 * record.c: the PLAN_APP record of app from the plan on fd, exec replaced by
 * the command (n words; none: the app's own), env (ended by NULL) over the app's own, as a sealed
 * memfd.  Or -ENOENT, with the names of the apps there are in ret_apps; -E2BIG:
 * too many or too long words; or another negative errno.
 */
#define S1_APP_NAMES 1024u
int s1_make_record(int fd, const char *app, const char *const *words, size_t n,
    char *const *env, char ret_apps[S1_APP_NAMES]);

/* knock.c: a connection to the door of the pod, made as the pod's root; this
 * process is from then on the user `base` without any right.  Dies with
 * S1_FAILED. */
int s1_knock(void);

/* manage.c: has the pod do what the one word says; 0, or S1_FAILED, said. */
int s1_ask(int door, int record, char *const *words);
/* proxy.c: until the command has ended; the exit code. */
int s1_proxy(int door, int record, char *const *words);
/* Why a conversation with the pod broke off; r >= 0: it did not. */
void s1_say_end(int r);
/* attach.c: until the app has ended or the caller has had enough; words is the
 * one of --mode. */
int s1_run_attach(int door, int record, char *const *words);
