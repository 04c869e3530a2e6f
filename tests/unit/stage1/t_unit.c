/* link: stage1/common/unit.c privsep/name.c privsep/streams.c */
/* The units of an app: what is said, and what an image cannot make them say. */
#include "tests/unit/test.h"

#include "stage1/common/unit.h"

static char text[16384];
static struct ps_msg_PLAN_APP app;
static struct s1_unit unit;

static void
begin(const char *name, const char *image)
{
	app = (struct ps_msg_PLAN_APP){.name = name, .image_name = image};
	unit = (struct s1_unit){.app = &app};
}

static int
format(const char *name, const char *image, bool interactive)
{
	begin(name, image);
	unit.interactive = interactive;
	return s1_format_service(&unit, text, sizeof(text));
}

static size_t
lines(void)
{
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	return n;
}

static bool
says_line(const char *line)
{
	const char *at = strstr(text, line);
	size_t n = strlen(line);

	return at && at > text && at[-1] == '\n' && at[n] == '\n';
}

static void
says(void **state)
{
	int n;

	(void)state;
	n = format("hello", "example.com/hello:1.0", false);
	assert_int_equal(n, strlen(text));
	assert_true(says_line("ExecStart=/usr/lib/rkt/appexec hello"));
	assert_true(says_line("ExecStopPost=/usr/lib/rkt/appexec --reap hello"));
	assert_true(says_line(
	    "Description=Application=hello Image=example.com/hello:1.0"));
	assert_true(says_line("StandardOutput=journal"));
	assert_true(says_line("Type=simple"));
	assert_true(says_line("Before=shutdown.target rkt-ready.service"));
	assert_null(strstr(text, "ExecStartPre="));
	assert_null(strstr(text, "hello.socket"));
	assert_null(strstr(text, "TimeoutStopSec="));
	assert_true(format("hello", "x", true) > 0);
	assert_true(says_line("StandardInput=tty-force"));
	assert_null(strstr(text, "journal\n"));
}

static void
events(void **state)
{
	(void)state;
	begin("a", "b");
	app.n_pre_start = app.n_post_stop = app.notify = 1;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("ExecStartPre=/usr/lib/rkt/appexec --pre-start a"));
	assert_true(says_line("TimeoutStopSec=90s"));
	assert_true(says_line("Type=notify"));
	assert_true(says_line("NotifyAccess=main"));
	assert_false(says_line("Type=simple"));
}

/* The end of one is not the pod's, and it may be started as often as one likes,
 * whatever became of it. */
static void
comes_and_goes(void **state)
{
	(void)state;
	begin("a", "b");
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("OnFailure=halt.target"));
	assert_null(strstr(text, "StartLimit"));
	unit.mutable = true;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_null(strstr(text, "OnFailure"));
	assert_true(says_line("StartLimitIntervalSec=0"));
	assert_true(says_line("CollectMode=inactive-or-failed"));
	assert_true(says_line("Restart=no"));
}

/* With cgroup v1 the launcher sets them; in a unit they would be two. */
static void
limits(void **state)
{
	(void)state;
	begin("a", "b");
	app.memory = 64 << 20;
	app.cpu_milli = 1505;
	app.cpu_shares = 512;
	app.pids = 77;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_null(strstr(text, "MemoryMax"));
	unit.cgroup2 = true;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("MemoryMax=67108864"));
	assert_true(says_line("MemorySwapMax=0"));
	assert_true(says_line("CPUQuota=150.5%"));
	assert_true(says_line("CPUWeight=50"));
	assert_true(says_line("TasksMax=77"));
	app.cpu_shares = 2;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("CPUWeight=1"));
	app.cpu_shares = 262144;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("CPUWeight=10000"));
}

static void
sockets(void **state)
{
	struct s1_socket some[] = {{.address = "0.0.0.0:80", .port = 80},
	    {.address = "[::1]:53", .port = 53 | PS_SOCKET_UDP},
	    {.address = "x\nExecStart=/bin/sh", .port = 1}};

	(void)state;
	begin("a", "b");
	unit.sockets[0] = &some[0];
	unit.sockets[1] = &some[1];
	unit.n_sockets = 2;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("Requires=a.socket"));
	assert_true(says_line("After=a.socket"));
	assert_true(s1_format_socket(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("Service=a.service"));
	assert_true(says_line("ListenStream=0.0.0.0:80"));
	assert_true(says_line("ListenDatagram=[::1]:53"));
	unit.sockets[1] = &some[2];
	assert_int_equal(
	    s1_format_socket(&unit, text, sizeof(text)), -EINVAL);
}

static void
streams(void **state)
{
	(void)state;
	begin("a-b", "b");
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_null(strstr(text, "rkt-mux"));
	app.std_out = PS_STDIO_NULL;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_null(strstr(text, "rkt-mux"));
	assert_true(says_line("StandardOutput=journal"));
	app.std_err = PS_STDIO_TTY;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("Requires=rkt-mux@a-b.socket"));
	assert_true(says_line("StandardInput=null"));
	assert_true(says_line("StandardError=journal"));
	app.std_err = PS_STDIO_NULL;
	app.std_in = PS_STDIO_STREAM;
	assert_true(s1_format_service(&unit, text, sizeof(text)) > 0);
	assert_true(says_line("Requires=rkt-mux@a-b.socket"));
}

static void
specifiers(void **state)
{
	(void)state;
	assert_true(format("a", "x%n%%", false) > 0);
	assert_true(says_line("Description=Application=a Image=x_n__"));
	assert_true(format("a", "$HOME \"q\" 'a' \\;  ", false) > 0);
	assert_null(strpbrk(text, "$\"'\\;%"));
}

static void
refused(void **state)
{
	static const char *const images[] = {"x\nExecStart=/bin/sh", "x\r",
	    "x\x1b[0m", "x\xff", "\n[Service]\nUser=0", "#", "x\\\n"};
	size_t n;

	(void)state;
	assert_true(format("a", "x", false) > 0);
	n = lines();
	for (size_t i = 0; i < PS_COUNT(images); i++) {
		assert_true(format("a", images[i], false) > 0);
		assert_int_equal(lines(), n);
		assert_null(strpbrk(text, "\r\x1b\xff#\\"));
	}
	assert_true(format("a b", "x", false) < 0);
	assert_true(format("a\n", "x", false) < 0);
	assert_true(format("../a", "x", false) < 0);
	assert_true(format("", "x", false) < 0);
	assert_true(format("a%n", "x", false) < 0);
	begin("a\nb", "x");
	assert_true(s1_format_socket(&unit, text, sizeof(text)) < 0);
}

static void
too_small(void **state)
{
	int whole = format("a", "b", false);

	(void)state;
	for (int n = 1; n <= whole; n++)
		assert_int_equal(
		    s1_format_service(&unit, text, (size_t)n), -EMSGSIZE);
	assert_int_equal(
	    s1_format_service(&unit, text, (size_t)whole + 1), whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says),
	    cmocka_unit_test(events),
	    cmocka_unit_test(comes_and_goes),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(sockets),
	    cmocka_unit_test(streams),
	    cmocka_unit_test(specifiers),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
