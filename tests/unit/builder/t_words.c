/* link: builder/words.c privsep/name.c */
/* The command line of rkt-build, over a table of the test's own. */
#include "builder/words.h"
#include "tests/unit/test.h"

const struct bd_command bd_commands[] = {
	{ "label add", "NAME VALUE", "", "it", 2, 2, 0, 0, NULL },
	{ "label remove", "NAME", "", "t", 1, 1, 0, 0, NULL },
	{ "dependency add", "NAME", "", "i", 1, 1,
	    BD_F_LABEL | BD_F_SIZE | BD_F_IMAGE_ID, 0, NULL },
	{ "environment add", "NAME VALUE", "", "et", 2, 2, 0, 0, NULL },
	{ "port add", "NAME PROTOCOL PORT", "", "nn#", 3, 3,
	    BD_F_COUNT | BD_F_SOCKET, 0, NULL },
	{ "mount add", "NAME PATH", "", "na", 2, 2, BD_F_READ_ONLY, 0, NULL },
	{ "set-exec", "-- CMD", "", "t", 1, -1, 0, BD_REST, NULL },
	{ "set-event-handler", "EVENT -- CMD", "", "xt", 2, -1, 0, BD_REST,
	    NULL },
	{ "end", "", "", "", 0, 0, 0, 0, NULL },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL },
};

static char error[BD_ERROR];
static const char *words[32];

/* Words between blanks. */
static int
parse(const char *line, struct bd_call *c)
{
	static char text[512];
	static char *argv[32];
	int argc = 1;

	*c = (struct bd_call){ .v = words };
	error[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s", line);
	argv[0] = text;
	for (char *p = text; *p != '\0';) {
		while (*p == ' ')
			*p++ = '\0';
		if (*p != '\0')
			argv[argc++] = p;
		while (*p != '\0' && *p != ' ')
			p++;
	}
	return bd_parse(argc, argv, c, error);
}

static void
good(void **state)
{
	struct bd_call c;

	(void)state;
	assert_int_equal(parse("label add version 1.0", &c), 0);
	assert_ptr_equal(c.command, &bd_commands[0]);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.v[1], "1.0");
	assert_null(c.v[2]);
	assert_int_equal(parse("--work-path /w label rm x --debug", &c), 0);
	assert_string_equal(c.command->words, "label remove");
	assert_string_equal(c.o.work_path, "/w");
	assert_true(c.o.debug && !c.o.no_history);
	assert_int_equal(parse("dep add a/b --size=9 --label os=linux "
			       "--label=arch=x", &c), 0);
	assert_true(c.o.size == 9 && c.o.n_labels == 2);
	assert_string_equal(c.o.labels[1], "arch=x");
	assert_int_equal(parse("port add h tcp 80 --count 3 "
			       "--socket-activated=false", &c), 0);
	assert_true(c.o.count == 3 && !c.o.socket_activated);
	assert_int_equal(parse("mount --read-only add a /x", &c), 0);
	assert_true(c.o.read_only);
	assert_int_equal(parse("env add A -- -x", &c), 0);
	assert_string_equal(c.v[1], "-x");
}

static void
rest(void **state)
{
	static const char *const lines[] = { "set-exec /bin/sh -c --debug",
		"set-exec -- /bin/sh -c --debug" };
	struct bd_call c;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(lines); i++) {
		assert_int_equal(parse(lines[i], &c), 0);
		assert_int_equal(c.n, 3);
		assert_string_equal(c.v[2], "--debug");
		assert_false(c.o.debug);
	}
	assert_int_equal(parse("set-exec -- a -- b", &c), 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(parse("set-event-handler pre-start -- /a -b", &c), 0);
	assert_int_equal(c.n, 3);
	assert_string_equal(c.v[1], "/a");
	assert_int_equal(parse("set-event-handler pre-start /a -b", &c), 0);
	assert_int_equal(c.n, 3);
	assert_string_equal(c.v[2], "-b");
}

static void
help(void **state)
{
	struct bd_call c;

	(void)state;
	assert_int_equal(parse("--help", &c), 0);
	assert_true(c.o.help && !c.command);
	assert_int_equal(parse("help label add", &c), 0);
	assert_true(c.o.help && c.command == &bd_commands[0]);
	assert_int_equal(parse("label add -h", &c), 0);
	assert_true(c.o.help && c.command == &bd_commands[0]);
}

static void
bad(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "", "which command" },
		{ "label", "unknown command" },
		{ "label frob", "unknown command" },
		{ "label add x", "wrong number" },
		{ "label add x y z", "wrong number" },
		{ "label add X y", "not an identifier" },
		{ "label add x y --count=1", "no flag --count" },
		{ "label add x y --nothing", "unknown flag" },
		{ "label add x y -z", "unknown flag" },
		{ "end --work-path", "--work-path wants" },
		{ "end --work-path=", "--work-path wants" },
		{ "end --debug=maybe", "--debug wants" },
		{ "port add h tcp 80 --count=0", "--count wants" },
		{ "port add h tcp 80 --count=-1", "--count wants" },
		{ "port add h tcp 0", "not a port" },
		{ "port add h tcp 65536", "not a port" },
		{ "port add H tcp 80", "not a name" },
		{ "mount add x rel", "not an absolute path" },
		{ "env add A=B x", "not a variable" },
		{ "dep add x --label os", "--label wants" },
		{ "set-event-handler never /a", "not an event" },
		{ "set-event-handler pre-start", "wrong number" },
		{ "set-exec --", "wrong number" },
	};
	struct bd_call c;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (parse(rows[i].line, &c) != -EINVAL ||
		    !strstr(error, rows[i].says))
			fail_msg("%s: %s", rows[i].line, error);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(rest),
		cmocka_unit_test(help),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
