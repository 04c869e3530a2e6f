/*
 * Those who are attached to an app.  Runs as the pod's root, in the mux.
 * HOSTILE: a client may be silent, gone, or talk nonsense; it gets what the app
 * wrote, all of it or none any more, and holds up others for a bounded time.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "stage1/appexec/mux.h"

static const uint32_t outputs[S1_OUTPUTS] = {
    [S1_OUT] = PS_STREAM_OUT,
    [S1_ERR] = PS_STREAM_ERR,
    [S1_TTY] = PS_STREAM_TTY_OUT,
};

static void
clear(struct s1_client *c)
{
	*c = (struct s1_client){.door = -1, .in = -1, .out = {-1, -1, -1}};
}

void
s1_clients_begin(struct s1_mux *m)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		clear(&m->clients[i]);
}

bool
s1_take_pipe(int fd, bool read)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	return flags >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	       (flags & O_ACCMODE) == (read ? O_RDONLY : O_WRONLY) &&
	       fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static bool
take_door(int fd)
{
	int type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t n = sizeof(type);

	return flags >= 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	       type == SOCK_SEQPACKET &&
	       fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Its pipes, in the order of the bits. */
static bool
take_pipes(struct s1_client *c, const int *fds, size_t n)
{
	size_t used = 0;

	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1) {
		if ((c->streams & bit) == 0)
			continue;
		if (used == n || !s1_take_pipe(fds[used], S1_IS_INPUT(bit)) ||
		    (S1_IS_INPUT(bit) && c->in >= 0))
			return false;
		for (size_t k = 0; k < S1_OUTPUTS; k++)
			if (outputs[k] == bit)
				c->out[k] = fds[used];
		if (S1_IS_INPUT(bit))
			c->in = fds[used];
		used++;
	}
	return used == n && n > 0;
}

static struct s1_client *
free_place(struct s1_mux *m)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		if (m->clients[i].streams == 0)
			return &m->clients[i];
	return NULL;
}

/* To one whom nothing else is known of. */
static void
refuse(int door, uint32_t why)
{
	const struct s1_door m = {
	    .kind = S1_DOOR_ENDED, .a = S1_ENDED_NOT_STARTED, .b = why};

	(void)s1_door_send(door, &m, NULL, 0);
}

static void
start(struct s1_mux *m, struct s1_client *c)
{
	const struct s1_door d = {
	    .kind = S1_DOOR_STARTED, .b = c->streams & m->offered};

	if (d.b == 0) {
		s1_client_end(c, S1_ENDED_NOT_STARTED, S1_ATTACH_NONE);
		return;
	}
	c->started = true;
	/* Not granted, or the app has closed its stdin. */
	if (!S1_IS_INPUT(d.b) ||
	    (m->in.fd < 0 && (m->offered & PS_STREAM_TTY_IN) == 0))
		ps_close_fd(&c->in);
	for (size_t k = 0; k < S1_OUTPUTS; k++) {
		c->at[k] = m->out[k].n; /* it begins with the next chunk */
		if ((d.b & outputs[k]) == 0)
			ps_close_fd(&c->out[k]);
	}
	if (c->size != 0 && (d.b & PS_STREAM_TTY) != 0)
		s1_mux_resize(m, c->size);
	if (s1_door_send(c->door, &d, NULL, 0) < 0)
		s1_client_end(c, S1_ENDED_LET_GO, 0);
}

void
s1_client_add(
    struct s1_mux *m, const struct s1_door *d, const int *fds, size_t n)
{
	struct s1_client *c = free_place(m), made;

	clear(&made);
	made.streams = d->a & PS_STREAM_ALL;
	made.size = d->b;
	if (c && n > 1 && made.streams == d->a && take_door(fds[0]) &&
	    take_pipes(&made, fds + 1, n - 1)) {
		made.door = fds[0];
		*c = made;
		if (m->begun)
			start(m, c);
		return;
	}
	if (n > 0)
		refuse(fds[0], c ? S1_ATTACH_BAD : S1_ATTACH_FULL);
	while (n > 0)
		(void)close(fds[--n]);
}

void
s1_clients_start(struct s1_mux *m)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		if (m->clients[i].streams != 0 && !m->clients[i].started)
			start(m, &m->clients[i]);
}

void
s1_client_end(struct s1_client *c, uint32_t a, uint32_t b)
{
	const struct s1_door m = {.kind = S1_DOOR_ENDED, .a = a, .b = b};

	/* Said before it could be seen. */
	if (c->door >= 0)
		(void)s1_door_send(c->door, &m, NULL, 0);
	for (size_t k = 0; k < S1_OUTPUTS; k++)
		ps_close_fd(&c->out[k]);
	ps_close_fd(&c->in);
	ps_close_fd(&c->door);
	clear(c);
}

/* Who has gone may have left something to be read. */
static void
leave(struct s1_mux *m, struct s1_client *c)
{
	for (size_t k = 0; k < S1_OUTPUTS; k++) {
		ps_close_fd(&c->out[k]);
		s1_clients_take(m, k);
	}
	ps_close_fd(&c->door);
	if (c->in < 0 || !c->started)
		s1_client_end(c, S1_ENDED_LET_GO, 0);
}

void
s1_client_hear(struct s1_mux *m, struct s1_client *c)
{
	int fds[S1_DOOR_FDS], r;
	struct s1_door d;
	size_t n = 0;

	r = s1_door_recv(c->door, &d, fds, &n);
	if (r == -EAGAIN)
		return;
	if (r == 0 && n > 0)
		r = -EPROTO; /* none of them comes with one */
	while (n > 0)
		(void)close(fds[--n]);
	if (r == 0 && d.kind == S1_DOOR_RESIZE) {
		c->size = d.b;
		if (c->started && (c->streams & PS_STREAM_TTY) != 0)
			s1_mux_resize(m, d.b);
	} else if (r == 0 && d.kind == S1_DOOR_INPUT_END) {
		c->said_end = true;
	} else {
		leave(m, c);
	}
}

void
s1_client_feed(struct s1_mux *m, struct s1_client *c, size_t k)
{
	const struct s1_source *s = &m->out[k];
	ssize_t n;

	if (c->out[k] < 0 || c->at[k] >= s->n)
		return;
	n = write(c->out[k], s->bytes + c->at[k], s->n - c->at[k]);
	if (n > 0) {
		c->at[k] += (size_t)n;
		c->since[k] = m->now;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		ps_close_fd(&c->out[k]);
	}
}

void
s1_clients_take(struct s1_mux *m, size_t k)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++) {
		const struct s1_client *c = &m->clients[i];

		if (c->started && c->out[k] >= 0 && c->at[k] < m->out[k].n)
			return;
	}
	m->out[k].n = 0;
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		m->clients[i].at[k] = 0;
}

void
s1_clients_close(struct s1_mux *m, size_t k)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++)
		ps_close_fd(&m->clients[i].out[k]);
}

void
s1_clients_close_in(struct s1_mux *m)
{
	for (size_t i = 0; i < S1_MUX_CLIENTS; i++) {
		struct s1_client *c = &m->clients[i];

		ps_close_fd(&c->in);
		if (c->streams != 0 && c->door < 0)
			clear(c);
	}
}

int
s1_clients_late(struct s1_mux *m)
{
	int64_t next = -1;

	for (size_t i = 0; i < S1_MUX_CLIENTS * S1_OUTPUTS; i++) {
		struct s1_client *c = &m->clients[i / S1_OUTPUTS];
		const size_t k = i % S1_OUTPUTS;
		const int64_t left = c->since[k] + S1_MUX_STALL_MS - m->now;

		if (!c->started || c->out[k] < 0 || c->at[k] >= m->out[k].n)
			continue;
		if (left <= 0) {
			s1_client_end(c, S1_ENDED_LET_GO, 0);
			for (size_t j = 0; j < S1_OUTPUTS; j++)
				s1_clients_take(m, j);
		} else if (next < 0 || left < next) {
			next = left;
		}
	}
	return (int)next;
}
