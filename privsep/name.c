/*
 * Character classes.  Linked into every program, root's among them: pure
 * functions over bytes that a stranger may have written.
 */
#include "privsep/name.h"

#include <string.h>

static bool
is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_separated(const char *s, size_t n, const char *separators)
{
	bool was_word = false;

	for (size_t i = 0; i < n; i++) {
		bool word = is_lower(s[i]);

		if (!word && (!was_word || s[i] == '\0' || !strchr(separators, s[i])))
			return false;
		was_word = word;
	}
	return was_word;
}

bool
ps_is_acid(const char *s, size_t n)
{
	return is_separated(s, n, "-._~/");
}

bool
ps_is_acid0(const char *s, size_t n)
{
	return n == 0 || ps_is_acid(s, n);
}

bool
ps_is_acname(const char *s, size_t n)
{
	return is_separated(s, n, "-");
}

bool
ps_is_hex0(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return true;
}

bool
ps_is_hex(const char *s, size_t n)
{
	return n > 0 && ps_is_hex0(s, n);
}

bool
ps_is_uuid(const char *s, size_t n)
{
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !ps_is_hex(s + i, 1))
			return false;
	}
	return true;
}

bool
ps_is_host(const char *s, size_t n)
{
	bool was_word = false;

	if (n == 0)
		return true;
	if (n > 64)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool word = is_lower(s[i]) || (s[i] >= 'A' && s[i] <= 'Z');

		if (!word && s[i] != '-' && s[i] != '.')
			return false;
		if (!word && !was_word && !(s[i] == '-' && i > 0 && s[i - 1] == '-'))
			return false;
		was_word = word;
	}
	return was_word;
}

bool
ps_is_path(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

/* Length of the UTF-8 sequence at s, 0 if it is not one (RFC 3629). */
static size_t
utf8_length(const unsigned char *s, size_t n)
{
	static const struct {
		unsigned char first, last, low, high, length;
	} rows[] = {
		{ 0x20, 0x7e, 0, 0, 1 },       { 0xc2, 0xc2, 0xa0, 0xbf, 2 },
		{ 0xc3, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (s[0] < rows[r].first || s[0] > rows[r].last)
			continue;
		if (rows[r].length == 1)
			return 1;
		if (n < rows[r].length || s[1] < rows[r].low || s[1] > rows[r].high)
			return 0;
		for (size_t i = 2; i < rows[r].length; i++)
			if ((s[i] & 0xc0) != 0x80)
				return 0;
		return rows[r].length;
	}
	return 0;
}

bool
ps_is_print(const char *s, size_t n)
{
	while (n > 0) {
		size_t step = utf8_length((const unsigned char *)s, n);

		if (step == 0)
			return false;
		s += step;
		n -= step;
	}
	return true;
}

bool
ps_is_abspath(const char *s, size_t n)
{
	if (n == 0 || s[0] != '/' || !ps_is_path(s, n))
		return false;
	if (n == 1)
		return true;
	for (size_t at = 1; at <= n;) {
		const char *slash = memchr(s + at, '/', n - at);
		size_t len = slash ? (size_t)(slash - s) - at : n - at;

		if (len == 0 || (len == 1 && s[at] == '.') ||
		    (len == 2 && s[at] == '.' && s[at + 1] == '.'))
			return false;
		at += len + 1;
	}
	return s[n - 1] != '/';
}

bool
ps_is_arg(const char *s, size_t n)
{
	return memchr(s, '\0', n) == NULL;
}

bool
ps_is_env(const char *s, size_t n)
{
	size_t i = 0;

	for (; i < n && s[i] != '='; i++) {
		bool letter = s[i] == '_' || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= 'a' && s[i] <= 'z');
		bool later = (s[i] >= '0' && s[i] <= '9') || s[i] == '.' || s[i] == '-';

		if (!letter && !(i > 0 && later))
			return false;
	}
	return i > 0 && i < n && ps_is_arg(s, n);
}

bool
ps_is_prefix(const char *prefix, const char *name)
{
	size_t n = strlen(prefix);

	return strncmp(prefix, name, n) == 0 && (name[n] == '\0' || name[n] == '/');
}

bool
ps_parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' ||
		    __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

void
ps_image_id(const uint8_t digest[64], char ret[PS_IMAGE_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *p = ret;

	memcpy(p, "sha512-", 7);
	p += 7;
	for (size_t i = 0; i < 64; i++) {
		*p++ = digits[digest[i] >> 4];
		*p++ = digits[digest[i] & 15];
	}
	*p = '\0';
}

static uint8_t
hex_value(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool
ps_parse_image_id(const char *s, uint8_t ret[64])
{
	if (strlen(s) != PS_IMAGE_ID_LEN || memcmp(s, "sha512-", 7) != 0 ||
	    !ps_is_hex(s + 7, 128))
		return false;
	for (size_t i = 0; i < 64; i++)
		ret[i] = (uint8_t)(hex_value(s[7 + 2 * i]) << 4 | hex_value(s[8 + 2 * i]));
	return true;
}
