/*
 * The one line that says why.  It quotes names from an archive, which are
 * hostile: to a terminal, and to whoever reads the log.
 */
#include "verifier/unpack/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/limits.h"
#include "privsep/name.h"

#define MAX_QUOTED 256u

/* HOSTILE: name.  What is not printable, or too long, is shown as ASCII. */
static void
quote(const char *name, char ret[MAX_QUOTED + 4])
{
	size_t n = strnlen(name, MAX_QUOTED + 1);
	size_t keep = n > MAX_QUOTED ? MAX_QUOTED - 3 : n;

	memcpy(ret, name, keep);
	ret[keep] = '\0';
	if (n <= MAX_QUOTED && ps_is_print(ret, keep))
		return;
	for (size_t i = 0; i < keep; i++)
		if (ret[i] < 0x20 || ret[i] > 0x7e)
			ret[i] = '?';
	if (n > MAX_QUOTED)
		memcpy(ret + keep, "...", 4);
}

int
vf_refuse(struct vf_failure *f, uint32_t code, const char *name,
    const char *format, ...)
{
	char quoted[MAX_QUOTED + 4];
	size_t at = 0;
	va_list ap;

	if (f->code != 0)
		return -EBADMSG;
	f->code = code;
	if (name) {
		quote(name, quoted);
		(void)snprintf(f->text, sizeof(f->text), "%s: ", quoted);
		at = strlen(f->text);
	}
	va_start(ap, format);
	(void)vsnprintf(f->text + at, sizeof(f->text) - at, format, ap);
	va_end(ap);
	return -EBADMSG;
}

int
vf_broken(struct vf_failure *f, int error, const char *what, const char *name)
{
	(void)vf_refuse(f, PS_UNPACK_SYSTEM, name, "%s: %s", what,
	    strerror(-error));
	return error;
}
