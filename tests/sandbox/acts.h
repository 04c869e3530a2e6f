#pragma once
/*
 * Forbidden acts, one system call each with arguments that would work for a
 * process that may.  Linked into the probes, which run them inside a worker's
 * real sandbox, and into the driver, which runs the harmless ones outside to
 * show that they can succeed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct act {
	const char *name;
	int (*run)(void); /* 0 it was done, or a negative errno */
	bool harmless;	  /* the driver may do it as root, unconfined */
};

extern const struct act acts[]; /* ends with name == NULL */
extern const struct act layer_acts[]; /* of one that is given layers */
extern const struct act act_inspect;
extern pid_t act_victim; /* another process with the same uid */

/* NULL: no such act. */
const struct act *act_find(const char *name);
