/* link: stage1/appexec/mux.c stage1/appexec/mux_client.c */
/* link: stage1/appexec/mux_keep.c */
/* link: stage1/common/door.c stage1/appexec/sockets.c */
/* link: privsep/codec.c privsep/fds.c privsep/log.c */
/* link: privsep/name.c privsep/streams.c */
/*
 * The mux, in a process of its own with a root of its own, between an app and
 * clients that do whatever comes to mind: it ends by itself when the app has,
 * and nobody who reads misses a byte.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "privsep/log.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/mux.h"

#define MOST 20 /* clients; more than there may be */

const char *s1_why = "";
static char root[] = "/tmp/rkt-mux-XXXXXX";
static pid_t mux;
static int app_in, app_out; /* the app's ends */
static unsigned long wrote; /* bytes of its output */

static struct client {
	int door, in, out;
	bool reads, synced; /* it has had a byte: each next one is known */
	uint8_t next;
} clients[MOST];

int
s1_set_variable(const char *name, const char *value)
{
	(void)name;
	(void)value;
	return 0;
}

/* The same numbers each time. */
static uint32_t
any(uint32_t below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static int
listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", root);
	(void)unlink(a.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int
call(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", root);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
start_mux(void)
{
	static char name[] = "app", *argv[] = {name, NULL};
	char fds[] = "LISTEN_FDS=1", pid[32], *env[] = {fds, pid, NULL};
	int fd = listener();

	mux = fork();
	assert_true(mux >= 0);
	if (mux > 0) {
		(void)close(fd);
		return;
	}
	(void)snprintf(pid, sizeof(pid), "LISTEN_PID=%d", getpid());
	if (dup2(fd, 3) < 0 || chroot(root) < 0 || chdir("/") < 0)
		_exit(99);
	_exit(s1_mux(-1, argv, env));
}

/* An app with a stream in and a stream out. */
static void
start_app(void)
{
	const struct s1_door m = {
	    .kind = S1_MUX_APP, .a = PS_STREAM_IN | PS_STREAM_OUT};
	int in[2], out[2], fd = call();

	assert_int_equal(pipe2(in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(
	    s1_door_send(fd, &m, (int[]){in[1], out[0]}, 2), 0);
	app_in = in[0];
	app_out = out[1];
	(void)close(in[1]);
	(void)close(out[0]);
	(void)close(fd);
	wrote = 0;
}

static void
leave(struct client *c)
{
	if (c->door >= 0)
		(void)close(c->door);
	if (c->in >= 0)
		(void)close(c->in);
	if (c->out >= 0)
		(void)close(c->out);
	*c = (struct client){.door = -1, .in = -1, .out = -1};
}

static void
join(struct client *c, bool reads)
{
	struct s1_door m = {.kind = S1_MUX_CLIENT,
	    .a = any(4) == 0 ? PS_STREAM_OUT : PS_STREAM_IN | PS_STREAM_OUT};
	int door[2], in[2], out[2], fd = call();

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, door), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	if ((m.a & PS_STREAM_IN) != 0)
		assert_int_equal(s1_door_send(fd, &m,
		    (int[]){door[1], in[0], out[1]}, 3), 0);
	else
		assert_int_equal(
		    s1_door_send(fd, &m, (int[]){door[1], out[1]}, 2), 0);
	*c = (struct client){
	    .door = door[0], .in = in[1], .out = out[0], .reads = reads};
	(void)close(door[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(fd);
}

/* The bytes of the app's output are numbers, one by one. */
static void
take(struct client *c)
{
	static uint8_t bytes[70000];
	ssize_t n = read(c->out, bytes, 1 + any(sizeof(bytes)));

	for (ssize_t i = 0; i < n; i++) {
		if (c->synced && bytes[i] != c->next)
			fail_msg("%u for %u", bytes[i], c->next);
		c->synced = true;
		c->next = (uint8_t)(bytes[i] + 1);
	}
	if (n == 0)
		leave(c);
}

static void
app_writes(void)
{
	static uint8_t bytes[70000];
	size_t n = 1 + any(any(8) ? 300 : sizeof(bytes));
	ssize_t done;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(wrote + i);
	done = write(app_out, bytes, n);
	wrote += done > 0 ? (unsigned long)done : 0;
}

static void
nonsense(int fd)
{
	struct s1_door m = {.kind = any(70), .a = any(64), .b = any(~0u)};
	int fds[4];
	size_t n = any(5);

	for (size_t i = 0; i < n; i++)
		fds[i] = any(2) ? open("/dev/null", O_RDWR | O_CLOEXEC)
				: fcntl(app_in, F_DUPFD_CLOEXEC, 3);
	if (m.kind == S1_MUX_APP)
		m.kind = 0; /* it is only from who is the pod's root */
	if (any(5) == 0)
		(void)!send(fd, &m, any(sizeof(m)), MSG_NOSIGNAL);
	else
		(void)s1_door_send(fd, &m, fds, n);
	while (n > 0)
		(void)close(fds[--n]);
}

static void
act(struct client *c)
{
	static const char text[5000] = "input";
	struct s1_door m = {.kind = S1_DOOR_RESIZE, .b = any(~0u)};
	int fd;

	switch (any(16)) {
	case 0:
		leave(c);
		break;
	case 1:
		if (c->door >= 0)
			nonsense(c->door);
		break;
	case 2:
		if (c->door >= 0)
			(void)s1_door_send(c->door, &m, NULL, 0);
		break;
	case 3: /* a half of it goes */
		fd = any(2) ? c->in : c->door;
		(void)close(fd);
		c->in = fd == c->in ? -1 : c->in;
		c->door = fd == c->door ? -1 : c->door;
		break;
	case 4:
	case 5:
		(void)!write(c->in, text, 1 + any(sizeof(text)));
		break;
	case 6:
		fd = call();
		nonsense(fd);
		(void)close(fd);
		break;
	default:
		if (c->out >= 0)
			take(c);
	}
}

static int
ended(void)
{
	int status = 0;

	for (unsigned i = 0; i < 1500; i++) {
		if (waitpid(mux, &status, WNOHANG) == mux)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		(void)poll(NULL, 0, 10);
	}
	(void)kill(mux, SIGKILL);
	(void)waitpid(mux, &status, 0);
	return -2;
}

/* Everyone who is there takes what there is, and the app says no more. */
static void
end(void)
{
	(void)close(app_out);
	(void)close(app_in);
	for (size_t i = 0; i < MOST; i++)
		leave(&clients[i]);
	assert_int_equal(ended(), 0);
}

static void
anything(void **state)
{
	char drain[4096];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		clients[i] = (struct client){.door = -1, .in = -1, .out = -1};
	for (unsigned life = 0; life < 6; life++) {
		start_mux();
		start_app();
		for (unsigned i = 0; i < 6000; i++) {
			struct client *c = &clients[any(MOST)];

			if (c->door < 0 && c->out < 0)
				join(c, true);
			else
				act(c);
			if (any(3) == 0)
				app_writes();
			if (any(3) == 0)
				(void)!read(app_in, drain, sizeof(drain));
			assert_int_equal(waitpid(mux, NULL, WNOHANG), 0);
		}
		end();
	}
}

/* A client that came before its app is let in when it comes. */
static void
early(void **state)
{
	struct s1_door m;
	struct pollfd p;
	int fds[S1_DOOR_FDS];
	size_t n;

	(void)state;
	start_mux();
	join(&clients[0], true);
	p = (struct pollfd){.fd = clients[0].door, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 300), 0);
	start_app();
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(s1_door_recv(clients[0].door, &m, fds, &n), 0);
	assert_int_equal(m.kind, S1_DOOR_STARTED);
	(void)close(app_out);
	(void)close(app_in);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(s1_door_recv(clients[0].door, &m, fds, &n), 0);
	assert_int_equal(m.kind, S1_DOOR_ENDED);
	assert_int_equal(m.a, S1_ENDED_EXIT);
	leave(&clients[0]);
	assert_int_equal(ended(), 0);
}

/* An app of that name begins while another still has the old one's pipes. */
static void
again(void **state)
{
	int old;

	(void)state;
	start_mux();
	start_app();
	old = fcntl(app_out, F_DUPFD_CLOEXEC, 3);
	(void)close(app_out);
	(void)close(app_in);
	start_app();
	join(&clients[0], true);
	for (unsigned i = 0; i < 200; i++) {
		app_writes();
		(void)!write(old, "old", 3);
		(void)poll(NULL, 0, 1);
		take(&clients[0]);
	}
	assert_true(clients[0].synced);
	(void)close(old);
	end();
}

static int
set_up(void **state)
{
	char path[100];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (getuid() != 0 || mkdtemp(root) == NULL)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {
		    "run", "run/rkt", "run/rkt/mux"};

		(void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		if (mkdir(path, 0700) < 0)
			return -1;
	}
	return 0;
}

static int
tear_down(void **state)
{
	char command[100];
	static const char *const names[] = {"socket", "run/rkt/mux/app.lock",
	    "run/rkt/mux", "run/rkt", "run", ""};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(names); i++) {
		(void)snprintf(
		    command, sizeof(command), "%s/%s", root, names[i]);
		(void)remove(command);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(anything),
	    cmocka_unit_test(early), cmocka_unit_test(again)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
