/*
 * rkt policy lint: reads site policy files as the launcher will, and says
 * whether it would start with them.  Conductor, user rkt, or any caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "privsep/paths.h"
#include "privsep/policy.h"

#define MAX_FILES 8

static struct file {
	const char *path;
	int fd, error;
} files[MAX_FILES];
static size_t n_files;

static void
add_file(const char *path)
{
	struct file *f = &files[n_files++];

	f->path = path;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	f->error = f->fd < 0 ? errno : 0;
}

static int
prepare(struct cli *c)
{
	if (c->argc > MAX_FILES)
		return cli_fail("takes at most %d files", MAX_FILES);
	for (int i = 0; i < c->argc; i++)
		add_file(c->argv[i]);
	if (c->argc > 0)
		return 0;
	add_file(cli_format("%s/policy", ps_vendor_dir));
	add_file(cli_format("%s/policy", ps_conf_dir));
	return 0;
}

static int
lint(const struct file *f, struct ps_policy *policy)
{
	char error[256], *text;
	struct stat st;
	size_t n;
	int r;

	if (f->fd < 0)
		return cli_fail("%s: %s", f->path, strerror(f->error));
	r = cli_read_all(f->fd, PS_MAX_POLICY, &text, &n);
	if (r < 0 || fstat(f->fd, &st) < 0)
		return cli_fail("%s: %s", f->path,
		    r == -EBADF ? "not a regular file" : strerror(-r));
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		(void)cli_fail("%s: installed like this it would be refused: "
			       "root must own it, and no one else may write it",
		    f->path);
	if (ps_policy_apply(policy, text, n, error) < 0)
		return cli_fail("%s: %s", f->path, error);
	(void)printf("%s: ok\n", f->path);
	return 0;
}

static int
run(struct cli *c)
{
	static struct ps_policy policy;
	int r = 0;

	ps_policy_default(&policy);
	for (size_t i = 0; i < n_files; i++) {
		/* A file of the two that may be absent. */
		if (c->argc == 0 && files[i].error == ENOENT)
			(void)printf("%s: absent\n", files[i].path);
		else if (lint(&files[i], &policy) != 0)
			r = CLI_FAILED;
	}
	return r;
}

const struct cli_command cli_cmd_policy_lint = {
	.parent = "policy",
	.name = "lint",
	.arguments = "[FILE...]",
	.summary = "check site policy files",
	.needs = CLI_ALONE | CLI_NO_DATA,
	.prepare = prepare,
	.run = run,
};
