/* Image strings, flags, times, sizes, tables: what the operator reads and
 * writes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/env.h"
#include "cli/human.h"
#include "cli/image_string.h"
#include "cli/insecure.h"
#include "cli/json.h"
#include "cli/plan.h"
#include "cli/table.h"
#include "cli/terminal.h"

/* link: @cli @appc @privsep */

static bool
is_file(const char *path)
{
	return strcmp(path, "there") == 0;
}

static void
image_strings(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: refused */
		const char *is;
	} rows[] = {
		{ "sha512-ab", CLI_IMAGE_ID, "sha512-ab" },
		{ "sha512-a", -1, NULL },
		{ "sha512-AB", -1, NULL },
		{ "sha512-../../x", -1, NULL },
		{ "/x", CLI_IMAGE_PATH, "/x" },
		{ "there", CLI_IMAGE_PATH, "there" },
		{ "./x", CLI_IMAGE_PATH, "./x" },
		{ "../x", CLI_IMAGE_PATH, "../x" },
		{ "x.aci", CLI_IMAGE_PATH, "x.aci" },
		{ "file:///x.aci", CLI_IMAGE_PATH, "/x.aci" },
		{ "file:x.aci", -1, NULL },
		{ "file:/x.aci", -1, NULL },
		{ "file://h/x.aci", -1, NULL },
		{ "FILE:///x.aci", -1, NULL },
		{ "file:///x.aci?a", -1, NULL },
		{ "http://h/x.aci", CLI_IMAGE_URL, "http://h/x.aci" },
		{ "https://h/x.aci?a", CLI_IMAGE_URL, "https://h/x.aci?a" },
		{ "https://h/x", -1, NULL },
		{ "https://h", -1, NULL },
		{ "docker://x", -1, NULL },
		{ "docker:x", -1, NULL },
		{ "cimd:appc:v=0:x", -1, NULL },
		{ "ftp://h/x.aci", -1, NULL },
		{ "x", CLI_IMAGE_NAME, "x" },
		{ "a.com/b:1", CLI_IMAGE_NAME, "a.com/b" },
		{ "a.com/b:1.aci", CLI_IMAGE_NAME, "a.com/b" },
		{ "a.com/b,os=linux", CLI_IMAGE_NAME, "a.com/b" },
		{ "a.com//b", -1, NULL },
		{ "a:1:2", -1, NULL },
		{ "a:", -1, NULL },
		{ "", -1, NULL },
		{ "a,name=b", -1, NULL },
		{ "a:1,version=2", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct cli_image_string im;
		const char *wrong = cli_classify_image(rows[i].text, is_file, &im);

		if (rows[i].kind < 0) {
			assert_non_null(wrong);
			continue;
		}
		assert_null(wrong);
		assert_int_equal(im.kind, rows[i].kind);
		assert_string_equal(im.kind == CLI_IMAGE_NAME ? im.app.name :
								im.text,
		    rows[i].is);
	}
}

static void
labels_are_sorted(void **state)
{
	struct cli_app_name a;

	(void)state;
	assert_null(cli_parse_app_name("a.com/b:1,z=9,a=2", &a));
	cli_add_host_labels(&a);
	assert_int_equal(a.n_label, 5);
	assert_true(a.has_version);
	assert_string_equal(a.label[0], "a=2");
	assert_string_equal(a.label[2], "os=linux");
	assert_string_equal(a.label[3], "version=1");
	assert_string_equal(a.label[4], "z=9");
	assert_string_equal(cli_find_label(a.label, a.n_label, "z"), "9");
	assert_null(cli_find_label(a.label, a.n_label, "vers"));
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *shown;
	} rows[] = {
		{ "0", 0, "0s" }, { "30m", 1800 * CLI_SECOND, "30m0s" },
		{ "24h", 86400 * CLI_SECOND, "24h0m0s" },
		{ "1h30m", 5400 * CLI_SECOND, "1h30m0s" },
		{ "1.5s", 1500000000, "1.5s" }, { "300ms", 300000000, "300ms" },
		{ "-5s", -5 * CLI_SECOND, "-5s" }, { "7us", 7000, "7\xc2\xb5s" },
		{ "12ns", 12, "12ns" }, { "1m2.25s", 62250000000, "1m2.25s" },
	};
	static const char *const bad[] = { "", "5", "m", "-", "1x", "1s5",
		"99999999999999h", ".s", "1 s", "0x1s" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		assert_int_equal(cli_parse_duration(rows[i].text, &ns), 0);
		assert_true(ns == rows[i].ns);
		assert_string_equal(cli_format_duration(ns), rows[i].shown);
	}
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		assert_int_equal(cli_parse_duration(bad[i], &ns), -EINVAL);
}

static void
sizes_and_ages(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0B" }, { 9, "9B" }, { 900, "900B" },
		{ 1024, "1.0KiB" }, { 13 << 20, "13MiB" }, { 4000, "3.9KiB" },
		{ UINT64_MAX, "16EiB" } };
	static const struct {
		int64_t seconds;
		const char *text;
	} ages[] = { { 0, "now" }, { 1, "1 second ago" }, { 59, "59 seconds ago" },
		{ 60, "1 minute ago" }, { 180, "3 minutes ago" },
		{ 3600, "1 hour ago" }, { 90000, "1 day ago" },
		{ 86400 * 3, "3 days ago" }, { 86400 * 8, "1 week ago" },
		{ 86400 * 40, "1 month ago" }, { 86400 * 500, "1 year ago" },
		{ 86400 * 600, "2 years ago" }, { 86400 * 1200, "3 years ago" },
		{ INT64_MAX, "a long while ago" }, { -120, "2 minutes from now" } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(sizes); i++)
		assert_string_equal(cli_format_size(sizes[i].bytes),
		    sizes[i].text);
	for (size_t i = 0; i < PS_COUNT(ages); i++)
		assert_string_equal(cli_format_age(0, ages[i].seconds),
		    ages[i].text);
	assert_string_equal(cli_format_age(INT64_MAX, INT64_MIN),
	    "a long while ago");
}

static void
times(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	tzset();
	assert_string_equal(cli_format_time(1453814699031000000),
	    "2016-01-26 13:24:59.031 +0000 UTC");
	assert_string_equal(cli_format_time(1453814699000000000),
	    "2016-01-26 13:24:59 +0000 UTC");
	assert_string_equal(cli_format_time(1453814699500000000),
	    "2016-01-26 13:24:59.5 +0000 UTC");
	assert_non_null(cli_format_time(INT64_MIN));
	assert_non_null(cli_format_time(INT64_MAX));
}

static char *
printed(void (*print)(FILE *out), char *buffer, size_t size)
{
	FILE *f = fmemopen(buffer, size, "w");

	assert_non_null(f);
	print(f);
	assert_int_equal(fclose(f), 0);
	return buffer;
}

static void
print_table(FILE *out)
{
	struct cli_table t = { .columns = 3 };
	static const char *const cells[] = { "A", "B", "C", "1234567", "",
		"\x1b[2J", "12345678", "\xc3\xa4", "x" };

	for (size_t i = 0; i < PS_COUNT(cells); i++)
		cli_table_add(&t, cells[i]);
	cli_table_print(&t, out);
}

static void
tables_are_gos(void **state)
{
	char b[200] = "";

	(void)state;
	assert_string_equal(printed(print_table, b, sizeof(b)),
	    "A\t\tB\tC\n"
	    "1234567\t\t\t?[2J\n"
	    "12345678\t\xc3\xa4\tx\n");
}

static void
print_json(FILE *out)
{
	struct cli_json j = { .out = out, .pretty = true };
	static const char text[] =
	    "{ \"a\\\"\": [1, -2.5e3,true , {}], \"b\":{\"c\":null},\"d\":[]}";

	cli_json_print(&j, text, sizeof(text) - 1);
}

static void
print_flat_json(FILE *out)
{
	struct cli_json j = { .out = out };

	cli_json_open(&j, '{');
	cli_json_key(&j, "a\n\"");
	cli_json_string(&j, "\x1b\xc2\x9b\xff\xc3\xa4");
	cli_json_key(&j, "b");
	cli_json_open(&j, '[');
	cli_json_int(&j, -1);
	cli_json_bool(&j, true);
	cli_json_close(&j, ']');
	cli_json_close(&j, '}');
}

static void
json(void **state)
{
	char b[400] = "", c[400] = "";

	(void)state;
	assert_string_equal(printed(print_json, b, sizeof(b)),
	    "{\n\t\"a\\\"\": [\n\t\t1,\n\t\t-2.5e3,\n\t\ttrue,\n\t\t{}\n\t],\n"
	    "\t\"b\": {\n\t\t\"c\": null\n\t},\n\t\"d\": []\n}");
	assert_string_equal(printed(print_flat_json, c, sizeof(c)),
	    "{\"a\\u000a\\\"\":\"\\u001b\\u009b\\ufffd\xc3\xa4\","
	    "\"b\":[-1,true]}");
}

static void
insecure(void **state)
{
	uint32_t bits = 0;

	(void)state;
	assert_null(cli_set_insecure(&bits, "Image,TLS"));
	assert_int_equal(bits, PS_INSECURE_IMAGE | PS_INSECURE_TLS);
	assert_null(cli_set_insecure(&bits, "none"));
	assert_int_equal(bits, 0);
	assert_string_equal(cli_set_insecure(&bits, "imag"),
	    "unknown option \"imag\"");
	assert_string_equal(cli_set_insecure(&bits, "tls,image,tls"),
	    "duplicated option \"tls\"");
	assert_non_null(cli_set_insecure(&bits, ""));
	assert_non_null(cli_set_insecure(&bits, "image,"));
	assert_string_equal(cli_insecure_excess(0xff, 0xfe), "image");
	assert_null(cli_insecure_excess(0x7f, 0xff));
}

static void
flags(void **state)
{
	static struct options {
		bool on;
		const char *text;
		struct cli_list list;
	} o;
	static const struct cli_flag table[] = {
		CLI_BOOL("on", options, on, "x"),
		CLI_FLAG("text", cli_set_string, options, text, "T", NULL, "x"),
		CLI_FLAG("list", cli_set_list, options, list, "L", NULL, "x"),
		{ 0 } };
	const struct cli_flagset set = { .flags = table, .options = &o };
	char a0[] = "--on", a1[] = "--text", a2[] = "--list", a3[] = "--list=",
	     a4[] = "--list=b=c", a5[] = "word", a6[] = "--on=maybe",
	     a7[] = "--nothing";
	char *good[] = { a0, a1, a2, a3, a4, a5, NULL };
	char *bad[][2] = { { a6, NULL }, { a7, NULL }, { a1, NULL } };
	int at = 0;

	(void)state;
	assert_null(cli_parse_flags(&set, 1, good, &at));
	assert_int_equal(at, 5);
	assert_true(o.on);
	assert_string_equal(o.text, "--list");
	assert_int_equal(o.list.n, 2);
	assert_string_equal(o.list.v[0], "");
	assert_string_equal(o.list.v[1], "b=c");
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		at = 0;
		assert_non_null(cli_parse_flags(&set, 1, bad[i], &at));
	}
}

static void
environments(void **state)
{
	struct cli_env e = { 0 }, f = { 0 };
	char text[] = "A=1\r\n;x\n#y\n\n \t\n \r\nB=2=3";

	(void)state;
	assert_null(cli_env_parse(&e, text, sizeof(text) - 1));
	assert_string_equal(cli_env_get(&e, "A"), "1");
	assert_string_equal(cli_env_get(&e, "B"), "2=3");
	cli_env_add(&e, "A=9");
	assert_string_equal(cli_env_get(&e, "A"), "1");
	cli_env_set(&f, "A=8");
	cli_env_set(&f, "AB=7");
	cli_env_merge(&e, &f);
	assert_string_equal(cli_env_get(&e, "A"), "8");
	assert_int_equal(e.list.n, 3);
	assert_non_null(cli_env_once(&e, "AB=1"));
	assert_non_null(cli_env_once(&e, "x"));
}

static void
app_names(void **state)
{
	static const struct {
		const char *image, *app;
	} rows[] = { { "example.com/hello", "hello" }, { "etcd", "etcd" },
		{ "a.com/x_y.z~1", "x-y-z-1" }, { "a.com/b.", "b" } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_string_equal(cli_app_name_of(rows[i].image),
		    rows[i].app);
}

static void
progress(void **state)
{
	struct cli_progress p = { .label = "Downloading ACI", .got = 512 << 10,
		.total = 1 << 20 };

	(void)state;
	assert_string_equal(cli_progress_line(&p, CLI_SECOND, 78),
	    "Downloading ACI: [========        ]  50%  512KiB / 1.0MiB  512KiB/s "
	    " 1s left");
	p.got = UINT64_MAX;
	assert_non_null(strstr(cli_progress_line(&p, 0, 80), "100%"));
	p.total = UINT64_MAX;
	p.got = 1;
	assert_non_null(strstr(cli_progress_line(&p, CLI_SECOND, 80),
	    "a long while left"));
	p.total = 0;
	assert_string_equal(cli_progress_line(&p, CLI_SECOND, 80),
	    "Downloading ACI: 1B  1B/s");
	for (unsigned width = 0; width < 300; width++) {
		p.total = 3;
		assert_non_null(cli_progress_line(&p, CLI_SECOND, width));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_strings),
		cmocka_unit_test(labels_are_sorted),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes_and_ages),
		cmocka_unit_test(times),
		cmocka_unit_test(tables_are_gos),
		cmocka_unit_test(json),
		cmocka_unit_test(insecure),
		cmocka_unit_test(flags),
		cmocka_unit_test(environments),
		cmocka_unit_test(app_names),
		cmocka_unit_test(progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
