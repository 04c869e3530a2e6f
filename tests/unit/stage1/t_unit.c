/* link: stage1/nspawn/unit.c privsep/name.c */
/* The unit of an app: what is said, and what an image cannot make it say. */
#include "tests/unit/test.h"

#include "stage1/nspawn/nspawn.h"

static char text[16384];

static int
format(const char *name, const char *image, bool interactive)
{
	static struct ps_msg_PLAN_APP a;

	a.name = name;
	a.image_name = image;
	return s1_format_unit(&a, interactive, text, sizeof(text));
}

static size_t
lines(void)
{
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	return n;
}

static void
says(void **state)
{
	int n;

	(void)state;
	n = format("hello", "example.com/hello:1.0", false);
	assert_int_equal(n, strlen(text));
	assert_non_null(
	    strstr(text, "\nExecStart=/usr/lib/rkt/appexec hello\n"));
	assert_non_null(
	    strstr(text, "\nExecStopPost=/usr/lib/rkt/appexec --reap hello\n"));
	assert_non_null(strstr(text,
	    "\nDescription=Application=hello Image=example.com/hello:1.0\n"));
	assert_non_null(strstr(text, "\nStandardOutput=journal\n"));
	assert_true(format("hello", "x", true) > 0);
	assert_non_null(strstr(text, "\nStandardInput=tty-force\n"));
	assert_null(strstr(text, "journal\n"));
}

static void
specifiers(void **state)
{
	(void)state;
	assert_true(format("a", "x%n%%", false) > 0);
	assert_non_null(strstr(text, "Image=x%%n%%%%\n"));
	assert_true(format("a", "$HOME \"q\" 'a' \\;  ", false) > 0);
	assert_null(strpbrk(text, "$\"'\\;"));
}

static void
refused(void **state)
{
	size_t n;

	(void)state;
	assert_true(format("a", "x", false) > 0);
	n = lines();
	assert_true(format("a", "x\nExecStart=/bin/sh", false) < 0);
	assert_true(format("a", "x\r", false) < 0);
	assert_true(format("a", "x\x1b[0m", false) < 0);
	assert_true(format("a", "x\xff", false) < 0);
	assert_true(format("a b", "x", false) < 0);
	assert_true(format("a\n", "x", false) < 0);
	assert_true(format("../a", "x", false) < 0);
	assert_true(format("", "x", false) < 0);
	assert_true(format("a%n", "x", false) < 0);
	assert_true(format("a", "", false) > 0);
	assert_int_equal(lines(), n);
}

static void
too_small(void **state)
{
	static struct ps_msg_PLAN_APP a = {.name = "a", .image_name = "b"};
	int whole = s1_format_unit(&a, false, text, sizeof(text));

	(void)state;
	for (int n = 0; n <= whole; n++)
		assert_int_equal(
		    s1_format_unit(&a, false, text, (size_t)n), -EMSGSIZE);
	assert_int_equal(
	    s1_format_unit(&a, false, text, (size_t)whole + 1), whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says),
	    cmocka_unit_test(specifiers),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
