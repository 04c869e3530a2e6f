#pragma once
/*
 * The parts of appexec --enter, and what an app shares with them.  Caller: the
 * pod's root.  0 or negative errno, with s1_why set.
 */
#include "privsep/proto.h"
#include "stage1/common/door.h"

struct s1_request {
	struct s1_door m;
	int door;     /* who gets the other side of a terminal */
	int stdio[3]; /* what becomes 0 1 2; -1 a terminal.  2 is always there:
			 where it is a terminal, until that is made */
};

#define S1_VISITOR 0 /* the connection of the door */

/* visit.c: the exit code of the program. */
int s1_visit(int pod_root, char **argv, char *const *env);
/* The record on fd; its strings stay. */
int s1_read_record(int fd, struct ps_msg_PLAN_APP *ret);

/* What may be asked: rows of visit.c.  The exit code of the program. */
/* enter.c */
int s1_enter(int pod_root, const struct s1_door *m, const int *fds, size_t n);
/* attach.c */
int s1_visit_mux(
    int pod_root, const struct s1_door *m, const int *fds, size_t n);
/* manage.c */
int s1_manage(int pod_root, const struct s1_door *m, const int *fds, size_t n);

/* unit.c: into the cgroup that the pod's systemd made for the app, which says
 * that it runs.  Waits for one that is just starting; -ESRCH: it has ended. */
int s1_join_unit(int pod_root, const char *app);
/* The same, but it stays outside. */
int s1_await_unit(int pod_root, const char *app);

/* stdio.c: descriptors 0 1 2 of the command, and behind s1_confine's change of
 * user the terminal, where it needs one. */
int s1_place_stdio(const struct s1_request *q);
/* The same for an app, as its record says; its mux has the other ends. */
int s1_place_streams(const struct ps_msg_PLAN_APP *a);

/* Of confine.c, and NULL for whoever needs no terminal: called when this
 * process has the app's root and user, and not yet its filters, to make one
 * there.  One descriptor more is kept until then (s1_kept). */
extern int (*s1_as_app)(void);
