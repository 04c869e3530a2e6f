/*
 * Pure formatting for the conductor, user rkt.  Times may come from files that
 * a pod touched: any 64-bit value must give some text.
 */
#include "cli/human.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/mem.h"
#include "privsep/attr.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONTH (30 * DAY)
#define YEAR (12 * MONTH)

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 },
	{ "ms", 1000000 },
	{ "s", CLI_SECOND },
	{ "m", 60 * CLI_SECOND },
	{ "h", 3600 * CLI_SECOND },
};

static int64_t
find_unit(const char *s, size_t n)
{
	for (size_t i = 0; i < PS_COUNT(units); i++)
		if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0)
			return units[i].ns;
	return 0;
}

/* One number with its unit at *s; moves *s behind it. */
static int
parse_term(const char **s, int64_t *ret)
{
	int64_t whole = 0, part = 0, scale = 1, unit;
	size_t digits = strspn(*s, "0123456789"), more = 0, n;

	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (*s)[i] - '0', &whole))
			return -EINVAL;
	*s += digits;
	if (**s == '.') {
		more = strspn(++*s, "0123456789");
		for (size_t i = 0; i < more && i < 9; i++) {
			part = part * 10 + ((*s)[i] - '0');
			scale *= 10;
		}
		*s += more;
	}
	n = strcspn(*s, "0123456789.");
	unit = find_unit(*s, n);
	*s += n;
	if (digits + more == 0 || unit == 0 ||
	    __builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole,
		(int64_t)((double)part / (double)scale * (double)unit), ret))
		return -EINVAL;
	return 0;
}

int
cli_parse_duration(const char *s, int64_t *ret_ns)
{
	int64_t sum = 0, sign = 1;

	if (*s == '-' || *s == '+')
		sign = *s++ == '-' ? -1 : 1;
	if (*s == '\0')
		return -EINVAL;
	if (strcmp(s, "0") == 0)
		s++;
	while (*s != '\0') {
		int64_t term = 0;

		if (parse_term(&s, &term) < 0 ||
		    __builtin_add_overflow(sum, term, &sum))
			return -EINVAL;
	}
	*ret_ns = sign * sum;
	return 0;
}

/* value / scale with as many decimals as it needs, at most those of scale. */
static char *
format_fraction(int64_t value, int64_t scale, const char *unit)
{
	char digits[32];
	size_t n = 0;

	for (int64_t s = scale; s > 1; s /= 10)
		n++;
	(void)snprintf(digits, sizeof(digits), "%0*jd", (int)n,
	    (intmax_t)(value % scale));
	while (n > 0 && digits[n - 1] == '0')
		n--;
	return cli_format("%jd%s%.*s%s", (intmax_t)(value / scale),
	    n > 0 ? "." : "", (int)n, digits, unit);
}

const char *
cli_format_duration(int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "", *tail;
	int64_t s, a = ns;

	if (ns == INT64_MIN || ns == 0)
		return "0s";
	if (ns < 0)
		a = -ns;
	if (a < 1000)
		return cli_format("%s%jdns", sign, (intmax_t)a);
	if (a < 1000000)
		return cli_format("%s%s", sign,
		    format_fraction(a, 1000, "\xc2\xb5s"));
	if (a < CLI_SECOND)
		return cli_format("%s%s", sign, format_fraction(a, 1000000, "ms"));
	tail = format_fraction(a % (60 * CLI_SECOND), CLI_SECOND, "s");
	s = a / CLI_SECOND;
	if (s >= 3600)
		return cli_format("%s%jdh%jdm%s", sign, (intmax_t)(s / 3600),
		    (intmax_t)(s / 60 % 60), tail);
	if (s >= 60)
		return cli_format("%s%jdm%s", sign, (intmax_t)(s / 60), tail);
	return cli_format("%s%s", sign, tail);
}

const char *
cli_format_size(uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	double value = (double)bytes;
	size_t i = 0;

	if (bytes < 10)
		return cli_format("%juB", (uintmax_t)bytes);
	for (; value >= 1024 && i + 1 < PS_COUNT(names); i++)
		value /= 1024;
	value = (double)(uint64_t)(value * 10 + 0.5) / 10;
	return cli_format("%.*f%s", value < 10 ? 1 : 0, value, names[i]);
}

const char *
cli_format_age(int64_t then, int64_t now)
{
	static const struct {
		int64_t below, unit;
		const char *one;
		const char *units;
	} rows[] = {
		{ 2, 0, "1 second", NULL },
		{ MINUTE, 1, NULL, "seconds" },
		{ 2 * MINUTE, 0, "1 minute", NULL },
		{ HOUR, MINUTE, NULL, "minutes" },
		{ 2 * HOUR, 0, "1 hour", NULL },
		{ DAY, HOUR, NULL, "hours" },
		{ 2 * DAY, 0, "1 day", NULL },
		{ WEEK, DAY, NULL, "days" },
		{ 2 * WEEK, 0, "1 week", NULL },
		{ MONTH, WEEK, NULL, "weeks" },
		{ 2 * MONTH, 0, "1 month", NULL },
		{ YEAR, MONTH, NULL, "months" },
		{ 18 * MONTH, 0, "1 year", NULL },
		{ 2 * YEAR, 0, "2 years", NULL },
		{ 37 * YEAR, YEAR, NULL, "years" },
	};
	const char *when = "ago";
	int64_t d;

	if (__builtin_sub_overflow(now, then, &d) || d == INT64_MIN)
		return "a long while ago";
	if (d < 0) {
		when = "from now";
		d = -d;
	}
	if (d == 0)
		return "now";
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (d >= rows[i].below)
			continue;
		if (rows[i].unit == 0)
			return cli_format("%s %s", rows[i].one, when);
		return cli_format("%jd %s %s", (intmax_t)(d / rows[i].unit),
		    rows[i].units, when);
	}
	return cli_format("a long while %s", when);
}

const char *
cli_format_time(int64_t ns)
{
	time_t s = ns / CLI_SECOND;
	int64_t ms = ns % CLI_SECOND / 1000000;
	char head[64], zone[64], part[8] = "";
	struct tm tm;

	if (ms < 0)
		ms = 0;
	if (localtime_r(&s, &tm) == NULL)
		return "-";
	if (strftime(head, sizeof(head), "%Y-%m-%d %H:%M:%S", &tm) == 0 ||
	    strftime(zone, sizeof(zone), "%z %Z", &tm) == 0)
		return "-";
	if (ms > 0) {
		int n = snprintf(part, sizeof(part), ".%03u", (unsigned)ms);

		while (n > 1 && part[n - 1] == '0')
			part[--n] = '\0';
	}
	return cli_format("%s%s %s", head, part, zone);
}
