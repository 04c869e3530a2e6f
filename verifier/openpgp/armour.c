/*
 * The strict armour decoder of the verify room (user rkt-verify, no network).
 * HOSTILE: every byte of the input.  gpg's own decoder has had memory bugs and
 * accepts text around and between blocks, form feeds, and data behind the end;
 * here there is one block, known header lines, base64 with proper padding, a
 * checksum that is right where there is one, an end line, and nothing more.
 */
#include "verifier/openpgp/armour.h"

#include <errno.h>
#include <string.h>

#define MAX_HEADER 512u /* bytes of one header line */
#define MAX_LINE 128u	/* base64 digits of one line */
#define MAX_HEADERS 16u
#define CRC24_INIT 0xb704ceu
#define CRC24_POLY 0x1864cfbu

struct line {
	const char *p;
	size_t n; /* without line end and trailing blanks */
};

struct text {
	const char *p;
	size_t n, at;
};

struct base64 {
	uint8_t *out;
	size_t n;
	uint32_t bits;
	unsigned held;	 /* bits in hand: 0, 2, 4 or 6 behind whole bytes */
	unsigned digits; /* modulo 4, padding counted */
	unsigned padding;
};

static const char *const begins[] = {
	[VF_SIGNATURE] = "-----BEGIN PGP SIGNATURE-----",
	[VF_PUBLIC_KEY] = "-----BEGIN PGP PUBLIC KEY BLOCK-----",
};

static const char *const ends[] = {
	[VF_SIGNATURE] = "-----END PGP SIGNATURE-----",
	[VF_PUBLIC_KEY] = "-----END PGP PUBLIC KEY BLOCK-----",
};

static const char *const headers[] = { "Version: ", "Comment: ", "Charset: " };

bool
vf_is_binary(const uint8_t *in, size_t n)
{
	return n > 0 && (in[0] & 0x80) != 0;
}

static bool
next_line(struct text *t, struct line *ret)
{
	const char *p = t->p + t->at;
	size_t left = t->n - t->at;
	const char *end;
	size_t n;

	if (left == 0)
		return false;
	end = memchr(p, '\n', left);
	n = end ? (size_t)(end - p) : left;
	t->at += end ? n + 1 : n;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	*ret = (struct line){ .p = p, .n = n };
	return true;
}

static bool
is_line(const struct line *l, const char *want)
{
	return l->n == strlen(want) && memcmp(l->p, want, l->n) == 0;
}

static bool
is_header(const struct line *l)
{
	bool known = false;

	if (l->n > MAX_HEADER)
		return false;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		/* An empty value lost its blank with the line's end. */
		size_t n = strlen(headers[i]) - (size_t)(l->n < strlen(headers[i]));

		known = known || (l->n >= n && memcmp(l->p, headers[i], n) == 0);
	}
	for (size_t i = 0; i < l->n; i++)
		if ((unsigned char)l->p[i] < 0x20 || l->p[i] == 0x7f)
			return false;
	return known;
}

static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static int
put_digit(struct base64 *b, char c)
{
	int v = digit_value(c);

	b->digits = (b->digits + 1) % 4;
	if (c == '=') {
		/* Padding stands third or fourth, over bits that are zero. */
		b->padding++;
		if (b->digits == 1 || b->digits == 2 || b->padding > 2 ||
		    (b->padding == 1 && b->digits == 3 && b->held != 4) ||
		    (b->bits & ((1u << b->held) - 1)) != 0)
			return -EBADMSG;
		return 0;
	}
	if (v < 0 || b->padding > 0)
		return -EBADMSG;
	b->bits = (b->bits << 6 | (uint32_t)v) & 0xffffu;
	b->held += 6;
	if (b->held >= 8) {
		b->held -= 8;
		b->out[b->n++] = (uint8_t)(b->bits >> b->held);
	}
	return 0;
}

static int
put_line(struct base64 *b, const struct line *l)
{
	if (l->n > MAX_LINE || b->padding > 0)
		return -EBADMSG;
	for (size_t i = 0; i < l->n; i++)
		if (put_digit(b, l->p[i]) < 0)
			return -EBADMSG;
	return 0;
}

static uint32_t
crc24(const uint8_t *p, size_t n)
{
	uint32_t crc = CRC24_INIT;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint32_t)p[i] << 16;
		for (int k = 0; k < 8; k++) {
			crc <<= 1;
			if ((crc & 0x1000000u) != 0)
				crc ^= CRC24_POLY;
		}
	}
	return crc & 0xffffffu;
}

static bool
is_checksum(const struct line *l, const struct base64 *body)
{
	uint8_t sum[4];
	struct base64 b = { .out = sum };
	struct line digits = { .p = l->p + 1, .n = l->n - 1 };

	return l->n == 5 && put_line(&b, &digits) == 0 && b.n == 3 &&
	    crc24(body->out, body->n) ==
	    ((uint32_t)sum[0] << 16 | (uint32_t)sum[1] << 8 | sum[2]);
}

/* Blank lines, the begin line, header lines, one blank line. */
static int
read_head(struct text *t, enum vf_block kind)
{
	struct line l;

	do {
		if (!next_line(t, &l))
			return -EBADMSG;
	} while (l.n == 0);
	if (!is_line(&l, begins[kind]))
		return -EBADMSG;
	for (unsigned i = 0; i <= MAX_HEADERS; i++) {
		if (!next_line(t, &l))
			return -EBADMSG;
		if (l.n == 0)
			return 0;
		if (!is_header(&l))
			return -EBADMSG;
	}
	return -EBADMSG;
}

/* Base64 lines, perhaps a checksum, the end line. */
static int
read_body(struct text *t, enum vf_block kind, struct base64 *b)
{
	struct line l;

	for (;;) {
		if (!next_line(t, &l) || l.n == 0)
			return -EBADMSG;
		if (l.p[0] == '=' || l.p[0] == '-')
			break;
		if (put_line(b, &l) < 0)
			return -EBADMSG;
	}
	if (b->digits != 0 || b->n == 0)
		return -EBADMSG;
	if (l.p[0] == '=' && (!is_checksum(&l, b) || !next_line(t, &l)))
		return -EBADMSG;
	return is_line(&l, ends[kind]) ? 0 : -EBADMSG;
}

int
vf_dearmour(const uint8_t *in, size_t n, enum vf_block kind, uint8_t *out,
    size_t *ret_n)
{
	struct text t = { .p = (const char *)in, .n = n };
	struct base64 b = { .out = out };
	struct line l;

	if (read_head(&t, kind) < 0 || read_body(&t, kind, &b) < 0)
		return -EBADMSG;
	while (next_line(&t, &l))
		if (l.n != 0)
			return -EBADMSG;
	*ret_n = b.n;
	return 0;
}
