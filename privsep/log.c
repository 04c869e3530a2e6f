/*
 * One line on stderr.  Linked into root: text may quote what a worker said,
 * so it is bounded and made printable here, in one write(2).
 */
#include "privsep/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *name = "rkt";
static int debug;

void
ps_log_name(const char *room)
{
	name = room;
}

void
ps_log_debug(int on)
{
	debug = on;
}

static void _printf_(1, 0)
emit(const char *format, va_list ap, const char *tail)
{
	char line[1024];
	int n = snprintf(line, sizeof(line) - 1, "%s: ", name);
	size_t at = n > 0 ? (size_t)n : 0;

	(void)vsnprintf(line + at, sizeof(line) - 1 - at, format, ap);
	at = strlen(line);
	if (tail)
		(void)snprintf(line + at, sizeof(line) - 1 - at, ": %s", tail);
	at = strlen(line);
	for (size_t i = 0; i < at; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}

void
ps_log(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(format, ap, NULL);
	va_end(ap);
}

void
ps_debug(const char *format, ...)
{
	va_list ap;

	if (!debug)
		return;
	va_start(ap, format);
	emit(format, ap, NULL);
	va_end(ap);
}

int
ps_log_error(int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(format, ap, strerror(error < 0 ? -error : error));
	va_end(ap);
	return error;
}

void
ps_die(int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(format, ap, NULL);
	va_end(ap);
	_exit(code);
}
