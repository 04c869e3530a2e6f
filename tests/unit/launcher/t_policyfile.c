/* link: @launcher @privsep */
/* Site policy as the launcher reads it: root's, writable by root alone, whole,
 * or nothing starts. */
#define main launcher_main
#include "launcher/main.c"
#undef main

#include "tests/unit/launcher/world.h"

#include <sys/wait.h>

/* Exit code of reading /etc/rkt/policy, in a child; 0 it was taken. */
static int
read_it(void)
{
	static char text[PS_MAX_POLICY];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(STDERR_FILENO);
		ps_policy_default(&session.policy);
		read_policy("/etc/rkt", text);
		_exit(session.policy.insecure == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

static int
begin(void **state)
{
	(void)state;
	fake_reset();
	fake_put("/etc/rkt/policy", "insecure-options none\n");
	return 0;
}

static void
good(void **state)
{
	(void)state;
	assert_int_equal(read_it(), 0);
}

static void
absent(void **state)
{
	char path[200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/etc/rkt/policy", fake.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_it(), 3);
}

static void
owner_and_mode(void **state)
{
	(void)state;
	fake_own("/etc/rkt/policy", 1000, 0, 0644);
	assert_int_equal(read_it(), 254);
	fake_own("/etc/rkt/policy", 0, 0, 0664);
	assert_int_equal(read_it(), 254);
	fake_own("/etc/rkt/policy", 0, 0, 0646);
	assert_int_equal(read_it(), 254);
	fake_own("/etc/rkt/policy", 0, 0, 0600);
	assert_int_equal(read_it(), 0);
}

static void
content(void **state)
{
	static char large[PS_MAX_POLICY + 2];

	(void)state;
	fake_put("/etc/rkt/policy", "insecure-options none\ncolor red\n");
	assert_int_equal(read_it(), 254);
	fake_put("/etc/rkt/policy", "insecure-options none");
	assert_int_equal(read_it(), 254);
	memset(large, '\n', sizeof(large) - 1);
	fake_put("/etc/rkt/policy", large);
	assert_int_equal(read_it(), 254);
}

static void
not_a_file(void **state)
{
	char path[200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/etc/rkt/policy", fake.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("policy2", path), 0);
	fake_put("/etc/rkt/policy2", "insecure-options none\n");
	assert_int_equal(read_it(), 254);
	assert_int_equal(unlink(path), 0);
	fake_mkdir("/etc/rkt/policy");
	assert_int_equal(read_it(), 254);
	assert_int_equal(rmdir(path), 0);
}

/* The operator's environment does not reach our programs' loader. */
static void
environment(void **state)
{
	static char ld[] = "LD_PRELOAD=x", lang[] = "LANG=C", gc[] = "GLIBC_TUNABLES=x",
		    term[] = "TERM=x";
	char *env[] = { ld, lang, gc, term, NULL };
	char *const *clean = clean_environment(env);

	(void)state;
	assert_ptr_equal(clean[0], lang);
	assert_ptr_equal(clean[1], term);
	assert_null(clean[2]);
}

static void
lint(void **state)
{
	(void)state;
	assert_true(wants_lint(3, (char *const[]){ "rkt", "policy", "lint", NULL }));
	assert_false(wants_lint(3, (char *const[]){ "rkt", "run", "lint", NULL }));
	assert_false(wants_lint(2, (char *const[]){ "rkt", "policy", NULL }));
}

#define with(t) cmocka_unit_test_setup(t, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(good),
		with(absent),
		with(owner_and_mode),
		with(content),
		with(not_a_file),
		with(environment),
		with(lint),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
