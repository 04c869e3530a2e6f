/* Header lines and text that strangers wrote. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetcher/header.h"
#include "fetcher/text.h"
#include "privsep/attr.h"

static int
line(struct ft_header *h, const char *s)
{
	return ft_header_line(h, s, strlen(s));
}

static void
fields(void **state)
{
	struct ft_header h = {0};

	(void)state;
	assert_int_equal(line(&h, "HTTP/1.1 200 OK\r\n"), 0);
	assert_int_equal(h.status, 200);
	assert_int_equal(line(&h, "eTaG: \t W/\"x y\" \r\n"), 0);
	assert_string_equal(h.etag, "W/\"x y\"");
	assert_int_equal(
	    line(&h, "Cache-Control: private, max-age=\"60\"\r\n"), 0);
	assert_int_equal(ft_header_max_age(&h), 60);
	assert_false(h.has_end);
	assert_int_equal(line(&h, "Content-Length: 0\r\n"), 0);
	assert_true(h.has_end);
	assert_false(h.complete);
	assert_int_equal(line(&h, "\r\n"), 0);
	assert_true(h.complete);
	/* The next answer starts afresh; only the bytes stay counted. */
	assert_int_equal(line(&h, "HTTP/1.1 404 \r\n"), 0);
	assert_string_equal(h.etag, "");
	assert_false(h.has_end || h.complete || h.has_age);
	assert_true(h.total > 60);
}

static void
hostile(void **state)
{
	static const char *const dropped[] = {"ETag: \"\x1b[2J\"\r\n",
	    "ETag: \"\xff\xfe\"\r\n", "ETag:\r\n", "ETag\r\n", "", ":", ": x",
	    "HTTP/", "HTTP/1.1 2", "Cache-Control: ,,=,max-age,=5,max-age=",
	    "Cache-Control: max-age=1x", "Cache-Control: max-age=\""};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(dropped); i++) {
		struct ft_header h = {0};

		assert_int_equal(line(&h, dropped[i]), 0);
		assert_string_equal(h.etag, "");
		assert_int_equal(ft_header_max_age(&h), 0);
		assert_int_equal(h.status, 0);
	}
}

static void
coding(void **state)
{
	static const char *const bad[] = {"Transfer-Encoding: gzip\r\n",
	    "transfer-encoding: gzip, chunked\r\n", "Transfer-Encoding:\r\n",
	    "TRANSFER-ENCODING: chunked, chunked\r\n"};
	struct ft_header h = {0};

	(void)state;
	assert_int_equal(line(&h, "Transfer-Encoding:  Chunked \r\n"), 0);
	assert_true(h.has_end);
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		assert_int_equal(line(&h, bad[i]), -EPROTO);
}

static void
flood(void **state)
{
	struct ft_header h = {0};
	int n = 0;

	(void)state;
	/* Not even endless 1xx answers get around the bound. */
	while (line(&h, "HTTP/1.1 100 Continue\r\n") == 0)
		n++;
	assert_int_equal(n, FT_HEADER_MAX / 23);
	assert_int_equal(line(&h, "HTTP/1.1 100 Continue\r\n"), -EMSGSIZE);
}

static void
text(void **state)
{
	char s[] =
	    "a\n\x1b[31m\xc3\xa4\xc3\xff\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x80"
	    "\x7f\xed\xa0\x80z\xe2\x82";
	char small[9] = "";

	(void)state;
	ft_sanitize(s);
	assert_string_equal(s, "a??[31m\xc3\xa4??\xe2\x82\xac\xf0\x9f\x98\x80??"
			       "????z??");
	ft_text(small, sizeof(small), "%s", "1234567\xc3\xa4");
	assert_string_equal(small, "1234567?");
	ft_text(small, sizeof(small), "%s", "12");
	ft_text_add(small, sizeof(small), "%s", "\r345678");
	assert_string_equal(small, "12?34567");
	ft_text_add(small, sizeof(small), "%s", "more");
	assert_string_equal(small, "12?34567");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields),
	    cmocka_unit_test(hostile),
	    cmocka_unit_test(coding),
	    cmocka_unit_test(flood),
	    cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
