/* link: @appc privsep/name.c */
/* Pod manifests: written, read, written again: the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "appc/pod.h"
#include "privsep/attr.h"
#include "privsep/name.h"

static char error[AC_ERROR];

static void
make(struct ac_pod *pod, struct ac_pod_app *app, const char *id)
{
	static const char *argv[] = { "/bin/sh", "-c", "true \"\xc3\xa9\"" };
	static const char *calls[] = { "read", "@rkt/default-whitelist" };
	static struct ac_pair env[] = { { "A", "b" } };
	static struct ac_pair labels[] = { { "version", "1" } };
	static uint32_t gids[] = { 5 };
	static struct ac_port ports[] = { { "http", "tcp", 80, 2, true } };
	static struct ac_mount_point mounts[] = { { "data", "/db", true } };
	static struct ac_mount at[] = { { "v", "/db", false } };
	static struct ac_volume volumes[] = {
		{ .name = "v", .kind = "host", .source = "/srv",
		    .has_read_only = true, .idmap_pod = true },
		{ .name = "e", .kind = "empty", .mode = 01777, .uid = 3 },
		{ .name = "t", .kind = "tmpfs", .mode = 7, .size = 1u << 20 } };
	static struct ac_pair sysctls[] = { { "net.ipv4.a_b", "1 2" },
		{ "kernel.sem", "3" } };
	static struct ac_pod_port at_host[] = { { "http", 8080, "127.0.0.1" } };

	*app = (struct ac_pod_app){
		.name = "one", .image_name = "example.com/a", .image_id = id,
		.image_labels = { 1, labels }, .has_app = true,
		.readonly_rootfs = true, .n_mounts = 1, .mounts = at,
		.app = { .exec = { 3, argv }, .user = "0", .group = "0",
		    .working_dir = "/", .environment = { 1, env },
		    .n_gids = 1, .gids = gids, .n_ports = 1, .ports = ports,
		    .n_mount_points = 1, .mount_points = mounts,
		    .user_labels = { 1, labels },
		    .isolators = { .memory_limit = 1u << 20, .cpu_limit = 250,
			.cpu_request = 1, .cpu_shares = 7, .has_oom = true,
			.oom_score_adj = -3, .caps_set = AC_SET_REMOVE,
			.caps = 33, .seccomp_set = AC_SET_RETAIN,
			.seccomp = { 2, calls }, .seccomp_errno = "ENOSYS",
			.has_no_new_privs = true, .no_new_privs = true,
			.bandwidth_limit = 2000000, .iops_request = 1,
			.iops_limit = 7, .sysctls = { 2, sysctls } } },
	};
	*pod = (struct ac_pod){ .n_apps = 1, .apps = app,
		.n_volumes = 3, .volumes = volumes, .n_ports = 1,
		.ports = at_host, .isolators = { .memory_limit = 1u << 30,
		    .cpu_limit = 1500 },
		.annotations = { 1, labels }, .user_annotations = { 1, labels } };
}

static void
round_trip(void **state)
{
	static const uint8_t digest[64] = { 1, 2, 3 };
	char id[PS_IMAGE_ID_LEN + 1];
	struct ac_pod pod, *read = NULL;
	struct ac_pod_app app;
	_cleanup_free_ char *first = NULL, *second = NULL;

	(void)state;
	ps_image_id(digest, id);
	make(&pod, &app, id);
	assert_int_equal(ac_pod_write(&pod, false, &first), 0);
	if (ac_pod_parse(first, strlen(first), &read, error) != 0)
		fail_msg("%s: %s", error, first);
	assert_string_equal(read->apps[0].image_id, id);
	assert_true(read->apps[0].app.isolators.caps == 33);
	assert_true(read->apps[0].app.isolators.memory_limit == 1u << 20);
	assert_true(read->apps[0].app.isolators.cpu_limit == 250);
	assert_true(read->apps[0].app.isolators.bandwidth_limit == 2000000);
	assert_true(read->apps[0].app.isolators.iops_limit == 7);
	assert_true(read->apps[0].app.isolators.iops_request == 1);
	assert_int_equal(read->apps[0].app.isolators.sysctls.n, 2);
	assert_string_equal(ac_find(&read->apps[0].app.isolators.sysctls,
	    "net.ipv4.a_b"), "1 2");
	assert_true(read->apps[0].readonly_rootfs);
	assert_string_equal(read->apps[0].mounts[0].path, "/db");
	assert_true(read->volumes[0].has_read_only && read->volumes[0].idmap_pod);
	assert_false(read->volumes[0].read_only || read->volumes[0].recursive);
	assert_int_equal(read->volumes[1].mode, 01777);
	assert_int_equal(read->volumes[2].size, 1u << 20);
	assert_int_equal(read->ports[0].host_port, 8080);
	assert_true(read->isolators.cpu_limit == 1500);
	assert_int_equal(ac_pod_write(read, false, &second), 0);
	assert_string_equal(first, second);
	ac_pod_free(read);
}

static void
pretty(void **state)
{
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(ac_pretty("{\"a\":[1]}", 9, &out, error), 0);
	assert_non_null(strstr(out, "\n  \"a\""));
	assert_int_equal(ac_pretty("{", 1, &out, error), -EINVAL);
}

static void
refused(void **state)
{
	static const char *const rows[] = {
		"{}", "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"apps\":[]}",
		"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\"}",
		"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"apps\":[{\"name\":\"a\"}]}",
		"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"apps\":[{\"name\":\"a\",\"image\":{\"id\":\"x\"}}]}",
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ac_pod *pod = NULL;

		assert_int_equal(ac_pod_parse(rows[i], strlen(rows[i]), &pod, error), -EINVAL);
		assert_null(pod);
	}
}

/* A string that is not UTF-8 does not become JSON. */
static void
not_utf8(void **state)
{
	struct ac_pod_app app = { .name = "a\xff", .image_id = "x" };
	struct ac_pod pod = { .n_apps = 1, .apps = &app };
	char *out = NULL;

	(void)state;
	assert_int_equal(ac_pod_write(&pod, false, &out), -EINVAL);
	assert_null(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(pretty),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
