#pragma once
/*
 * The audit list: every privileged thing that the launcher does is one of
 * these verbs.  sys.c and sys_spawn.c act; nothing else in this room makes a
 * privileged system call.  Unit tests link tests/unit/launcher/fake_sys.c
 * instead and compare the trace.  All return 0 or a new descriptor, or a
 * negative errno.  Every descriptor is close-on-exec.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How a path may resolve below its directory descriptor. */
enum {
	SYS_BENEATH = 1, /* below dir: no symlinks, no magic links, no mounts crossed */
	SYS_HOST = 2,	 /* as open(2): root's own paths, and what argv named */
	SYS_CROSS = 3,	 /* below dir, no symlinks, mounts may be crossed */
	SYS_NO_LINKS = 4 /* as open(2), but through no symlink of any kind */
};

int sys_open(int dir, const char *path, int flags, mode_t mode, int how);
int sys_tmpfile(int dir);		/* O_TMPFILE | O_RDWR, 0640 */
int sys_reopen(int fd, int access);	/* the same file, O_WRONLY or O_RDONLY */
int sys_unwritten(int fd);		/* read-only fd; -EAGAIN: someone writes */
int sys_mkdir(int dir, const char *name, mode_t mode);
int sys_rename(int from, const char *old, int to, const char *new, bool replace);
int sys_link(int fd, int dir, const char *name);
int sys_unlink(int dir, const char *name, bool directory);
int sys_own(int fd, uid_t uid, gid_t gid, mode_t mode);
int sys_flock(int fd, bool exclusive);	/* -EWOULDBLOCK: held by another */
int sys_fsync(int fd);
int sys_syncfs(int fd);
int sys_copy(int from, int to, uint64_t n);
/* Write text to an existing file (cgroup control files). */
int sys_put(int dir, const char *path, const char *text);
int sys_random(void *p, size_t n);
uint64_t sys_now(void); /* seconds since the epoch */

/* Give that process's user namespace its ids. */
int sys_map_ids(pid_t pid, uint32_t inside, uint32_t outside, uint32_t count);
/* A user namespace that maps inside..inside+count to outside.., as a
 * descriptor; no process stays in it. */
int sys_userns(uint32_t inside, uint32_t outside, uint32_t count);
/* From here on mounts are this process's own. */
int sys_private_mounts(void);
/* dir/path as a detached read-only, nodev mount, seen through userns (-1: its
 * owners as they are). */
int sys_idmapped(int dir, const char *path, int userns);
/* A detached mount of what fd is, with what is mounted below it or without. */
int sys_bind(int fd, bool recursive);
/* What a detached mount may do at most: nosuid and nodev always, read-only if so; seen through userns unless that is -1. */
int sys_restrict(int mount, bool recursive, bool readonly, int userns);
/* A detached tmpfs of at most size bytes (0: half of the memory). */
int sys_tmpfs(uint64_t size, mode_t mode, uid_t uid, gid_t gid, bool readonly);
/* A detached mount of a new node, alone on a tmpfs that no one can change;
 * mode has the type too. */
int sys_node(mode_t mode, dev_t device, uid_t uid, gid_t gid);
/* The directory in a mount of its own where what is written gets other owners,
 * through userns: nosuid, nodev. */
int sys_shifted(int dir, int userns);
/* An overlay of three paths relative to the working directory, detached; of
 * lower alone where the others are NULL: that cannot be written. */
int sys_overlay(const char *lower, const char *upper, const char *work);
int sys_attach(int mount, int dir, const char *path);
/* What is mounted below it from now on is also below its copies in namespaces
 * that were made of this one. */
int sys_shared(int mount);
/* Into the mount namespace that fd names, by a file of /proc or a process in
 * it: what is attached by descriptors of there, is there. */
int sys_join(int fd);
/* Take what is mounted on dir/path, and on that, out of this namespace. */
int sys_detach(int dir, const char *path);
int sys_chdir(int dir);
/* A fresh anonymous session keyring (keyctl_join_session_keyring(3)). */
int sys_keyring(void);

/* A program to start.  See sys_spawn.c for the order of what is done. */
struct ln_room {
	const char *program; /* in the libexec directory, and argv[0] */
	uid_t uid;
	gid_t gid;
	bool own_net, mapped, tmp; /* empty network namespace; unpack's user
				      namespace; a tmpfs of its own on /tmp */
	uint32_t base;		   /* mapped: its root; 0: the foreign range's */
	bool conductor;		   /* keeps stdio, environment, working directory */
	uint64_t max_file;	   /* RLIMIT_FSIZE, bytes */
	unsigned max_fds;	   /* RLIMIT_NOFILE */
	char *const *argv;	   /* conductor: the caller's; NULL: program alone */
	char *const *env;
	int cwd;		   /* descriptor of its working directory */
	int err;		   /* stdout and stderr; not the conductor's */
	int chan;		   /* its end of the edge: becomes descriptor 3 */
	const int *fds;		   /* then 4, 5, ... */
	size_t nfds;
};

/* Its pid, and *ret_pidfd; the program is on its way to be executed. */
int sys_spawn(const struct ln_room *room, int *ret_pidfd);
/* Exit status: 0..255 exit code, 256+n killed by signal n. */
int sys_wait(int pidfd, int timeout, int *ret_status);
int sys_kill(int pidfd);
/* A process by its number; who calls proves that it is the one. */
int sys_pidfd(pid_t pid);
/* A signal to a process of a pod; -ESRCH: it is gone. */
int sys_signal(int pidfd, int number);
bool sys_alive(int pidfd);
/* SIGKILL, to a member of a pod's cgroup. */
int sys_end(pid_t pid);
void sys_sleep(unsigned ms);
/* Now is when this file was used last. */
int sys_touch(int fd);

/* Become argv[0] of the libexec directory: fds[0..n) are 3, 4, ...; everything
 * else is closed.  Only returns by dying. */
void sys_exec(char *const argv[], char *const env[], const int *fds, size_t n)
    __attribute__((noreturn));
/* A child that does. */
int sys_start(char *const argv[], char *const env[], const int *fds, size_t n,
    int *ret_pidfd);
