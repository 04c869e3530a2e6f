/*
 * Quantities ("1.5G", "250m", "3e6", "512Ki") in exact integer arithmetic.
 * Input: hostile text.  No float ever holds a limit.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "appc/isolator.h"
#include "privsep/attr.h"

#define MAX_EXPONENT 30
#define MAX_DIGITS 20u

__extension__ typedef unsigned __int128 u128;

static const struct {
	const char *text;
	int ten, two; /* times 10^ten, times 2^two */
} suffixes[] = {
	{ "", 0, 0 }, { "n", -9, 0 }, { "u", -6, 0 }, { "m", -3, 0 },
	{ "k", 3, 0 }, { "M", 6, 0 }, { "G", 9, 0 }, { "T", 12, 0 },
	{ "P", 15, 0 }, { "E", 18, 0 }, { "Ki", 0, 10 }, { "Mi", 0, 20 },
	{ "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
};

/* Digits and at most one point; *ret_ten gets minus the digits behind it. */
static const char *
get_digits(const char *s, u128 *ret, int *ret_ten)
{
	unsigned digits = 0;
	bool point = false;

	for (; (*s >= '0' && *s <= '9') || *s == '.'; s++) {
		if (*s == '.') {
			if (point)
				return NULL;
			point = true;
			continue;
		}
		if (*ret > 0 || *s != '0' || point)
			digits++;
		if (digits > MAX_DIGITS)
			return NULL;
		*ret = *ret * 10 + (unsigned)(*s - '0');
		*ret_ten -= point;
	}
	return s;
}

/* e or E, a sign, digits to the end. */
static bool
get_exponent(const char *s, int *ret)
{
	int v = 0;
	bool negative = s[1] == '-';

	if (*s != 'e' && *s != 'E')
		return false;
	s += s[1] == '-' || s[1] == '+' ? 2 : 1;
	if (*s == '\0')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (*s - '0');
		if (v > MAX_EXPONENT)
			return false;
	}
	*ret += negative ? -v : v;
	return *s == '\0';
}

static bool
get_suffix(const char *s, int *ret_ten, int *ret_two)
{
	for (size_t i = 0; i < PS_COUNT(suffixes); i++)
		if (strcmp(s, suffixes[i].text) == 0) {
			*ret_ten += suffixes[i].ten;
			*ret_two = suffixes[i].two;
			return true;
		}
	return get_exponent(s, ret_ten);
}

int
ac_quantity(const char *text, uint64_t scale, uint64_t *ret)
{
	const char *s = text + (*text == '+');
	u128 v = 0;
	int ten = 0, two = 0;
	const char *rest;

	if (*text == '-')
		return -ERANGE;
	rest = get_digits(s, &v, &ten);
	if (!rest || rest == s || (rest == s + 1 && *s == '.') ||
	    !get_suffix(rest, &ten, &two))
		return -EINVAL;
	if (__builtin_mul_overflow(v, (u128)scale, &v) ||
	    __builtin_mul_overflow(v, (u128)1 << two, &v))
		return -ERANGE;
	for (; ten > 0; ten--)
		if (__builtin_mul_overflow(v, (u128)10, &v))
			return -ERANGE;
	for (; ten < 0 && v > 0; ten++)
		v = v / 10 + (v % 10 != 0);
	if (v > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}
