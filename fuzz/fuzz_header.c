/*
 * Header lines.  Whatever the lines: the ETag may be shown and sent, the age
 * is bounded, and the bound on their sum holds.
 */
/* link: fetcher/header.c fetcher/text.c privsep/name.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetcher/header.h"
#include "fetcher/text.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

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
		if (r < 0)
			break;
		data += n;
		size -= n;
	}
	return 0;
}
