/*
 * Asks a mutable pod to do its part of the coming and going of an app, and
 * says what it says.  Runs without any right.  HOSTILE: the door, and what is
 * said.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "policies/enter.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/worker.h"
#include "stage1/common/door.h"

#define START_MS 30000 /* for the pod to answer that it has begun */
#define MAX_WORDS 16384 /* bytes that it may say */

static const char *const words[] = {
    [S1_MANAGE_ADD] = "add",
    [S1_MANAGE_START] = "start",
    [S1_MANAGE_STOP] = "stop",
    [S1_MANAGE_REMOVE] = "remove",
};

static uint32_t
find(const char *word)
{
	for (uint32_t i = 1; word && i < PS_COUNT(words); i++)
		if (strcmp(words[i], word) == 0)
			return i;
	ps_die(S1_FAILED, "usage: stage1-enter manage APP add|start|stop|remove");
}

static int
ask(int door, int record, uint32_t what, int *ret_said)
{
	const struct s1_door m = {.kind = S1_DOOR_MANAGE, .a = what};
	int both[2], fds[2] = {record}, r;

	if (pipe2(both, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	fds[1] = both[1];
	r = s1_door_send(door, &m, fds, PS_COUNT(fds));
	(void)close(both[1]);
	*ret_said = both[0];
	return r;
}

/* Printable, bounded; closed at its end. */
static void
show(int *said, size_t *left)
{
	char text[1024];
	ssize_t n = read(*said, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && (size_t)n > *left)
		n = (ssize_t)*left;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] != '\n' && (text[i] < 0x20 || text[i] == 0x7f))
			text[i] = '?';
	if (n <= 0 || ps_write_full(2, text, (size_t)n) < 0)
		ps_close_fd(said);
	else
		*left -= (size_t)n;
}

/* 1 it has ended, with *ret_code; 0 more will come; or negative errno. */
static int
hear(int door, bool *started, uint32_t *ret_code)
{
	int fds[S1_DOOR_FDS], r;
	struct s1_door m;
	size_t n;

	r = s1_door_recv(door, &m, fds, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (m.kind == S1_DOOR_ENDED && n == 0) {
		*ret_code = m.a == S1_ENDED_EXIT ? m.b : UINT32_MAX;
		return 1;
	}
	if (m.kind != S1_DOOR_STARTED || n != 0 || *started)
		return -EPROTO;
	*started = true;
	return 0;
}

static int
wait_for(int door, int said, uint32_t *ret_code)
{
	size_t left = MAX_WORDS;
	bool started = false;
	int r = 0;

	while (r == 0) {
		struct pollfd p[] = {{.fd = door, .events = POLLIN},
		    {.fd = said, .events = POLLIN}};
		int n = poll(p, PS_COUNT(p), started ? -1 : START_MS);

		if (n == 0)
			r = -ETIMEDOUT;
		else if (n < 0)
			r = errno == EINTR ? 0 : -errno;
		if (n > 0 && p[1].revents != 0)
			show(&said, &left);
		else if (n > 0 && p[0].revents != 0)
			r = hear(door, &started, ret_code);
	}
	return r;
}

int
s1_ask(int door, int record, char *const *argv)
{
	uint32_t what = find(argv[0]), code = UINT32_MAX;
	int said = -1, r = ask(door, record, what, &said);

	(void)close(record);
	/* What is heard from here on is hostile. */
	if (r == 0)
		r = ps_landlock(NULL, NULL, 0);
	if (r == 0)
		r = ps_seccomp(policy_enter, PS_COUNT(policy_enter));
	if (r == 0)
		r = wait_for(door, said, &code);
	s1_say_end(r);
	return r == 1 && code == 0 ? 0 : S1_FAILED;
}
