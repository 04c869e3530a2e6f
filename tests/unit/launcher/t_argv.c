/* link: launcher/argv.c @privsep */
/* What the operator said: words of an app are not his, and nothing is found
 * by half a word. */
#include "tests/unit/test.h"

#include "launcher/argv.h"
#include "privsep/policy.h"

#define ARGV(...)                                                           \
	((struct ln_argv){ sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *), \
		(char *const[]){ __VA_ARGS__, NULL } })

static void
names(void **state)
{
	struct ln_argv a = ARGV("rkt", "run", "./a.aci", "--signature=/s.asc", "x=y");

	(void)state;
	assert_true(ln_argv_names(a, "./a.aci"));
	assert_true(ln_argv_names(a, "/s.asc"));
	assert_true(ln_argv_names(a, "x=y"));
	assert_false(ln_argv_names(a, "y")); /* not a flag's value */
	assert_false(ln_argv_names(a, "./a"));
	assert_false(ln_argv_names(a, "a.aci"));
	assert_false(ln_argv_names(a, ""));
	assert_false(ln_argv_names(a, "rkt")); /* what we are called is no word */
	assert_false(ln_argv_names(a, "/etc/shadow"));
}

/* Between "--" and "---" an app speaks. */
static void
app_words(void **state)
{
	struct ln_argv a = ARGV("rkt", "run", "a", "--", "--insecure-options=all",
	    "--net=host", "/etc/shadow", "---", "b", "--debug", "--", "--interactive");

	(void)state;
	assert_false(ln_argv_names(a, "/etc/shadow"));
	assert_int_equal(ln_argv_insecure(a), 0);
	assert_false(ln_argv_option(a, "--net", "host"));
	assert_true(ln_argv_names(a, "b"));
	assert_true(ln_argv_flag(a, "--debug"));
	assert_false(ln_argv_flag(a, "--interactive"));
	assert_false(ln_argv_has(a, "--interactive"));
}

static void
files(void **state)
{
	static char longest[5000];
	struct ln_argv a = ARGV("rkt", "fetch", "/d/a.aci", "file:///d/b.aci");

	(void)state;
	assert_true(ln_argv_file(a, "/d/a.aci"));
	assert_true(ln_argv_file(a, "/d/a.aci.asc"));
	assert_true(ln_argv_file(a, "/d/b.aci"));
	assert_true(ln_argv_file(a, "/d/b.aci.asc"));
	assert_false(ln_argv_file(a, "/d/c.aci"));
	assert_false(ln_argv_file(a, "/d/a.acix"));
	assert_false(ln_argv_file(a, "/d/../d/a.aci"));
	assert_false(ln_argv_file(a, ".asc"));
	assert_false(ln_argv_file(a, ""));
	memset(longest, 'a', sizeof(longest) - 1);
	assert_false(ln_argv_file(a, longest));
}

static void
flags(void **state)
{
	(void)state;
	assert_true(ln_argv_flag(ARGV("rkt", "--root"), "--root"));
	assert_true(ln_argv_flag(ARGV("rkt", "--root=true"), "--root"));
	assert_true(ln_argv_flag(ARGV("rkt", "--root=1"), "--root"));
	assert_false(ln_argv_flag(ARGV("rkt", "--root=false"), "--root"));
	assert_false(ln_argv_flag(ARGV("rkt", "--root=0"), "--root"));
	assert_false(ln_argv_flag(ARGV("rkt", "--rooted"), "--root"));
	assert_false(ln_argv_flag(ARGV("rkt", "root"), "--root"));
	assert_true(ln_argv_has(ARGV("rkt", "--seccomp", "x"), "--seccomp"));
	assert_true(ln_argv_has(ARGV("rkt", "--seccomp=x"), "--seccomp"));
	assert_false(ln_argv_has(ARGV("rkt", "--seccompx"), "--seccomp"));
}

static void
options(void **state)
{
	struct ln_argv a = ARGV("rkt", "--dir=/a", "--dir", "/b", "--dirt=/c", "--dir");

	(void)state;
	assert_true(ln_argv_option(a, "--dir", "/a"));
	assert_true(ln_argv_option(a, "--dir", "/b"));
	assert_false(ln_argv_option(a, "--dir", "/c"));
	assert_false(ln_argv_option(a, "--dir", ""));
}

static void
insecure(void **state)
{
	(void)state;
	assert_int_equal(ln_argv_insecure(ARGV("rkt", "--insecure-options=image,tls")),
	    PS_INSECURE_IMAGE | PS_INSECURE_TLS);
	assert_int_equal(ln_argv_insecure(ARGV("rkt", "--insecure-options", "http",
			     "--insecure-options=image")),
	    PS_INSECURE_HTTP | PS_INSECURE_IMAGE);
	assert_int_equal(ln_argv_insecure(ARGV("rkt", "--insecure-options=bogus")), 0);
	assert_int_equal(ln_argv_insecure(ARGV("rkt", "--insecure-options=image,bogus")),
	    0);
	assert_int_equal(ln_argv_insecure(ARGV("rkt", "--exec=--insecure-options=all")),
	    0);
	assert_int_equal(ln_argv_insecure(ARGV("rkt")), 0);
}

static void
caps(void **state)
{
	(void)state;
	assert_true(ln_argv_caps(ARGV("rkt", "--caps-retain=CAP_CHOWN", "--cap-retain",
			"CAP_FOWNER")) == (1ull | 1ull << 3));
	assert_true(ln_argv_caps(ARGV("rkt", "--caps-remove=CAP_CHOWN")) == 0);
	assert_true(ln_argv_caps(ARGV("rkt", "--caps-retain=CAP_NO")) == 0);
	assert_true(ln_argv_caps(ARGV("rkt", "--", "--caps-retain=all")) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(app_words),
		cmocka_unit_test(files),
		cmocka_unit_test(flags),
		cmocka_unit_test(options),
		cmocka_unit_test(insecure),
		cmocka_unit_test(caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
