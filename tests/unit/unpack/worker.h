#pragma once
/*
 * Starting the real unpack program as the launcher does: in its own user
 * namespace over the foreign id range, with its edge on descriptor 3.  Needs
 * root.  The program: $RKT_UNPACK, or $RKT_BUILD/unpack.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privsep/chan.h"
#include "privsep/limits.h"

struct worker {
	struct ps_chan chan;
	pid_t pid;
	int status; /* of its end */
};

/* NULL: it is not there. */
static inline const char *
worker_program(void)
{
	static char path[4096];
	const char *given = getenv("RKT_UNPACK"), *build = getenv("RKT_BUILD");

	(void)snprintf(path, sizeof(path), "%s%s", given ? given : build ? build : "",
	    given ? "" : "/unpack");
	return access(path, X_OK) == 0 ? path : NULL;
}

static inline void
worker_child(int edge, int ready, const char *program)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { 0 };
	struct rlimit files = { 64, 64 };
	struct rlimit memory = { 64u << 20, 64u << 20 }; /* the promise */
	char *const argv[] = { (char *)(uintptr_t)"unpack", NULL };
	char *const env[] = { NULL };
	char go;

	if (read(ready, &go, 1) != 1 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0 || dup2(edge, PS_CHAN_FD) < 0)
		_exit(99);
	for (unsigned long c = 0; c < 64; c++)
		if (!((UINT64_C(0x8000001b) >> c) & 1))
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	data[0].effective = data[0].permitted = 0x8000001b;
	if (syscall(SYS_capset, &head, data) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    setrlimit(RLIMIT_DATA, &memory) < 0)
		_exit(98);
	execve(program, argv, env);
	_exit(97);
}

static inline void
worker_maps(pid_t pid)
{
	static const char *const names[] = { "uid_map", "gid_map" };

	for (size_t i = 0; i < 2; i++) {
		char path[64], text[64];
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		(void)snprintf(text, sizeof(text), "0 %u %u\n", PS_FOREIGN_BASE,
		    PS_RANGE);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			perror(path);
		(void)close(fd);
	}
}

static inline int
worker_start(struct worker *w)
{
	const char *program = worker_program();
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWPID |
		CLONE_NEWIPC | CLONE_NEWNET, .exit_signal = SIGCHLD };
	int edge[2], ready[2];

	if (!program || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		edge) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	w->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (w->pid == 0)
		worker_child(edge[1], ready[0], program);
	worker_maps(w->pid);
	(void)!write(ready[1], "x", 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	(void)close(edge[1]);
	w->chan = (struct ps_chan){ .fd = edge[0], .peer = 'U' };
	return w->pid < 0 ? -1 : 0;
}

static inline void
worker_end(struct worker *w)
{
	(void)close(w->chan.fd);
	(void)waitpid(w->pid, &w->status, 0);
}

/* An empty directory of the worker's root; returns its descriptor. */
static inline int
worker_root(const char *path)
{
	if (mkdir(path, 0700) < 0 ||
	    chown(path, PS_FOREIGN_BASE, PS_FOREIGN_BASE) < 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* One request, one answer in frame; 0 or negative errno. */
static inline int
worker_unpack(struct worker *w, int image, int root, int manifest,
    struct ps_msg_UNPACK *m, struct ps_frame *frame)
{
	const int fds[] = { image, root, manifest };
	int r = worker_start(w);

	if (r == 0)
		r = PS_SEND(&w->chan, UNPACK, m, fds, 3);
	if (r == 0)
		r = ps_recv(&w->chan, frame, 60000);
	worker_end(w);
	return r;
}

static inline int
worker_digest(struct worker *w, int root, struct ps_frame *frame)
{
	struct ps_msg_DIGEST_TREE m = { 0 };
	int r = worker_start(w);

	if (r == 0)
		r = PS_SEND(&w->chan, DIGEST_TREE, &m, &root, 1);
	if (r == 0)
		r = ps_recv(&w->chan, frame, 60000);
	worker_end(w);
	return r;
}
