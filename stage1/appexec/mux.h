#pragma once
/*
 * The mux of an app: it has the other ends of what the app reads and writes,
 * and gives them to those who attach.  Runs as the pod's root, in a unit of its
 * own; no app reaches its socket, which is below the pod's own root.  HOSTILE:
 * what the app writes and when, and what attached clients do; neither is
 * looked at, only carried.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/streams.h"
#include "stage1/common/door.h"

#define S1_MUX_SOCKET "/run/rkt/mux/%s" /* its app's name */
#define S1_MUX_LOCK "run/rkt/mux/%s.lock" /* held while there is a mux */
#define S1_MUX_CLIENTS 16u
#define S1_MUX_STALL_MS 5000 /* who takes nothing for so long is let go */

/* Messages of its socket, in the form of the door's, each the first of its
 * connection. */
enum {
	/*
	 * From an app that begins.  a: what it offers.  Descriptors: the mux's
	 * ends of its pipes, in the order of the bits.  With a terminal,
	 * S1_DOOR_TERMINAL follows.
	 */
	S1_MUX_APP = 64,
	/* From appexec --enter: S1_DOOR_ATTACH, with the connection of the door
	 * in the place of the record. */
	S1_MUX_CLIENT = 65
};

enum { S1_OUT, S1_ERR, S1_TTY, S1_OUTPUTS };
#define S1_KEEP_IN S1_OUTPUTS /* what it reads, where no terminal does that */
#define S1_KEPT_FDS (S1_OUTPUTS + 1)

struct s1_source { /* what the app writes */
	int fd;
	size_t n; /* a chunk; the next is read when everyone has this one */
	uint8_t bytes[16384];
};

struct s1_sink { /* what it reads */
	int fd;
	bool terminal;
	size_t at, n;
	uint8_t bytes[4096];
};

struct s1_client {
	uint32_t streams; /* 0: there is none */
	bool started;	  /* or the app has yet to come */
	bool said_end;	  /* the end of its input is the app's */
	int door, in, out[S1_OUTPUTS];
	uint32_t size; /* rows << 16 | columns */
	/* What it has of the chunk, and since when it takes nothing. */
	size_t at[S1_OUTPUTS];
	int64_t since[S1_OUTPUTS];
};

struct s1_mux {
	bool begun;	  /* there is an app, or was */
	uint32_t offered; /* PS_STREAM_* */
	struct s1_source out[S1_OUTPUTS];
	struct s1_sink in;
	struct s1_client clients[S1_MUX_CLIENTS];
	int64_t now; /* ms */
};

/* main.c's row: one mux, for the app of argv[0].  The program's exit code. */
int s1_mux(int pod_root, char **argv, char *const *env);
/* mux_keep.c */
/* fd: for the mux that comes after one that was killed; -1: it is over. */
void s1_keep(const struct s1_mux *m, size_t which, int fd);
/* What one before has left: n descriptors from first on, the mux's socket among
 * them, by the names that systemd says. */
void s1_keep_restore(struct s1_mux *m, char *const *env, int first, unsigned n);
/* mux_call.c */
/* Until an app's mux has handed on all that it wrote; bounded. */
void s1_await_mux(int pod_root, const char *app);
/* A connection to it, or negative errno: -ENOENT, the app offers nothing. */
int s1_call_mux(const char *app);

/* mux_client.c */
void s1_clients_begin(struct s1_mux *m);
/* S1_MUX_CLIENT; fds are its. */
void s1_client_add(struct s1_mux *m, const struct s1_door *d, const int *fds,
    size_t n);
/* There is an app now. */
void s1_clients_start(struct s1_mux *m);
/* Something at its door. */
void s1_client_hear(struct s1_mux *m, struct s1_client *c);
/* What it has not got yet of the chunk of output k. */
void s1_client_feed(struct s1_mux *m, struct s1_client *c, size_t k);
/* All of them have the whole chunk of output k: then it is over. */
void s1_clients_take(struct s1_mux *m, size_t k);
/* Output k has ended; or input has. */
void s1_clients_close(struct s1_mux *m, size_t k);
void s1_clients_close_in(struct s1_mux *m);
/* Lets go whoever stalls; ms until the next one would be, or -1. */
int s1_clients_late(struct s1_mux *m);
/* ENDED, with its a and b, and that was it. */
void s1_client_end(struct s1_client *c, uint32_t a, uint32_t b);
/* A pipe's end that is read (or written), made not to block. */
bool s1_take_pipe(int fd, bool read);
/* The terminal's size is what the last one said. */
void s1_mux_resize(struct s1_mux *m, uint32_t size);
/* Is that bit one by which a client writes? */
#define S1_IS_INPUT(bit) (((bit) & (PS_STREAM_IN | PS_STREAM_TTY_IN)) != 0)
