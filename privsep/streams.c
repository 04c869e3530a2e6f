/*
 * Words and bits of streams.  Pure.  Input: the operator's words, and fields of
 * a plan.
 */
#include "privsep/streams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"

static const struct stream {
	const char *name;
	uint32_t bits;
} streams[] = {
	{ "stdin", PS_STREAM_IN },
	{ "stdout", PS_STREAM_OUT },
	{ "stderr", PS_STREAM_ERR },
	{ "tty-in", PS_STREAM_TTY_IN },
	{ "tty-out", PS_STREAM_TTY_OUT },
	{ "tty", PS_STREAM_TTY },
};

static uint32_t
bits_of(const char *word, size_t n)
{
	for (size_t i = 0; i < PS_COUNT(streams); i++)
		if (strlen(streams[i].name) == n &&
		    strncmp(streams[i].name, word, n) == 0)
			return streams[i].bits;
	return 0;
}

int
ps_parse_streams(const char *mode, uint32_t *ret)
{
	uint32_t all = 0;

	if (strcmp(mode, "auto") == 0) {
		*ret = 0;
		return 0;
	}
	for (const char *word = mode;;) {
		size_t n = strcspn(word, ",");
		uint32_t bits = bits_of(word, n);

		if (bits == 0)
			return -EINVAL;
		all |= bits;
		if (word[n] == '\0')
			break;
		word += n + 1;
	}
	if ((all & PS_STREAM_TTY) != 0 && (all & ~PS_STREAM_TTY) != 0)
		return -EXDEV;
	*ret = all;
	return 0;
}

uint32_t
ps_offered_streams(const struct ps_msg_PLAN_APP *a)
{
	const uint8_t stdio[] = { a->std_in, a->std_out, a->std_err };
	uint32_t all = 0;

	for (unsigned fd = 0; fd < PS_COUNT(stdio); fd++) {
		if (stdio[fd] == PS_STDIO_STREAM)
			all |= 1u << fd;
		if (stdio[fd] == PS_STDIO_TTY)
			all |= fd == 0 ? PS_STREAM_TTY_IN : PS_STREAM_TTY_OUT;
	}
	return all;
}

const char *
ps_stream_name(uint32_t bit)
{
	for (size_t i = 0; i < PS_COUNT(streams); i++)
		if (streams[i].bits == bit)
			return streams[i].name;
	return NULL;
}

void
ps_stream_names(uint32_t all, char ret[PS_STREAM_NAMES])
{
	size_t n = 0;

	(void)snprintf(ret, PS_STREAM_NAMES, "nothing");
	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1)
		if ((all & bit) != 0)
			n += (size_t)snprintf(ret + n, PS_STREAM_NAMES - n,
			    "%s%s", n ? ", " : "", ps_stream_name(bit));
}
