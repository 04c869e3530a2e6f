/*
 * Reading header lines.  Runs in the fetcher; every byte is the
 * server's, hostile.  Pure.
 */
#include "fetcher/header.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "privsep/attr.h"
#include "privsep/name.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
trim(const char **s, size_t *n)
{
	while (*n > 0 && is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && is_blank((*s)[*n - 1]))
		(*n)--;
}

static bool
is_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* s[0..n), if it is printable and no longer than max; else "". */
static int
keep(char *to, size_t max, const char *s, size_t n)
{
	bool good = n <= max && ps_is_print(s, n);

	if (good)
		memcpy(to, s, n);
	to[good ? n : 0] = '\0';
	return 0;
}

static int
on_etag(struct ft_header *h, const char *s, size_t n)
{
	return keep(h->etag, FT_ETAG_MAX, s, n);
}

static int
on_modified(struct ft_header *h, const char *s, size_t n)
{
	return keep(h->modified, FT_DATE_MAX, s, n);
}

/* Digits, at least one, up to what follows them. */
static bool
number(const char **s, size_t *n, uint64_t *ret)
{
	char digits[21];
	size_t i = 0;

	while (i < *n && i < sizeof(digits) - 1 && (*s)[i] >= '0' &&
	       (*s)[i] <= '9') {
		digits[i] = (*s)[i];
		i++;
	}
	digits[i] = '\0';
	*s += i;
	*n -= i;
	return ps_parse_u64(digits, INT64_MAX, ret);
}

static bool
is_byte(const char **s, size_t *n, char c)
{
	if (*n == 0 || **s != c)
		return false;
	(*s)++;
	(*n)--;
	return true;
}

static int
on_range(struct ft_header *h, const char *s, size_t n)
{
	struct ft_range g = {.said = true};

	if (!h->range.said && n > 6 && strncasecmp(s, "bytes ", 6) == 0) {
		s += 6;
		n -= 6;
		g.good = number(&s, &n, &g.first) && is_byte(&s, &n, '-') &&
			 number(&s, &n, &g.last) && is_byte(&s, &n, '/') &&
			 number(&s, &n, &g.total) && n == 0;
	}
	h->range = g;
	return 0;
}

/* Digits, perhaps quoted; too large is the largest, nonsense is none. */
static uint64_t
seconds(const char *s, size_t n)
{
	uint64_t v = 0;

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		v = v * 10 + (uint64_t)(s[i] - '0');
		if (v > FT_MAX_AGE_MAX)
			v = FT_MAX_AGE_MAX;
	}
	return v;
}

static void
on_directive(struct ft_header *h, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	const char *value = equals ? equals + 1 : s + n;
	size_t name = equals ? (size_t)(equals - s) : n;
	size_t rest = (size_t)(s + n - value);
	uint64_t age;

	trim(&s, &name);
	trim(&value, &rest);
	if (is_word(s, name, "no-store") || is_word(s, name, "no-cache"))
		h->no_cache = true;
	if (!is_word(s, name, "max-age"))
		return;
	age = seconds(value, rest);
	/* Said twice: the shorter one holds. */
	if (!h->has_age || age < h->age)
		h->age = age;
	h->has_age = true;
}

static int
on_cache_control(struct ft_header *h, const char *s, size_t n)
{
	while (n > 0) {
		const char *comma = memchr(s, ',', n);
		size_t len = comma ? (size_t)(comma - s) : n;

		on_directive(h, s, len);
		s += comma ? len + 1 : len;
		n -= comma ? len + 1 : len;
	}
	return 0;
}

static int
on_transfer_encoding(struct ft_header *h, const char *s, size_t n)
{
	h->has_end |= is_word(s, n, "chunked");
	return is_word(s, n, "chunked") || is_word(s, n, "identity") ? 0
								     : -EPROTO;
}

static int
on_content_length(struct ft_header *h, const char *s, size_t n)
{
	h->has_end = true;
	if (!number(&s, &n, &h->length) || n != 0)
		h->length = 0;
	return 0;
}

/* "HTTP/1.1 200 OK": a new answer (after 1xx, or a proxy's). */
static void
on_status(struct ft_header *h, const char *line, size_t n)
{
	const char *s = memchr(line, ' ', n);

	*h = (struct ft_header){.total = h->total};
	if (s && line + n - s > 3)
		h->status = (unsigned)seconds(s + 1, 3);
}

int
ft_header_line(struct ft_header *h, const char *line, size_t n)
{
	static const struct {
		const char *name;
		int (*read)(struct ft_header *h, const char *s, size_t n);
	} rows[] = {
	    {"etag", on_etag},
	    {"cache-control", on_cache_control},
	    {"transfer-encoding", on_transfer_encoding},
	    {"content-length", on_content_length},
	    {"content-range", on_range},
	    {"last-modified", on_modified},
	};
	const char *colon = memchr(line, ':', n), *value;
	size_t name, rest;

	if (n > FT_HEADER_MAX - h->total)
		return -EMSGSIZE;
	h->total += n;
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		on_status(h, line, n);
		return 0;
	}
	h->complete = n > 0 && (line[0] == '\r' || line[0] == '\n');
	if (colon == NULL)
		return 0;
	name = (size_t)(colon - line);
	value = colon + 1;
	rest = n - name - 1;
	trim(&value, &rest);
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (is_word(line, name, rows[i].name))
			return rows[i].read(h, value, rest);
	return 0;
}

uint64_t
ft_header_max_age(const struct ft_header *h)
{
	return h->no_cache || !h->has_age ? 0 : h->age;
}
