/*
 * Finding the processes of a running pod.  Runs as root.  A number in a file
 * is only believed of a process that has the pod's own directory open: who
 * holds that lock may also be another launcher, and the number someone
 * else's by now.
 */
#include "launcher/running.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

/* This directory as that process has it open; -ESRCH: it has not. */
static int
held_by(uint64_t pid, int pod)
{
	struct stat mine, its = { 0 };
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, ln_path("/proc/%u/fd",
	    (unsigned)pid), O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	_cleanup_list_ DIR *list = NULL;
	const char *name;

	if (fd < 0 || fstat(pod, &mine) < 0 || ln_list(fd, ".", &list) < 0)
		return -ESRCH;
	while ((name = ln_next(list)) != NULL) {
		_cleanup_fd_ int its_fd = sys_open(fd, name, O_PATH, 0, SYS_HOST);

		if (its_fd >= 0 && fstat(its_fd, &its) == 0 &&
		    its.st_dev == mine.st_dev && its.st_ino == mine.st_ino)
			return take_fd(its_fd);
	}
	return -ESRCH;
}

/* The first number of a text. */
static bool
is_pid(char *text, uint64_t *ret)
{
	text[strcspn(text, " \n")] = '\0';
	return ps_parse_u64(text, INT32_MAX, ret) && *ret > 1;
}

/* The first child of nspawn only makes the pod's pid 1, and goes. */
static bool
is_inside(uint64_t pid)
{
	_cleanup_fd_ int its = sys_open(AT_FDCWD, ln_path("/proc/%u/ns/pid",
	    (unsigned)pid), O_RDONLY, 0, SYS_HOST);
	_cleanup_fd_ int ours =
	    sys_open(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0, SYS_HOST);
	struct stat inside, outside;

	return its >= 0 && ours >= 0 && fstat(its, &inside) == 0 &&
	    fstat(ours, &outside) == 0 && inside.st_ino != outside.st_ino;
}

/* Has it blocked SIGRTMIN+3, which it takes from a descriptor?  That is bit 0 of
 * the tenth digit from the right. */
static bool
listens(uint64_t pid)
{
	static char text[4096];
	const char *path = ln_path("/proc/%u/status", (unsigned)pid);
	const char *at = ln_read_text(path, text, sizeof(text)) < 0
	    ? NULL : strstr(text, "\nSigBlk:\t");

	return at && strlen(at) > 25 && strchr("13579bdf", at[15]);
}

/* nspawn has one child: the pod's pid 1. */
static int
open_init(uint64_t stage1, bool *ret_listens)
{
	const char *path = ln_path("/proc/%u/task/%u/children", (unsigned)stage1,
	    (unsigned)stage1);
	_cleanup_fd_ int fd = -1;
	uint64_t pid, again;
	char text[64];

	if (ln_read_text(path, text, sizeof(text)) < 0 || !is_pid(text, &pid))
		return -1;
	fd = sys_pidfd((pid_t)pid);
	/* Still its child: so it was that process and no later one. */
	if (fd < 0 || !is_inside(pid) ||
	    ln_read_text(path, text, sizeof(text)) < 0 ||
	    !is_pid(text, &again) || again != pid)
		return -1;
	*ret_listens = *ret_listens && listens(pid);
	return take_fd(fd);
}

/* -ENOENT: no such pod in run/; -ESRCH: it does not run. */
static int
find(struct ln_session *s, const char *uuid, enum ln_stage until,
    struct ln_running *ret)
{
	bool hears = until == LN_LISTENS;
	_cleanup_fd_ int pod = ln_open_dir(s->pods, ln_path("run/%s", uuid));
	_cleanup_fd_ int stage1 = -1, there = -1;
	char text[64];
	uint64_t pid;
	int r;

	if (pod < 0)
		return pod;
	r = sys_flock(pod, false);
	if (r != -EWOULDBLOCK)
		return r < 0 ? r : -ESRCH;
	r = ln_read_words(pod, "ppid", text, sizeof(text));
	stage1 = r < 0 || !is_pid(text, &pid) ? -ESRCH : sys_pidfd((pid_t)pid);
	there = stage1 < 0 ? stage1 : held_by(pid, pod);
	if (there < 0)
		return -ESRCH;
	ret->init = open_init(pid, &hears);
	ret->stage = ret->init < 0 ? LN_STARTS : hears ? LN_LISTENS : LN_INSIDE;
	ret->pod = take_fd(pod);
	ret->stage1 = take_fd(stage1);
	ret->there = take_fd(there);
	return 0;
}

int
ln_running_open(struct ln_session *s, const char *uuid, enum ln_stage until,
    struct ln_running *ret)
{
	int r = find(s, uuid, until, ret);

	for (unsigned i = 0; r == 0 && ret->stage < until && i < 500; i++) {
		ln_running_close(ret);
		sys_sleep(20);
		r = find(s, uuid, until, ret);
	}
	if (r == 0 && ret->stage < until && until == LN_INSIDE) {
		ln_running_close(ret);
		r = -ESRCH;
	}
	return r != -ENOENT && r != -ESRCH ? r : ln_refuse(s, PS_REFUSED_NOTFOUND,
	    "pod \"%s\" is not running", uuid);
}

void
ln_running_close(struct ln_running *r)
{
	ps_close_fd(&r->pod);
	ps_close_fd(&r->stage1);
	ps_close_fd(&r->init);
	ps_close_fd(&r->there);
}

int
ln_running_end(struct ln_running *r, bool force)
{
	int e;

	/* Not through nspawn, whose second word ends the pod at once. */
	if (!force && r->stage == LN_LISTENS)
		return sys_signal(r->init, SIGRTMIN + 3);
	if (!force)
		return sys_signal(r->stage1, SIGTERM);
	e = r->init < 0 ? 0 : sys_signal(r->init, SIGKILL);
	/* It sees its child gone, and clears up after it; or it hangs. */
	for (unsigned i = 0; e == 0 && i < 100 && sys_alive(r->stage1); i++)
		sys_sleep(10);
	if (e == 0 && sys_alive(r->stage1))
		e = sys_signal(r->stage1, SIGKILL);
	return e;
}
