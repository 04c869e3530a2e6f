/*
 * Header lines.  Whatever the lines: the ETag may be shown and sent, the age
 * is bounded, and the bound on their sum holds; and what a download may go on
 * with begins where it broke off, and has the length that it had.
 */
/* link: fetcher/header.c fetcher/resume.c fetcher/text.c privsep/name.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetcher/header.h"
#include "fetcher/resume.h"
#include "fetcher/text.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static void
check_resume(const struct ft_header *h)
{
	struct ft_resume r = {0};

	ft_resume_note(&r, h);
	HOLDS(strncmp(r.validator, "W/", 2) != 0);
	HOLDS(strpbrk(r.validator, "\r\n") == NULL);
	for (uint64_t at = 0; at < 3; at++) {
		if (ft_resume_may(&r, at))
			HOLDS(at > 0 && at < r.total);
		if (ft_resume_may(&r, at) && ft_resume_judge(&r, h, at) == NULL)
			HOLDS(h->range.first == at &&
			      h->range.last == r.total - 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ft_header h = {0};
	char text[256];

	ft_text(text, sizeof(text), "%.*s", (int)(size < 300 ? size : 300),
	    (const char *)data);
	HOLDS(ps_is_print(text, strlen(text)));
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) + 1 : size;
		int r = ft_header_line(&h, (const char *)data, n);

		HOLDS(h.total <= FT_HEADER_MAX);
		HOLDS(strlen(h.etag) <= FT_ETAG_MAX);
		HOLDS(ps_is_print(h.etag, strlen(h.etag)));
		HOLDS(
		    ft_header_max_age(&h) <= FT_MAX_AGE_MAX && h.status < 1000);
		HOLDS(ps_is_print(h.modified, strlen(h.modified)));
		if (r < 0)
			break;
		check_resume(&h);
		data += n;
		size -= n;
	}
	return 0;
}
