/*
 * What makes a worker a probe: linked with the worker's own objects, main.c
 * included, by --wrap, it lets the worker close its doors in its own way and
 * then attempts one act.  Which one waits in the socket that is its
 * stderr, read before main.  "none": the worker goes on with its job.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acts.h"
#include "privsep/worker.h"

int __real_ps_seccomp(const struct sock_filter *filter, size_t length);
int __wrap_ps_seccomp(const struct sock_filter *filter, size_t length);
void __real_ps_worker_enter(const struct ps_worker *w, struct ps_chan *ret);
void __wrap_ps_worker_enter(const struct ps_worker *w, struct ps_chan *ret);

static const struct act *act;

static __attribute__((constructor)) void
read_act(void)
{
	char text[128] = "", *space;
	ssize_t n = recv(STDERR_FILENO, text, sizeof(text) - 1, MSG_DONTWAIT);

	space = n > 0 ? strchr(text, ' ') : NULL;
	if (space == NULL)
		_exit(99);
	*space = '\0';
	act_victim = (pid_t)strtol(space + 1, NULL, 10);
	act = act_find(text);
}

static void
say(const char *what, int number)
{
	char line[128];
	int n =
	    snprintf(line, sizeof(line), "%s %s %d\n", what, act->name, number);

	if (write(STDERR_FILENO, line, (size_t)n) != n)
		_exit(98);
}

static void
attempt(void)
{
	int r;

	if (act == NULL)
		return;
	say("attempt", 0);
	r = act->run();
	say("answer", -r);
	_exit(0);
}

int
__wrap_ps_seccomp(const struct sock_filter *filter, size_t length)
{
	int r = __real_ps_seccomp(filter, length);

	if (r == 0)
		attempt();
	return r;
}

void
__wrap_ps_worker_enter(const struct ps_worker *w, struct ps_chan *ret)
{
	__real_ps_worker_enter(w, ret);
	attempt();
}
