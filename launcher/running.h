#pragma once
/* A pod that runs: its nspawn and its pid 1.  Caller: root. */
#include "launcher/session.h"

/* How far a pod is that begins. */
enum ln_stage {
	LN_STARTS,
	LN_INSIDE,  /* it has a pid 1 */
	LN_LISTENS, /* which hears the signal to end: before, that would be lost */
};

struct ln_running {
	int pod;      /* its directory */
	int stage1;   /* pidfd of nspawn, which holds the pod's lock */
	int init;     /* pidfd of the pod's pid 1; -1 while it starts */
	int there;    /* its directory in nspawn's mount namespace, O_PATH */
	enum ln_stage stage;
};

/* 0, and the caller ends with ln_running_close; 1 REFUSED was sent, for it does
 * not run; or a negative errno.  One that is just starting is waited for, until
 * it is as far; but one that does not come to listen is none the less there. */
int ln_running_open(struct ln_session *s, const char *uuid, enum ln_stage until,
    struct ln_running *ret);
void ln_running_close(struct ln_running *r);
/* Asks it to end (SIGRTMIN+3 to its systemd, as often as one likes; TERM to
 * nspawn where that hears nothing), or makes it (KILL to its pid 1, then to
 * nspawn). */
int ln_running_end(struct ln_running *r, bool force);
