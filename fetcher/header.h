#pragma once
/*
 * What the fetcher wants to know of an answer's header lines.  Pure, no
 * allocation.  Input: hostile, one line a call as libcurl cuts them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FT_ETAG_MAX 255u
#define FT_HEADER_MAX 65536u	   /* bytes of all lines of one transfer */
#define FT_MAX_AGE_MAX 2147483647u /* seconds; RFC 9111 1.2.2 */
#define FT_DATE_MAX 63u

/* "bytes FIRST-LAST/TOTAL". */
struct ft_range {
	bool good; /* said once, and of that form */
	bool said;
	uint64_t first, last, total;
};

struct ft_header {
	char etag[FT_ETAG_MAX + 1]; /* "" none, or not printable */
	uint64_t age;		    /* max-age, seconds */
	bool has_age, no_cache;
	char modified[FT_DATE_MAX + 1]; /* Last-Modified, as it stands; "" none */
	struct ft_range range;		/* Content-Range */
	unsigned status;
	bool has_end;  /* Content-Length or chunks: a cut would be seen */
	bool complete; /* the blank line was there */
	uint64_t length; /* Content-Length, 0 unknown */
	size_t total;	 /* bytes seen, over all answers of the transfer */
};

/* 0; -EMSGSIZE: more header than anyone needs; -EPROTO: a transfer coding
 * that would put a decompressor before unverified bytes. */
int ft_header_line(struct ft_header *h, const char *line, size_t n);

/* Seconds for which the answer needs no asking again; 0 none. */
uint64_t ft_header_max_age(const struct ft_header *h);
