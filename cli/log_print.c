/*
 * Lines of a log on stdout, conductor, user rkt or whoever called.  HOSTILE:
 * what apps wrote.  Nothing of it reaches a terminal but printable text, tabs
 * and the ends of lines: what else there is stands there as \x1b.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/json.h"
#include "cli/logs.h"
#include "privsep/name.h"

/* Marks that turn the direction of text, or part lines, unseen. */
static bool
is_unseen(const char *s, size_t n)
{
	static const char *const marks[] = { "\xd8\x9c", "\xe2\x80\x8e",
		"\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
		"\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
		"\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9" };

	for (size_t i = 0; i < PS_COUNT(marks); i++)
		if (strlen(marks[i]) == n && memcmp(marks[i], s, n) == 0)
			return true;
	return false;
}

/* The printable character at s: how many bytes, 0 none. */
static size_t
printable(const char *s, size_t n)
{
	for (size_t i = 1; i <= 4 && i <= n; i++)
		if (ps_is_print(s, i))
			return is_unseen(s, i) ? 0 : i;
	return 0;
}

static void
put_text(const char *s, size_t n, const char *indent)
{
	while (n > 0) {
		size_t step = printable(s, n);

		if (step > 0 || *s == '\t')
			(void)fwrite(s, 1, step ? step : 1, stdout);
		else if (*s == '\n')
			(void)printf("\n%s", indent);
		else
			(void)printf("\\x%02x", (unsigned char)*s);
		s += step ? step : 1;
		n -= step ? step : 1;
	}
}

static void
put_message(const struct cli_line *line, const char *indent)
{
	size_t n = line->n;

	if (line->more == 0 && n > 0 && line->message[n - 1] == '\r')
		n--;
	put_text(line->message, n, indent);
	if (line->more > 0)
		(void)printf(" (%ju bytes more)", (uintmax_t)line->more);
	(void)putchar('\n');
}

static int
print_cat(const struct cli_line *line, void *arg)
{
	(void)arg;
	put_message(line, "");
	return ferror(stdout);
}

static int
print_short(const struct cli_line *line, void *arg)
{
	time_t s = (time_t)(line->realtime / 1000000);
	char when[64] = "-";
	struct tm tm;

	(void)arg;
	if (localtime_r(&s, &tm) == NULL ||
	    strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm) == 0)
		memcpy(when, "-", 2);
	(void)printf("%s ", when);
	put_text(line->app, strlen(line->app), "");
	if (line->pid[0]) {
		(void)putchar('[');
		put_text(line->pid, strlen(line->pid), "");
		(void)putchar(']');
	}
	(void)fputs(": ", stdout);
	put_message(line, "    ");
	return ferror(stdout);
}

/* Text where it is text, else its bytes, as journalctl does. */
static void
put_json(struct cli_json *j, const char *key, const char *s, size_t n)
{
	cli_json_key(j, key);
	if (ps_is_print(s, n)) {
		cli_json_string(j, cli_copy_n(s, n));
		return;
	}
	cli_json_open(j, '[');
	for (size_t i = 0; i < n; i++)
		cli_json_int(j, (unsigned char)s[i]);
	cli_json_close(j, ']');
}

static int
print_json(const struct cli_line *line, void *arg)
{
	const struct {
		const char *key, *value;
	} rows[] = { { "SYSLOG_IDENTIFIER", line->identifier },
		{ "_SYSTEMD_UNIT", line->unit }, { "_PID", line->pid },
		{ "PRIORITY", line->priority } };
	struct cli_json j = { .out = stdout };
	void *mark = cli_mark();

	(void)arg;
	cli_json_open(&j, '{');
	cli_json_key(&j, "__REALTIME_TIMESTAMP");
	cli_json_string(&j, cli_format("%ju", (uintmax_t)line->realtime));
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].value[0])
			put_json(&j, rows[i].key, rows[i].value,
			    strlen(rows[i].value));
	put_json(&j, "MESSAGE", line->message, line->n);
	cli_json_close(&j, '}');
	(void)putchar('\n');
	cli_release(mark);
	return ferror(stdout);
}

cli_log_visit *
cli_log_printer(const char *output)
{
	static const struct {
		const char *name;
		cli_log_visit *print;
	} rows[] = { { "short", print_short }, { "cat", print_cat },
		{ "json", print_json } };

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (strcmp(rows[i].name, output) == 0)
			return rows[i].print;
	return NULL;
}
