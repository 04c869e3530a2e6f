/*
 * The processes of fake_sys.h: workers that a test plays, and a pod's.
 */
#include "tests/unit/launcher/fake_part.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

static void
note_room(const struct ln_room *room)
{
	char fds[2000] = "";

	for (size_t i = 0; i < room->nfds; i++)
		(void)snprintf(fds + strlen(fds), sizeof(fds) - strlen(fds), "%s%s",
		    i ? "," : " fds=", fake_label(room->fds[i]));
	fake_note("spawn %s %u:%u%s%s%s%s cwd=%s%s", room->program, room->uid, room->gid,
	    room->own_net ? " own-net" : "", room->mapped ? " mapped" : "",
	    room->tmp ? " tmp" : "", room->conductor ? " conductor" : "",
	    room->conductor ? "-" : fake_label(room->cwd), fds);
}

/* Born with write-only slots, its own user, no environment. */
static void
check_room(const struct ln_room *room)
{
	for (size_t i = 0; i < room->nfds; i++)
		if ((fcntl(room->fds[i], F_GETFL) & O_ACCMODE) != O_WRONLY)
			fake_bug("a slot that can be read", room->program);
	if (!room->conductor && (room->env || room->argv))
		fake_bug("a worker with an environment", room->program);
	if (!room->mapped && room->uid == 0)
		fake_bug("a worker that is root", room->program);
	if (strcmp(room->program, "fetcher") != 0 && !room->conductor &&
	    (!room->own_net || room->nfds > 0))
		fake_bug("a worker with more than its edge", room->program);
}

int
sys_spawn(const struct ln_room *room, int *ret_pidfd)
{
	struct fake_worker *w = &fake.workers[fake.n_workers];
	int r = fake_verb();

	note_room(room);
	check_room(room);
	if (r < 0 || fake.n_workers == FAKE_WORKERS)
		return r < 0 ? r : -EAGAIN;
	fake.n_workers++;
	*w = (struct fake_worker){ .program = room->program,
		.chan = { .fd = fcntl(room->chan, F_DUPFD_CLOEXEC, 3), .peer = 'L' },
		.pidfd = eventfd(0, EFD_CLOEXEC), .nfds = room->nfds };
	for (size_t i = 0; i < room->nfds; i++)
		w->fds[i] = fcntl(room->fds[i], F_DUPFD_CLOEXEC, 3);
	*ret_pidfd = fake_labelled(w->pidfd, room->program);
	if (fake.act)
		fake.act(w);
	return 4242;
}

int
sys_start(char *const argv[], char *const env[], const int *fds, size_t n,
    int *ret_pidfd)
{
	struct fake_worker *w = &fake.workers[fake.n_workers];
	int r = fake_verb();

	fake_note("start %s %s %s %s fds=%s,%s,%s,%s", argv[0], argv[1], argv[2], argv[3],
	    fake_label(fds[0]), fake_label(fds[1]), fake_label(fds[2]), fake_label(fds[3]));
	if (env[0] || n != 4)
		fake_bug("a program with more than its descriptors", argv[0]);
	if (r < 0 || fake.n_workers == FAKE_WORKERS)
		return r < 0 ? r : -EAGAIN;
	fake.n_workers++;
	*w = (struct fake_worker){ .program = argv[3], .chan = { .fd = -1 },
		.pidfd = eventfd(0, EFD_CLOEXEC) };
	*ret_pidfd = fake_labelled(w->pidfd, "stage1-enter");
	if (fake.act)
		fake.act(w);
	return 0;
}

void
fake_gone(struct fake_worker *w)
{
	ps_close_fd(&w->chan.fd);
	for (size_t i = 0; i < w->nfds; i++)
		ps_close_fd(&w->fds[i]);
	w->nfds = 0;
	w->pidfd = -1;
}

static struct fake_worker *
find_worker(int pidfd)
{
	for (size_t i = 0; i < fake.n_workers; i++)
		if (fake.workers[i].pidfd == pidfd && pidfd >= 0)
			return &fake.workers[i];
	return NULL;
}

int
sys_wait(int pidfd, int timeout, int *ret_status)
{
	struct fake_worker *w = find_worker(pidfd);
	int r = fake_verb();

	(void)timeout;
	fake_note("wait %s", fake_label(pidfd));
	if (!w || r < 0)
		return r < 0 ? r : -ECHILD;
	if (w->status == FAKE_TIMEOUT)
		return -ETIMEDOUT;
	*ret_status = w->status;
	fake_gone(w);
	return 0;
}

int
sys_kill(int pidfd)
{
	struct fake_worker *w = find_worker(pidfd);
	int r = fake_verb();

	fake_note("kill %s", fake_label(pidfd));
	if (w)
		fake_gone(w);
	return r;
}

/* The process of that number is the one that the test named. */
int
sys_pidfd(pid_t pid)
{
	int r = fake_verb();

	fake_note("pidfd %d", pid == fake.stage1 ? 1 : pid == fake.init ? 2 : 0);
	if (r == 0 && pid != fake.stage1 && pid != fake.init)
		r = -ESRCH;
	return r < 0 ? r : fake_thing(pid == fake.stage1 ? "stage1" : "init");
}

int
sys_signal(int pidfd, int number)
{
	int r = fake_verb();

	fake_note("signal %s %s", fake_label(pidfd),
	    number == SIGRTMIN + 3 ? "RTMIN+3" : sigabbrev_np(number));
	return r;
}

bool
sys_alive(int pidfd)
{
	(void)pidfd;
	return fake.stubborn;
}

void
sys_exec(char *const argv[], char *const env[], const int *fds, size_t n)
{
	char text[2000] = "";

	for (size_t i = 0; argv[i]; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
		    argv[i]);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i ? "," : " fds=", fake_label(fds[i]));
	for (size_t i = 0; env[i]; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i ? "," : " env=", env[i]);
	fake_note("exec%s", text);
	fake.executed = true;
	if (fake.jump)
		longjmp(*fake.jump, 1);
	_exit(1);
}
