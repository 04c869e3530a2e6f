#pragma once
/*
 * The launcher's system calls, played: launcher/sys.h over a directory that
 * stands for the host.  Every verb is written to a trace; files are real files
 * below the directory; owners, mounts, namespaces and processes are only
 * remembered.  What must never happen aborts here, whoever asked for it: so
 * the same file is the oracle of the unit tests and of the fuzzer.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "privsep/chan.h"

#define FAKE_WORKERS 16
#define FAKE_TIMEOUT (-1)

/* A worker that was started. */
struct fake_worker {
	const char *program;
	struct ps_chan chan; /* its end of the edge, kept open until waited for */
	int pidfd, status;   /* exit status, or FAKE_TIMEOUT */
	int fds[16];	     /* fetcher: its slots */
	size_t nfds;
};

struct fake {
	char root[64]; /* the directory that is the host's / */
	char trace[1 << 16];
	size_t at;
	uint64_t random;
	/* What a worker does as soon as it is started. */
	void (*act)(struct fake_worker *w);
	/* Told when a rename makes an image: its id. */
	void (*committed)(const char *id);
	struct fake_worker workers[FAKE_WORKERS];
	size_t n_workers;
	unsigned verbs;	       /* done so far */
	unsigned fail_at;      /* this one fails; 0 none */
	int fail_error;
	bool executed, cgroups_used;
	const char *group_file; /* in each new cgroup, beside cgroup.procs */
	jmp_buf *jump; /* where to, once stage1 has been executed */
	pid_t stage1, init; /* of the pod that runs */
	bool stubborn;	    /* and does not end when it is killed */
	bool joined;	    /* in the mount namespace of stage1 */
	const char *may_open[8]; /* host paths beside the known ones */
	int64_t age; /* seconds since every file was changed */
	unsigned slept; /* ms, in all; and what happens meanwhile */
	void (*while_asleep)(void);
};
extern struct fake fake;

/* Makes the root; false if it cannot. */
bool fake_begin(void);
/* Forgets trace, owners, workers. */
void fake_reset(void);
void fake_end(void);

/* The host's file or directory, for tests: made with its parents. */
void fake_put(const char *path, const char *text);
void fake_mkdir(const char *path);
void fake_hold(pid_t pid, int fd, const char *path);
/* What fstat says of it. */
void fake_own(const char *path, uid_t uid, gid_t gid, mode_t mode);
/* Empties a directory of the host. */
void fake_clear(const char *path);
bool fake_exists(const char *path);
/* Descriptor in the host, for reading. */
int fake_open(const char *path, int flags);

/* Something happened that must not. */
void fake_bug(const char *what, const char *detail) __attribute__((noreturn));
unsigned fake_open_fds(void);
