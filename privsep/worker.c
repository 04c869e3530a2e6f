/*
 * A worker closing the door behind itself.  Runs first in every worker's
 * main, as the worker's own user, before any foreign byte is read.  What
 * cannot be applied ends the worker.
 */
#include "privsep/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "privsep/attr.h"
#include "privsep/log.h"

/* UAPI that the build machine's headers may not know yet. */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_ALL_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)	 /* ABI 2 */
#define FS_TRUNCATE (1ull << 14) /* ABI 3 */
#define FS_MAKE_CHAR (1ull << 6)
#define FS_MAKE_SOCK (1ull << 9)
#define FS_MAKE_BLOCK (1ull << 11)

struct ruleset_attr {
	uint64_t handled_access_fs;
};

static int
add_rule(int ruleset, int parent, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access,
		.parent_fd = parent };
	struct stat st;

	if (fstat(parent, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_EXECUTE | FS_WRITE_FILE |
		    FS_READ_FILE | FS_TRUNCATE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) < 0)
		return -errno;
	return 0;
}

static int
add_reach(int ruleset, const struct ps_reach *reach, uint64_t handled)
{
	_cleanup_fd_ int fd = open(reach->path, O_PATH | O_CLOEXEC);
	uint64_t access = FS_READ_FILE | FS_READ_DIR;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (reach->write)
		access |= handled & ~FS_EXECUTE;
	if (reach->execute)
		access |= FS_EXECUTE;
	return add_rule(ruleset, fd, access & handled);
}

int
ps_landlock(const struct ps_reach *reach, const int *write_dirs, size_t n)
{
	struct ruleset_attr attr = { .handled_access_fs = FS_ALL_ABI1 };
	_cleanup_fd_ int ruleset = -1;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int r;

	if (abi < 0)
		return -errno;
	if (abi >= 2)
		attr.handled_access_fs |= FS_REFER;
	if (abi >= 3)
		attr.handled_access_fs |= FS_TRUNCATE;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	for (; reach && reach->path; reach++) {
		r = add_reach(ruleset, reach, attr.handled_access_fs);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		r = add_rule(ruleset, write_dirs[i],
		    attr.handled_access_fs &
			~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_MAKE_SOCK));
		if (r < 0)
			return r;
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

int
ps_seccomp(const struct sock_filter *filter, size_t length)
{
	struct sock_fprog prog = { .len = (unsigned short)length };

	if (length == 0 || length > BPF_MAXINSNS)
		return -EINVAL;
	__builtin_memcpy(&prog.filter, &filter, sizeof(filter));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return -errno;
	return 0;
}

static void
check(const struct ps_worker *w, bool good, const char *what)
{
	if (!good)
		ps_die(PS_EXIT_SYSTEM, "%s: not started as it must be: %s", w->name,
		    what);
}

void
ps_worker_check(const struct ps_worker *w, struct ps_chan *ret)
{
	int type = 0;
	socklen_t len = sizeof(type);
	uid_t r, e, s;

	check(w, getsockopt(PS_CHAN_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
		type == SOCK_SEQPACKET, "no edge on descriptor 3");
	check(w, fcntl(PS_CHAN_FD, F_SETFD, FD_CLOEXEC) == 0, "edge descriptor");
	check(w, syscall(SYS_close_range, PS_CHAN_FD + 1 + w->more_fds, ~0u, 0) == 0,
	    "close_range");
	check(w, getresuid(&r, &e, &s) == 0 && r == e && e == s, "mixed user ids");
	check(w, w->mapped || r != 0, "running as root");
	check(w, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	check(w, prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
	*ret = (struct ps_chan){ .fd = PS_CHAN_FD, .peer = w->peer };
}

void
ps_worker_enter(const struct ps_worker *w, struct ps_chan *ret)
{
	int r;

	ps_worker_check(w, ret);
	r = ps_landlock(w->reach, NULL, 0);
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "%s: Landlock cannot be applied (error %d)",
		    w->name, -r);
	r = ps_seccomp(w->filter, w->filter_length);
	if (r < 0)
		ps_die(PS_EXIT_SYSTEM, "%s: seccomp cannot be applied (error %d)",
		    w->name, -r);
}
