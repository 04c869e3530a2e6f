/* Discovery documents and their templates. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fetcher/page.h"
#include "privsep/attr.h"

static const char *const labels[] = {"arch=amd64", "channel={name}", "ext=evil",
    "name=evil", "os=linux", "version=1.0"};
static const struct ft_query query = {"a.com/app", labels, PS_COUNT(labels)};
static const struct ft_query bare = {"a.com/app", NULL, 0};

static void
templates(void **state)
{
	static const struct {
		const char *template, *result;
	} rows[] = {
	    {"", ""},
	    {"x", "x"},
	    {"{name}", "a.com/app"},
	    {"{version}.{ext}", "1.0.aci"},
	    {"{os}-{arch}", "linux-amd64"},
	    {"{channel}", "{name}"}, /* values are not looked into */
	    {"}{os}}", "}linux}"},
	    {"{flavor}", NULL},
	    {"{}", NULL},
	    {"{os", NULL},
	    {"{{os}}", NULL},
	    {"{OS}", NULL},
	    {"{os=linux}", NULL},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int r = ft_expand(
		    rows[i].template, &query, "aci", text, sizeof(text));

		assert_int_equal(r, rows[i].result ? 0 : -ENOENT);
		if (r == 0)
			assert_string_equal(text, rows[i].result);
	}
	assert_int_equal(
	    ft_expand("{version}", &bare, "aci", text, sizeof(text)), 0);
	assert_string_equal(text, "latest");
	assert_int_equal(
	    ft_expand("{os}", &bare, "aci", text, sizeof(text)), -ENOENT);
	assert_int_equal(ft_expand("1234", &bare, "", text, 4), -EMSGSIZE);
	assert_int_equal(ft_expand("123", &bare, "", text, 4), 0);
	assert_int_equal(ft_expand("{name}", &bare, "", text, 9), -EMSGSIZE);
	assert_int_equal(ft_expand("", &bare, "", text, 1), 0);
}

#define TAG(content) "<meta name=\"ac-discovery\" content=\"" content "\">"
#define HIT TAG("a.com https://h/{name}.{ext}")

static void
pages(void **state)
{
	static const struct {
		const char *page;
		size_t urls;
	} rows[] = {
	    {"<html><head>" HIT "</head></html>", 2},
	    {HIT, 2},
	    {"<HEAD><META NAME=ac-discovery CONTENT='a.com https://h/{ext}'>",
		2},
	    {"<head><!-- " HIT " -->", 0},
	    {"<head><script>" HIT "</script>", 0},
	    {"<head><title>" HIT "</title>", 0},
	    {"<head><title>" HIT "</title>" HIT, 2},
	    {"<head><noscript>" HIT "</noscript>", 0},
	    {"<html><meta charset=x><link rel=x>" HIT, 2},
	    {"<head></head>" HIT, 0},
	    {"<body>" HIT, 0},
	    {"<p>" HIT, 0},
	    {"x" HIT, 0},
	    {HIT HIT HIT, 6},
	    {HIT "<body>" HIT, 2},
	    {"\xff\xfe<\0m\0e\0t\0a\0", 0},
	    {"<head><meta charset=\"utf-16\">" HIT, 2},
	    {"<head><meta name=ac-discovery>", 0},
	    {"<head><meta content='a.com https://h/{ext}'>", 0},
	    {TAG("a.com"), 0},
	    {TAG("a.com https://h/{ext} more"), 0},
	    {TAG("\n a.com \t https://h/{ext} \n"), 2},
	    {TAG("a.com/ap https://h/{ext}"), 0},
	    {TAG("a.com/app/x https://h/{ext}"), 0},
	    {TAG("a.co https://h/{ext}"), 0},
	    {TAG("https://a.com https://h/{ext}"), 0},
	    {TAG("a.com http://h/{ext}"), 0},
	    {TAG("a.com https://h/&#123;ext&#125;&amp;x"), 2},
	    {TAG("a.com https://h/{x}.{ext}"), 0},
	    {"<meta name=ac-discovery-pubkeys content='a.com https://h/k'>", 0},
	    {"<!DOCTYPE html SYSTEM 'file:///etc/passwd'><head>" TAG(
		 "a.com https://h/&x;{ext}"),
		2},
	    {"<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" TAG(
		 "a.com https://h/&x;{ext}"),
		0},
	};
	const struct ft_want want = {.query = query};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		_cleanup_(ft_list_done) struct ft_list list = {0};

		assert_int_equal(ft_read_page(rows[i].page,
				     strlen(rows[i].page), &want, &list),
		    0);
		if (list.n != rows[i].urls)
			fail_msg("row %zu: %zu URLs", i, list.n);
	}
}

static void
keys(void **state)
{
	static const char page[] =
	    "<meta name=ac-discovery-pubkeys content='a.com https://h/k'>"
	    "<meta name=ac-discovery-pubkeys content='a.com http://h/k'>" HIT;
	struct ft_want want = {.query = bare, .keys = true};
	_cleanup_(ft_list_done) struct ft_list list = {0};

	(void)state;
	assert_int_equal(ft_read_page(page, sizeof(page) - 1, &want, &list), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.row[0].url, "https://h/k");
	assert_string_equal(list.row[0].prefix, "a.com");
	want.may_http = true;
	assert_int_equal(ft_read_page(page, sizeof(page) - 1, &want, &list), 0);
	assert_int_equal(list.n, 3);
}

static void
bounds(void **state)
{
	const struct ft_want want = {.query = query};
	_cleanup_(ft_list_done) struct ft_list list = {0};
	_cleanup_free_ char *page = malloc(FT_PAGE_MAX + 1);
	size_t at = 0;

	(void)state;
	/* Tags that do not count use up the bound on tags. */
	for (size_t i = 0; i < FT_TAGS_MAX; i++)
		at += (size_t)sprintf(page + at, "<meta name=x>");
	strcpy(page + at, HIT);
	assert_int_equal(ft_read_page(page, strlen(page), &want, &list), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(
	    ft_read_page(page + 13, strlen(page) - 13, &want, &list), 0);
	assert_int_equal(list.n, 2);
	/* More endpoints than a message holds. */
	at = 0;
	for (size_t i = 0; i < 40; i++)
		at += (size_t)sprintf(page + at, HIT);
	assert_int_equal(ft_read_page(page, at, &want, &list), 0);
	assert_int_equal(list.n, FT_URLS_MAX);
	/* Deep and large, without taking its time. */
	for (at = 0; at + 3 <= FT_PAGE_MAX; at += 3)
		memcpy(page + at, "<a>", 3);
	assert_int_equal(ft_read_page(page, FT_PAGE_MAX, &want, &list), 0);
	assert_int_equal(ft_read_page(page, FT_PAGE_MAX + 1, &want, &list), 0);
	assert_int_equal(ft_read_page(page, 0, &want, &list), 0);
}

static void
simple(void **state)
{
	struct ft_want want = {.query = query};
	_cleanup_(ft_list_done) struct ft_list list = {0};

	(void)state;
	assert_int_equal(ft_simple_discovery(&want, &list), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(
	    list.row[1].url, "https://a.com/app-1.0-linux-amd64.aci.asc");
	want.query = bare;
	assert_int_equal(ft_simple_discovery(&want, &list), 0);
	assert_int_equal(list.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(templates),
	    cmocka_unit_test(pages),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(simple),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
