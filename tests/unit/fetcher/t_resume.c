/* Two heads, and whether their bodies are of one file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fetcher/resume.h"
#include "privsep/attr.h"

static struct ft_header
head(const char *const *lines)
{
	struct ft_header h = {0};

	for (; *lines; lines++) {
		char line[512];

		(void)snprintf(line, sizeof(line), "%s\r\n", *lines);
		assert_int_equal(ft_header_line(&h, line, strlen(line)), 0);
	}
	assert_int_equal(ft_header_line(&h, "\r\n", 2), 0);
	return h;
}

#define HEAD(...) head((const char *const[]){__VA_ARGS__, NULL})
#define OK "HTTP/1.1 200 OK"
#define PART "HTTP/1.1 206 Partial Content"
#define DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"

static struct ft_resume
noted(struct ft_header h)
{
	struct ft_resume r = {.tries = 2};

	ft_resume_note(&r, &h);
	assert_int_equal(r.tries, 2);
	return r;
}

static void
what_may_resume(void **state)
{
	struct ft_resume r =
	    noted(HEAD(OK, "Content-Length: 100", "ETag: \"x\""));

	(void)state;
	assert_true(r.is_etag);
	assert_string_equal(r.validator, "\"x\"");
	assert_true(ft_resume_may(&r, 1));
	assert_true(ft_resume_may(&r, 99));
	assert_false(ft_resume_may(&r, 0));
	assert_false(ft_resume_may(&r, 100));
	r.tries = FT_RESUMES_MAX;
	assert_false(ft_resume_may(&r, 1));

	r = noted(HEAD(OK, "Content-Length: 100", DATE));
	assert_false(r.is_etag);
	assert_true(ft_resume_may(&r, 50));
}

static void
what_may_not(void **state)
{
	struct ft_resume r;

	(void)state;
	r = noted(HEAD(OK, "Content-Length: 100"));
	assert_false(ft_resume_may(&r, 50));
	/* weak: beside a date, too */
	r = noted(HEAD(OK, "Content-Length: 100", "ETag: W/\"x\"", DATE));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Content-Length: 100", "ETag: x"));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Content-Length: 100", "ETag: \""));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Content-Length: 100", "Last-Modified: W/\"x\""));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Content-Length: 100", "Last-Modified: yesterday"));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Transfer-Encoding: chunked", "ETag: \"x\""));
	assert_false(ft_resume_may(&r, 50));
	r = noted(HEAD(OK, "Content-Length: 1e2", "ETag: \"x\""));
	assert_false(ft_resume_may(&r, 50));
}

static void
ranges(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
	    {"Content-Range: bytes 40-99/100", true},
	    {"content-range:BYTES 40-99/100", true},
	    {"Content-Range: bytes 41-99/100", false},
	    {"Content-Range: bytes 39-99/100", false},
	    {"Content-Range: bytes 0-99/100", false},
	    {"Content-Range: bytes 40-98/100", false},
	    {"Content-Range: bytes 40-100/101", false},
	    {"Content-Range: bytes 40-99/*", false},
	    {"Content-Range: bytes */100", false},
	    {"Content-Range: bytes 40-99/100,200-300/100", false},
	    {"Content-Range: bytes 40-99", false},
	    {"Content-Range: bytes 040-99/100", false},
	    {"Content-Range: bytes -40-99/100", false},
	    {"Content-Range: bytes 40-99/18446744073709551716", false},
	    {"Content-Range: octets 40-99/100", false},
	    {"Content-Range:", false},
	    {"X: y", false},
	};
	struct ft_resume r =
	    noted(HEAD(OK, "Content-Length: 100", "ETag: \"x\""));

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ft_header h = HEAD(
		    PART, rows[i].line, "ETag: \"x\"", "Content-Length: 60");

		if ((ft_resume_judge(&r, &h, 40) == NULL) != rows[i].good)
			fail_msg("%s", rows[i].line);
	}
}

static void
other_lies(void **state)
{
#define RANGE "Content-Range: bytes 40-99/100"
	struct ft_resume r =
	    noted(HEAD(OK, "Content-Length: 100", "ETag: \"x\""));
	struct ft_header h;

	(void)state;
	h = HEAD(PART, RANGE, RANGE, "ETag: \"x\"", "Content-Length: 60");
	assert_non_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "ETag: \"y\"", "Content-Length: 60");
	assert_non_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "ETag: W/\"x\"", "Content-Length: 60");
	assert_non_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "Content-Length: 60");
	assert_non_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "ETag: \"x\"", "Content-Length: 61");
	assert_non_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "ETag: \"x\"", "Transfer-Encoding: chunked");
	assert_null(ft_resume_judge(&r, &h, 40));

	r = noted(HEAD(OK, "Content-Length: 100", DATE));
	h = HEAD(PART, RANGE, DATE, "Content-Length: 60");
	assert_null(ft_resume_judge(&r, &h, 40));
	h = HEAD(PART, RANGE, "Content-Length: 60",
	    "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT");
	assert_non_null(ft_resume_judge(&r, &h, 40));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_may_resume),
	    cmocka_unit_test(what_may_not),
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(other_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
