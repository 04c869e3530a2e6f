/* link: stage1/appexec/visit.c stage1/appexec/attach.c */
/* link: stage1/appexec/enter.c stage1/appexec/manage.c */
/* link: stage1/appexec/sys.c stage1/common/door.c stage1/common/unit.c */
/* link: privsep/codec.c privsep/fds.c privsep/name.c privsep/proto.c */
/* link: privsep/streams.c -Wl,--wrap=fork -Wl,--wrap=kill -Wl,--wrap=mmap */
/*
 * A request at the door of a pod (stage1/appexec/visit.c) and the three that it
 * sorts: enter, attach, manage, up to where they start something.  The bytes
 * are the message, what comes with it, the record, and what is said later.
 * Properties: only an app's name is ever looked for, called or written; signals
 * go to the command alone; a mux gets as many pipes as streams; what could not
 * be is refused with one last word; nothing of it blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/mux.h"
#include "stage1/common/contract.h"

#define HOLDS(x) do { if (!(x)) abort(); } while (0)
#define MOST_FDS 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
pid_t __wrap_fork(void);
int __wrap_kill(pid_t pid, int number);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t o);

const char *s1_why = "";

static const uint8_t *at, *end;
static int pod = -1, mux = -1; /* mux: its end of who is handed over */
static int errors = -1;
static unsigned world; /* bits: mutable, the unit runs, there is a mux */
static pid_t child;
static bool is_open[MOST_FDS], enters;
static bool failed; /* enter.c's page */

static unsigned
next(void)
{
	return at < end ? *at++ : 0;
}

/* --- what these call ----------------------------------------------------- */

void
ps_log(const char *format, ...)
{
	(void)format;
}

int
ps_log_error(int error, const char *format, ...)
{
	(void)format;
	return error;
}

static int
unit_of(const char *name)
{
	HOLDS(name && ps_is_acname(name, strlen(name)));
	return (world & 2) != 0 ? 0 : -ESRCH;
}

int
s1_join_unit(int pod_root, const char *name)
{
	(void)pod_root;
	enters = true;
	return unit_of(name);
}

int
s1_await_unit(int pod_root, const char *name)
{
	(void)pod_root;
	return unit_of(name);
}

int
s1_call_mux(const char *name)
{
	int both[2];

	HOLDS(ps_is_acname(name, strlen(name)));
	if ((world & 4) == 0)
		return (world & 8) != 0 ? -ENOENT : -ECONNREFUSED;
	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) == 0);
	mux = both[0];
	return both[1];
}

bool
s1_is_mutable(int pod_root)
{
	(void)pod_root;
	return (world & 1) != 0;
}

/* A command that has ended; or no systemctl. */
pid_t
__wrap_fork(void)
{
	if (!enters)
		return -1;
	child = vfork();
	if (child == 0)
		_exit(0);
	return child;
}

int
__wrap_kill(pid_t pid, int number)
{
	HOLDS(child > 0 && (pid == child || pid == -child));
	HOLDS(number > 0 && number < NSIG);
	return 0;
}

void *
__wrap_mmap(void *where, size_t n, int prot, int flags, int fd, off_t o)
{
	(void)where;
	(void)prot;
	(void)flags;
	(void)o;
	HOLDS(n == sizeof(failed) && fd == -1);
	failed = false;
	return &failed;
}

/* Of the command's own process, which there is not. */
int
s1_enter_cgroups(int pod_root, const char *name)
{
	(void)pod_root;
	(void)name;
	abort();
}

int
s1_check_cgroup(int pod_root, const struct ps_msg_PLAN_APP *a)
{
	(void)pod_root;
	(void)a;
	abort();
}

int
s1_place_stdio(const struct s1_request *q)
{
	(void)q;
	abort();
}

int
s1_become(const struct ps_msg_PLAN_APP *a)
{
	(void)a;
	abort();
}

/* --- the request --------------------------------------------------------- */

static int
sealed_record(const void *p, size_t n)
{
	int fd;

	if (next() % 8 != 0)
		return ps_sealed("record", p, n);
	fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	HOLDS(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	(void)fcntl(fd, F_ADD_SEALS, next() & 15);
	return fd;
}

/* The input itself, or a record that is as it should be, of some name. */
static int
record(void)
{
	static uint8_t bytes[4096];
	struct ps_msg_PLAN_APP a = {.image_name = "i", .exec = {"/bin/sh"},
	    .n_exec = 1, .working_dir = "/", .user = "0", .group = "0"};
	struct ps_writer w = {
	    .p = bytes + PS_HEADER, .size = sizeof(bytes) - PS_HEADER};
	struct ps_writer head = {.p = bytes, .size = PS_HEADER};
	char name[256];
	size_t n = 0;

	if (next() % 4 == 0)
		return sealed_record(at, (size_t)(end - at));
	while (n < sizeof(name) - 1 && at < end && *at != '\0')
		name[n++] = (char)next();
	(void)next();
	name[n] = '\0';
	a.name = name;
	a.std_in = (uint8_t)(next() % 4);
	a.std_out = (uint8_t)(next() % 4);
	ps_encode_PLAN_APP(&w, &a);
	if (w.error != 0) /* no name */
		return sealed_record(name, n);
	ps_put_header(&head, &(struct ps_header){
	    .type = PS_PLAN_APP, .length = (uint32_t)w.at});
	return sealed_record(bytes, PS_HEADER + w.at);
}

static int
thing(void)
{
	int both[2];

	switch (next() % 6) {
	case 0:
	case 1:
		return record();
	case 2:
		HOLDS(pipe2(both, O_CLOEXEC) == 0);
		(void)close(both[0]);
		return both[1];
	case 3:
		HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
		(void)close(both[0]);
		return both[1];
	case 4:
		return open("/", O_PATH | O_CLOEXEC);
	default:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
}

static void
ask(int fd)
{
	static const uint32_t kinds[] = {S1_DOOR_ENTER, S1_DOOR_ATTACH,
	    S1_DOOR_MANAGE};
	struct s1_door d = {.kind = next()};
	int fds[S1_DOOR_FDS];
	size_t n = next() % (S1_DOOR_FDS + 1);

	d.kind = d.kind < 240 ? kinds[d.kind % PS_COUNT(kinds)] : d.kind;
	d.a = next();
	d.b = next();
	for (size_t i = 0; i < n; i++)
		HOLDS((fds[i] = thing()) >= 0);
	HOLDS(s1_door_send(fd, &d, fds, n) == 0);
	while (n > 0)
		(void)close(fds[--n]);
}

/* What whoever enters may say later. */
static void
say(int fd)
{
	struct s1_door d = {.kind = S1_DOOR_SIGNAL};
	unsigned n = next() % 4;
	int given = 1;

	while (n-- > 0) {
		d.kind = next() % 8 != 0 ? S1_DOOR_SIGNAL : next();
		d.a = next() % 8 != 0 ? next() : ~next();
		(void)s1_door_send(fd, &d, &given, next() % 2);
	}
	if (next() % 2 != 0)
		(void)shutdown(fd, SHUT_WR);
}

/* --- what must hold ------------------------------------------------------ */

/* One last word at most, and nothing behind it. */
static void
check_answer(int fd)
{
	int fds[S1_DOOR_FDS];
	struct s1_door d = {0};
	bool last = false;
	size_t n;

	while (s1_door_recv(fd, &d, fds, &n) == 0) {
		HOLDS(n == 0 && !last);
		HOLDS(d.kind == S1_DOOR_STARTED || d.kind == S1_DOOR_ENDED);
		last = d.kind == S1_DOOR_ENDED;
	}
	HOLDS(d.kind != S1_DOOR_STARTED && (d.kind == 0 || mux < 0));
}

/* Its connection first, and as many pipes as it wants streams. */
static void
check_mux(void)
{
	int fds[S1_DOOR_FDS], type = 0;
	socklen_t size = sizeof(type);
	struct s1_door d;
	size_t n;

	if (mux < 0)
		return;
	HOLDS(s1_door_recv(mux, &d, fds, &n) == 0);
	HOLDS(d.kind == S1_MUX_CLIENT && d.a != 0);
	HOLDS((d.a & ~PS_STREAM_ALL) == 0);
	HOLDS(n == 1 + (size_t)__builtin_popcount(d.a));
	HOLDS(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0);
	HOLDS(type == SOCK_SEQPACKET);
	while (n > 0)
		(void)close(fds[--n]);
}

/* Of a name that an app can have, and all of one app; then it goes. */
static void
check_files(const char *path)
{
	static const char *const ends[] = {".service", "-created", "-started"};
	int dir = openat(pod, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(dir);
	struct dirent *e;

	HOLDS(d != NULL);
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);

		if (e->d_name[0] == '.' && (n == 1 || e->d_name[1] == '.'))
			continue;
		HOLDS((world & 1) != 0);
		for (size_t i = 0; i < PS_COUNT(ends); i++)
			if (n > strlen(ends[i]) &&
			    strcmp(e->d_name + n - strlen(ends[i]), ends[i]) == 0) {
				n -= strlen(ends[i]);
				break;
			}
		HOLDS(ps_is_acname(e->d_name, n));
		HOLDS(unlinkat(dir, e->d_name, 0) == 0);
	}
	(void)closedir(d);
}

static void
close_others(bool note)
{
	for (int fd = 3; fd < MOST_FDS; fd++) {
		if (note)
			is_open[fd] = fcntl(fd, F_GETFD) >= 0;
		else if (!is_open[fd])
			(void)close(fd);
	}
}

/* --- a pod, and one request ---------------------------------------------- */

static char root[] = "/tmp/rkt-fuzz-door-XXXXXX";
static const char *const dirs[] = {"rkt", S1_PLAN_DIR, S1_STATUS_DIR, "etc",
    "etc/systemd", S1_UNIT_DIR};

static void
clean_up(void)
{
	for (size_t i = PS_COUNT(dirs); i-- > 0;)
		(void)unlinkat(pod, dirs[i], AT_REMOVEDIR);
	(void)rmdir(root);
}

static void
make_pod(void)
{
	HOLDS(mkdtemp(root) != NULL);
	pod = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	errors = fcntl(2, F_DUPFD_CLOEXEC, 3);
	HOLDS(pod >= 0 && errors >= 0);
	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		HOLDS(mkdirat(pod, dirs[i], 0700) == 0);
	HOLDS(atexit(clean_up) == 0);
}

/* Before the fuzzer has threads, which would take the end of a child. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sigset_t set;

	(void)argc;
	(void)argv;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	HOLDS(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	make_pod();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int both[2];

	close_others(true);
	at = data;
	end = data + size;
	mux = -1;
	child = -1;
	enters = false;
	world = next();
	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) == 0);
	HOLDS(dup2(both[1], S1_VISITOR) == S1_VISITOR);
	(void)close(both[1]);
	ask(both[0]);
	say(both[0]);
	(void)s1_visit(pod, NULL, NULL);
	HOLDS(dup2(errors, 2) == 2);
	HOLDS(dup2(pod, S1_VISITOR) == S1_VISITOR); /* it has gone */
	check_mux();
	check_answer(both[0]);
	check_files(S1_PLAN_DIR);
	check_files(S1_STATUS_DIR);
	check_files(S1_UNIT_DIR);
	close_others(false);
	return 0;
}
