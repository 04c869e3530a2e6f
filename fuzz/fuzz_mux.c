/* link: stage1/appexec/mux_client.c stage1/appexec/mux_keep.c */
/* link: stage1/common/door.c */
/* link: stage1/appexec/sockets.c privsep/codec.c privsep/name.c */
/* link: privsep/streams.c */
/*
 * The mux (stage1/appexec/mux.c, included to reach its loop), between an app
 * and clients that are made of the input: what they send, with which
 * descriptors, when they read, hang up or say nothing.  Properties: no round
 * blocks; who reads has the app's bytes in a row, and to the last one unless he
 * was let go; what a client writes reaches the app in order; no descriptor is
 * left; and it ends when the app has.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static int play_clock(clockid_t which, struct timespec *ret);

/* Time is the input's. */
#define clock_gettime play_clock
#define poll(q, n, ms) (poll)(q, n, 0 * (ms))
#include "stage1/appexec/mux.c"
#undef poll
#undef clock_gettime

#define HOLDS(x) do { if (!(x)) abort(); } while (0)
#define MOST 24	 /* clients, and calls */
#define KEPT 256 /* ends of ours of what was sent */
#define STEPS 160

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *s1_why = "";

struct reader {
	int fd;
	bool synced, sure; /* it had a byte; no other app came meanwhile */
	uint8_t next;
};

static struct caller {
	int door, in;
	struct reader out[S1_OUTPUTS];
	bool started, ended, let_go;
	uint8_t who, said; /* the number of the next byte it writes */
} callers[MOST];

/* Of what the app's input has: pairs of who and what. */
static struct {
	bool half, sure;
	unsigned apps;
	uint8_t who, last_who, next[256];
} heard;

static const uint8_t *at, *end;
static int64_t clock_ms;
static int calls[MOST], kept[KEPT], ours, pipes[S1_OUTPUTS], input, slave;
static size_t n_kept;
static uint8_t wrote[S1_OUTPUTS];
static jmp_buf died;
static struct sockaddr_un address;
static socklen_t address_size;

static int
play_clock(clockid_t which, struct timespec *ret)
{
	(void)which;
	*ret = (struct timespec){.tv_sec = clock_ms / 1000,
	    .tv_nsec = clock_ms % 1000 * 1000000};
	return 0;
}

/* An app that the mux cannot understand ends it. */
void
ps_die(int code, const char *format, ...)
{
	(void)code;
	(void)format;
	longjmp(died, 1);
}

int
ps_log_error(int error, const char *format, ...)
{
	(void)format;
	return error;
}

int
s1_set_variable(const char *name, const char *value)
{
	(void)name;
	(void)value;
	return 0;
}

static unsigned
next(void)
{
	return at < end ? *at++ : 0;
}

static int
keep(int fd)
{
	if (n_kept < KEPT && fd >= 0)
		kept[n_kept++] = fd;
	else if (fd >= 0)
		(void)close(fd);
	return fd;
}

/* One end to give away, of this kind; the other is kept. */
static int
thing(unsigned kind)
{
	int both[2] = {-1, -1};

	switch (kind % 9) {
	case 0: /* to be read by who gets it */
	case 1:
		HOLDS(pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
		(void)keep(both[kind % 9 == 0]);
		return both[kind % 9 != 0];
	case 2:
	case 3:
		HOLDS(socketpair(AF_UNIX,
			  (kind % 9 == 2 ? SOCK_SEQPACKET : SOCK_STREAM) |
			      SOCK_CLOEXEC, 0, both) == 0);
		(void)keep(both[0]);
		return both[1];
	case 4:
		return posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	case 5:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 6:
		return memfd_create("thing", MFD_CLOEXEC);
	case 7:
		return open("/", O_PATH | O_CLOEXEC);
	default:
		return fcntl(listener, F_DUPFD_CLOEXEC, FIRST_FD);
	}
}

static void
send_on(int fd, const struct s1_door *d, int *fds, size_t n)
{
	(void)s1_door_send(fd, d, fds, n);
	while (n > 0)
		(void)close(fds[--n]);
}

static void
anything(int fd)
{
	static const uint32_t kinds[] = {S1_MUX_APP, S1_MUX_CLIENT,
	    S1_DOOR_TERMINAL, S1_DOOR_RESIZE, S1_DOOR_INPUT_END, S1_DOOR_ENDED};
	struct s1_door d = {.kind = kinds[next() % PS_COUNT(kinds)]};
	int fds[S1_DOOR_FDS];
	size_t n = next() % (S1_DOOR_FDS + 1);

	d.a = next();
	d.b = next() << 16 | next();
	for (size_t i = 0; i < n; i++)
		HOLDS((fds[i] = thing(next())) >= 0);
	send_on(fd, &d, fds, n);
}

static void
raw(int fd)
{
	uint8_t bytes[24] = {0x52, 0x4b, 0x44, 0x31};
	size_t n = next() % sizeof(bytes);

	for (size_t i = 4; i < n; i++)
		bytes[i] = (uint8_t)next();
	(void)!send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int
call_in(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	HOLDS(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, address_size) < 0)
		ps_close_fd(&fd);
	return fd;
}

/* An app as it should be. */
static void
app_begins(uint32_t streams)
{
	struct s1_door d = {.kind = S1_MUX_APP, .a = streams & PS_STREAM_ALL};
	int fds[S1_DOOR_FDS], fd = call_in();
	size_t n = 0;

	if (fd < 0)
		return;
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		ps_close_fd(&pipes[k]);
	ps_close_fd(&input);
	ps_close_fd(&slave);
	for (uint32_t bit = 1; bit <= PS_STREAM_ERR; bit <<= 1) {
		int both[2];

		if ((d.a & bit) == 0)
			continue;
		HOLDS(pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
		fds[n++] = both[bit == PS_STREAM_IN];
		if (bit == PS_STREAM_IN && fcntl(both[0], F_SETPIPE_SZ, 4096) > 0)
			input = both[0];
		else
			pipes[bit == PS_STREAM_OUT ? S1_OUT : S1_ERR] = both[1];
	}
	send_on(fd, &d, fds, n);
	if ((d.a & PS_STREAM_TTY) != 0) {
		fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		HOLDS(fds[0] >= 0 && unlockpt(fds[0]) == 0);
		slave = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_NONBLOCK);
		d = (struct s1_door){.kind = S1_DOOR_TERMINAL};
		send_on(fd, &d, fds, 1);
	}
	(void)close(fd);
	for (size_t i = 0; i < MOST * S1_OUTPUTS; i++)
		callers[i / S1_OUTPUTS].out[i % S1_OUTPUTS].sure = false;
	heard.sure = heard.apps++ == 0;
}

static void
leave(struct caller *c)
{
	ps_close_fd(&c->door);
	ps_close_fd(&c->in);
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		ps_close_fd(&c->out[k].fd);
	*c = (struct caller){.door = -1, .in = -1,
	    .out = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
}

/* A client as it should be. */
static void
join(struct caller *c, uint32_t streams)
{
	struct s1_door d = {.kind = S1_MUX_CLIENT, .a = streams & PS_STREAM_ALL};
	int fds[S1_DOOR_FDS + 1], both[2], fd = call_in();
	size_t n = 1;

	leave(c);
	c->who = heard.last_who++;
	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		  0, both) == 0);
	c->door = both[0];
	fds[0] = both[1];
	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1) {
		const size_t k = bit == PS_STREAM_OUT ? S1_OUT
				 : bit == PS_STREAM_ERR ? S1_ERR : S1_TTY;

		if ((d.a & bit) == 0 || n == S1_DOOR_FDS)
			continue;
		HOLDS(pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
		fds[n++] = both[!S1_IS_INPUT(bit)];
		if (!S1_IS_INPUT(bit)) {
			c->out[k] = (struct reader){
			    .fd = both[0], .sure = k != S1_TTY};
			continue;
		}
		ps_close_fd(&c->in);
		c->in = both[1];
	}
	if (fd >= 0)
		send_on(fd, &d, fds, n);
	else
		while (n > 0)
			(void)close(fds[--n]);
	ps_close_fd(&fd);
}

/* Each byte says its number. */
static void
app_writes(size_t k, size_t n)
{
	static uint8_t bytes[255 * 257];
	ssize_t done;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(wrote[k] + i);
	done = pipes[k] < 0 ? 0 : write(pipes[k], bytes, n);
	wrote[k] = (uint8_t)(wrote[k] + (done > 0 ? done : 0));
}

static void
read_some(struct reader *r, size_t n)
{
	static uint8_t bytes[65536];
	ssize_t got = r->fd < 0 ? -1 : read(r->fd, bytes, n);

	for (ssize_t i = 0; i < got; i++) {
		HOLDS(!r->synced || !r->sure || bytes[i] == r->next);
		r->synced = true;
		r->next = (uint8_t)(bytes[i] + 1);
	}
}

/* Bytes of who writes: his number, and theirs. */
static void
caller_writes(struct caller *c, size_t n)
{
	uint8_t bytes[4080];
	ssize_t done;

	for (size_t i = 0; i < n; i++) {
		bytes[2 * i] = c->who;
		bytes[2 * i + 1] = (uint8_t)(c->said + i);
	}
	done = c->in < 0 ? 0 : write(c->in, bytes, 2 * n);
	c->said = (uint8_t)(c->said + (done > 0 ? done / 2 : 0));
}

/* Who is told nothing, and finds his door shut, has said what no one says. */
static void
hear(struct caller *c)
{
	int fds[S1_DOOR_FDS], r = -EAGAIN;
	struct s1_door d;
	size_t n;

	while (c->door >= 0 && (r = s1_door_recv(c->door, &d, fds, &n)) == 0) {
		HOLDS(n == 0 && !c->ended);
		if (d.kind == S1_DOOR_STARTED)
			HOLDS(!c->started && d.b != 0);
		else
			HOLDS(d.kind == S1_DOOR_ENDED);
		c->started = true;
		c->ended = d.kind == S1_DOOR_ENDED;
		c->let_go = c->ended && d.a != S1_ENDED_EXIT;
	}
	c->let_go = c->let_go || (r != -EAGAIN && !c->ended);
}

static void
say(struct caller *c, uint32_t kind)
{
	const struct s1_door d = {.kind = kind, .b = next() << 16 | next()};

	if (c->door >= 0)
		(void)s1_door_send(c->door, &d, NULL, 0);
}

static void
app_reads(size_t n)
{
	uint8_t bytes[4096];
	ssize_t got = read(input, bytes, n);

	for (ssize_t i = 0; i < got; i++) {
		if (!heard.half)
			heard.who = bytes[i];
		else
			HOLDS(!heard.sure ||
			      bytes[i] == heard.next[heard.who]++);
		heard.half = !heard.half;
	}
	(void)!read(slave, bytes, n);
}

static bool
rounds(unsigned n)
{
	bool more = true;

	while (n-- > 0 && more)
		more = round_trip();
	HOLDS(m.in.at <= m.in.n && m.in.n <= sizeof(m.in.bytes));
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		HOLDS(m.out[k].n <= sizeof(m.out[k].bytes));
	return more;
}

static bool
step(void)
{
	const unsigned what = next() % 20, which = next();
	struct caller *c = &callers[which % MOST];
	int *call = &calls[which % MOST];

	switch (what) {
	case 0: app_begins(next()); break;
	case 1: join(c, next()); break;
	case 2: app_writes(which % 2, next() * 257); break;
	case 3: read_some(&c->out[next() % S1_OUTPUTS], 1 + next() * 257); break;
	case 4: caller_writes(c, next() * 8); break;
	case 5: app_reads(1 + next() * 16); break;
	case 6: say(c, S1_DOOR_RESIZE); break;
	case 7: say(c, S1_DOOR_INPUT_END); break;
	case 8: ps_close_fd(&c->in); break;
	case 9: ps_close_fd(&c->door); break;
	case 10: ps_close_fd(&c->out[next() % S1_OUTPUTS].fd); break;
	case 11: leave(c); break;
	case 12: clock_ms += which * 50; break;
	case 13: ps_close_fd(&pipes[which % 2]); break;
	case 14: ps_close_fd(&input); break;
	case 15: ps_close_fd(&slave); break;
	case 16:
		ps_close_fd(call);
		*call = call_in();
		break;
	case 17: anything(which & 1 ? *call : c->door); break;
	case 18: raw(which & 1 ? *call : c->door); break;
	default: (void)!write(ours, "t", 1); break;
	}
	return rounds(1 + which / 32);
}

/* The app says its last, and everyone takes what there is. */
static void
finish(void)
{
	bool more = true;

	for (size_t k = 0; k < S1_OUTPUTS; k++)
		ps_close_fd(&pipes[k]);
	ps_close_fd(&input);
	ps_close_fd(&slave);
	while (n_kept > 0)
		(void)close(kept[--n_kept]);
	for (size_t i = 0; i < MOST; i++)
		ps_close_fd(&calls[i]);
	for (unsigned i = 0; i < 400 && more; i++) {
		for (size_t j = 0; j < MOST; j++) {
			hear(&callers[j]);
			for (size_t k = 0; k < S1_OUTPUTS; k++)
				read_some(&callers[j].out[k], 65536);
		}
		if (i > 8 && !m.begun)
			clock_ms += APP_MS;
		more = rounds(1);
	}
	HOLDS(!more);
}

static void
check_last(void)
{
	for (size_t i = 0; i < MOST; i++) {
		struct caller *c = &callers[i];

		hear(c);
		for (size_t k = 0; k < S1_TTY; k++) {
			read_some(&c->out[k], 65536);
			HOLDS(c->let_go || c->door < 0 || !c->out[k].sure ||
			      !c->out[k].synced || deadline >= 0 ||
			      c->out[k].next == wrote[k]);
		}
	}
}

static void
set_up(void)
{
	int both[2];

	m = (struct s1_mux){.in.fd = -1,
	    .out = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
	s1_clients_begin(&m);
	for (size_t i = 0; i < MOST; i++) {
		callers[i] = (struct caller){.door = -1, .in = -1,
		    .out = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
		calls[i] = -1;
	}
	pipes[S1_OUT] = pipes[S1_ERR] = pipes[S1_TTY] = input = slave = -1;
	waiting[0] = waiting[1] = waiting[2] = waiting[3] = app = -1;
	(void)memset(wrote, 0, sizeof(wrote));
	(void)memset(&heard, 0, sizeof(heard));
	heard.sure = true;
	turn = n_kept = 0;
	clock_ms = 1000;
	deadline = now() + APP_MS;
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	HOLDS(listener >= 0 &&
	      bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	address_size = sizeof(address);
	HOLDS(getsockname(listener, (struct sockaddr *)&address,
		  &address_size) == 0 && listen(listener, 8) == 0 &&
	      pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
	signals = both[0];
	ours = both[1];
}

/* As s1_mux ends, and then what is ours. */
static void
tear_down(void)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		if (m.clients[i].streams != 0)
			s1_client_end(&m.clients[i], S1_ENDED_EXIT, 0);
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		ps_close_fd(&m.out[k].fd);
	for (size_t i = 0; i < WAITING; i++)
		ps_close_fd(&waiting[i]);
	ps_close_fd(&m.in.fd);
	ps_close_fd(&app);
	ps_close_fd(&listener);
	ps_close_fd(&signals);
	ps_close_fd(&ours);
	check_last();
	for (size_t i = 0; i < MOST; i++)
		leave(&callers[i]);
}

#define MOST_FDS 400
static bool open_before[MOST_FDS];

static void
note_fds(bool before)
{
	for (int fd = 0; fd < MOST_FDS; fd++) {
		const bool open_now = fcntl(fd, F_GETFD) >= 0;

		HOLDS(before || open_now == open_before[fd]);
		open_before[fd] = open_now;
	}
}

static void
close_others(void)
{
	for (int fd = 0; fd < MOST_FDS; fd++)
		if (!open_before[fd])
			(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	volatile unsigned n = 0;

	note_fds(true);
	(void)signal(SIGPIPE, SIG_IGN);
	at = data;
	end = data + size;
	set_up();
	if (setjmp(died) != 0) {
		close_others();
		return 0;
	}
	while (at < end && n++ < STEPS && step())
		;
	finish();
	tear_down();
	note_fds(false);
	return 0;
}
