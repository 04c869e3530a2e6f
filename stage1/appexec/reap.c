/*
 * An app has ended: its post-stop handler runs, its number goes to
 * rkt/status/<app>, and what it wrote is in the journal.  When it failed the
 * other apps are stopped; behind the last one the pod ends, with the number of
 * the first that failed.  Runs as the pod's root, started by the pod's systemd
 * with its verdict in the environment.
 */
#include "stage1/appexec/appexec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/appexec/mux.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

#define FIRST ".first" /* no app has that name */
#define POST_STOP_SECONDS 80 /* less than the unit's TimeoutStopSec */

int
s1_exit_number(const char *code, const char *status)
{
	uint64_t v;

	if (strcmp(code, "exited") == 0)
		return ps_parse_u64(status, 255, &v) ? (int)v : -EINVAL;
	if (strcmp(code, "killed") != 0 && strcmp(code, "dumped") != 0)
		return -EINVAL;
	for (int s = 1; s < NSIG; s++) {
		const char *name = sigabbrev_np(s);

		if (name && strcmp(name, status) == 0)
			return s;
	}
	/* Real-time signals: systemd says RTMIN+n. */
	if (strncmp(status, "RTMIN+", 6) == 0 &&
	    ps_parse_u64(status + 6, 30, &v))
		return SIGRTMIN + (int)v;
	return ps_parse_u64(status, NSIG - 1, &v) ? (int)v : -EINVAL;
}

bool
s1_is_mutable(int pod_root)
{
	_cleanup_fd_ int fd = s1_open(pod_root, S1_MUTABLE, O_PATH, S1_BENEATH);

	return fd >= 0;
}

/* Whole or not at all: a reader on the host sees no half of a number. */
int
s1_write_status(int pod_root, const char *name, int number)
{
	_cleanup_fd_ int dir = s1_open(
	    pod_root, S1_STATUS_DIR, O_RDONLY | O_DIRECTORY, S1_BENEATH);
	_cleanup_fd_ int fd = -1;
	char temporary[264], text[8];
	int n = snprintf(text, sizeof(text), "%d\n", number);

	if (dir < 0)
		return dir;
	(void)snprintf(temporary, sizeof(temporary), ".%s", name);
	(void)unlinkat(dir, temporary, 0);
	fd = s1_create(dir, temporary, 0644);
	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)n) != n)
		return -EIO;
	if (renameat(dir, temporary, dir, name) < 0)
		return -errno;
	/* The first that failed keeps the name: a link is made once. */
	if (number != 0 && !s1_is_mutable(pod_root) && linkat(dir, name, dir, FIRST, 0) < 0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

/* The number in rkt/status/<name>; -ENODATA where the app has not ended. */
static int
read_status(int pod_root, const char *name)
{
	char path[300], text[8] = "";
	_cleanup_fd_ int fd = -1;
	uint64_t v;
	ssize_t n;

	(void)snprintf(path, sizeof(path), S1_STATUS_DIR "/%s", name);
	fd = s1_open(pod_root, path, O_RDONLY | O_NONBLOCK, S1_BENEATH);
	if (fd < 0)
		return fd == -ENOENT ? -ENODATA : fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ENODATA;
	text[strcspn(text, "\n")] = '\0';
	return ps_parse_u64(text, 255, &v) ? (int)v : -ENODATA;
}

static bool
is_running(int pod_root, const char *name)
{
	return read_status(pod_root, name) < 0;
}

static bool
is_waiting(int pod_root, const char *name)
{
	char path[300];
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), S1_STATUS_DIR "/%s-started", name);
	fd = s1_open(pod_root, path, O_PATH | O_NOFOLLOW, S1_BENEATH);
	return fd < 0;
}

/* Apps that are so, or negative errno. */
static int
count(int pod_root, bool (*is)(int pod_root, const char *name))
{
	int n = 0,
	    fd = s1_open(
		pod_root, S1_PLAN_DIR, O_RDONLY | O_DIRECTORY, S1_BENEATH);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' && is(pod_root, e->d_name);
	(void)closedir(d);
	return n;
}

static void
run_post_stop(int pod_root, const char *name)
{
	static struct ps_msg_PLAN_APP app;
	int r = s1_read_plan(pod_root, name, &app);

	if (r == 0)
		r = s1_run_event(pod_root, &app, true, POST_STOP_SECONDS);
	if (r < 0)
		(void)ps_log_error(r, "post-stop of %s", name);
	else if (r > 0)
		ps_log("post-stop of %s: ended with %d", name, r);
}

/* With the number of the first that failed.  What was said by then is in the
 * journal; an app that never began has said nothing. */
static int
end_pod(int pod_root)
{
	int number = read_status(pod_root, FIRST), r;

	if (number < 0 && !s1_is_mutable(pod_root) &&
	    count(pod_root, is_running) != 0) {
		ps_log("the pod ends before all of its apps have begun");
		number = PS_EXIT_SYSTEM;
	}
	(void)s1_sync_journal();
	r = s1_end_pod(number < 0 ? 0 : (uint8_t)number);
	if (r < 0)
		return ps_log_error(r, "cannot end the pod"), PS_EXIT_SYSTEM;
	return 0;
}

int
s1_reap(int pod_root, char **argv, char *const *env)
{
	const char *name = argv[0];
	int number = s1_exit_number(
	    s1_value(env, "EXIT_CODE="), s1_value(env, "EXIT_STATUS="));
	int r;

	if (!ps_is_acname(name, strlen(name)))
		return PS_EXIT_USAGE;
	if (number < 0) /* never started: pre-start has said why */
		number = read_status(pod_root, name);
	if (number < 0)
		number = PS_EXIT_SYSTEM;
	run_post_stop(pod_root, name);
	r = s1_write_status(pod_root, name, number);
	if (r < 0)
		(void)ps_log_error(r, "cannot note the end of %s", name);
	s1_await_mux(pod_root, name);
	if (!s1_is_mutable(pod_root) && count(pod_root, is_running) <= 0)
		return end_pod(pod_root);
	(void)s1_sync_journal();
	if (s1_is_mutable(pod_root))
		return 0;
	r = number == 0 ? 0 : s1_stop_apps();
	if (r < 0)
		return ps_log_error(r, "cannot stop the pod"), PS_EXIT_SYSTEM;
	return 0;
}

/* Behind all units of the pod. */
int
s1_end(int pod_root, char **argv, char *const *env)
{
	(void)argv;
	(void)env;
	return end_pod(pod_root);
}

/* Every app was started: say so on the host, unless one has failed by now. */
int
s1_ready(int pod_root, char **argv, char *const *env)
{
	_cleanup_fd_ int dir =
	    s1_open(pod_root, "rkt", O_RDONLY | O_DIRECTORY, S1_BENEATH);

	(void)argv;
	(void)env;
	if (read_status(pod_root, FIRST) >= 0)
		return 0;
	if (dir < 0 || (symlinkat("ready", dir, "supervisor-status") < 0 &&
			   errno != EEXIST))
		return ps_log_error(dir < 0 ? dir : -errno, "readiness"),
		       PS_EXIT_SYSTEM;
	return 0;
}

/* Where no app speaks for itself it is the last to start that says so: a unit
 * for it would be one more program on the way of every pod. */
void
s1_note_ready(int pod_root)
{
	_cleanup_fd_ int unit = s1_open(pod_root, S1_WANTS_DIR "/" S1_READY_UNIT,
	    O_PATH | O_NOFOLLOW, S1_BENEATH);

	if (unit < 0 && count(pod_root, is_waiting) == 0)
		(void)s1_ready(pod_root, NULL, NULL);
}
