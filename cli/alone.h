#pragma once
/*
 * rkt without root.  A process stands in for the launcher: it has the caller's
 * own rights and no more, starts the fetcher, verify and unpack in their
 * sandboxes, and puts what they found good into the spool.  The conductor
 * speaks to it as to the launcher, from behind its own closed door.  What it
 * says of an image is for the person who asked; root asks again.
 */
#include <sys/types.h>

#include "cli/cli.h"
#include "privsep/policy.h"
#include "privsep/record.h"

/* Starts it: c->control is its edge.  0 or CLI_FAILED (said). */
int cli_alone_start(struct cli *c);

/* --- its own parts --------------------------------------------------------- */

struct cli_slot {
	int fd;	     /* for reading; -1 while a fetcher may write */
	int pending; /* unnamed, in the spool */
	uint8_t kind;
	uint64_t size;
};

struct cli_alone {
	struct cli *c;
	struct ps_chan chan; /* to the conductor */
	struct ps_policy policy;
	char *const *argv;
	int spool, stores[2]; /* trustedkeys, or -1 */
	struct cli_slot slots[PS_MAX_SLOTS];
	uint16_t first, count; /* of the fetcher's slots */
	pid_t fetcher;
	char last[40]; /* name of what was spooled last */
};

/* A worker: its end of the edge becomes descriptor 3, fds 4 and up. */
struct cli_worker {
	const char *program;
	uint64_t max_file;
	bool closed; /* no network, and a /tmp of its own, where the kernel lets
			anyone have them */
	const int *fds;
	size_t nfds;
	pid_t pid;
};

/* 0 or negative errno; *ret_chan is our end. */
int cli_worker_start(struct cli_worker *w, int *ret_chan);
/* 0: it ended, with exit code 0; after the timeout (ms) it is killed. */
int cli_worker_end(pid_t pid, int timeout);

/* REFUSED, with one line for the person.  Handlers return 0, or a negative
 * errno: the conductor cannot be served any more. */
int cli_alone_refuse(struct cli_alone *a, uint32_t code, const char *format,
    ...) _printf_(3, 4);
struct cli_slot *cli_alone_slot(struct cli_alone *a, uint16_t n, uint8_t kind);
void cli_slot_free(struct cli_slot *slot);

/* Handlers of alone_admit.c: verify, unpack for a rehearsal, and spool. */
int cli_alone_admit(struct cli_alone *a, struct ps_frame *f);
int cli_alone_check(struct cli_alone *a, struct ps_frame *f);

/* alone_judge.c.  0 good; 1 REFUSED was sent; or a negative errno.  name "":
 * any trusted key will do. */
int cli_alone_verify(struct cli_alone *a, const int fds[2], const char *name,
    uint64_t size, struct ps_record *ret);
/* manifest: where it is written, or -1. */
int cli_alone_unpack(struct cli_alone *a, const struct cli_slot *image,
    int manifest, struct ps_record *ret);
