/*
 * rkt, started by root: the launcher.  Before it looks at anything but
 * argv[0] it starts the conductor, which reads the command line; then it does
 * what its permit table allows, and ends, or becomes stage1 by execve.
 * Started by anyone else it executes the conductor in its own stead.
 *
 * Parses nothing foreign (G1).  Links libc and libkeyutils.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "launcher/argv.h"
#include "launcher/files.h"
#include "launcher/pod.h"
#include "launcher/session.h"
#include "launcher/sys.h"
#include "launcher/users.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/paths.h"

#define RKT_ERROR 254 /* rkt's code for its own errors */

static struct ln_session session = { .state = LN_START, .conductor = -1,
	.fetcher = -1, .data = -1, .image = -1, .pods = -1, .ids = -1,
	.quarantine = -1, .spool = -1, .system_config = -1, .local_config = -1,
	.user_config = -1,
	.system_trust = -1, .local_trust = -1, .pod = -1, .facts = -1,
	.plan = -1, .put_dir = -1, .words = { -1, -1 } };

/* A policy file is root's, and no one else may write it. */
static void
read_policy(const char *dir, char *text)
{
	const char *path = ln_path("%s/policy", dir);
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, SYS_HOST);
	char error[256];
	struct stat st;
	int r;

	if (fd == -ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		ps_die(RKT_ERROR, "site policy %s cannot be read", path);
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		ps_die(RKT_ERROR, "site policy %s must be root's, and writable by "
		    "root alone (chown root, chmod go-w)", path);
	if (st.st_size > (off_t)PS_MAX_POLICY)
		ps_die(RKT_ERROR, "site policy %s is too large", path);
	r = ps_pread_full(fd, text, (size_t)st.st_size, 0);
	if (r < 0)
		ps_die(RKT_ERROR, "site policy %s cannot be read", path);
	if (ps_policy_apply(&session.policy, text, (size_t)st.st_size, error) < 0)
		ps_die(RKT_ERROR, "site policy %s: %s", path, error);
}

/* `rkt policy lint` must work where the policy does not. */
static bool
wants_lint(int argc, char *const *argv)
{
	return argc >= 3 && strcmp(argv[1], "policy") == 0 &&
	    strcmp(argv[2], "lint") == 0;
}

static void
open_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	ps_close_fd(&fd);
}

/* The operator's environment may not reach into our programs. */
static char *const *
clean_environment(char **env)
{
	static const char *const bad[] = { "LD_", "GLIBC_", "GCONV_", "MALLOC_",
		"GETCONF_", "LOCPATH=", "NLSPATH=", "TZDIR=", "RES_OPTIONS=" };
	char **to = env;

	for (char **from = env; *from; from++) {
		bool keep = true;

		for (size_t i = 0; i < PS_COUNT(bad); i++)
			if (strncmp(*from, bad[i], strlen(bad[i])) == 0)
				keep = false;
		if (keep)
			*to++ = *from;
	}
	*to = NULL;
	return env;
}

static _noreturn_ void
become_conductor(char *const *argv, char *const *env)
{
	const char *path = ln_path("%s/conductor", ps_libexec_dir);

	(void)execve(path, argv, env);
	ps_die(RKT_ERROR, "cannot execute %s: %s", path, strerror(errno));
}

/* The value of a number in the environment; 0 if it is none. */
static uint64_t
number_of(char *const *env, const char *name)
{
	size_t len = strlen(name);
	uint64_t n = 0;

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 &&
		    ps_parse_u64(*env + len, INT32_MAX, &n))
			return n;
	return 0;
}

/* What the caller left open is in no one's way, and in no one's hands: but
 * the sockets that systemd hands to a service (sd_listen_fds(3)), which are
 * for stage1. */
static void
keep_sockets(char *const *env)
{
	const int high = 700;
	struct ln_session *s = &session;
	unsigned n = number_of(env, "LISTEN_PID=") == (uint64_t)getpid() ?
	    (unsigned)number_of(env, "LISTEN_FDS=") : 0;
	struct stat st;

	if (n > LN_MAX_SOCKETS)
		ps_die(RKT_ERROR, "more than %d sockets (LISTEN_FDS)",
		    LN_MAX_SOCKETS);
	if (close_range(3 + n, ~0u, 0) < 0)
		ps_die(RKT_ERROR, "cannot close what the caller left open");
	for (; s->n_socket < n; s->n_socket++) {
		int fd = 3 + (int)s->n_socket, *to = &s->sockets[s->n_socket];

		if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
			ps_die(RKT_ERROR, "descriptor %d is no socket (LISTEN_FDS)",
			    fd);
		*to = fcntl(fd, F_DUPFD_CLOEXEC, high);
		if (*to < 0)
			ps_die(RKT_ERROR, "cannot keep the caller's sockets");
	}
	if (n > 0 && close_range(3, 2 + n, 0) < 0)
		ps_die(RKT_ERROR, "cannot close what the caller left open");
}

static void
guard(char *const *env)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	(void)umask(022);
	/* Room to put descriptors in place, whatever the caller's limit. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 1024) {
		files.rlim_cur = 1024;
		files.rlim_max = files.rlim_max < 1024 ? 1024 : files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			ps_die(RKT_ERROR, "cannot have 1024 open files (ulimit -n)");
	}
	keep_sockets(env);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		ps_die(RKT_ERROR, "cannot guard the launcher");
}

/* The conductor's exit code is the person's, but for our own deaths. */
static int
last_word(struct ln_session *s, int served)
{
	int status = RKT_ERROR, r;

	ps_close_fd(&s->control.fd);
	if (s->fetcher >= 0) {
		(void)sys_kill(s->fetcher);
		ln_words_say(s, "fetcher");
	}
	if (served < 0) {
		ps_log("the conductor broke its protocol and was ended (%s)",
		    strerror(-served));
		(void)sys_kill(s->conductor);
		return RKT_ERROR;
	}
	r = sys_wait(s->conductor, s->become ? 5000 : -1, &status);
	if (r < 0 || status > 255) {
		if (r < 0)
			(void)sys_kill(s->conductor);
		return RKT_ERROR;
	}
	/* A conductor that did not get as far as its own program. */
	return status == PS_EXIT_SYSTEM ? RKT_ERROR : status;
}

int
main(int argc, char **argv, char **env)
{
	static char vendor[PS_MAX_POLICY], local[PS_MAX_POLICY];
	struct ln_session *s = &session;
	const char *missing;
	int r, status;

	open_stdio();
	if (geteuid() != 0 || getuid() != 0)
		become_conductor(argv, env);
	guard(env);
	s->argv = (struct ln_argv){ argc, argv };
	s->env = clean_environment(env);
	ps_log_debug(ln_argv_flag(s->argv, "--debug"));
	ps_policy_default(&s->policy);
	if (!wants_lint(argc, argv)) {
		read_policy(ps_vendor_dir, vendor);
		read_policy(ps_conf_dir, local);
	}
	r = ln_find_users(s, &missing);
	if (r < 0)
		ps_die(RKT_ERROR, "service user %s is missing (make install makes it)",
		    missing);
	/* Before any directory is opened: a pod's mounts are made below it. */
	r = sys_private_mounts();
	if (r < 0)
		ps_die(RKT_ERROR, "cannot make a mount namespace: %s", strerror(-r));
	r = ln_worker_conductor(s);
	if (r < 0)
		ps_die(RKT_ERROR, "cannot start the conductor: %s", strerror(-r));
	r = ln_serve(s);
	status = last_word(s, r);
	if (status != 0)
		ln_put_undo(s);
	if (r == 0 && s->become && status == 0)
		s->become(s);
	return status;
}
