/*
 * Files that a command writes: where the operator named them, made by root,
 * filled by the conductor through a descriptor that can do nothing else.  Runs
 * as root.  HOSTILE: the path, which must stand in argv; and what others may
 * have laid there before.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launcher/argv.h"
#include "launcher/files.h"
#include "launcher/session.h"
#include "launcher/sys.h"
#include "privsep/attr.h"

/* A file that was there: this one, under this one name, or none. */
static int
open_output(struct ln_session *s, const char *path, bool overwrite)
{
	int fd = s->put_dir = ln_open_parent(path, s->put_name);

	if (fd >= 0)
		fd = sys_open(s->put_dir, s->put_name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, SYS_BENEATH);
	s->put_made = fd >= 0;
	return fd == -EEXIST && overwrite
	    ? ln_open_single(s->put_dir, s->put_name, O_WRONLY) : fd;
}

static const char *
why(int error)
{
	static const char odd[] = "it is not a regular file of one name";
	static const struct {
		int error;
		const char *text;
	} rows[] = { { EEXIST, "it exists (see --overwrite)" },
		{ EMEDIUMTYPE, odd }, { ELOOP, odd },
		{ ENXIO, odd } /* a pipe that no one reads */ };

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].error == -error)
			return rows[i].text;
	return strerror(-error);
}

int
ln_put_open(struct ln_session *s, const char *path, int *ret)
{

	if (!ln_argv_names(s->argv, path) || s->put_dir >= 0)
		return -EPROTO;
	*ret = open_output(s, path, ln_argv_flag(s->argv, "--overwrite"));
	return *ret >= 0 ? 0
	    : ln_refuse(s, PS_REFUSED_SYSTEM, "cannot write %s: %s", path, why(*ret));
}

int
ln_put_file(struct ln_session *s, const char *path)
{
	_cleanup_fd_ int fd = -1;
	int r = ln_put_open(s, path, &fd);

	return r != 0 ? r : PS_SEND(&s->control, OUTPUT,
	    (&(struct ps_msg_OUTPUT){ 0 }), &fd, 1);
}

void
ln_put_undo(struct ln_session *s)
{
	if (s->put_made)
		(void)sys_unlink(s->put_dir, s->put_name, false);
	s->put_made = false;
}
