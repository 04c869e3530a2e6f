/*
 * Apps that come to a pod and go, for whoever is at the door: what of it is the
 * pod's own.  The app's file systems are there already, or still.  Runs as the
 * pod's root; units and their state are asked of the pod's systemd by its own
 * systemctl.  The record is the launcher's, proved, as at the pod's start; what
 * went wrong is said on a pipe of the caller's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"
#include "stage1/common/unit.h"

#define SYSTEMCTL "/usr/bin/systemctl"
#define NOT_RUNNING 5 /* systemctl's, of a unit that is not loaded */

static struct ps_msg_PLAN_APP app;
static char unit[300];

/* systemctl, with out as its standard output, unless that is -1; its exit
 * code. */
static int
run(int out, const char *verb, const char *name)
{
	const char *argv[] = {SYSTEMCTL, "--no-ask-password", verb, name,
	    out < 0 ? "--quiet" : NULL, NULL};
	char *const env[] = {NULL};
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return PS_EXIT_SYSTEM;
	if (pid == 0) {
		char **args;

		if (out >= 0)
			(void)dup2(out, 1);
		memcpy(&args, &(const char **){argv}, sizeof(args));
		(void)execve(SYSTEMCTL, args, env);
		(void)ps_log_error(-errno, "%s", SYSTEMCTL);
		_exit(PS_EXIT_SYSTEM);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return PS_EXIT_SYSTEM;
	return WIFEXITED(status) ? WEXITSTATUS(status) : PS_EXIT_SYSTEM;
}

static int
systemctl(const char *verb, const char *name)
{
	return run(-1, verb, name);
}

/* "active", "deactivating", ...; "inactive" too where there is no unit. */
static const char *
state(void)
{
	static char text[32];
	int both[2];
	ssize_t n;

	if (pipe2(both, O_CLOEXEC) < 0)
		return "";
	(void)run(both[1], "is-active", unit);
	(void)close(both[1]);
	n = read(both[0], text, sizeof(text) - 1);
	(void)close(both[0]);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static bool
is_one_of(const char *word, const char *const list[3])
{
	for (size_t i = 0; i < 3; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static int
open_dir(int pod_root, const char *path)
{
	return s1_open(pod_root, path, O_RDONLY | O_DIRECTORY, S1_BENEATH);
}

static int
write_new(int pod_root, const char *where, const char *name, unsigned mode,
    const void *p, size_t n)
{
	_cleanup_fd_ int dir = open_dir(pod_root, where), fd = -1;

	if (dir < 0)
		return dir;
	fd = s1_create(dir, name, mode);
	return fd < 0 ? fd : ps_write_full(fd, p, n);
}

static void
forget(int pod_root, const char *where, const char *name)
{
	_cleanup_fd_ int dir = open_dir(pod_root, where);

	if (dir >= 0)
		(void)unlinkat(dir, name, 0);
}

static bool
is_there(int pod_root, const char *where, const char *name)
{
	_cleanup_fd_ int dir = open_dir(pod_root, where), fd = -1;

	if (dir >= 0)
		fd = s1_open(dir, name, O_PATH, S1_BENEATH);
	return fd >= 0;
}

static const char *const marks[] = {"-created", "-started"};

/* The marks of an app are files beside the codes of apps: where one is called as
 * the other's mark, each would undo what the other says. */
static bool
is_anothers(int pod_root)
{
	char name[300];

	for (size_t i = 0; i < PS_COUNT(marks); i++) {
		const size_t n = strlen(app.name), own = strlen(marks[i]);

		(void)snprintf(name, sizeof(name), "%s%s", app.name, marks[i]);
		if (is_there(pod_root, S1_PLAN_DIR, name))
			return true;
		if (n <= own || strcmp(app.name + n - own, marks[i]) != 0)
			continue;
		name[n - own] = '\0';
		if (is_there(pod_root, S1_PLAN_DIR, name))
			return true;
	}
	return false;
}

static void
forget_state(int pod_root, const char *suffix)
{
	char name[300];

	(void)snprintf(name, sizeof(name), "%s%s", app.name, suffix);
	forget(pod_root, S1_STATUS_DIR, name);
}

static int
write_unit(int pod_root)
{
	static char text[16384];
	_cleanup_fd_ int top = open_dir(pod_root, "sys/fs/cgroup");
	struct s1_unit u = {.app = &app, .mutable = true};
	struct statfs sfs;
	int n;

	u.cgroup2 = top >= 0 && fstatfs(top, &sfs) == 0 &&
		    sfs.f_type == CGROUP2_SUPER_MAGIC;
	n = s1_format_service(&u, text, sizeof(text));
	return n < 0 ? n : write_new(pod_root, S1_UNIT_DIR, unit, 0644, text,
			       (size_t)n);
}

static int
add(int pod_root, int record)
{
	static uint8_t bytes[PS_MAX_PLAN];
	char created[300];
	uint64_t n;
	int r = ps_check_sealed(record, sizeof(bytes), &n);

	if (is_there(pod_root, S1_UNIT_DIR, unit))
		return ps_log("app name \"%s\" is used by the pod itself",
		    app.name), PS_EXIT_SYSTEM;
	if (is_anothers(pod_root))
		return ps_log("app name \"%s\" does not go with that of another app: "
			      "NAME-created and NAME-started are files of app NAME",
		    app.name), PS_EXIT_SYSTEM;
	(void)snprintf(created, sizeof(created), "%s-created", app.name);
	if (r == 0)
		r = ps_pread_full(record, bytes, n, 0);
	if (r == 0)
		r = write_new(pod_root, S1_PLAN_DIR, app.name, 0400, bytes, n);
	if (r == 0) {
		forget(pod_root, S1_STATUS_DIR, created);
		r = write_new(pod_root, S1_STATUS_DIR, created, 0644, "", 0);
	}
	if (r == 0)
		r = write_unit(pod_root);
	if (r < 0)
		return ps_log_error(r, "cannot write app \"%s\"", app.name),
		       PS_EXIT_SYSTEM;
	return systemctl("daemon-reload", NULL);
}

/* systemd calls it started before it has said so itself, on the host too. */
static void
await_state(int pod_root)
{
	const struct timespec step = {.tv_nsec = 5000000};
	char started[300];

	(void)snprintf(started, sizeof(started), "%s-started", app.name);
	for (unsigned i = 0; i < 1000; i++) {
		if (is_there(pod_root, S1_STATUS_DIR, started) ||
		    is_there(pod_root, S1_STATUS_DIR, app.name))
			return;
		(void)nanosleep(&step, NULL);
	}
}

static int
start(int pod_root, int record)
{
	static const char *const up[] = {"active", "activating", "reloading"};
	const char *now = state();
	int code;

	(void)record;
	if (is_one_of(now, up))
		return ps_log("app \"%s\" is running already", app.name), 0;
	/* What it still has to note of its end is of this time. */
	if (strcmp(now, "deactivating") == 0)
		(void)systemctl("stop", unit);
	forget_state(pod_root, "");
	forget_state(pod_root, "-started");
	code = systemctl("start", unit);
	if (code == 0)
		await_state(pod_root);
	else
		ps_log("app \"%s\" did not start (see rkt logs --app=%s)",
		    app.name, app.name);
	return code;
}

static int
stop(int pod_root, int record)
{
	static const char *const down[] = {"inactive", "failed", "unknown"};

	(void)pod_root;
	(void)record;
	if (is_one_of(state(), down))
		return ps_log("app \"%s\" is not running", app.name),
		       NOT_RUNNING;
	return systemctl("stop", unit);
}

/* As much as there is of it.  Its record is written first and goes last: a unit
 * of that name without one is the pod's own. */
static int
take_away(int pod_root, int record)
{
	int code;

	(void)record;
	if (!is_there(pod_root, S1_PLAN_DIR, app.name))
		return systemctl("daemon-reload", NULL);
	code = is_there(pod_root, S1_UNIT_DIR, unit) ? systemctl("stop", unit) : 0;
	if (code != 0 && code != NOT_RUNNING)
		return code;
	forget(pod_root, S1_UNIT_DIR, unit);
	forget_state(pod_root, "");
	forget_state(pod_root, "-created");
	forget_state(pod_root, "-started");
	forget(pod_root, S1_PLAN_DIR, app.name);
	return systemctl("daemon-reload", NULL);
}

/* One at a time, and only for who still waits: who has gone may have been told
 * otherwise. */
static int
wait_for_turn(int pod_root)
{
	int lock = open_dir(pod_root, S1_PLAN_DIR); /* until this process ends */
	struct pollfd p = {.fd = S1_VISITOR};

	if (lock < 0)
		return lock;
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return poll(&p, 1, 0) == 0 ? 0 : -EPIPE;
}

static int (*const ways[])(int pod_root, int record) = {
    [S1_MANAGE_ADD] = add,
    [S1_MANAGE_START] = start,
    [S1_MANAGE_STOP] = stop,
    [S1_MANAGE_REMOVE] = take_away,
};

int
s1_manage(int pod_root, const struct s1_door *m, const int *fds, size_t n)
{
	const struct s1_door begun = {.kind = S1_DOOR_STARTED};
	struct s1_door ended = {.kind = S1_DOOR_ENDED, .b = PS_EXIT_SYSTEM};
	int r;

	if (n != 2 || m->a >= PS_COUNT(ways) || ways[m->a] == NULL ||
	    !s1_is_mutable(pod_root))
		return ps_log_error(-EPROTO, "the door"), PS_EXIT_SYSTEM;
	r = s1_door_send(S1_VISITOR, &begun, NULL, 0);
	if (r == 0 && dup2(fds[1], 2) < 0)
		r = -errno;
	if (r == 0 && (m->a == S1_MANAGE_ADD || m->a == S1_MANAGE_REMOVE))
		r = wait_for_turn(pod_root);
	if (r == 0)
		r = s1_read_record(fds[0], &app);
	if (r < 0)
		(void)ps_log_error(r, "the record of the app");
	(void)umask(022);
	if (r == 0) {
		(void)snprintf(unit, sizeof(unit), "%s.service", app.name);
		ended.b = (uint32_t)ways[m->a](pod_root, fds[0]);
	}
	/* All that was said is there when the end is. */
	(void)close(2);
	(void)s1_door_send(S1_VISITOR, &ended, NULL, 0);
	return 0;
}
