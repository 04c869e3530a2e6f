/* link: stage1/enter/record.c privsep/codec.c privsep/name.c privsep/fds.c */
/* link: privsep/proto.c */
/* The record of one app out of a plan, with another command. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "privsep/fds.h"
#include "privsep/proto.h"
#include "stage1/enter/enter.h"

static uint8_t plan[65536];
static size_t size;
static char *const no_env[] = {NULL};

static void
add(uint16_t type, const struct ps_writer *body)
{
	struct ps_writer w = {.p = plan + size, .size = sizeof(plan) - size};

	ps_put_header(&w, &(struct ps_header){
			      .type = type, .length = (uint32_t)body->at});
	ps_put_bytes(&w, body->p, body->at);
	assert_int_equal(w.error, 0);
	size += w.at;
}

static void
add_app(const char *name)
{
	static uint8_t bytes[32768];
	struct ps_writer w = {.p = bytes, .size = sizeof(bytes)};
	struct ps_msg_PLAN_APP a = {.name = name,
	    .image_name = "example.com/a",
	    .exec = {"/bin/server", "--port=1"},
	    .n_exec = 2,
	    .env = {"PATH=/bin", "TERM=dumb", "TERMINAL=x"},
	    .n_env = 3,
	    .working_dir = "/srv",
	    .user = "1000",
	    .group = "0",
	    .caps = 5,
	    .paths = 1};

	assert_int_equal(ps_encode_PLAN_APP(&w, &a), 0);
	add(PS_PLAN_APP, &w);
}

/* The plan as a file of root's. */
static int
as_file(mode_t mode)
{
	char path[] = "/tmp/rkt-plan-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, plan, size), (ssize_t)size);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	r = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	return r;
}

static int
make(const char *app, const char *const *words, size_t n, char *const *env)
{
	static char apps[S1_APP_NAMES];
	int fd = as_file(0640), r = s1_make_record(fd, app, words, n, env, apps);

	(void)close(fd);
	if (r == -ENOENT)
		assert_string_equal(apps, "one, two");
	return r;
}

static int
set_up(void **state)
{
	(void)state;
	size = 0;
	add_app("one");
	add_app("two");
	return getuid() == 0 ? 0 : -1;
}

static void
command(void **state)
{
	static const char *const words[] = {"ls", "-l"};
	static char term[] = "TERM=vt100", *const env[] = {term, NULL};
	static uint8_t bytes[32768];
	struct ps_msg_PLAN_APP a;
	uint64_t n;
	int fd = make("two", words, 2, env);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ps_check_sealed(fd, sizeof(bytes), &n), 0);
	assert_int_equal(ps_pread_full(fd, bytes, n, 0), 0);
	assert_int_equal(
	    ps_decode_PLAN_APP(bytes + PS_HEADER, n - PS_HEADER, &a), 0);
	assert_string_equal(a.name, "two");
	assert_int_equal(a.n_exec, 2);
	assert_string_equal(a.exec[1], "-l");
	assert_int_equal(a.n_env, 3);
	assert_string_equal(a.env[0], "PATH=/bin");
	assert_string_equal(a.env[1], "TERM=vt100");
	assert_string_equal(a.env[2], "TERMINAL=x");
	assert_string_equal(a.user, "1000");
	assert_int_equal(a.caps, 5);
	(void)close(fd);
}

static void
refused(void **state)
{
	static const char *many[600], *const words[] = {"ls"};
	static char bad[] = "NO VALUE", *const env[] = {bad, NULL};
	const size_t whole = size;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(many); i++)
		many[i] = "x";
	assert_int_equal(make("three", words, 1, no_env), -ENOENT);
	assert_int_equal(make("on", words, 1, no_env), -ENOENT);
	assert_int_equal(make("one", many, 600, no_env), -E2BIG);
	assert_int_equal(make("one", words, 1, env), -EINVAL);
	/* Cut anywhere but between records; one byte more; another. */
	for (size = 1; size < whole; size++)
		if (size != whole / 2)
			assert_int_equal(make("one", words, 1, no_env), -EBADMSG);
	size = whole + 1;
	assert_int_equal(make("one", words, 1, no_env), -EBADMSG);
	size = whole;
	plan[0] ^= 1;
	assert_int_equal(make("two", words, 1, no_env), -EBADMSG);
}

static void
files(void **state)
{
	static const char *const words[] = {"ls"};
	static char apps[S1_APP_NAMES];
	int fd;

	(void)state;
	fd = as_file(0622);
	assert_int_equal(s1_make_record(fd, "one", words, 1, no_env, apps), -EPERM);
	(void)close(fd);
	fd = as_file(0640);
	assert_int_equal(fchown(fd, 1000, 0), 0);
	assert_int_equal(s1_make_record(fd, "one", words, 1, no_env, apps), -EPERM);
	(void)close(fd);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_int_equal(s1_make_record(fd, "one", words, 1, no_env, apps), -EBADF);
	(void)close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(s1_make_record(fd, "one", words, 1, no_env, apps), -EBADF);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(command, set_up),
	    cmocka_unit_test_setup(refused, set_up),
	    cmocka_unit_test_setup(files, set_up)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
