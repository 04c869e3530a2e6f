#pragma once
/*
 * What a worker is, seen from outside while it waits behind its closed doors.
 * Caller: root, in the initial namespaces.
 */
#include <stdbool.h>
#include <sys/types.h>

struct looks {
	const char *program; /* path of its executable */
	uid_t uid;	     /* as the host sees it */
	gid_t gid;
	unsigned long long caps; /* permitted, effective, bounding */
	const char *fds;	 /* its descriptors, "0 1 2 3" */
	const char *own;	 /* namespaces of its own, others are ours */
	const char *cwd;	 /* "" not looked at */
	bool environment;	 /* may have one */
};

/* Calls verdict(what, why) for each; why == NULL: as it must be. */
void inspect(
    const struct looks *l, void (*verdict)(const char *, const char *));
