/*
 * stage1-nspawn: the launcher has become this; it becomes systemd-nspawn.
 * Host root, in the pod's private mount namespace and cgroups.  Links only
 * libc.  The plan on fd 3 is proved and sealed, the facts on fd 5 are the
 * launcher's, the sockets behind them the caller's; the pod's trees are HOSTILE and only ever reached by openat2.
 */
#include "stage1/nspawn/nspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/common/contract.h"

#define NO_POD 254 /* this is still `rkt run`: its code for what did not start */

static uint8_t plan[PS_MAX_PLAN];
static size_t plan_size, plan_at;

static void
read_facts(struct s1_facts *ret)
{
	static char facts[S1_MAX_FACTS];
	uint64_t n;

	if (ps_check_sealed(S1_FACTS_FD, sizeof(facts), &n) < 0 ||
	    ps_pread_full(S1_FACTS_FD, facts, n, 0) < 0 ||
	    s1_parse_facts(facts, n, ret) < 0)
		ps_die(NO_POD, "bad launch facts");
}

/* The payload of the next record of the plan, which must be of this type. */
static const uint8_t *
next_record(uint16_t type, size_t *ret_n)
{
	struct ps_reader r = {.p = plan, .size = plan_size, .at = plan_at};
	struct ps_header h = {0};

	if (ps_get_u32(&r) != PS_MAGIC)
		ps_die(NO_POD, "bad plan");
	h.type = ps_get_u16(&r);
	(void)ps_get_u16(&r);
	h.length = ps_get_u32(&r);
	(void)ps_get_u32(&r);
	(void)ps_get_bytes(&r, h.length);
	if (r.error != 0 || h.type != type)
		ps_die(NO_POD, "bad plan");
	*ret_n = h.length;
	plan_at = r.at;
	return plan + r.at - h.length;
}

static void
read_plan(struct ps_msg_PLAN_POD *ret)
{
	const uint8_t *p;
	uint64_t size;
	size_t n;

	if (ps_check_sealed(S1_PLAN_FD, sizeof(plan), &size) < 0 ||
	    ps_pread_full(S1_PLAN_FD, plan, size, 0) < 0)
		ps_die(NO_POD, "no plan");
	plan_size = size;
	p = next_record(PS_PLAN_POD, &n);
	if (ps_decode_PLAN_POD(p, n, ret) < 0 ||
	    ret->version != PS_PLAN_VERSION || ret->apps > PS_MAX_APPS ||
	    (ret->apps == 0) != (ret->mutable == 1) || ret->flavor != PS_FLAVOR_NSPAWN ||
	    (ret->interactive && ret->apps != 1))
		ps_die(NO_POD, "bad plan");
}

static int
open_root(void)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
	    .resolve =
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(
	    SYS_openat2, S1_POD_FD, "stage1/rootfs", &how, sizeof(how));

	if (fd < 0)
		ps_die(NO_POD, "no root: %s", strerror(errno));
	return fd;
}

static struct s1_socket sockets[S1_MAX_SOCKETS];

/* What the caller's sockets are, by their own word. */
static void
read_sockets(const struct s1_facts *f)
{
	for (unsigned i = 0; i < f->sockets; i++) {
		int r = s1_read_socket(
		    (int)(S1_HELD_FD + f->held + i), &sockets[i]);

		if (r < 0)
			ps_die(NO_POD, "socket %u of LISTEN_FDS is no TCP or UDP "
			    "socket that waits at a port: %s", i + 1, strerror(-r));
	}
}

#define PROTOCOL(port) ((port) & PS_SOCKET_UDP ? "udp" : "tcp")

/* A socket that no app takes would be open and deaf. */
static void
prove_claims(const struct s1_facts *f)
{
	for (unsigned i = 0; i < f->sockets; i++)
		if (!sockets[i].claimed)
			ps_die(NO_POD, "no app of the pod has a socket-activated port "
			    "for the socket at %s (%s)", sockets[i].address,
			    PROTOCOL(sockets[i].port));
}

static void
add_app(int root, struct s1_pod *pod)
{
	static struct ps_msg_PLAN_APP app;
	struct s1_unit unit = {.app = &app,
	    .interactive = pod->plan->interactive != 0,
	    .cgroup2 = pod->facts->cgroup2 != 0,
	    .sysctls = pod->plan->n_sysctls > 0};
	size_t n;
	const uint8_t *p = next_record(PS_PLAN_APP, &n);
	int r = ps_decode_PLAN_APP(p, n, &app);
	uint32_t port;

	if (r < 0)
		ps_die(NO_POD, "bad plan");
	port = s1_claim_sockets(&unit, sockets, pod->facts->sockets);
	if (port != 0)
		ps_die(NO_POD, "no socket was handed over for port %u (%s) of "
		    "app %s", port & 0xffff, PROTOCOL(port), app.name);
	r = s1_write_app(root, (uint32_t)pod->facts->base, &unit);
	if (r < 0)
		ps_die(NO_POD, "cannot write the unit of %s: %s",
		    app.name, strerror(-r));
	pod->caps |= app.caps;
	if (app.has_oom && app.oom_score_adj < pod->oom)
		pod->oom = app.oom_score_adj;
}

/* nspawn would fail late, with a code and in words of its own. */
static void
prove_oom(int32_t value)
{
	static const char path[] = "/proc/self/oom_score_adj";
	_cleanup_fd_ int fd = value < 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
	char old[16], text[16];
	ssize_t size;
	int n = snprintf(text, sizeof(text), "%d", value);

	if (value >= 0)
		return;
	size = fd < 0 ? -1 : pread(fd, old, sizeof(old), 0);
	if (size <= 0 || pwrite(fd, text, (size_t)n, 0) != n ||
	    pwrite(fd, old, (size_t)size, 0) != size)
		ps_die(NO_POD, "--oom-score-adj=%d: %s%s", value, strerror(errno),
		    errno == EACCES ? " (this root has no CAP_SYS_RESOURCE)" :
				      "");
}

/* nspawn keeps state here and insists on a tmpfs; a private one is nobody
 * else's, gone with the pod, and where /run is none it is the only way. */
static void
cover_run(void)
{
	static const char path[] = "/run/systemd/nspawn";

	if ((mkdir("/run/systemd", 0755) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0755) < 0 && errno != EEXIST) ||
	    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"mode=0755,size=1m") < 0)
		ps_die(NO_POD, "%s: %s", path, strerror(errno));
}

/* Nothing of the caller's environment but where to say that we are ready. */
static const char *
notify_socket(char *const *env)
{
	static const char key[] = "NOTIFY_SOCKET=";

	for (; *env; env++) {
		const char *value = *env + sizeof(key) - 1;

		if (strncmp(*env, key, sizeof(key) - 1) == 0 &&
		    (*value == '/' || *value == '@') && strlen(value) < 108 &&
		    ps_is_print(value, strlen(value)))
			return *env;
	}
	return NULL;
}

/* Sockets go to 3 and up, where nspawn expects them; what stands there and is
 * held moves behind everything.  Each is moved down, so none is overwritten
 * before it has moved. */
static void
move_sockets(const struct s1_facts *f)
{
	const int n = (int)f->sockets, first = (int)(S1_HELD_FD + f->held);

	for (int to = 3; to < 3 + n; to++) {
		if ((to == S1_POD_FD || to >= (int)S1_HELD_FD) && to < first &&
		    fcntl(to, F_DUPFD, first + n) < 0)
			ps_die(NO_POD, "descriptors: %s", strerror(errno));
		if (dup2(first + to - 3, to) < 0)
			ps_die(NO_POD, "descriptors: %s", strerror(errno));
	}
	if (n > 0)
		(void)close_range((unsigned)(first > 3 + n ? first : 3 + n),
		    (unsigned)(first + n - 1), 0);
}

static void
become(const char *const *args, const struct s1_facts *f, const char *notify)
{
	char fds[32], pid[32];
	const char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	    "SYSTEMD_LOG_LEVEL=err", "SYSTEMD_NSPAWN_LOCK=0",
	    "SYSTEMD_NSPAWN_CONTAINER_SERVICE=rkt", fds, pid, notify, NULL};
	char **argv, **envp;

	/* The pod directory and the images stay open, with their locks: nspawn
	 * holds them for its life, and closes them in its children. */
	if (close_range((unsigned)(S1_HELD_FD + f->held + f->sockets), ~0u, 0) < 0 ||
	    close(S1_FACTS_FD) < 0 || close(S1_PLAN_FD) < 0 ||
	    fcntl(S1_POD_FD, F_SETFD, 0) < 0)
		ps_die(NO_POD, "descriptors");
	move_sockets(f);
	(void)snprintf(fds, sizeof(fds), "LISTEN_FDS=%u", (unsigned)f->sockets);
	(void)snprintf(pid, sizeof(pid), "LISTEN_PID=%d", getpid());
	memcpy(&argv, &args, sizeof(argv)); /* execve lacks its const */
	envp = (void *)env;
	(void)execve(argv[0], argv, envp);
	ps_die(NO_POD, "%s: %s", argv[0], strerror(errno));
}

int
main(int argc, char **argv, char **env)
{
	static struct ps_msg_PLAN_POD pod_plan;
	struct s1_facts facts = {0};
	struct s1_pod pod = {.plan = &pod_plan, .facts = &facts};
	const char *args[S1_MAX_ARGS];
	struct stat st;
	size_t n;
	int root, r;

	(void)argc;
	(void)argv;
	ps_log_name("stage1");
	(void)umask(022);
	if (ps_check_dir(S1_POD_FD) < 0 || fchdir(S1_POD_FD) < 0)
		ps_die(NO_POD, "no pod directory");
	read_facts(&facts);
	read_plan(&pod_plan);
	pod.caps = facts.caps;
	root = open_root();
	read_sockets(&facts);
	if (fstat(S1_POD_FD, &st) < 0)
		ps_die(NO_POD, "no pod directory");
	r = s1_write_pod(root, (uint32_t)facts.base, &pod_plan, st.st_gid);
	if (r < 0)
		ps_die(NO_POD, "cannot write the pod: %s", strerror(-r));
	for (unsigned i = 0; i < pod_plan.volumes; i++)
		(void)next_record(PS_PLAN_VOLUME, &n);
	for (unsigned i = 0; i < pod_plan.apps; i++)
		add_app(root, &pod);
	if (plan_at != plan_size)
		ps_die(NO_POD, "bad plan");
	prove_claims(&facts);
	if (s1_format_args(&pod, args) < 0)
		ps_die(NO_POD, "arguments");
	prove_oom(pod.oom);
	if (!facts.machined)
		cover_run();
	become(args, &facts, notify_socket(env));
}
