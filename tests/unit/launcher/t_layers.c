/* link: @launcher @privsep */
/* Images below an image: the plan's layers are the graph that the records say,
 * whole and in order, each judged by itself; and renderings (G4, G5, G9). */
#include "tests/unit/launcher/world.h"

#include "privsep/name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOP = 0x20, B = 0x2b, C = 0x2c, D = 0x2d, E = 0x2e };

static char *const argv[] = { "rkt", "run", NAME, NULL };
static struct ln_plan plan;
static uint8_t layers[40 * PS_DIGEST];

static void
again(void)
{
	world_end();
	world_begin(argv);
}

/* --- the store -------------------------------------------------------------- */

static void
path_of(uint8_t id, const char *rest, char ret[400])
{
	uint8_t image[PS_DIGEST];
	char hex[PS_IMAGE_ID_LEN + 1];

	memset(image, id, PS_DIGEST);
	ps_image_id(image, hex);
	(void)snprintf(ret, 400, "%s/var/lib/rkt/image/%s/%s", fake.root, hex, rest);
}

static void
put(uint8_t id, const char *file, const char *mode, const char *text)
{
	char path[400];
	FILE *f;

	path_of(id, file, path);
	f = fopen(path, mode);
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* An image whose record has these further lines. */
static void
image(uint8_t id, const char *name, const char *lines)
{
	world_image(id, name, KEY_A);
	put(id, "record", "a", lines);
	put(id, "manifest", "w", "{}");
}

#define DEP(name) "dependency example.com/" name "\n"

/* TOP over c and b; c over d; b over d: [c, d, b, d]. */
static void
diamond(void)
{
	image(TOP, NAME, DEP("c") DEP("b"));
	image(C, "example.com/c", DEP("d"));
	image(B, "example.com/b", DEP("d"));
	image(D, "example.com/d", "");
}

static void
start(const uint8_t *ids, size_t n)
{
	world_plan(&plan, TOP);
	for (size_t i = 0; i < n; i++)
		memset(layers + i * PS_DIGEST, ids[i], PS_DIGEST);
	plan.app[0].layers = layers;
	plan.app[0].n_layers = (uint32_t)(n * PS_DIGEST);
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
}

#define START(...) \
	start((const uint8_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void
refused(uint32_t code)
{
	world_refused(code);
	assert_false(world.s.become != NULL);
	assert_null(strstr(fake.trace, "overlay("));
	assert_null(strstr(fake.trace, "mkdir /var/lib/rkt/pods"));
}

static void
mounted(const char *lowers)
{
	char text[100];

	world_expect(PS_STARTING);
	(void)snprintf(text, sizeof(text), "overlay(%s,upper,work)\nchdir", lowers);
	/* behind the stage1's own */
	assert_non_null(strstr(strstr(fake.trace, "app-hello"), text));
}

static size_t
count(const char *what)
{
	size_t n = 0;

	for (const char *p = fake.trace; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* --- the graph --------------------------------------------------------------- */

static void
chain(void **state)
{
	(void)state;
	image(TOP, NAME, DEP("b"));
	image(B, "example.com/b", DEP("d"));
	image(D, "example.com/d", "");
	START(B, D);
	mounted("0:1:2");
	assert_int_equal(world.s.n_held, 3);
	assert_non_null(strstr(fake.trace,
	    "attach idmapped(/var/lib/rkt/image/sha512-2b2b2b2b/tree/rootfs) "
	    "/var/lib/rkt/pods/prepare/UUID/overlay/app-hello/1\n"));
}

static void
each_tree_once(void **state)
{
	(void)state;
	diamond();
	START(C, D, B, D);
	mounted("0:1:2:3");
	assert_int_equal(world.s.n_held, 4);
}

static void
named_by_id(void **state)
{
	char line[300] = "dependency example.com/b ";
	uint8_t id[PS_DIGEST];
	size_t n = strlen(line);

	(void)state;
	memset(id, B, sizeof(id));
	ps_image_id(id, line + n);
	(void)strcat(line, "\n");
	image(TOP, NAME, line);
	image(B, "example.com/b", "");
	START(B);
	mounted("0:1");
	again();
	line[n + 8] ^= 1; /* another id */
	image(TOP, NAME, line);
	image(B, "example.com/b", "");
	START(B);
	refused(PS_REFUSED_PLAN);
}

/* What a conductor may try with a list that the records do not say. */
static void
other_lists(void **state)
{
	static const struct {
		size_t n;
		uint8_t ids[6];
	} rows[] = {
		{ 0, { 0 } },			/* all left out */
		{ 3, { C, D, B } },		/* the last left out */
		{ 5, { C, D, B, D, E } },	/* one more, which is trusted */
		{ 4, { B, D, C, D } },		/* the other way round */
		{ 4, { C, B, D, D } },		/* below another */
		{ 4, { E, D, B, D } },		/* another, which is trusted */
		{ 4, { C, E, B, E } },
		{ 4, { D, C, B, D } },
		{ 3, { C, B, D } },
		{ 6, { C, D, D, B, D, D } },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (i > 0)
			again();
		diamond();
		image(E, "example.com/e", "");
		start(rows[i].ids, rows[i].n);
		refused(PS_REFUSED_PLAN);
	}
	(void)state;
}

static void
half_a_layer(void **state)
{
	(void)state;
	image(TOP, NAME, "");
	world_plan(&plan, TOP);
	plan.app[0].layers = layers;
	plan.app[0].n_layers = PS_DIGEST - 1;
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
	refused(PS_REFUSED_PLAN);
}

static void
circles(void **state)
{
	(void)state;
	image(TOP, NAME, "dependency " NAME "\n");
	START(TOP);
	refused(PS_REFUSED_IMAGE);
	again();
	image(TOP, NAME, DEP("b"));
	image(B, "example.com/b", DEP("c"));
	image(C, "example.com/c", DEP("b"));
	START(B, C, B);
	refused(PS_REFUSED_IMAGE);
}

static void
too_many(void **state)
{
	char lines[33 * 40] = "";
	uint8_t ids[PS_MAX_LAYERS];

	(void)state;
	for (size_t i = 0; i < PS_MAX_LAYERS; i++)
		(void)strcat(lines, DEP("d"));
	memset(ids, D, sizeof(ids));
	image(TOP, NAME, lines);
	image(D, "example.com/d", "");
	start(ids, PS_MAX_LAYERS);
	mounted("0:1");
	again();
	image(TOP, NAME, lines);
	image(D, "example.com/d", DEP("e"));
	start(ids, PS_MAX_LAYERS);
	refused(PS_REFUSED_IMAGE);
}

static void
each_is_judged(void **state)
{
	(void)state;
	image(TOP, NAME, DEP("b"));
	START(B);
	refused(PS_REFUSED_NOTFOUND);
	again();
	image(TOP, NAME, DEP("b"));
	world_image(B, "example.com/b", KEY_N);
	START(B);
	refused(PS_REFUSED_TRUST);
	again();
	image(TOP, NAME, DEP("b"));
	world_image(B, "example.com/b", KEY_M);
	START(B);
	refused(PS_REFUSED_TRUST);
	again();
	image(TOP, NAME, DEP("b"));
	world_image(B, "example.com/b", NULL);
	START(B);
	refused(PS_REFUSED_TRUST);
	again();
	diamond();
	memset(world.s.policy.deny[0], D, PS_DIGEST);
	world.s.policy.n_deny = 1;
	START(C, D, B, D);
	refused(PS_REFUSED_POLICY);
}

/* check-tree launch: every layer. */
static void
each_is_checked(void **state)
{
	(void)state;
	world.script.unpacked.name = NULL;
	world.s.policy.tree_at_launch = true;
	diamond();
	START(C, D, B, D);
	mounted("0:1:2:3");
	assert_int_equal(count("spawn unpack"), 4);
	again();
	world.script.unpacked.name = NULL;
	world.script.tree.tree[0] ^= 1;
	world.s.policy.tree_at_launch = true;
	diamond();
	START(C, D, B, D);
	refused(PS_REFUSED_IMAGE);
}

/* --- renderings ---------------------------------------------------------------- */

static void
white(void)
{
	world.script.unpacked.name = NULL;
	image(TOP, NAME, DEP("b") "whitelist 2\n");
	image(B, "example.com/b", "");
}

static bool
is_there(uint8_t id, const char *file)
{
	char path[400];

	path_of(id, file, path);
	return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

/* The worker writes into what was made for it, and can read, not write, the
 * layers; what it made has a name when all of it is on disk. */
static void
rendered(void **state)
{
	const char *p;

	(void)state;
	white();
	START(B);
	mounted("0");
	assert_int_equal(count("spawn unpack"), 1);
	p = strstr(fake.trace, "readonly(/var/lib/rkt/image/sha512-20202020/tree");
	assert_non_null(p);
	p = strstr(p, "readonly(/var/lib/rkt/image/sha512-2b2b2b2b/tree");
	assert_non_null(p);
	p = strstr(p, "spawn unpack");
	assert_non_null(p);
	p = strstr(p, "syncfs");
	assert_non_null(p);
	p = strstr(p, "rename /var/lib/rkt/image/sha512-20202020/rendered/.new-");
	assert_non_null(p);
	assert_true(is_there(TOP, "rendered/1/rootfs"));
	assert_non_null(strstr(p, "attach idmapped(/var/lib/rkt/image/"
	    "sha512-20202020/rendered/1/rootfs)"));
	assert_int_equal(world.s.n_held, 3); /* two images, one rendering */
}

static void
found_again(void **state)
{
	char from[400], kept[400], command[900];

	(void)state;
	white();
	START(B);
	mounted("0");
	path_of(TOP, "rendered", from);
	(void)snprintf(kept, sizeof(kept), "%s/kept", fake.root);
	(void)snprintf(command, sizeof(command), "cp -r %s %s", from, kept);
	assert_int_equal(system(command), 0);
	again();
	white();
	(void)snprintf(command, sizeof(command), "cp -r %s %s", kept, from);
	assert_int_equal(system(command), 0);
	START(B);
	mounted("0");
	assert_int_equal(count("spawn unpack"), 0);
	/* of another image: not this one */
	again();
	white();
	assert_int_equal(system(command), 0);
	image(C, "example.com/b", "");
	START(C);
	mounted("0");
	assert_int_equal(count("spawn unpack"), 1);
	(void)snprintf(command, sizeof(command), "rm -r %s", kept);
	assert_int_equal(system(command), 0);
}

/* What a dependency with a whitelist gives is rendered by itself. */
static void
rendered_below(void **state)
{
	(void)state;
	world.script.unpacked.name = NULL;
	image(TOP, NAME, DEP("b") DEP("d"));
	image(B, "example.com/b", DEP("d") "whitelist 1\n");
	image(D, "example.com/d", "");
	START(B, D, D);
	mounted("0:1:2");
	assert_int_equal(count("spawn unpack"), 1);
	assert_true(is_there(B, "rendered/1/record"));
	assert_false(is_there(TOP, "rendered"));
}

/* Directories that an upper image only implies would hide a lower one's. */
static void
implied(void **state)
{
	(void)state;
	world.script.unpacked.name = NULL;
	image(TOP, NAME, "implicit 3\n");
	start(NULL, 0);
	mounted("0");
	assert_int_equal(count("spawn unpack"), 0);
	again();
	world.script.unpacked.name = NULL;
	image(TOP, NAME, DEP("b") "implicit 3\n");
	image(B, "example.com/b", "");
	START(B);
	mounted("0");
	assert_int_equal(count("spawn unpack"), 1);
	again();
	world.script.unpacked.name = NULL;
	image(TOP, NAME, DEP("b"));
	image(B, "example.com/b", "implicit 3\n");
	START(B);
	mounted("0:1");
	assert_int_equal(count("spawn unpack"), 0);
}

static void
not_rendered(void **state)
{
	(void)state;
	white();
	world.script.silent = true;
	START(B);
	refused(PS_REFUSED_SYSTEM);
	assert_true(is_there(TOP, "rendered"));
	assert_false(is_there(TOP, "rendered/1"));
	assert_int_equal(count("rename /var/lib/rkt/image/sha512-20202020/rendered/"
	    ".new-"), 1); /* away with it */
	again();
	white();
	world.script.unpack_ends = 1;
	START(B);
	refused(PS_REFUSED_SYSTEM);
	assert_false(is_there(TOP, "rendered/1"));
}

/* check-tree launch: nothing is rendered from a spoiled layer. */
static void
not_of_spoiled(void **state)
{
	(void)state;
	white();
	world.script.tree.tree[0] ^= 1;
	world.s.policy.tree_at_launch = true;
	START(B);
	refused(PS_REFUSED_IMAGE);
	assert_null(strstr(fake.trace, "readonly("));
	assert_int_equal(count("spawn unpack"), 1);
}

/* Sixteen of an image: the first that no one uses makes room. */
static void
no_room(void **state)
{
	char command[900], top[400];

	(void)state;
	white();
	path_of(TOP, "rendered", top);
	(void)snprintf(command, sizeof(command), "mkdir -p %s && cd %s && "
	    "for i in $(seq 16); do mkdir $i && echo other >$i/record; done", top,
	    top);
	assert_int_equal(system(command), 0);
	START(B);
	mounted("0");
	assert_true(is_there(TOP, "rendered/1/rootfs"));
	assert_false(is_there(TOP, "rendered/2/rootfs"));
	assert_false(is_there(TOP, "rendered/17"));
}

int
main(void)
{
#define TEST(f) WORLD_TEST(f)
	const struct CMUnitTest tests[] = { TEST(chain), TEST(each_tree_once),
		TEST(named_by_id), TEST(other_lists), TEST(half_a_layer),
		TEST(circles), TEST(too_many), TEST(each_is_judged),
		TEST(each_is_checked), TEST(rendered), TEST(found_again),
		TEST(rendered_below), TEST(implied), TEST(not_rendered),
		TEST(not_of_spoiled), TEST(no_room) };

	world_words = argv;
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
