/*
 * The one way into an app.  Runs first as the pod's root, at the end as the
 * app.  HOSTILE: the image's tree.  The order is the argument: nothing of the
 * image is executed, and nothing of ours is open, when the filters are in.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

const char *s1_why = "";
const char *s1_lacks;
int (*s1_as_app)(void);

/* Into the working directory, as the app, through no magic link; and where we
 * are has a name below the root. */
static int
enter_dir(const char *path)
{
	_cleanup_fd_ int fd = s1_open(
	    AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
	static char why[1100];
	char where[4096];

	(void)snprintf(why, sizeof(why), "working directory \"%s\"", path);
	s1_why = why;
	if (fd < 0)
		return fd;
	if (fchdir(fd) < 0 || getcwd(where, sizeof(where)) == NULL)
		return -errno;
	return where[0] == '/' ? 0 : -EXDEV;
}

/* By the system call: the library keeps 32 and 33 to itself, and whoever was
 * started by posix_spawn(3) has them ignored. */
static int
reset_signals(void)
{
	static const struct { /* the kernel's struct sigaction */
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} default_action;
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			(void)syscall(SYS_rt_sigaction, s, &default_action, NULL,
			    sizeof(default_action.mask));
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* Into a mount namespace of our own; mounts are of one namespace, so the pod's
 * root is opened anew in it. */
static int
leave_pod(int *ret_pod_root)
{
	int r;

	s1_why = "mount namespace";
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	r = s1_set_private();
	if (r < 0)
		return r;
	r = s1_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (r < 0)
		return r;
	*ret_pod_root = r;
	return 0;
}

static int
move_in(int pod_root, const struct ps_msg_PLAN_APP *a)
{
	_cleanup_fd_ int root = -1;
	int r;

	s1_why = "root";
	r = s1_make_root(pod_root, a, &root);
	if (r < 0)
		return r;
	s1_why = "pivot";
	return s1_pivot(root);
}

/* Before the root is made: in the bare tree of the image there is no proc for
 * a link to lead into. */
static int
who(int pod_root, const struct ps_msg_PLAN_APP *a, struct s1_ids *ret)
{
	_cleanup_fd_ int app = -1;
	char path[320];

	s1_why = "root";
	(void)snprintf(path, sizeof(path), S1_APP_ROOT, a->name);
	app = s1_open(pod_root, path, O_PATH | O_DIRECTORY, S1_BENEATH);
	return app < 0 ? app : s1_resolve_ids(app, a, ret);
}

/* The pod's root has no name any more; now it has no descriptor (pod_root's
 * and every other are closed here, but for the app's own sockets). */
static int
forget(void)
{
	s1_why = "descriptors";
	return close_range(3 + s1_kept, ~0u, 0) < 0 ? -errno : 0;
}

int
s1_confine(
    const struct ps_msg_PLAN_APP *a, char ret_program[4096], int *ret_code)
{
	struct s1_ids ids = {0};
	int pod_root = -1, r;

	(void)umask(022);
	*ret_code = S1_EXIT_NAMESPACE;
	r = leave_pod(&pod_root);
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_USER;
	r = who(pod_root, a, &ids);
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_NAMESPACE;
	r = s1_set_limits(pod_root, a);
	if (r == 0)
		r = move_in(pod_root, a);
	if (r == 0)
		r = forget();
	if (r == 0)
		r = reset_signals();
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_CAPS;
	r = s1_set_ids(a, &ids);
	if (r == 0 && s1_as_app)
		r = s1_as_app();
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_CHDIR;
	r = enter_dir(a->working_dir);
	if (r < 0)
		return r;
	*ret_code = S1_EXIT_EXEC;
	r = s1_find_program(a->exec[0], a->env, a->n_env, ret_program);
	if (r < 0)
		return r;
	s1_lacks = s1_missing_interpreter(ret_program);
	*ret_code = S1_EXIT_SECCOMP;
	return s1_set_filters(a, ids.uid != 0);
}
