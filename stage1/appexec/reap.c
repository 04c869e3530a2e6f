/*
 * An app has ended: its number goes to rkt/status/<app>, what it wrote is in
 * the journal, and when it failed or was the last one the pod ends with that
 * number.  Runs as the pod's root, started by the pod's systemd with its
 * verdict in the environment.
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
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

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

/* Whole or not at all: a reader on the host sees no half of a number. */
static int
write_status(int pod_root, const char *name, int number)
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
	return renameat(dir, temporary, dir, name) < 0 ? -errno : 0;
}

/* Entries that are not hidden, or negative errno. */
static int
count(int pod_root, const char *path)
{
	int n = 0,
	    fd = s1_open(pod_root, path, O_RDONLY | O_DIRECTORY, S1_BENEATH);
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
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static const char *
value_of(char *const *env, const char *key)
{
	size_t n = strlen(key);

	for (; *env; env++)
		if (strncmp(*env, key, n) == 0)
			return *env + n;
	return "";
}

int
s1_reap(int pod_root, const char *name, char *const *env)
{
	int number = s1_exit_number(
	    value_of(env, "EXIT_CODE="), value_of(env, "EXIT_STATUS="));
	int apps, ended, r;

	if (!ps_is_acname(name, strlen(name)))
		return PS_EXIT_USAGE;
	if (number < 0) /* never started */
		number = PS_EXIT_SYSTEM;
	r = write_status(pod_root, name, number);
	if (r < 0)
		(void)ps_log_error(r, "cannot note the end of %s", name);
	(void)s1_sync_journal();
	apps = count(pod_root, S1_PLAN_DIR);
	ended = count(pod_root, S1_STATUS_DIR);
	if (number == 0 && ended < apps)
		return 0;
	r = s1_end_pod((uint8_t)number);
	if (r < 0)
		return ps_log_error(r, "cannot end the pod"), PS_EXIT_SYSTEM;
	return 0;
}
