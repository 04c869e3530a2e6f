/*
 * The sandbox matrix: starts every worker as the launcher does (the launcher's
 * own workers.c, sys.c and sys_spawn.c are linked in: its users, namespaces,
 * limits and capabilities) with a probe in the worker's place, and attempts
 * one forbidden act a run.  Denied is: killed by the policy (SIGSYS), or an
 * errno that says no.  Then the same programs, without an act, do their job;
 * and the harmless acts, outside any sandbox, succeed.  Runs as root.
 *
 *	matrix DIRECTORY VECTORS TAR	DIRECTORY: empty, ours
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"
#include "inspect.h"
#include "launcher/session.h"
#include "launcher/sys.h"
#include "launcher/users.h"
#include "launcher/workers.h"
#include "pod.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/paths.h"

#define KILLED_BY_POLICY (256 + SIGSYS)
#define MIB (1u << 20)

static struct ln_session session;
static FILE *tap;
static const char *directory, *vectors, *tar_file;
static int words;	/* other end of the workers' stdout and stderr */
static int last_status; /* how the last worker ended */
static int failed;
static char said[65536];

/* Seen by launcher/workers.c instead of the real ones. */
int __real_sys_wait(int pidfd, int timeout, int *ret_status);
int __wrap_sys_wait(int pidfd, int timeout, int *ret_status);
int __real_sys_kill(int pidfd);
int __wrap_sys_kill(int pidfd);

int
__wrap_sys_wait(int pidfd, int timeout, int *ret_status)
{
	int r = __real_sys_wait(pidfd, timeout, ret_status);

	if (r == 0)
		last_status = *ret_status;
	return r;
}

/* One that is dead already is not killed a second time: how did it die? */
int
__wrap_sys_kill(int pidfd)
{
	int status;

	return __wrap_sys_wait(pidfd, 2000, &status) == 0
		   ? 0
		   : __real_sys_kill(pidfd);
}

/* dispatch.c's, without a conductor to tell: among the worker's words. */
int
ln_refuse(struct ln_session *s, uint32_t code, const char *format, ...)
{
	va_list ap;

	(void)s;
	dprintf(2, "refused %u: ", code);
	va_start(ap, format);
	vdprintf(2, format, ap);
	va_end(ap);
	return 1;
}

int
ln_refuse_error(struct ln_session *s, int error, const char *what)
{
	return ln_refuse(
	    s, PS_REFUSED_SYSTEM, "%s: %s", what, strerror(-error));
}

static void
die(const char *what)
{
	fprintf(tap, "not ok sandbox_setup: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
verdict(const char *worker, const char *what, const char *why)
{
	if (why == NULL) {
		fprintf(tap, "ok sandbox_%s_%s\n", worker, what);
	} else {
		fprintf(tap, "not ok sandbox_%s_%s: %s\n", worker, what, why);
		failed = 1;
	}
}

static void
hear_words(void)
{
	size_t n = 0;
	ssize_t r;

	while (
	    n < sizeof(said) - 1 &&
	    (r = recv(words, said + n, sizeof(said) - 1 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	said[n] = '\0';
}

static void
put_act(const char *name, pid_t victim)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s %d", name, victim);

	while (recv(2, said, sizeof(said), MSG_DONTWAIT) > 0)
		; /* what a worker that never began did not read */
	if (send(words, text, (size_t)n, 0) != n)
		die("act");
}

/* A process with a worker's ids: another worker, as it were. */
static pid_t
victim(uid_t uid, gid_t gid)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* --- starting each worker, up to its answer --------------------------------
 */

static int
open_vector(const char *name)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", vectors, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A good signature of the vectors, by a key of theirs. */
static int
check_good(bool second)
{
	struct ln_slot image = {.fd = open_vector("image")};
	struct ln_slot signature = {.fd = open_vector("sig/good-ed.asc")};
	struct ps_msg_VERDICT v;
	int r = ln_worker_check(
	    &session, &image, &signature, "example.com/good/app", second, &v);

	(void)close(image.fd);
	(void)close(signature.fd);
	return r == 0 && v.n_signers == 1 ? 0 : -1;
}

static int
run_verify(void)
{
	return check_good(false);
}

static int
run_second(void)
{
	return check_good(true);
}

static int
run_unpack(void)
{
	struct ln_slot image = {.fd = open(tar_file, O_RDONLY | O_CLOEXEC)};
	struct ps_msg_UNPACKED done;
	struct ps_msg_TREE tree;
	struct stat st;
	int manifest, r, root;

	(void)mkdir("rootfs", 0755);
	if (chown("rootfs", PS_FOREIGN_BASE, PS_FOREIGN_BASE) < 0 ||
	    fstat(image.fd, &st) < 0)
		die("rootfs");
	image.size = (uint64_t)st.st_size;
	root = open("rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	manifest =
	    open("manifest", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	r = ln_worker_unpack(&session, &image, root, manifest, &done);
	if (r == 0 && strcmp(done.name, "example.test/probe") != 0)
		r = -1;
	if (r == 0) {
		uint8_t digest[PS_DIGEST];

		memcpy(digest, done.tree, sizeof(digest));
		put_act("none", 0);
		r = ln_worker_digest(&session, root, &tree);
		if (r == 0 && memcmp(tree.tree, digest, sizeof(digest)) != 0)
			r = -1;
	}
	(void)close(root);
	(void)close(manifest);
	(void)close(image.fd);
	return r;
}

/* Of a tree that unpack has made, as a layer. */
static int
run_render(void)
{
	struct ln_rendering what = {.manifest = -1, .bare = true, .n = 1};
	struct ps_msg_TREE tree;
	int mount, r;

	(void)mkdir("rendered", 0755);
	if (chown("rendered", PS_FOREIGN_BASE, PS_FOREIGN_BASE) < 0)
		die("rendered");
	what.rootfs = open("rendered", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mount = sys_idmapped(session.quarantine, "rootfs", -1);
	what.trees[0] = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (what.rootfs < 0 || what.trees[0] < 0)
		die("layer");
	r = ln_worker_render(&session, &what, &tree);
	(void)close(what.rootfs);
	(void)close(what.trees[0]);
	(void)close(mount);
	return r == 0 && access("rendered/file", F_OK) == 0 ? 0 : -1;
}

/* One plain HTTP answer on loopback, from a child. */
static pid_t
web_server(uint16_t *ret_port)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
				     "Connection: close\r\n\r\nhello";
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	char request[4096];
	pid_t pid;

	if (s < 0 || bind(s, (struct sockaddr *)&at, n) < 0 ||
	    listen(s, 4) < 0 || getsockname(s, (struct sockaddr *)&at, &n) < 0)
		die("web server");
	*ret_port = ntohs(at.sin_port);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = accept(s, NULL, NULL);
		if (c >= 0 && read(c, request, sizeof(request)) > 0 &&
		    write(c, answer, strlen(answer)) > 0)
			(void)shutdown(c, SHUT_WR);
		while (c >= 0 && read(c, request, sizeof(request)) > 0)
			;
		_exit(0);
	}
	(void)close(s);
	return pid;
}

static int
fetch(struct ps_chan *c, uint16_t port)
{
	static struct ps_frame frame;
	struct ps_msg_GET get = {
	    .max_size = MIB, .etag = "", .authorization = ""};
	struct ps_msg_CONFIGURE configure = {
	    .insecure = PS_INSECURE_HTTP | PS_INSECURE_TLS,
	    .max_image = MIB,
	    .proxy = "",
	    .no_proxy = ""};
	struct ps_msg_GOT got = {0};
	struct ps_msg_BYE bye = {0};
	_cleanup_fd_ int ca = ps_sealed("ca", "", 0);
	char url[64];
	int r;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/hello", port);
	get.url = url;
	r = PS_SEND(c, CONFIGURE, &configure, &ca, 1);
	if (r == 0)
		r = PS_SEND(c, GET, &get, NULL, 0);
	do {
		if (r == 0)
			r = ps_recv(c, &frame, 10000);
	} while (r == 0 && frame.type == PS_PROGRESS);
	if (r == 0)
		r = frame.type == PS_GOT &&
			    ps_decode_GOT(frame.payload, frame.length, &got) ==
				0 &&
			    got.size == 5 && got.status == 200
			? 0
			: -1;
	return r == 0 ? PS_SEND(c, BYE, &bye, NULL, 0) : r;
}

static int
run_fetcher(void)
{
	int slot = open("slot", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	struct ps_chan c = {.peer = 'F'};
	uint16_t port;
	pid_t server = web_server(&port);
	int status = -1, r = ln_worker_fetcher(&session, &slot, 1, &c.fd);

	if (r < 0)
		die("fetcher");
	r = fetch(&c, port);
	(void)close(c.fd);
	(void)close(slot);
	if (__wrap_sys_wait(session.fetcher, 10000, &status) < 0)
		(void)__real_sys_kill(session.fetcher);
	(void)close(session.fetcher);
	end(server);
	return r == 0 && status == 0 ? 0 : -1;
}

static int
run_conductor(void)
{
	static struct ps_frame frame;
	struct ps_msg_WELCOME m = {.insecure_allowed = PS_INSECURE_ALL};
	int fds[4], status = -1, r;

	(void)mkdir("data", 0755);
	(void)mkdir("data/image", 0755);
	(void)mkdir("data/pods", 0755);
	for (int i = 0; i < 4; i++)
		fds[i] = open("data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = ln_worker_conductor(&session);
	if (r < 0)
		die("conductor");
	r = ps_recv(&session.control, &frame, 10000);
	if (r == 0 && frame.type == PS_HELLO)
		r = PS_SEND(&session.control, WELCOME, &m, fds, 4);
	for (int i = 0; i < 4; i++)
		(void)close(fds[i]);
	if (__wrap_sys_wait(session.conductor, 10000, &status) < 0)
		(void)__real_sys_kill(session.conductor);
	(void)close(session.conductor);
	(void)close(session.control.fd);
	return r == 0 && status == 0 ? 0 : -1;
}

/* Not a worker: the launcher becomes it, and it gives up root itself. */
static int
run_enter(void)
{
	return pod_enter(&last_status);
}

static const struct worker {
	const char *name, *program;
	int (*run)(void);
	const struct act *more; /* acts that only it could try */
} workers[] = {
    {"verify", "verify", run_verify, NULL},
    {"second", "second", run_second, NULL},
    {"unpack", "unpack", run_unpack, NULL},
    {"render", "unpack", run_render, layer_acts},
    {"fetcher", "fetcher", run_fetcher, NULL},
    {"conductor", "conductor", run_conductor, NULL},
    {"enter", "stage1-enter", run_enter, NULL},
};

/* What a worker may do, and why.  All else must be denied. */
static const struct {
	const char *worker, *act, *why;
} may[] = {
    {"verify", "create_tmp", "gpg's home: its own tmpfs"},
    {"verify", "fork", "gpgme starts gpg"},
    {"second", "create_tmp", "keys for sqv: its own tmpfs"},
    {"second", "fork", "it starts sqv"},
    {"second", "create_tmp", "keys for sqv: its own tmpfs"},
    {"second", "fork", "it starts sqv"},
    {"render", "layer_read", "it lays them over each other"},
    {"fetcher", "socket_inet", "downloads"},
    {"fetcher", "socket_inet6", "downloads"},
    {"fetcher", "socket_netlink_route", "the resolver sorts addresses"},
    {"fetcher", "connect_inet", "downloads"},
};

static bool
is_allowed(const char *worker, const char *act)
{
	for (size_t i = 0; i < PS_COUNT(may); i++)
		if (strcmp(may[i].worker, worker) == 0 &&
		    strcmp(may[i].act, act) == 0)
			return true;
	return false;
}

/* An errno that says no; anything else may have been our mistake. */
static bool
is_no(const char *act, int error)
{
	if (error == EPERM || error == EACCES || error == EAFNOSUPPORT)
		return true;
	if (error == EROFS || error == EXDEV)
		return strncmp(act, "layer_", 6) == 0;
	if (error == ENOTTY) /* a policy's answer to every ioctl */
		return strncmp(act, "ioctl_", 6) == 0;
	/* In a process namespace of one's own the others are not there. */
	return error == ESRCH &&
	       (strcmp(act, "kill_other") == 0 ||
		   strcmp(act, "kill_all") == 0 || strcmp(act, "ptrace") == 0 ||
		   strcmp(act, "pidfd_getfd") == 0 ||
		   strcmp(act, "process_vm_readv") == 0);
}

/* False: its sandbox was not reached. */
static bool
judge(const struct worker *w, const char *act)
{
	char want[80], why[256] = "";
	const char *answer;
	int error = -1;

	(void)snprintf(want, sizeof(want), "attempt %s 0\n", act);
	answer = strstr(said, want);
	if (answer == NULL) {
		(void)snprintf(why, sizeof(why),
		    "its sandbox was not reached (status %d: %.100s)",
		    last_status, said);
		verdict(w->name, act, why);
		return false;
	}
	(void)snprintf(want, sizeof(want), "answer %s ", act);
	answer = strstr(said, want);
	if (answer)
		error = atoi(answer + strlen(want));
	if (is_allowed(w->name, act)) {
		if (error != 0)
			(void)snprintf(why, sizeof(why),
			    "is denied (%d, status %d), and its job needs it",
			    error, last_status);
	} else if (error == 0) {
		(void)snprintf(why, sizeof(why), "was not denied");
	} else if (error > 0 && !is_no(act, error)) {
		(void)snprintf(
		    why, sizeof(why), "odd answer: %s", strerror(error));
	} else if (error < 0 && last_status != KILLED_BY_POLICY) {
		(void)snprintf(why, sizeof(why), "ended with status %d instead",
		    last_status);
	}
	verdict(w->name, act, why[0] ? why : NULL);
	return true;
}

static const char *inspected;

static void
inspection(const char *what, const char *why)
{
	verdict(inspected, what, why);
}

/* From beside: this process waits in w->run() for the worker. */
static void
look(const struct worker *w, struct looks *l)
{
	static char path[1200];
	int status = 0;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/%s", ps_libexec_dir, w->program);
	l->program = path;
	inspected = w->name;
	put_act("inspect", 0);
	pid = fork();
	if (pid == 0) {
		struct pollfd p = {.fd = words, .events = POLLIN};

		failed = 0;
		if (poll(&p, 1, 10000) == 1)
			hear_words();
		inspect(l, inspection);
		_exit(send(words, "x", 1, 0) == 1 ? failed : 1);
	}
	(void)w->run();
	(void)waitpid(pid, &status, 0);
	if (status != 0)
		failed = 1;
	hear_words();
}

static void
attempts(const struct worker *w, const struct act *a, uid_t uid, gid_t gid)
{
	unsigned lost = 0;

	for (; a && a->name; a++) {
		pid_t other = victim(uid, gid);

		put_act(a->name, other);
		last_status = -1;
		(void)w->run();
		hear_words();
		end(other);
		if (!judge(w, a->name) && ++lost == 3)
			break; /* it cannot even begin: once is said enough */
	}
}

static void
column(const struct worker *w, uid_t uid, gid_t gid)
{
	char why[256];

	attempts(w, acts, uid, gid);
	attempts(w, w->more, uid, gid);
	put_act("none", 0);
	last_status = -1;
	if (w->run() == 0) {
		verdict(w->name, "does_its_job", NULL);
	} else {
		hear_words();
		(void)snprintf(
		    why, sizeof(why), "status %d: %.200s", last_status, said);
		verdict(w->name, "does_its_job", why);
	}
	hear_words();
}

/* The acts themselves work where nothing forbids them. */
static void
control(void)
{
	for (const struct act *a = acts; a->name; a++) {
		pid_t pid, other;
		int status;

		if (!a->harmless)
			continue;
		other = victim(0, 0);
		pid = fork();
		if (pid == 0) {
			act_victim = other;
			_exit(a->run() == 0 ? 0 : 1);
		}
		(void)waitpid(pid, &status, 0);
		end(other);
		verdict("control", a->name,
		    status == 0 ? NULL
				: "did not work outside the sandbox: the test "
				  "proves nothing");
	}
	(void)unlink("/var/tmp/rkt-sandbox-probe");
	(void)unlink("/tmp/rkt-sandbox-probe");
	(void)unlink("/var/tmp/rkt-sandbox-link");
}

static void
setup(void)
{
	static char *argv[] = {
	    (char *)"rkt", (char *)"image", (char *)"list", NULL};
	static char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	const char *missing;
	int edge[2], out[2];

	tap = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 10), "w");
	if (tap == NULL || chdir(directory) < 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, out) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, edge) < 0)
		_exit(1);
	setvbuf(tap, NULL, _IOLBF, 0);
	if (dup2(out[1], 1) < 0 || dup2(out[1], 2) < 0)
		die("stderr");
	words = out[0];
	ps_policy_default(&session.policy);
	if (ln_find_users(&session, &missing) < 0) {
		session.rkt = (struct ln_user){64801, 64801};
		session.fetch = (struct ln_user){64802, 64802};
		session.verify = (struct ln_user){64803, 64803};
	}
	if (session.second.uid == 0) /* only where site policy wants it */
		session.second = (struct ln_user){64804, 64804};
	session.system_trust = open_vector("system");
	session.local_trust = open_vector("local");
	session.quarantine = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	session.fetcher = session.conductor = -1;
	session.words[0] = -1;
	session.words[1] = STDERR_FILENO; /* where the probe hears us */
	session.argv.argc = 3;
	session.argv.argv = argv;
	session.env = env;
	/* Where workers.c tells the conductor of a refusal: no one listens. */
	session.control = (struct ps_chan){.fd = edge[0], .peer = 'C'};
}

/* CAP_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _SETFCAP in its namespace. */
#define UNPACK_CAPS 0x8000001bull

static void
everything(void)
{
	struct looks looks[] = {
	    {.uid = session.verify.uid,
		.gid = session.verify.gid,
		.fds = "0 1 2 3 4 5",
		.own = "ipc mnt net pid uts",
		.cwd = "/tmp"},
	    {.uid = session.second.uid,
		.gid = session.second.gid,
		.fds = "0 1 2 3 4 5",
		.own = "ipc mnt net pid uts",
		.cwd = "/tmp"},
	    {.uid = PS_FOREIGN_BASE,
		.gid = PS_FOREIGN_BASE,
		.caps = UNPACK_CAPS,
		.fds = "0 1 2 3 4 5 6",
		.own = "ipc net pid user uts",
		.cwd = directory},
	    {.uid = PS_FOREIGN_BASE,
		.gid = PS_FOREIGN_BASE,
		.caps = UNPACK_CAPS,
		.fds = "0 1 2 3 4 5",
		.own = "ipc net pid user uts",
		.cwd = directory},
	    {.uid = session.fetch.uid,
		.gid = session.fetch.gid,
		.fds = "0 1 2 3 4",
		.own = "ipc pid uts",
		.cwd = directory},
	    {.uid = session.rkt.uid,
		.gid = session.rkt.gid,
		.fds = "0 1 2 3 4 5 6 7",
		.own = "",
		.cwd = "",
		.environment = true},
	    {.uid = POD_ID,
		.gid = POD_ID,
		.fds = "0 1 2 3 9",
		.own = "",
		.cwd = ""},
	};

	for (size_t i = 0; i < PS_COUNT(workers); i++) {
		look(&workers[i], &looks[i]);
		column(&workers[i], looks[i].uid, looks[i].gid);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 4 || geteuid() != 0)
		return 77;
	(void)signal(SIGPIPE, SIG_IGN);
	directory = argv[1];
	vectors = argv[2];
	tar_file = argv[3];
	setup();
	control();
	everything();
	return failed;
}
