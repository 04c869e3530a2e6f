/*
 * The terminal, conductor, user rkt.  Numbers of a download come from the
 * fetcher, who may lie; they only ever make a line of text.
 */
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/human.h"
#include "cli/mem.h"

#define REDRAW (CLI_SECOND / 10)

bool
cli_is_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int
cli_ask_yes(const char *question)
{
	char line[16];

	(void)printf("%s\n", question);
	for (;;) {
		(void)fflush(stdout);
		if (fgets(line, sizeof(line), stdin) == NULL)
			return -1;
		if (strcmp(line, "yes\n") == 0)
			return 1;
		if (strcmp(line, "no\n") == 0)
			return 0;
		(void)printf("Please enter 'yes' or 'no'\n");
	}
}

static int64_t
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * CLI_SECOND + t.tv_nsec;
}

static unsigned
columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return 80;
	return w.ws_col;
}

void
cli_progress_begin(struct cli_progress *p, const char *label)
{
	*p = (struct cli_progress){ .label = label,
		.tty = isatty(STDERR_FILENO) == 1,
		.begun = now() };
}

static const char *
rate_of(const struct cli_progress *p, int64_t ns)
{
	double s = (double)ns / (double)CLI_SECOND;

	return cli_format("%s/s",
	    cli_format_size(s > 0 ? (uint64_t)((double)p->got / s) : p->got));
}

static const char *
left_of(const struct cli_progress *p, int64_t ns)
{
	double s = (double)ns / (double)CLI_SECOND;
	double left;

	if (p->got == 0 || p->total <= p->got)
		return "0s";
	left = s * ((double)p->total - (double)p->got) / (double)p->got;
	if (left > 100 * 3600)
		return "a long while";
	return cli_format_duration((int64_t)left * CLI_SECOND);
}

const char *
cli_progress_line(const struct cli_progress *p, int64_t ns, unsigned width)
{
	const char *rate = rate_of(p, ns), *tail;
	size_t filled, room, used;
	char bar[64];

	if (p->total == 0)
		return cli_format("%s: %s  %s", p->label,
		    cli_format_size(p->got), rate);
	tail = cli_format("%3u%%  %s / %s  %s  %s left",
	    p->got >= p->total ?
		100u :
		(unsigned)((double)p->got * 100 / (double)p->total),
	    cli_format_size(p->got), cli_format_size(p->total), rate,
	    left_of(p, ns));
	used = strlen(p->label) + strlen(tail) + 7;
	room = width > used ? width - used : 0;
	if (room > sizeof(bar) - 1)
		room = sizeof(bar) - 1;
	filled = p->got >= p->total ?
	    room :
	    (size_t)((double)room * (double)p->got / (double)p->total);
	memset(bar, ' ', room);
	memset(bar, '=', filled);
	bar[room] = '\0';
	if (room < 4)
		return cli_format("%s: %s", p->label, tail);
	return cli_format("%s: [%s] %s", p->label, bar, tail);
}

void
cli_progress_show(struct cli_progress *p, uint64_t got, uint64_t total)
{
	int64_t t = now();
	void *mark = cli_mark();

	p->got = got;
	p->total = total;
	if (!p->tty || (p->drawn && t - p->shown < REDRAW))
		return;
	p->shown = t;
	p->drawn = true;
	(void)fprintf(stderr, "\r%s\x1b[K",
	    cli_progress_line(p, t - p->begun, columns()));
	cli_release(mark);
}

void
cli_progress_end(struct cli_progress *p, bool good)
{
	int64_t ns = now() - p->begun;

	if (p->tty && p->drawn)
		(void)fprintf(stderr, "\r\x1b[K");
	if (good)
		(void)fprintf(stderr, "%s: %s in %s (%s)\n", p->label,
		    cli_format_size(p->got),
		    cli_format_duration(ns / 1000000 * 1000000),
		    rate_of(p, ns));
}
