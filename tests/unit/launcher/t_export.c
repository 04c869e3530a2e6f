/* link: @launcher @privsep */
/* Which app of which pod may be packed, and into which file. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>

#include "privsep/attr.h"
#include "privsep/fds.h"

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define OUT "/home/op/out.aci"
#define RUN "/var/lib/rkt/pods/run/" UUID
#define OTHER "11234567-89ab-cdef-0123-456789abcdef"

static void
ask(const char *uuid, const char *app, const char *path)
{
	struct ps_msg_EXPORT_APP m = { .uuid = uuid, .app = app, .path = path };
	_cleanup_fd_ int manifest = ps_sealed("m", "{}", 2);

	assert_int_equal(PS_SEND(&world.conductor, EXPORT_APP, &m, &manifest, 1), 0);
}

static void
put_plan(const char *path)
{
	static struct ln_plan plan;
	static uint8_t bytes[65536];
	_cleanup_fd_ int fd = -1;
	size_t n;

	world_plan(&plan, IMAGE_GOOD);
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	fake_put(path, "");
	fd = fake_open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
}

/* Each of the three stands in argv, or the session ends. */
static void
said(void **state)
{
	static const struct {
		const char *uuid, *app, *path;
		bool good;
	} rows[] = { { UUID, "web", OUT, true }, { OTHER, "web", OUT, false },
		{ UUID, "db", OUT, false }, { UUID, "web", "/etc/shadow", false },
		{ UUID, "web", OUT ".asc", false }, { UUID, "web", "", false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(ARGV("rkt", "export", "--app=web", "01234567-8", OUT));
		ask(rows[i].uuid, rows[i].app, rows[i].path);
		if (world_serve() != (rows[i].good ? 0 : -EPROTO))
			fail_msg("row %zu", i);
		if (rows[i].good)
			world_refused(PS_REFUSED_NOTFOUND);
		else
			assert_int_equal(fake.at, 0);
		assert_int_equal(fake.n_workers, 0);
		world_end();
	}
}

/* A word that is a flag's is no pod's, whatever it begins. */
static void
other_words(void **state)
{
	static const struct {
		const char *uuid;
		bool good;
	} rows[] = { { UUID, true }, { OTHER, false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(ARGV("rkt", "--dir", "1", "export", "--app", "1",
		    "--overwrite", "01", OUT));
		ask(rows[i].uuid, "1", OUT);
		assert_int_equal(world_serve(), rows[i].good ? 0 : -EPROTO);
		assert_int_equal(fake.n_workers, 0);
		world_end();
	}
}

/* Without --app the pod's manifest says which; a beginning of nothing is none. */
static void
any_app(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "export", "", OUT));
	ask(UUID, "web", OUT);
	assert_int_equal(world_serve(), -EPROTO);
	world_end();
	world_begin(ARGV("rkt", "export", UUID, OUT));
	ask(UUID, "web", OUT);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_NOTFOUND);
	world_end();
}

/* A pod without a plan of root's, of another pod's, without that app: nothing
 * is made, and no one is started. */
static void
odd_pods(void **state)
{
	static const struct {
		const char *plan; /* where; NULL none */
		const char *app;
		uint32_t code;
	} rows[] = { { NULL, "hello", PS_REFUSED_NOTFOUND },
		{ RUN "/plan", "web", PS_REFUSED_NOTFOUND },
		{ RUN "/junk", "hello", PS_REFUSED_NOTFOUND },
		{ "/var/lib/rkt/pods/prepared/" UUID "/plan", "hello",
		    PS_REFUSED_NOTFOUND } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(ARGV("rkt", "export", UUID, OUT));
		if (rows[i].plan)
			put_plan(rows[i].plan);
		ask(UUID, rows[i].app, OUT);
		assert_int_equal(world_serve(), 0);
		world_refused(rows[i].code);
		assert_false(fake_exists(OUT));
		assert_int_equal(fake.n_workers, 0);
		world_end();
	}
	world_begin(ARGV("rkt", "export", UUID, OUT));
	fake_put(RUN "/plan", "not a plan");
	ask(UUID, "hello", OUT);
	assert_int_equal(world_serve(), 0);
	world_refused(PS_REFUSED_SYSTEM);
	world_end();
}

/* Once, and not beside another file. */
static void
once(void **state)
{
	(void)state;
	world_begin(ARGV("rkt", "export", UUID, OUT));
	ask(UUID, "web", OUT);
	ask(UUID, "web", OUT);
	assert_int_equal(world_serve(), -EPROTO);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(other_words),
		cmocka_unit_test(any_app),
		cmocka_unit_test(odd_pods),
		cmocka_unit_test(once),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
