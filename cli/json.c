/*
 * JSON on stdout, conductor, user rkt.  Strings may be an image's words.
 */
#include "cli/json.h"

#include <string.h>

#include "privsep/name.h"

static void
newline(struct cli_json *j)
{
	if (!j->pretty)
		return;
	(void)fputc('\n', j->out);
	for (unsigned i = 0; i < j->depth; i++)
		(void)fputc('\t', j->out);
}

static void
begin_value(struct cli_json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->has_members)
		(void)fputc(',', j->out);
	if (j->depth > 0)
		newline(j);
	j->has_members = true;
}

void
cli_json_open(struct cli_json *j, char bracket)
{
	begin_value(j);
	(void)fputc(bracket, j->out);
	j->depth++;
	j->has_members = false;
}

void
cli_json_close(struct cli_json *j, char bracket)
{
	j->depth--;
	if (j->has_members)
		newline(j);
	(void)fputc(bracket, j->out);
	j->has_members = true;
}

/* One byte of a string, or the whole of its UTF-8 sequence; how many. */
static size_t
put_character(struct cli_json *j, const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;

	if (c == '"' || c == '\\') {
		(void)fprintf(j->out, "\\%c", c);
		return 1;
	}
	for (size_t len = 1; len <= 4 && len <= n; len++) {
		if (ps_is_print(s, len)) {
			(void)fwrite(s, 1, len, j->out);
			return len;
		}
	}
	if (c < 0x80)
		(void)fprintf(j->out, "\\u%04x", c);
	else if (c == 0xc2 && n > 1 && (s[1] & 0xe0) == 0x80) {
		(void)fprintf(j->out, "\\u%04x", (unsigned char)s[1]);
		return 2;
	} else
		(void)fputs("\\ufffd", j->out);
	return 1;
}

static void
put_string(struct cli_json *j, const char *s)
{
	size_t n = strlen(s);

	(void)fputc('"', j->out);
	while (n > 0) {
		size_t step = put_character(j, s, n);

		s += step;
		n -= step;
	}
	(void)fputc('"', j->out);
}

void
cli_json_key(struct cli_json *j, const char *key)
{
	begin_value(j);
	put_string(j, key);
	(void)fputs(j->pretty ? ": " : ":", j->out);
	j->after_key = true;
}

void
cli_json_string(struct cli_json *j, const char *s)
{
	begin_value(j);
	put_string(j, s);
}

void
cli_json_int(struct cli_json *j, int64_t v)
{
	begin_value(j);
	(void)fprintf(j->out, "%jd", (intmax_t)v);
}

void
cli_json_bool(struct cli_json *j, bool v)
{
	begin_value(j);
	(void)fputs(v ? "true" : "false", j->out);
}

/* Length of the string literal at s, quotes included. */
static size_t
literal_length(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '"')
			return i + 1;
	}
	return n;
}

/* A literal's inside is escaped already; only what terminals obey is left. */
static void
put_literal(struct cli_json *j, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (s[i] == '\\' || s[i] == '"') {
			(void)fputc(s[i++], j->out);
			if (i < n && s[i - 1] == '\\')
				(void)fputc(s[i++], j->out);
			continue;
		}
		i += put_character(j, s + i, n - i);
	}
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
cli_json_print(struct cli_json *j, const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		char c = text[i];
		size_t len = 1;

		if (c == '{' || c == '[') {
			cli_json_open(j, c);
		} else if ((c == '}' || c == ']') && j->depth > 0) {
			cli_json_close(j, c);
		} else if (c == ':') {
			(void)fputs(j->pretty ? ": " : ":", j->out);
			j->after_key = true;
		} else if (c == '"') {
			len = literal_length(text + i, n - i);
			begin_value(j);
			put_literal(j, text + i, len);
		} else if (c != ',' && !is_space(c)) {
			for (; i + len < n && !strchr(",]}", text[i + len]) &&
			     !is_space(text[i + len]);)
				len++;
			begin_value(j);
			put_literal(j, text + i, len);
		}
		i += len;
	}
}
