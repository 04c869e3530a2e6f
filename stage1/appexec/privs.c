/*
 * What the app may not do any more: limits, identity, capabilities, filters.
 * Runs as the pod's root until s1_set_ids.  Each step is read back.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policies/app-default.h"
#include "policies/app-deny.h"
#include "policies/app-wide.h"
#include "privsep/attr.h"
#include "stage1/appexec/sys.h"

#ifndef BPF_MAXINSNS
#define BPF_MAXINSNS 4096
#endif

static int
set_oom(int pod_root, int32_t value)
{
	_cleanup_fd_ int proc =
	    s1_open(pod_root, "proc", O_PATH | O_DIRECTORY, S1_BENEATH);
	_cleanup_fd_ int fd = -1;
	struct statfs sfs;
	char path[64], text[16];
	int n = snprintf(text, sizeof(text), "%d\n", value);

	if (proc < 0)
		return proc;
	if (fstatfs(proc, &sfs) < 0 || sfs.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	(void)snprintf(path, sizeof(path), "%d/oom_score_adj", getpid());
	fd = s1_open(proc, path, O_WRONLY, S1_BENEATH | RESOLVE_NO_XDEV);
	if (fd < 0)
		return fd;
	return write(fd, text, (size_t)n) == n ? 0 : -errno;
}

int
s1_set_limits(int pod_root, const struct ps_msg_PLAN_APP *a)
{
	struct rlimit core;
	int r = a->has_oom ? set_oom(pod_root, a->oom_score_adj) : 0;

	s1_why = "oom_score_adj";
	if (r < 0)
		return r;
	s1_why = "limits";
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return -errno;
	core.rlim_cur = 0;
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return -errno;
	/* Nobody looks into this process while it is more than the app. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int
drop_bounding(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0)
			break; /* no such capability on this kernel */
		if ((keep >> cap & 1) != 0 || has == 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return -EPERM;
	}
	return 0;
}

/* Inheritable and ambient are empty for everyone; for who is not root so are
 * the rest.  Root's follow from the bounding set at execve. */
static int
set_caps(bool is_root)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capget, &h, d) < 0)
		return -errno;
	for (size_t i = 0; i < PS_COUNT(d); i++) {
		d[i].inheritable = 0;
		d[i].permitted = is_root ? d[i].permitted : 0;
		d[i].effective = is_root ? d[i].effective : 0;
	}
	if (syscall(SYS_capset, &h, d) < 0 || syscall(SYS_capget, &h, d) < 0)
		return -errno;
	for (size_t i = 0; i < PS_COUNT(d); i++)
		if (d[i].inheritable != 0 ||
		    (!is_root && (d[i].permitted | d[i].effective) != 0))
			return -EPERM;
	return 0;
}

static int
become(const struct ps_msg_PLAN_APP *a, const struct s1_ids *ids)
{
	gid_t groups[64];
	uid_t u[3];
	gid_t g[3];

	for (size_t i = 0; i < a->n_supplementary_gids; i++)
		groups[i] = a->supplementary_gids[i];
	if (setgroups(a->n_supplementary_gids, groups) < 0 ||
	    setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0 ||
	    getresuid(&u[0], &u[1], &u[2]) < 0 ||
	    getresgid(&g[0], &g[1], &g[2]) < 0)
		return -errno;
	for (size_t i = 0; i < 3; i++)
		if (u[i] != ids->uid || g[i] != ids->gid)
			return -EPERM;
	if (getgroups(0, NULL) != a->n_supplementary_gids)
		return -EPERM;
	return 0;
}

int
s1_set_ids(const struct ps_msg_PLAN_APP *a, const struct s1_ids *ids)
{
	int r;

	s1_why = "capabilities";
	r = drop_bounding(a->caps);
	if (r < 0)
		return r;
	s1_why = "user and groups";
	r = become(a, ids);
	if (r < 0)
		return r;
	s1_why = "capabilities";
	return set_caps(ids->uid == 0);
}

static int
load(const struct sock_filter *filter, size_t n)
{
	struct sock_fprog p = {.len = (unsigned short)n};

	/* The kernel reads it only. */
	memcpy(&p.filter, &filter, sizeof(filter));
	if (n == 0 || n > BPF_MAXINSNS)
		return -EINVAL;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &p) < 0
		   ? -errno
		   : 0;
}

/* The plan's own filter, made by the conductor from the app's isolators: it
 * comes last and can only take away. */
static int
load_own(const struct ps_msg_PLAN_APP *a)
{
	static struct sock_filter own[16384 / sizeof(struct sock_filter)];

	if (a->n_filter == 0)
		return 0;
	if (a->n_filter % sizeof(own[0]) != 0 || a->n_filter > sizeof(own))
		return -EINVAL;
	memcpy(own, a->filter, a->n_filter);
	return load(own, a->n_filter / sizeof(own[0]));
}

int
s1_set_filters(const struct ps_msg_PLAN_APP *a, bool must_nnp)
{
	static const struct {
		const struct sock_filter *filter;
		size_t n;
	} ceilings[] = {
	    [PS_SECCOMP_DEFAULT] = {policy_app_default,
		PS_COUNT(policy_app_default)},
	    [PS_SECCOMP_WIDE] = {policy_app_wide, PS_COUNT(policy_app_wide)},
	    [PS_SECCOMP_NONE] = {NULL, 0},
	};
	int r = 0;

	s1_why = "no_new_privs";
	if ((must_nnp || a->no_new_privs) &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1))
		return -EPERM;
	s1_why = "seccomp";
	if (a->seccomp >= PS_COUNT(ceilings))
		return -EINVAL;
	if (ceilings[a->seccomp].filter) {
		r = load(policy_app_deny, PS_COUNT(policy_app_deny));
		if (r == 0)
			r = load(ceilings[a->seccomp].filter,
			    ceilings[a->seccomp].n);
	}
	return r == 0 ? load_own(a) : r;
}
