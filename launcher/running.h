#pragma once
/* A pod that runs: its nspawn and its pid 1.  Caller: root. */
#include "launcher/session.h"

struct ln_running {
	int pod;      /* its directory */
	int stage1;   /* pidfd of nspawn, which holds the pod's lock */
	int init;     /* pidfd of the pod's pid 1; -1 while it starts */
	int there;    /* its directory in nspawn's mount namespace, O_PATH */
};

/* 0, and the caller ends with ln_running_close; 1 REFUSED was sent, for it does
 * not run; or a negative errno.  inside: when it has a pid 1; one that is just
 * starting has none for a moment. */
int ln_running_open(struct ln_session *s, const char *uuid, bool inside,
    struct ln_running *ret);
void ln_running_close(struct ln_running *r);
/* Asks it to end (TERM to nspawn, which asks the pod's systemd), or makes it
 * (KILL to its pid 1, then to nspawn). */
int ln_running_end(struct ln_running *r, bool force);
