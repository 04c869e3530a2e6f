/* link: @launcher @privsep */
/* The file that a command writes: where argv says, new, and gone when the
 * command failed. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OUT "/home/op/out.aci"

static const char *
real(const char *path)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), "%s%s", fake.root, path);
	return text;
}

static void
begin(char *flag)
{
	static char *argv[] = { "rkt", "image", "export", NULL, "x", OUT, "--",
		"/app", NULL };

	argv[3] = flag;
	world_begin(argv);
	fake.may_open[0] = "/home/op";
}

/* Taken away when the command fails, and left when it does not. */
static void
made(void **state)
{
	struct ps_frame *f;

	(void)state;
	for (int failed = 0; failed < 2; failed++) {
		begin("--x");
		SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = OUT);
		assert_int_equal(world_serve(), 0);
		assert_int_equal(world_hear(&f), PS_OUTPUT);
		assert_int_equal(fcntl(f->fds[0], F_GETFL) & O_ACCMODE, O_WRONLY);
		assert_int_equal(world_hear(NULL), 0);
		if (failed)
			ln_put_undo(&world.s);
		assert_int_equal(fake_exists(OUT), !failed);
		world_end();
		(void)unlink(real(OUT));
	}
}

static void
unnamed(void **state)
{
	static const char *const paths[] = { "/etc/shadow", "/home/op/out.aci.asc",
		"/home/op//out.aci", "out.aci", "", "/app", "rkt" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(paths); i++) {
		begin("--overwrite");
		SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = paths[i]);
		if (world_serve() != -EPROTO || fake.at != 0)
			fail_msg("\"%s\" was opened", paths[i]);
		world_end();
	}
	begin("--x");
	SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = OUT);
	SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = OUT);
	assert_int_equal(world_serve(), -EPROTO);
	world_end();
	(void)unlink(real(OUT));
}

/* What stands there is written only with --overwrite, and never taken away. */
static void
existing(void **state)
{
	static const struct {
		char *flag;
		uint16_t answer;
	} rows[] = { { "--x", PS_REFUSED }, { "--overwrite", PS_OUTPUT },
		{ "--overwrite=true", PS_OUTPUT }, { "--overwrite=false", PS_REFUSED } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin(rows[i].flag);
		fake_put(OUT, "old");
		SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = OUT);
		assert_int_equal(world_serve(), 0);
		world_expect(rows[i].answer);
		ln_put_undo(&world.s);
		assert_true(fake_exists(OUT));
		world_end();
	}
	(void)unlink(real(OUT));
}

static void
odd(void **state)
{
	char other[256];

	(void)state;
	for (int i = 0; i < 4; i++) {
		begin("--overwrite");
		fake_put("/home/op/victim", "old");
		(void)snprintf(other, sizeof(other), "%s", real("/home/op/victim"));
		if (i == 0)
			assert_int_equal(symlink(other, real(OUT)), 0);
		else if (i == 1)
			assert_int_equal(link(other, real(OUT)), 0);
		else if (i == 2)
			assert_int_equal(mkfifo(real(OUT), 0666), 0);
		else
			assert_int_equal(mkdir(real(OUT), 0777), 0);
		SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = OUT);
		assert_int_equal(world_serve(), 0);
		world_refused(PS_REFUSED_SYSTEM);
		ln_put_undo(&world.s);
		assert_int_equal(i == 3 ? rmdir(real(OUT)) : unlink(real(OUT)), 0);
		assert_true(fake_exists("/home/op/victim"));
		world_end();
	}
	(void)unlink(real("/home/op/victim"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(unnamed),
		cmocka_unit_test(existing),
		cmocka_unit_test(odd),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
