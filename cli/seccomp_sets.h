#pragma once
/* Named sets of system calls: "@systemd/clock" and the like.  Pure. */

enum cli_set_kind { CLI_SET_CALLS, CLI_SET_ALL, CLI_SET_EMPTY };

struct cli_seccomp_set {
	const char *name;
	enum cli_set_kind kind;
	const char *calls[3]; /* names separated by blanks; NULL none */
};

/* NULL: there is no such set. */
const struct cli_seccomp_set *cli_seccomp_set(const char *name);
