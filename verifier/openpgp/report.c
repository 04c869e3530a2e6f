/*
 * Text for VERIFY_FAILED, VERDICT and KEYLIST.  HOSTILE: user ids are whatever
 * their makers wrote, terminal escapes and line ends among it.
 */
#include "verifier/openpgp/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/name.h"

/* Bytes of the printable UTF-8 sequence at s, 0 if there is none. */
static size_t
sequence(const char *s)
{
	for (size_t n = 1; n <= 4; n++) {
		if (ps_is_print(s, n))
			return n;
		if (s[n - 1] == '\0')
			return 0;
	}
	return 0;
}

void
vf_print(char *ret, size_t size, const char *s)
{
	size_t at = 0;

	while (*s != '\0') {
		size_t n = sequence(s);

		if (at + (n ? n : 1) >= size)
			break;
		if (n == 0)
			ret[at++] = '?';
		memcpy(ret + at, s, n);
		at += n;
		s += n ? n : 1;
	}
	ret[at] = '\0';
}

int
vf_fail(struct vf_fail *f, uint32_t code, const char *format, ...)
{
	char text[sizeof(f->text)];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	vf_print(f->text, sizeof(f->text), text);
	f->code = code;
	return -EKEYREJECTED;
}
