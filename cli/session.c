/*
 * The conductor's side of the control edge, and its sandbox.  Runs as user
 * rkt (or an unprivileged caller).  The launcher is trusted; all others whom
 * the conductor hears (fetcher, files of images and pods) are not.
 */
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/alone.h"
#include "cli/config.h"
#include "cli/files.h"
#include "policies/conductor.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/paths.h"
#include "privsep/worker.h"

static struct ps_frame frame;

int
cli_unsent(int error)
{
	if (error == -EPIPE)
		ps_die(CLI_FAILED, "the launcher has gone");
	return ps_log_error(error, "cannot ask the launcher");
}

int
cli_understood(int error)
{
	if (error < 0)
		ps_die(CLI_FAILED, "the launcher cannot be understood");
	return error;
}

int
cli_answer(struct cli *c, uint16_t want, struct ps_frame **ret)
{
	struct ps_msg_REFUSED no;
	int r;

	ps_frame_close(&frame);
	r = ps_recv(&c->control, &frame, -1);
	if (r == -EPIPE)
		ps_die(CLI_FAILED, "the launcher has gone");
	if (r < 0)
		ps_die(CLI_FAILED, "the launcher cannot be understood");
	if (frame.type == want) {
		*ret = &frame;
		return 0;
	}
	if (frame.type != PS_REFUSED ||
	    ps_decode_REFUSED(frame.payload, frame.length, &no) < 0)
		ps_die(CLI_FAILED, "the launcher answered out of turn");
	c->refused = no.code;
	if (no.code < 32 && (c->keeps & 1u << no.code) != 0)
		c->missing = cli_copy(no.text);
	else if (c->about)
		ps_log("%s: %s", c->about, no.text);
	else
		ps_log("%s", no.text);
	return -ECANCELED;
}

int
cli_answer_fd(void)
{
	return frame.nfds > 0 ? take_fd(frame.fds[0]) : -1;
}

static int
take_dir(int *fd)
{
	struct stat st;

	if (*fd < 0 || fstat(*fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return -1;
	return take_fd(*fd);
}

static int check_paths(struct cli *c);

static int
hello(struct cli *c)
{
	struct ps_msg_HELLO m = { .dir = c->g.dir,
		.system_config = c->g.system_config,
		.local_config = c->g.local_config,
		.user_config = c->g.user_config };
	int r = CLI_ASK(c, HELLO, &m, NULL, 0, WELCOME, &c->welcome);

	if (r < 0)
		return CLI_FAILED;
	if (frame.nfds != 4)
		ps_die(CLI_FAILED, "the launcher sent no directories");
	c->data = take_dir(&frame.fds[0]);
	c->system = take_dir(&frame.fds[1]);
	c->local = take_dir(&frame.fds[2]);
	c->user = take_dir(&frame.fds[3]);
	ps_frame_close(&frame);
	if (c->data < 0)
		return cli_fail("the launcher sent no data directory");
	return check_paths(c);
}

int
cli_read_named(struct cli *c, const char *path, size_t max, char **ret,
    size_t *ret_n)
{
	struct ps_msg_GET_FILE m = { .path = path, .kind = PS_SLOT_TEXT };
	_cleanup_fd_ int fd = -1;
	struct ps_msg_SLOT slot;
	int r;

	if (!ps_is_path(path, strlen(path)) || strlen(path) > 4095)
		return cli_fail("a path of %zu bytes is too long, or not "
				"printable: %.40s...", strlen(path), path);
	if (c->launched) {
		if (CLI_ASK(c, GET_FILE, &m, NULL, 0, SLOT, &slot) < 0)
			return CLI_FAILED;
		fd = cli_answer_fd();
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	}
	r = fd < 0 ? (c->launched ? -EBADF : -errno) :
		     cli_read_all(fd, max, ret, ret_n);
	return r < 0 ? cli_fail("cannot read %s: %s", path, strerror(-r)) : 0;
}

static int
open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Does that path name the directory that is open? */
static bool
is_that(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* paths.d: data.  The launcher opens no directory because a file says so. */
static int
check_paths(struct cli *c)
{
	const struct cli_config_entry *e;
	struct cli_config cfg;
	const char *data;
	int r = cli_config_load(c, CLI_CONFIG_PATHS, &cfg);

	if (r != 0)
		return r;
	e = cli_config_find(&cfg, "paths", "data");
	if (e == NULL || c->g.dir)
		return 0;
	data = cli_config_value(e, "data");
	if (!c->launched)
		c->g.dir = data;
	else if (!is_that(c->data, data))
		return cli_fail("%s: data: rkt does not use \"%s\" because a file "
				"says so: use --dir, or data-dir in site policy",
		    e->file, data);
	return 0;
}

static int
open_alone(struct cli *c)
{
	const char *dir;

	c->system = open_dir(
	    c->g.system_config ? c->g.system_config : ps_vendor_dir);
	c->local = open_dir(c->g.local_config ? c->g.local_config : ps_conf_dir);
	if (c->g.user_config && (c->user = open_dir(c->g.user_config)) < 0)
		return cli_fail("cannot open user configuration %s: %s",
		    c->g.user_config, strerror(errno));
	if (check_paths(c) != 0)
		return CLI_FAILED;
	dir = c->g.dir ? c->g.dir : ps_data_dir;
	c->data = open_dir(dir);
	if (c->data < 0)
		return cli_fail("cannot open data directory %s: %s", dir,
		    errno == EACCES ? "permission denied (members of group rkt "
				      "may read it)" :
				      strerror(errno));
	return 0;
}

int
cli_session_open(struct cli *c)
{
	int r;

	if ((c->command->needs & CLI_NO_DATA) != 0)
		return 0;
	if (c->launched)
		return hello(c);
	if ((c->command->needs & CLI_ALONE) == 0)
		return cli_fail("cannot run as unprivileged user");
	r = open_alone(c);
	if (r == 0 && (c->command->needs & CLI_SPOOL) != 0)
		r = cli_alone_start(c);
	return r;
}

/* The launcher's directories may lie where rkt cannot walk: name them by
 * descriptor. */
int
cli_session_close_door(struct cli *c)
{
	const int dirs[] = { c->data, c->system, c->local, c->user };
	struct ps_reach reach[PS_COUNT(dirs) + 2] = { {
		.path = "/sys/fs/cgroup" } }; /* cli/pod_alive.c */
	size_t n = 1;
	int r;

	tzset();
	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		if (dirs[i] >= 0)
			reach[n++].path = cli_format("/proc/self/fd/%d", dirs[i]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return cli_fail("cannot set no_new_privs: %s", strerror(errno));
	r = ps_landlock(reach, NULL, 0);
	if (r < 0)
		return cli_fail("Landlock cannot be applied: %s", strerror(-r));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return cli_fail("cannot forbid core dumps: %s", strerror(errno));
	r = ps_seccomp(policy_conductor, PS_COUNT(policy_conductor));
	if (r < 0)
		return cli_fail("seccomp cannot be applied: %s", strerror(-r));
	return 0;
}
