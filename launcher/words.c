/*
 * What workers write to stderr.  Runs as root.  HOSTILE: every byte, for the
 * terminal that it ends on is a person's.  It goes into a pipe that never makes
 * a worker wait, and is said line by line, printable and bounded, when the
 * worker is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "launcher/workers.h"
#include "privsep/log.h"
#include "privsep/name.h"

#define MAX_LINES 16
#define MAX_LINE 400 /* bytes */

int
ln_words_open(struct ln_session *s)
{
	if (s->words[1] >= 0)
		return 0;
	return pipe2(s->words, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

void
ln_make_print(char *text)
{
	if (!ps_is_print(text, strlen(text)))
		for (char *p = text; *p != '\0'; p++)
			if (*p < 0x20 || *p > 0x7e)
				*p = '?';
}

static void
say(const char *who, char *line)
{
	size_t n = strlen(who);

	/* Its own name is not said twice, and no other one alone. */
	if (strncmp(line, who, n) == 0 && line[n] == ':' && line[n + 1] == ' ')
		line += n + 2;
	if (strlen(line) > MAX_LINE)
		line[MAX_LINE] = '\0';
	ln_make_print(line);
	ps_log("%s: %s", who, line);
}

void
ln_words_say(struct ln_session *s, const char *who)
{
	static char text[65536];
	ssize_t n = s->words[0] < 0 ? 0
				    : read(s->words[0], text, sizeof(text) - 1);
	unsigned lines = 0;

	for (char *p = text, *stop; n > 0 && p < text + n; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(text + n - p));
		if (!stop)
			stop = text + n;
		*stop = '\0';
		if (lines++ < MAX_LINES)
			say(who, p);
	}
	if (lines > MAX_LINES)
		ps_log("%s: (%u lines more)", who, lines - MAX_LINES);
	while (n > 0)
		n = read(s->words[0], text, sizeof(text));
}
