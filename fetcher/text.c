/*
 * Making hostile bytes fit to be shown.  Runs in the fetcher; pure.
 */
#include "fetcher/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/name.h"

void
ft_sanitize(char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		size_t n = 1;

		while (n <= 4 && n <= left && !ps_is_print(s, n))
			n++;
		if (n > 4 || n > left) {
			*s = '?';
			n = 1;
		}
		s += n;
		left -= n;
	}
}

static void _printf_(3, 0)
    format_at(char *ret, size_t size, const char *format, va_list ap)
{
	(void)vsnprintf(ret, size, format, ap);
	ft_sanitize(ret);
}

void
ft_text(char *ret, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	format_at(ret, size, format, ap);
	va_end(ap);
}

void
ft_text_add(char *ret, size_t size, const char *format, ...)
{
	size_t at = strlen(ret);
	va_list ap;

	va_start(ap, format);
	format_at(ret + at, size - at, format, ap);
	va_end(ap);
}
