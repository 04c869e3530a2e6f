/* link: @launcher @privsep */
/* An image's files where the operator said: in a directory of root's own, made
 * anew, filled by unpack, and gone when that failed. */
#include "tests/unit/launcher/world.h"

#include <stdlib.h>

#define OUT "/home/op/out"

static uint8_t image[PS_DIGEST];

static void
begin(const char *command, const char *flag, const char *path)
{
	static char *argv[] = { "rkt", "image", NULL, NULL, "x", NULL, NULL };

	argv[2] = (char *)(uintptr_t)command;
	argv[3] = (char *)(uintptr_t)flag;
	argv[5] = (char *)(uintptr_t)path;
	world_begin(argv);
	fake.may_open[0] = "/home/op";
	world.script.unpacked.name = NULL; /* unpack says TREE */
	fake_mkdir("/home/op");
	world_image(IMAGE_GOOD, NAME, KEY_A);
	memset(image, IMAGE_GOOD, sizeof(image));
	fake_put("/var/lib/rkt/image/sha512-"
	    "22222222222222222222222222222222222222222222222222222222222222222222"
	    "222222222222222222222222222222222222222222222222222222222222/manifest",
	    "{}");
}

static void
end(void)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "rm -rf %s/home", fake.root);
	world_end();
	assert_int_equal(system(text), 0);
}

static void
say(bool whole, const char *path)
{
	struct ps_msg_EXTRACT_IMAGE m = { .whole = whole, .path = path };

	memcpy(m.image, image, PS_DIGEST);
	assert_int_equal(PS_SEND(&world.conductor, EXTRACT_IMAGE, &m, NULL, 0), 0);
	assert_int_equal(world_serve(), 0);
}

/* What the worker writes by is a mount that gives other owners; the layer it
 * cannot write; the directory is root's alone. */
static void
filled(void **state)
{
	(void)state;
	begin("extract", "--x", OUT);
	say(false, OUT);
	world_expect(PS_DONE);
	assert_non_null(strstr(fake.trace, "own /home/op/out 0:0 0700\n"));
	assert_non_null(strstr(fake.trace, "userns(0->2147352576+65536)"));
	assert_non_null(strstr(fake.trace, "shifted(/home/op/out/rootfs)"));
	assert_non_null(strstr(fake.trace,
	    "readonly(/var/lib/rkt/image/sha512-22222222/tree/rootfs)"));
	assert_true(fake_exists(OUT "/manifest"));
	end();
	begin("render", "--rootfs-only", OUT);
	say(true, OUT);
	world_expect(PS_DONE);
	assert_non_null(strstr(fake.trace, "shifted(/home/op/out)"));
	assert_false(fake_exists(OUT "/manifest"));
	end();
}

/* A directory that may be removed is said in one place. */
static void
not_said(void **state)
{
	static const struct {
		const char *command, *last, *path;
		bool whole;
	} rows[] = {
		{ "extract", OUT, "/home/op", false },
		{ "extract", OUT, "x", false },
		{ "extract", OUT, "rkt", false },
		{ "extract", OUT, "", false },
		{ "extract", OUT, OUT "/", false },
		{ "extract", OUT, OUT, true }, /* that is render's */
		{ "render", OUT, OUT, false },
		{ "ex", OUT, OUT, false },
		{ "export", OUT, OUT, false },
		{ "rm", OUT, OUT, false },
		{ "extract", "--overwrite", "--overwrite", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin(rows[i].command, "--overwrite", rows[i].last);
		say(rows[i].whole, rows[i].path);
		world_refused(PS_REFUSED_PLAN);
		assert_int_equal(fake.at, 0);
		end();
	}
	begin("ext", "--overwrite", OUT); /* as much of it as is enough */
	say(false, OUT);
	world_expect(PS_DONE);
	end();
}

static void
no_directory(void **state)
{
	static const char *const paths[] = { "/", "/home/op/.", "/home/op/..",
		"//", "." };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(paths); i++) {
		begin("extract", "--overwrite", paths[i]);
		say(false, paths[i]);
		world_refused(PS_REFUSED_SYSTEM);
		assert_null(strstr(fake.trace, "mkdir"));
		assert_null(strstr(fake.trace, "rename"));
		end();
	}
}

static void
existing(void **state)
{
	(void)state;
	begin("extract", "--x", OUT);
	fake_put(OUT "/f", "x");
	say(false, OUT);
	world_refused(PS_REFUSED_SYSTEM);
	assert_true(fake_exists(OUT "/f"));
	end();
	begin("extract", "--overwrite", OUT);
	fake_put(OUT "/f", "x");
	say(false, OUT);
	world_expect(PS_DONE);
	assert_false(fake_exists(OUT "/f"));
	assert_true(fake_exists(OUT "/manifest"));
	end();
	begin("extract", "--overwrite", OUT); /* a file is none */
	fake_put(OUT, "x");
	say(false, OUT);
	world_refused(PS_REFUSED_SYSTEM);
	assert_true(fake_exists(OUT));
	end();
}

/* Judged before anything is made; what is half made goes. */
static void
refused(void **state)
{
	(void)state;
	begin("extract", "--overwrite", OUT);
	fake_put(OUT "/f", "x");
	world_image(IMAGE_GOOD, NAME, KEY_N);
	say(false, OUT);
	world_refused(PS_REFUSED_TRUST);
	assert_true(fake_exists(OUT "/f"));
	end();
	begin("extract", "--x", OUT);
	world.script.unpack_ends = 1;
	say(false, OUT);
	world_refused(PS_REFUSED_SYSTEM);
	assert_false(fake_exists(OUT));
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(filled),
		cmocka_unit_test(not_said), cmocka_unit_test(no_directory),
		cmocka_unit_test(existing), cmocka_unit_test(refused) };

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
