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
	a = ARGV("rkt", "run", "--net", "host", "a", "b");
	assert_false(ln_argv_option(a, "--net", "host")); /* an image */
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
	static const char *const what[] = { "retain", "remove" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ln_argv a = i == 0 ?
		    ARGV("rkt", "--caps-retain=CAP_CHOWN", "--cap-retain", "CAP_FOWNER") :
		    ARGV("rkt", "--caps-remove=CAP_CHOWN", "--cap-remove", "CAP_FOWNER");

		assert_true(ln_argv_caps(a, what[i]) == (1ull | 1ull << 3));
		assert_true(ln_argv_caps(a, what[1 - i]) == 0);
	}
	assert_true(ln_argv_caps(ARGV("rkt", "--caps-retain=CAP_NO"), "retain") == 0);
	assert_true(ln_argv_caps(ARGV("rkt", "--", "--caps-retain=all"), "retain") == 0);
}

/* The words of each image: the image, its flags, its arguments. */
static void
apps(void **state)
{
	static const struct {
		const char *line, *is; /* images, and how many words they have */
	} rows[] = {
		{ "rkt run a", "a1" },
		{ "rkt run a b", "a1 b1" },
		{ "rkt --dir=/d run a", "a1" },
		{ "rkt --dir /d run a", "a1" },
		{ "rkt --debug run a", "a1" },
		{ "rkt run --net a", "a1" },
		{ "rkt run --net=host a", "a1" },
		{ "rkt run --hostname a b", "b1" },
		{ "rkt run --readonly-rootfs a", "a1" },
		{ "rkt run a --user b c", "a3 c1" },
		{ "rkt run a --user=5 b --memory 1M", "a2 b3" },
		{ "rkt run a -- x y", "a4" },
		{ "rkt run a -- x --- b", "a4 b1" },
		{ "rkt run a -- --- b -- -- --- c", "a3 b4 c1" },
		{ "rkt run a --- b", "a2 b1" },
		/* A value is no separator. */
		{ "rkt run a --exec -- b", "a3 b1" },
		{ "rkt run a --exec --name -- b", "a5" },
		{ "rkt run a --name --- b", "a3 b1" },
		{ "rkt run a -x b", "a2 b1" },
		{ "rkt run a --name", "a2" },
		{ "rkt run -- a", "" },
		{ "rkt run ---", "" },
		{ "rkt run --name a", "" },
		{ "rkt run", "" },
		{ "rkt", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[100], is[100] = "", *words[20], *rest = line;
		struct ln_argv app, a = { 0, words };

		(void)snprintf(line, sizeof(line), "%s", rows[i].line);
		while ((words[a.argc] = strsep(&rest, " ")))
			a.argc++;
		for (unsigned k = 0; ln_argv_app(a, k, &app); k++)
			(void)snprintf(is + strlen(is), sizeof(is) - strlen(is),
			    "%s%s%d", k ? " " : "", app.argv[0], app.argc);
		if (strcmp(is, rows[i].is) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].line, is,
			    rows[i].is);
	}
}

/* A flag that stands behind another's "--" is still the operator's. */
static void
separator_as_value(void **state)
{
	struct ln_argv a = ARGV("rkt", "run", "a", "--exec", "--", "--memory=1M",
	    "--", "--memory=2M");
	struct ln_argv b = ARGV("rkt", "run", "a", "--exec", "--name", "--",
	    "--insecure-options=all");

	(void)state;
	assert_true(ln_argv_option(a, "--memory", "1M"));
	assert_false(ln_argv_option(a, "--memory", "2M"));
	assert_true(ln_argv_option(a, "--exec", "--"));
	assert_int_equal(ln_argv_insecure(b), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apps),
		cmocka_unit_test(separator_as_value),
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
