/*
 * What the conductor, user rkt, says on stderr, and its exit codes.  Texts may
 * quote hostile words: ps_log makes them printable and bounds them.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"
#include "privsep/log.h"

static const char *room = "rkt";
static bool quiet;

void
cli_say_as(const char *name)
{
	room = name;
	ps_log_name(room);
}

void
cli_quiet(bool on)
{
	quiet = on;
}

int
cli_fail(const char *format, ...)
{
	char text[960];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ps_log("%s", text);
	return CLI_FAILED;
}

void
cli_image_log(const char *format, ...)
{
	char text[960];
	va_list ap;

	if (quiet && strncmp(format, "warning", 7) != 0)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ps_log_name("image");
	ps_log("%s", text);
	ps_log_name(room);
}

int
cli_finish(int code)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail("cannot write to stdout: %s", strerror(errno));
	return code;
}
