/* link: @appc privsep/name.c */
/* Image manifests: what the format allows, and each rule broken once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "appc/image.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

#define HEAD "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
#define NAME HEAD "\"name\":\"example.com/a\""
#define APP NAME ",\"app\":{\"exec\":[\"/a\"],\"user\":\"0\",\"group\":\"0\""

static char error[AC_ERROR];

static int
parse(const char *text, struct ac_image **ret)
{
	return ac_image_parse(text, strlen(text), ret, error);
}

static void
whole(void **state)
{
	static const char text[] = NAME
	    ",\"labels\":[{\"name\":\"version\",\"value\":\"1.0\"},"
	    "{\"name\":\"os\",\"value\":\"linux\"},{\"name\":\"arch\",\"value\":\"amd64\"}],"
	    "\"app\":{\"exec\":[\"/bin/x\",\"-a\",\"\"],\"user\":\"100\",\"group\":\"/g\","
	    "\"supplementaryGIDs\":[1,65535],\"workingDirectory\":\"//opt/./x/\","
	    "\"eventHandlers\":[{\"name\":\"pre-start\",\"exec\":[\"/p\"]}],"
	    "\"environment\":[{\"name\":\"A_b.c\",\"value\":\"x\\ny=z\"}],"
	    "\"mountPoints\":[{\"name\":\"data\",\"path\":\"/db\",\"readOnly\":true}],"
	    "\"ports\":[{\"name\":\"http\",\"protocol\":\"tcp\",\"port\":80},"
	    "{\"name\":\"many\",\"protocol\":\"udp\",\"port\":1000,\"count\":9,\"socketActivated\":true}],"
	    "\"isolators\":[{\"name\":\"resource/memory\",\"value\":{\"request\":\"1G\",\"limit\":\"2Gi\"}},"
	    "{\"name\":\"resource/cpu\",\"value\":{\"limit\":\"500m\"}},"
	    "{\"name\":\"os/linux/capabilities-retain-set\",\"value\":{\"set\":[\"CAP_KILL\",\"CAP_CHOWN\"]}},"
	    "{\"name\":\"os/linux/seccomp-remove-set\",\"value\":{\"set\":[\"@rkt/default-blacklist\"],\"errno\":\"EPERM\"}},"
	    "{\"name\":\"os/linux/oom-score-adj\",\"value\":-5},"
	    "{\"name\":\"os/linux/cpu-shares\",\"value\":512},"
	    "{\"name\":\"os/linux/no-new-privileges\",\"value\":true},"
	    "{\"name\":\"example.com/mine\",\"value\":null}]},"
	    "\"dependencies\":[{\"imageName\":\"example.com/base\",\"labels\":[],\"size\":22}],"
	    "\"pathWhitelist\":[\"/etc/passwd\"],"
	    "\"annotations\":[{\"name\":\"homepage\",\"value\":\"https://example.com\"}],"
	    "\"unknown\":{\"x\":[1.5]}}";
	struct ac_image *i = NULL;

	(void)state;
	assert_int_equal(parse(text, &i), 0);
	assert_string_equal(i->name, "example.com/a");
	assert_int_equal(i->labels.n, 3);
	assert_string_equal(i->labels.v[0].name, "arch");
	assert_string_equal(ac_find(&i->labels, "version"), "1.0");
	assert_null(ac_find(&i->labels, "none"));
	assert_true(i->has_app);
	assert_int_equal(i->app.exec.n, 3);
	assert_string_equal(i->app.working_dir, "/opt/x");
	assert_int_equal(i->app.gids[1], 65535);
	assert_string_equal(i->app.environment.v[0].value, "x\ny=z");
	assert_true(i->app.mount_points[0].read_only);
	assert_int_equal(i->app.ports[0].count, 1);
	assert_int_equal(i->app.ports[1].count, 9);
	assert_true(i->app.isolators.memory_limit == UINT64_C(2) << 30);
	assert_true(i->app.isolators.memory_request == 1000000000);
	assert_true(i->app.isolators.cpu_limit == 500);
	assert_int_equal(i->app.isolators.caps_set, AC_SET_RETAIN);
	assert_true(i->app.isolators.caps == (1u << 5 | 1u << 0));
	assert_int_equal(i->app.isolators.seccomp_set, AC_SET_REMOVE);
	assert_string_equal(i->app.isolators.seccomp_errno, "EPERM");
	assert_int_equal(i->app.isolators.oom_score_adj, -5);
	assert_true(i->app.isolators.no_new_privs);
	assert_int_equal(i->app.isolators.unsupported.n, 1);
	assert_string_equal(i->app.isolators.unsupported.v[0], "example.com/mine");
	assert_true(i->dependencies[0].size == 22);
	assert_int_equal(i->path_whitelist.n, 1);
	ac_image_free(i);
}

#define ISO(name, value) \
	APP ",\"isolators\":[{\"name\":\"" name "\",\"value\":" value "}]}}"

static void
refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "not JSON" }, { "[]", "must be an object" }, { NAME, "not JSON" },
		{ NAME "}x", "not JSON" },
		{ HEAD "\"a\":1}", "name: missing" },
		{ NAME ",\"name\":\"b\"}", "duplicate" },
		{ "{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"name\":\"a\"}", "acKind" },
		{ "{\"acVersion\":\"0.8.11\",\"name\":\"a\"}", "acKind: missing" },
		{ "{\"acKind\":\"ImageManifest\",\"acVersion\":\"1\",\"name\":\"a\"}", "acVersion" },
		{ HEAD "\"name\":\"A\"}", "name" }, { HEAD "\"name\":\"a//b\"}", "name" },
		{ HEAD "\"name\":\"a\\u0000b\"}", "not JSON" }, { HEAD "\"name\":\"\"}", "name" },
		{ HEAD "\"name\":7}", "name: must be a string" },
		{ HEAD "\"name\":\"a/../b\"}", "name" },
		{ NAME ",\"labels\":{}}", "labels: must be a list" },
		{ NAME ",\"labels\":[{\"name\":\"os\",\"value\":\"a\"},{\"name\":\"os\",\"value\":\"b\"}]}", "twice" },
		{ NAME ",\"labels\":[{\"name\":\"name\",\"value\":\"a\"}]}", "labels" },
		{ NAME ",\"labels\":[{\"name\":\"os\",\"value\":\"a\\nb\"}]}", "printable" },
		{ NAME ",\"labels\":[{\"name\":\"os\"}]}", "labels[0].value: missing" },
		{ NAME ",\"app\":{\"exec\":[],\"user\":\"0\"}}", "app.group: missing" },
		{ NAME ",\"app\":{\"user\":\"\",\"group\":\"0\"}}", "app.user" },
		{ NAME ",\"app\":{\"exec\":[7],\"user\":\"0\",\"group\":\"0\"}}", "app.exec[0]" },
		{ APP ",\"workingDirectory\":\"x\"}}", "app.workingDirectory" },
		{ APP ",\"workingDirectory\":\"/a/../b\"}}", ".." },
		{ APP ",\"supplementaryGIDs\":[-1]}}", "out of range" },
		{ APP ",\"supplementaryGIDs\":[4294967295]}}", "out of range" },
		{ APP ",\"supplementaryGIDs\":[1.0]}}", "integer" },
		{ APP ",\"environment\":[{\"name\":\"A=B\",\"value\":\"\"}]}}", "environment[0].name" },
		{ APP ",\"environment\":[{\"name\":\"1A\",\"value\":\"\"}]}}", "environment[0].name" },
		{ APP ",\"environment\":[{\"name\":\"A\",\"value\":\"\"},{\"name\":\"A\",\"value\":\"\"}]}}", "twice" },
		{ APP ",\"eventHandlers\":[{\"name\":\"boom\",\"exec\":[\"/a\"]}]}}", "eventHandlers[0].name" },
		{ APP ",\"mountPoints\":[{\"name\":\"a\",\"path\":\"db\"}]}}", "path" },
		{ APP ",\"ports\":[{\"name\":\"a\",\"protocol\":\"tcp\",\"port\":0}]}}", "ports[0].port" },
		{ APP ",\"ports\":[{\"name\":\"a\",\"protocol\":\"tcp\",\"port\":65535,\"count\":2}]}}", "65535" },
		{ ISO("resource/memory", "{\"limit\":\"-1\"}"), "out of range" },
		{ ISO("resource/memory", "{\"limit\":\"lots\"}"), "not a quantity" },
		{ ISO("resource/memory", "{\"limit\":1.5}"), "quantity" },
		{ ISO("resource/cpu", "{\"limit\":0}"), "nothing" },
		{ ISO("resource/cpu", "null"), "no value" },
		{ ISO("resource/block-iops", "{\"limit\":5}"), "default" },
		{ ISO("resource/block-iops", "{\"default\":1,\"limit\":5}"), "default" },
		{ ISO("resource/block-bandwidth", "{\"default\":true,\"limit\":0}"), "nothing" },
		{ ISO("os/unix/sysctl", "[]"), "object" },
		{ ISO("os/unix/sysctl", "{\"a.b\":1}"), "string" },
		{ ISO("os/unix/sysctl", "{\"a.b\":\"\"}"), "value" },
		{ ISO("os/unix/sysctl", "{\"a.b\":\"1\\n2\"}"), "value" },
		{ ISO("os/unix/sysctl", "{\"a..b\":\"1\"}"), "name" },
		{ ISO("os/unix/sysctl", "{\"a/../b\":\"1\"}"), "name" },
		{ ISO("os/unix/sysctl", "{\"/a/b\":\"1\"}"), "name" },
		{ ISO("os/unix/sysctl", "{\"a/b.c\":\"1\"}"), "slashes" },
		{ ISO("os/unix/sysctl", "{\"a~b\":\"1\"}"), "name" },
		{ ISO("os/unix/sysctl", "{\"a=b\":\"1\"}"), "name" },
		{ ISO("os/unix/sysctl", "{\"a.b\":\"1\",\"a/b\":\"2\"}"), "twice" },
		{ ISO("os/linux/cpu-shares", "1"), "out of range" },
		{ ISO("os/linux/oom-score-adj", "1001"), "out of range" },
		{ ISO("os/linux/capabilities-retain-set", "{\"set\":[]}"), "empty" },
		{ ISO("os/linux/capabilities-retain-set", "{\"set\":[\"CAP_GOD\"]}"), "set[0]" },
		{ ISO("os/linux/capabilities-retain-set", "{\"set\":[\"kill\"]}"), "set[0]" },
		{ ISO("os/linux/seccomp-retain-set", "{\"set\":[\"a b\"]}"), "set[0]: must be a system call" },
		{ ISO("os/linux/seccomp-retain-set", "{\"set\":[\"a\"],\"errno\":\"42\"}"), "must be an error, as EPERM" },
		{ ISO("os/linux/no-new-privileges", "1"), "true or false" },
		{ NAME ",\"annotations\":[{\"name\":\"homepage\",\"value\":\"javascript:x\"}]}", "http" },
		{ NAME ",\"dependencies\":[{\"imageName\":\"a\",\"imageID\":\"sha512-00\"}]}", "imageID" },
		{ NAME ",\"pathWhitelist\":[\"rel\"]}", "pathWhitelist[0]" },
	};

	(void)state;
	for (size_t k = 0; k < PS_COUNT(rows); k++) {
		struct ac_image *i = NULL;

		if (parse(rows[k].text, &i) != -EINVAL || i)
			fail_msg("accepted: %s", rows[k].text);
		if (!strstr(error, rows[k].says))
			fail_msg("%s\nsays \"%s\", not \"%s\"", rows[k].text,
			    error, rows[k].says);
	}
}

static void
both_sets(void **state)
{
	struct ac_image *i = NULL;

	(void)state;
	assert_int_equal(parse(APP ",\"isolators\":["
	    "{\"name\":\"os/linux/capabilities-retain-set\",\"value\":{\"set\":[\"CAP_KILL\"]}},"
	    "{\"name\":\"os/linux/capabilities-remove-set\",\"value\":{\"set\":[\"CAP_KILL\"]}}]}}", &i),
	    -EINVAL);
	assert_int_equal(parse(APP ",\"isolators\":["
	    "{\"name\":\"resource/cpu\",\"value\":{\"limit\":1}},"
	    "{\"name\":\"resource/cpu\",\"value\":{\"limit\":2}}]}}", &i), -EINVAL);
}

static void
bounds(void **state)
{
	size_t n = PS_MAX_MANIFEST + 1;
	_cleanup_free_ char *big = malloc(n + 1);
	struct ac_image *i = NULL;

	(void)state;
	memset(big, ' ', n);
	memcpy(big, NAME "}", strlen(NAME) + 1);
	assert_int_equal(ac_image_parse(big, n, &i, error), -EINVAL);
	assert_int_equal(ac_image_parse(big, n - 1, &i, error), 0);
	ac_image_free(i);
	memset(big, '[', n);
	assert_int_equal(ac_image_parse(big, n - 1, &i, error), -EINVAL);
	assert_non_null(strstr(error, "deep"));
	memset(big, 0, n);
	assert_int_equal(ac_image_parse(big, 100, &i, error), -EINVAL);
	assert_int_equal(ac_image_parse(big, 0, &i, error), -EINVAL);
}

/* Every prefix of a good text is refused. */
static void
truncated(void **state)
{
	static const char text[] = APP "}}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct ac_image *i = NULL;

		assert_int_equal(ac_image_parse(text, n, &i, error), -EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(refused),
		cmocka_unit_test(both_sets), cmocka_unit_test(bounds),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
