/*
 * An app for rkt attach.  Static.  What it is to do begins when the first byte
 * comes, so that someone can be there to see it.
 *
 *	streams cat | flood BYTES | close | reopen | tick | hold | last
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char bytes[65536];

static int
all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static void
say(const char *text)
{
	(void)all(2, text, strlen(text));
}

static int
cat(void)
{
	ssize_t n;

	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		if (all(1, bytes, (size_t)n) < 0)
			return 1;
	say("cat has ended\n");
	return 0;
}

/* Each byte by its place: none is lost, doubled or moved. */
static int
flood(size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t most = n - at < sizeof(bytes) ? n - at : sizeof(bytes);

		for (size_t i = 0; i < most; i++)
			bytes[i] = (char)((at + i) * 7 + ((at + i) >> 8));
		if (all(1, bytes, most) < 0)
			return 1;
		at += most;
	}
	say("flooded\n");
	return 0;
}

static int
give_up(void)
{
	char c;

	say("bye\n");
	(void)close(1);
	(void)close(2);
	while (read(0, &c, 1) > 0)
		;
	return 5;
}

/* As programs do that have /dev/stdout for a file of theirs. */
static int
open_again(void)
{
	static const char *const names[] = { "/dev/stdout", "/dev/stderr",
		"/proc/self/fd/1" };
	char line[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_WRONLY | O_CLOEXEC), n;

		n = snprintf(line, sizeof(line), "%s %s\n", names[i],
		    fd < 0 ? strerror(errno) : "opened");
		(void)all(fd < 0 ? 2 : fd, line, (size_t)n);
	}
	return 0;
}

static void
on_term(int number)
{
	(void)number;
	_exit(flood(300000));
}

/* What it has to say when it is told to end. */
static int
last(void)
{
	(void)signal(SIGTERM, on_term);
	(void)all(1, "ready\n", 6);
	while (pause() < 0)
		;
	return 0;
}

static int
tick(void)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	char line[40];

	for (unsigned i = 0;; i++) {
		int n = snprintf(line, sizeof(line), "tick %u\n", i);

		if (all(1, line, (size_t)n) < 0)
			return 1;
		(void)nanosleep(&step, NULL);
	}
}

int
main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "cat";

	if (strcmp(act, "hold") == 0)
		return (int)sleep(600);
	if (strcmp(act, "tick") == 0)
		return tick();
	if (strcmp(act, "last") == 0)
		return last();
	if (strcmp(act, "cat") == 0)
		return cat();
	if (read(0, bytes, 1) < 0)
		return 2;
	if (strcmp(act, "flood") == 0)
		return flood(argc > 2 ? strtoul(argv[2], NULL, 10) : 1 << 20);
	return strcmp(act, "close") == 0 ? give_up() : open_again();
}
