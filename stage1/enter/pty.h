#pragma once
/*
 * The caller's terminal.  Runs without any right.  HOSTILE: the master of one
 * that the pod made, and what comes out of it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s1_terminal {
	unsigned mask; /* bit n: descriptor n is a terminal */
	int out;       /* the one that is written to */
	int master;    /* -1 until the pod has sent it */
	bool remote;   /* attach: it stays in the pod */
	bool raw;
	char pending[4096]; /* typed, and not yet taken */
	size_t n_pending;
};

void s1_terminal_begin(struct s1_terminal *t);
/* rows << 16 | columns; 0 unknown. */
uint32_t s1_terminal_size(const struct s1_terminal *t);
/* Takes the master: 0, or -ENOTTY: it is none.  Then the caller's terminal is
 * raw, if it is what is typed on. */
int s1_terminal_take(struct s1_terminal *t, int master);
void s1_terminal_resize(const struct s1_terminal *t);
/* The caller's terminal as it was, and raw again. */
void s1_terminal_restore(struct s1_terminal *t);
void s1_terminal_raw(struct s1_terminal *t);
/* What the caller typed: to pending; false at its end. */
bool s1_terminal_type(struct s1_terminal *t);
/* Pending to the master. */
void s1_terminal_feed(struct s1_terminal *t);
/* What the command wrote, to the caller: false when there is no more. */
bool s1_terminal_show(struct s1_terminal *t);
