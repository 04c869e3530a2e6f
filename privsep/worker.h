#pragma once
/*
 * What every worker calls first in main, before it reads a byte: close what it
 * does not need, no dumps, Landlock, then its seccomp filter.  The launcher has
 * already given it its uid, namespaces, no capabilities and no_new_privs; this
 * checks that, and dies when it is not so (PS_EXIT_SYSTEM).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/chan.h"

struct sock_filter;

/* A path the worker may reach.  A missing path is left out. */
struct ps_reach {
	const char *path;
	bool write, execute;
};

struct ps_worker {
	const char *name;		  /* for log lines */
	char peer;			  /* letter of the other end of PS_CHAN_FD */
	const struct ps_reach *reach;	  /* ends with path == NULL; NULL: nothing */
	const struct sock_filter *filter; /* compiled from policies/<name>.policy */
	size_t filter_length;
	bool mapped;	 /* unpack: root of its own user namespace, keeps its
			    capabilities there; Landlock then is the tree alone,
			    by ps_landlock_fd() before ps_worker_filter() */
	int more_fds;	 /* descriptors behind PS_CHAN_FD that it was born with */
};

/* All of the above in order; *ret is ready for ps_recv. */
void ps_worker_enter(const struct ps_worker *w, struct ps_chan *ret);

/* The pieces, for a worker that must do something between them. */
void ps_worker_check(const struct ps_worker *w, struct ps_chan *ret);
int ps_landlock(const struct ps_reach *reach, const int *write_dirs, size_t n);
int ps_seccomp(const struct sock_filter *filter, size_t length);
