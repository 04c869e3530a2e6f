/* link: stage1/nspawn/argv.c stage1/nspawn/facts.c privsep/kv.c privsep/name.c
 */
/* Launch facts and nspawn's arguments. */
#include "tests/unit/test.h"

#include "stage1/nspawn/nspawn.h"

#define FACTS(base, machined, keep, cgroup2, held, sockets)                    \
	"uid-base " base "\nmachined " machined "\nkeep-unit " keep            \
	"\ncgroup2 " cgroup2 "\nheld " held "\nsockets " sockets               \
	"\ncaps 3\nproperty --property=A=1\nproperty --property=B=/dev/x 2\n"

static int
parse(const char *s, struct s1_facts *ret)
{
	static char text[512];
	size_t n = strlen(s);

	memcpy(text, s, n);
	return s1_parse_facts(text, n, ret);
}

static void
facts(void **state)
{
	static const char *const bad[] = {"", "uid-base 65536\n",
	    "uid-base 65536\nmachined 0\nkeep-unit 0\n",
	    FACTS("0", "0", "0", "0", "0", "0"),
	    FACTS("1", "0", "0", "0", "0", "0"),
	    FACTS("4294967296", "0", "0", "0", "0", "0"),
	    FACTS("65536", "0", "0", "0", "0", "0") "x 0\n",
	    FACTS("65536", "0", "0", "0", "0", "0") "held 0\n",
	    FACTS("65536", "0", "0", "0", "0", "0") "caps 0\n",
	    FACTS("65536", "2", "0", "0", "0", "0"),
	    FACTS("65536", "yes", "0", "0", "0", "0"),
	    FACTS("65536", "0", "0", "2", "0", "0"),
	    FACTS("65536", "0", "0", "0", "2049", "0"),
	    FACTS("65536", "0", "0", "0", "0", "33"),
	    FACTS("65536", "0", "0", "0", "-1", "0"),
	    FACTS("065536", "0", "0", "0", "0", "0"),
	    FACTS("65536", "0", "0", "0", "0", "0") "property --bind=/\n",
	    FACTS("65536", "0", "0", "0", "0", "0") "property --property=C=0"};
	struct s1_facts f = {0};

	(void)state;
	assert_int_equal(
	    parse(FACTS("65536", "1", "0", "1", "7", "32"), &f), 0);
	assert_int_equal(f.base, 65536);
	assert_int_equal(f.machined, 1);
	assert_int_equal(f.keep_unit, 0);
	assert_int_equal(f.cgroup2, 1);
	assert_int_equal(f.caps, 3);
	assert_int_equal(f.held, 7);
	assert_int_equal(f.sockets, 32);
	assert_string_equal(f.property[0], "--property=A=1");
	assert_string_equal(f.property[1], "--property=B=/dev/x 2");
	assert_null(f.property[2]);
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		assert_int_equal(parse(bad[i], &f), -EBADMSG);
	assert_int_equal(f.base, 65536);
}

static bool
has(const char *const *args, const char *want)
{
	for (; *args; args++)
		if (strcmp(*args, want) == 0)
			return true;
	return false;
}

static void
args(void **state)
{
	struct ps_msg_PLAN_POD p = {.uuid = "u", .hostname = ""};
	struct s1_facts f = {.base = 655360};
	struct s1_pod pod = {.plan = &p, .facts = &f};
	const char *v[S1_MAX_ARGS];

	(void)state;
	assert_int_equal(s1_format_args(&pod, v), 0);
	assert_string_equal(v[0], "/usr/bin/systemd-nspawn");
	assert_true(has(v, "--private-users=655360:65536"));
	assert_true(has(v, "--private-network"));
	assert_true(has(v, "--settings=no"));
	assert_true(has(v, "--register=no"));
	assert_true(has(v, "--hostname=rkt-u"));
	assert_true(has(v, "--console=read-only"));
	assert_true(has(v, "--capability=0,1,3,4,5,6,7,8,18,21"));
	assert_true(has(v, "--drop-capability=2,9,10,11,12,13,14,15,16,17,19,20,"
			   "22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,"
			   "39,40"));
	p.n_sysctls = 1; /* of the pod's own network */
	assert_int_equal(s1_format_args(&pod, v), 0);
	assert_true(has(v, "--capability=0,1,3,4,5,6,7,8,12,18,21"));
	p.net = PS_NET_HOST;
	assert_int_equal(s1_format_args(&pod, v), 0);
	assert_true(has(v, "--capability=0,1,3,4,5,6,7,8,18,21"));
	p.n_sysctls = 0;
	p.net = PS_NET_HOST;
	p.interactive = 1;
	p.hostname = "web";
	f.machined = 1;
	pod.oom = -5;
	pod.caps = ~0ull;
	assert_int_equal(s1_format_args(&pod, v), 0);
	assert_false(has(v, "--private-network"));
	assert_true(has(v, "--register=yes"));
	assert_true(has(v, "--console=interactive"));
	assert_true(has(v, "--hostname=web"));
	assert_true(has(v, "--oom-score-adjust=-5"));
	for (size_t i = 0; v[i]; i++)
		assert_null(strstr(v[i], "--drop-capability"));
}

/* G8: in a scope that systemd makes, the limits are the scope's; in a unit of
 * its own the launcher has set them already. */
static void
limits(void **state)
{
	static const char *const want[] = {"--property=MemoryMax=67108864",
	    "--property=IOReadIOPSMax=/dev/block/254:0 7"};
	struct ps_msg_PLAN_POD p = {.uuid = "u", .hostname = ""};
	struct s1_facts f = {.base = 655360, .machined = 1};
	struct s1_pod pod = {.plan = &p, .facts = &f};
	const char *v[S1_MAX_ARGS];

	(void)state;
	f.property[0] = want[0];
	f.property[1] = want[1];
	assert_int_equal(s1_format_args(&pod, v), 0);
	for (size_t i = 0; i < PS_COUNT(want); i++)
		assert_ptr_equal(v[1 + i], want[i]);
	assert_false(has(v, "--keep-unit"));
	for (size_t i = 0; i < S1_MAX_PROPERTIES; i++)
		f.property[i] = want[0];
	assert_int_equal(s1_format_args(&pod, v), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts),
	    cmocka_unit_test(args),
	    cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
