#pragma once
/*
 * What the launcher and a stage1 entry agree on, and what the entry and the
 * programs inside the pod agree on.  Rooms talk by this text, not by including
 * it: the launcher writes these names and numbers itself.
 *
 * Born with descriptors
 *  0 1 2  the caller's
 *  3      the proved plan, a sealed memfd (plan.def)
 *  4      the pod directory, O_RDONLY|O_DIRECTORY, with the pod's flock on
 *         this open file: it stays open in whatever the entry becomes, and
 *         "running" means that this flock is held
 *  5      launch facts, a sealed memfd of "key value" lines (kv.h), each key
 *         exactly once but the last, all of them there:
 *           uid-base N     host uid of the pod's root, a multiple of 65536
 *           machined 0|1   register with systemd-machined
 *           keep-unit 0|1  started in a unit of its own
 *           cgroup2 0|1    the host has cgroup v2 alone
 *           held N         descriptors from 6 on: directories of images, held
 *                          with a lock; they stay open as 4 does
 *           sockets N      descriptors behind those: the caller's, of socket
 *                          activation, in its order
 *           caps N         capabilities that an app may have which comes later
 *           property --property=P=V   any number: a limit for the scope that
 *                          systemd makes (machined, not keep-unit)
 *  6..    those
 * and nothing else; cwd the pod directory; in a private mount namespace where
 * stage1/rootfs is the pod's root and stage1/rootfs/opt/stage2/<app>/rootfs is
 * the root of each app.  argv[1], the pod's UUID, is for ps only.  Of the
 * environment NOTIFY_SOCKET is handed on.
 */
#define S1_PLAN_FD 3
#define S1_POD_FD 4
#define S1_FACTS_FD 5
#define S1_HELD_FD 6u

#define S1_MAX_FACTS 32768u
#define S1_RANGE 65536u

/* Below stage1/rootfs, relative: what the entry writes, */
#define S1_UNIT_DIR "etc/systemd/system"
#define S1_WANTS_DIR "etc/systemd/system/default.target.wants"
#define S1_PLAN_DIR "rkt/plan" /* <app>: header and PLAN_APP, 0400 */
#define S1_MUTABLE "rkt/mutable" /* there is one: apps come and go */
#define S1_SYSCTL "rkt/sysctl" /* NAME=VALUE lines, where there are any */
/* what the launcher mounts, */
#define S1_VOLUME_DIR "rkt/volumes" /* <name>: a volume of the pod */
/* The pod's groups, <controller>/app-<app> in them: v1 and hybrid. */
#define S1_CGROUP_DIR "rkt/cgroup"
/* and what the pod writes: hostile bytes for the host. */
#define S1_STATUS_DIR "rkt/status" /* <app>: exit code, decimal, newline */
#define S1_READY "rkt/supervisor-status" /* a link to "ready" */
/* Who makes it, where an app speaks for itself, or none is there at first. */
#define S1_READY_UNIT "rkt-ready.service"

/* Inside the pod. */
#define S1_APPEXEC "/usr/lib/rkt/appexec"
#define S1_APP_ROOT "opt/stage2/%s/rootfs"
#define S1_NOTIFY "run/systemd/notify"

/* Exit codes of appexec before the app runs, systemd's numbers. */
enum {
	S1_EXIT_EXEC = 203, /* execve failed */
	S1_EXIT_CHDIR = 200,
	S1_EXIT_FDS = 202, /* not the sockets of the record */
	S1_EXIT_GROUP = 216,
	S1_EXIT_USER = 217,
	S1_EXIT_CAPS = 218,
	S1_EXIT_CGROUP = 219, /* a limit is not in place */
	S1_EXIT_SYSCTL = 220, /* a setting of the kernel is not */
	S1_EXIT_NAMESPACE = 226, /* the app's root could not be made */
	S1_EXIT_SECCOMP = 228,
	S1_EXIT_PLAN = 231 /* no or bad rkt/plan/<app> */
};
