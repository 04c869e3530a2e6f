/*
 * A pod's state is the directory that it lies in, and whether its lock is
 * held: whoever prepares, runs or deletes it holds flock(2) on the directory.
 * Conductor, user rkt; only the launcher makes these directories.
 */
#include <errno.h>
#include <sys/file.h>

#include "cli/pods.h"

static const struct {
	enum cli_state locked, unlocked;
} rows[CLI_PLACES] = {
	{ CLI_EMBRYO, CLI_EMBRYO },
	{ CLI_PREPARING, CLI_ABORTED_PREPARE },
	{ CLI_PREPARED, CLI_PREPARED },
	{ CLI_RUNNING, CLI_EXITED },
	{ CLI_EXITED_DELETING, CLI_EXITED_GARBAGE },
	{ CLI_DELETING, CLI_GARBAGE },
};

const char *const cli_places[CLI_PLACES] = { "embryo", "prepare", "prepared",
	"run", "exited-garbage", "garbage" };

static const char *const names[] = {
	[CLI_EMBRYO] = "embryo",
	[CLI_PREPARING] = "preparing",
	[CLI_ABORTED_PREPARE] = "aborted prepare",
	[CLI_PREPARED] = "prepared",
	[CLI_RUNNING] = "running",
	[CLI_EXITED] = "exited",
	[CLI_EXITED_DELETING] = "exited deleting",
	[CLI_EXITED_GARBAGE] = "exited garbage",
	[CLI_DELETING] = "deleting",
	[CLI_GARBAGE] = "garbage",
	[CLI_GONE] = "gone",
};

const char *
cli_state_name(enum cli_state state)
{
	return names[state];
}

enum cli_state
cli_pod_state(size_t place, int dir)
{
	/* Where it says nothing, to ask would be in the way of who takes it. */
	if (rows[place].locked == rows[place].unlocked)
		return rows[place].unlocked;
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? rows[place].locked :
					      rows[place].unlocked;
	(void)flock(dir, LOCK_UN);
	return rows[place].unlocked;
}
