#pragma once
/*
 * The door of a pod: a SOCK_SEQPACKET socket of the pod's own systemd, below
 * the pod's root where no app reaches it.  stage1-enter, which has given up
 * every right of the host's, connects as the pod's own root; the systemd of
 * the pod starts appexec --enter for each connection, as it starts an app.  No
 * process of the host ever joins a pod.  Each end takes what the other says
 * for hostile: fixed size, bounded, descriptors proved by who takes them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define S1_DOOR_PATH "run/rkt/enter" /* below the pod's root */
#define S1_DOOR_MAGIC 0x31444b52u    /* "RKD1" */
#define S1_DOOR_FDS 5u		     /* most descriptors of a message */

enum {
	/*
	 * To the pod, first and once.  a: bit n, descriptor n of the command
	 * is a terminal; b: its rows << 16 | columns.  Descriptors: a sealed
	 * PLAN_APP record (header and payload; exec is the command), those of
	 * 0 1 2 that are no terminals in order, and, where 2 is one, a pipe
	 * for what is to be said before the command begins.
	 */
	S1_DOOR_ENTER = 1,
	S1_DOOR_SIGNAL = 2, /* to the pod.  a: a signal for the command */
	/* To the host: the master of the terminal that was made, once. */
	S1_DOOR_TERMINAL = 3,
	/* To the host, last.  a: S1_ENDED_*; b: code or signal. */
	S1_DOOR_ENDED = 4,
	/* To the host: signals reach the command from now on. */
	S1_DOOR_STARTED = 5,
	/*
	 * To the pod, first and once, in the place of ENTER.  a: PS_STREAM_*
	 * that are wanted; b: rows << 16 | columns of a terminal.  Descriptors:
	 * a sealed PLAN_APP record (for its name), then for each stream, in the
	 * order of the bits, the end of a pipe: stdin's and the terminal's to
	 * read, the others to write.  The answers are STARTED (b: the streams
	 * that are joined) and, last, ENDED; each side may just go.
	 */
	S1_DOOR_ATTACH = 6,
	S1_DOOR_RESIZE = 7, /* to the pod.  b: rows << 16 | columns */
	/*
	 * To the pod, first and once, in the place of ENTER.  a: S1_MANAGE_*.
	 * Descriptors: a sealed PLAN_APP record, and a pipe for what is to be
	 * said.  The answer is ENDED.
	 */
	S1_DOOR_MANAGE = 8,
	/* To the pod, behind ATTACH, once: the end of the pipe for stdin will
	 * be the app's too. */
	S1_DOOR_INPUT_END = 9
};
enum {
	S1_MANAGE_ADD = 1,
	S1_MANAGE_START = 2,
	S1_MANAGE_STOP = 3,
	S1_MANAGE_REMOVE = 4
};
enum {
	S1_ENDED_EXIT = 0,
	S1_ENDED_SIGNAL = 1,
	S1_ENDED_NOT_STARTED = 2, /* ATTACH.  b: S1_ATTACH_* */
	S1_ENDED_LET_GO = 3	  /* ATTACH: it took nothing for too long */
};
enum {
	S1_ATTACH_BAD = 0, /* not a request */
	S1_ATTACH_GONE = 1, /* the app is not running */
	S1_ATTACH_NONE = 2, /* it offers none of these streams */
	S1_ATTACH_FULL = 3  /* there are too many already */
};

struct s1_door {
	uint32_t kind, a, b;
};

/* 0 or negative errno; -EPIPE: the other end has gone. */
int s1_door_send(int fd, const struct s1_door *m, const int *fds, size_t n);
/* Blocks unless fd does not.  0; -EPIPE at the end; -EPROTO: not of this form
 * (all descriptors closed), or another negative errno.  *ret_n descriptors,
 * close-on-exec, are the caller's. */
int s1_door_recv(
    int fd, struct s1_door *ret, int fds[S1_DOOR_FDS], size_t *ret_n);
/* HOSTILE: is fd the master of a pty, and nothing that reads otherwise? */
bool s1_is_master(int fd);
