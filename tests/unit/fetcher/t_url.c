/* URLs: one canonical form, or refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetcher/url.h"
#include "privsep/attr.h"

static void
good(void **state)
{
	static const struct {
		const char *text, *canonical, *host;
		uint16_t port;
	} rows[] = {
	    {"https://a.b", "https://a.b/", "a.b", 443},
	    {"HTTPS://A.b:443/X?y#z", "https://a.b/X?y", "a.b", 443},
	    {"http://a:80", "http://a/", "a", 80},
	    {"http://a:443/", "http://a:443/", "a", 443},
	    {"https://a?q=1", "https://a/?q=1", "a", 443},
	    {"https://a#f", "https://a/", "a", 443},
	    {"https://[::1]:8443/x", "https://[::1]:8443/x", "[::1]", 8443},
	    {"https://[FE80::1]/", "https://[fe80::1]/", "[fe80::1]", 443},
	    {"https://a_b-c.d/@x:y", "https://a_b-c.d/@x:y", "a_b-c.d", 443},
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ft_url u;

		assert_int_equal(ft_url_parse(rows[i].text, &u), 0);
		assert_string_equal(u.text, rows[i].canonical);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.https, rows[i].canonical[4] == 's');
	}
}

static void
bad(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
	    {"", -EINVAL},
	    {"a", -EINVAL},
	    {"https:/a", -EINVAL},
	    {"https://", -EINVAL},
	    {"https:///x", -EINVAL},
	    {"https://a..b", -EINVAL},
	    {"https://.a", -EINVAL},
	    {"https://a.", -EINVAL},
	    {"https://a:", -EINVAL},
	    {"https://a:0", -EINVAL},
	    {"https://a:65536", -EINVAL},
	    {"https://a:080", -EINVAL},
	    {"https://a:+1", -EINVAL},
	    {"https://a:1:2", -EINVAL},
	    {"https://a%41", -EINVAL},
	    {"https://a b", -EINVAL},
	    {"https://a\\b", -EINVAL},
	    {"https://a/\n", -EINVAL},
	    {"https://a/\x7f", -EINVAL},
	    {"https://\xc3\xa4/", -EINVAL},
	    {"https://a/{x}", -EINVAL},
	    {"https://[::1", -EINVAL},
	    {"https://[::1]x", -EINVAL},
	    {"https://[1.2.3.4]/", -EINVAL},
	    {"https://[fe80::1%25lo]/", -EINVAL},
	    {"https://[]/", -EINVAL},
	    {"https://u@a", -EACCES},
	    {"https://u:p@a", -EACCES},
	    {"https://a@[::1]", -EACCES},
	    {"ftp://a", -EPROTONOSUPPORT},
	    {"file:///etc/passwd", -EPROTONOSUPPORT},
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ft_url u = {.port = 7};

		assert_int_equal(ft_url_parse(rows[i].text, &u), rows[i].error);
		assert_int_equal(u.port, 7);
		assert_true(strlen(ft_url_why(rows[i].error)) > 0);
	}
}

static void
bounds(void **state)
{
	char text[FT_URL_MAX + 2];
	struct ft_url u;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://b/", 10);
	text[FT_URL_MAX] = '\0';
	assert_int_equal(ft_url_parse(text, &u), 0);
	assert_int_equal(strlen(u.text), FT_URL_MAX);
	text[FT_URL_MAX] = 'a';
	text[FT_URL_MAX + 1] = '\0';
	assert_int_equal(ft_url_parse(text, &u), -EMSGSIZE);
	/* The '/' that is put in does not fit. */
	memcpy(text, "https://b?", 10);
	text[FT_URL_MAX] = '\0';
	assert_int_equal(ft_url_parse(text, &u), -EMSGSIZE);
	/* A label of 64, a host of 254. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://", 8);
	text[8 + 64] = '\0';
	assert_int_equal(ft_url_parse(text, &u), -EINVAL);
	text[8 + 63] = '\0';
	assert_int_equal(ft_url_parse(text, &u), 0);
}

static void
origins(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"https://a/x", "https://a:443/y", true},
	    {"https://A/", "https://a/", true},
	    {"https://a/", "http://a/", false},
	    {"https://a/", "http://a:443/", false},
	    {"https://a/", "https://a:444/", false},
	    {"https://a/", "https://a.b/", false},
	    {"https://a/", "https://b/", false},
	    {"http://127.0.0.1/", "http://2130706433/", false},
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ft_url a, b;

		assert_int_equal(ft_url_parse(rows[i].a, &a), 0);
		assert_int_equal(ft_url_parse(rows[i].b, &b), 0);
		assert_int_equal(ft_url_same_origin(&a, &b), rows[i].same);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good),
	    cmocka_unit_test(bad),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
