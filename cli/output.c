/*
 * Where a command's output goes.  Conductor: user rkt, which gets one write-only
 * descriptor from the launcher; or whoever called it, with a file of his own.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/session.h"

static int out = -1;

static bool
is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

int
cli_output_prepare(struct cli *c, const char *path, bool overwrite)
{
	struct stat st;

	if (is_stdout(path)) {
		out = STDOUT_FILENO;
		return isatty(out) ? cli_fail("stdout is a terminal") : 0;
	}
	if (c->launched)
		return 0;
	out = open(path,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		(overwrite ? 0 : O_EXCL),
	    0644);
	if (out < 0)
		return cli_fail("cannot write %s: %s", path,
		    errno == EEXIST ? "it exists (see --overwrite)" :
				      strerror(errno));
	if (fstat(out, &st) < 0 || !S_ISREG(st.st_mode))
		return cli_fail("%s is not a regular file", path);
	return 0;
}

int
cli_output_open(struct cli *c, const char *path)
{
	struct ps_msg_GET_FILE m = { .path = path, .kind = PS_SLOT_OUTPUT };
	struct ps_msg_OUTPUT answer;

	if (is_stdout(path))
		return out;
	if (c->launched) {
		if (CLI_ASK(c, GET_FILE, &m, NULL, 0, OUTPUT, &answer) < 0)
			return -1;
		out = cli_answer_fd();
	}
	if (ftruncate(out, 0) < 0) {
		(void)cli_fail("cannot write %s: %s", path, strerror(errno));
		return -1;
	}
	return out;
}

int
cli_output_end(struct cli *c, const char *path, int r)
{
	if (is_stdout(path) || out < 0)
		return r;
	if (close(out) < 0 && r == 0)
		r = cli_fail("cannot write %s: %s", path, strerror(errno));
	if (r != 0 && !c->launched)
		(void)cli_fail("what stands in %s is not whole", path);
	return r;
}
