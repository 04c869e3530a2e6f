#pragma once
/*
 * Where a command of the image runs while it is built: a user namespace in
 * which the caller is root and nobody else is, with namespaces, capabilities
 * and the system call filters that pods have.  It can do to the tree what the
 * caller can, and to nothing else.
 */
#include <stdbool.h>

struct bd_jail {
	int rootfs;
	bool net; /* this machine's network, else none */
	const char *working_dir;
	const char *const *argv, *const *envp; /* NULL behind the last */
};

/* The command's exit code, or a negative number, said.  What was made in the
 * tree to mount things on is gone again. */
int bd_jail_run(const struct bd_jail *j);
