/* link: @launcher @privsep */
/* The proof of volumes, mounts and sockets: a path of the host is one that the
 * operator named, as he named it. */
#include "tests/unit/launcher/world.h"

#include "privsep/volume.h"

#define LINE "rkt run --volume=data,kind=host,source=/srv/data a"

static struct ln_plan plan;
static struct ps_policy policy;
static char error[256];
static struct ps_msg_PLAN_VOLUME *v;
static struct ps_msg_PLAN_APP *a;

/* One app with one mount of one volume. */
static void
fresh(uint8_t kind)
{
	ps_policy_default(&policy);
	world_plan(&plan, IMAGE_GOOD);
	v = world_add_volume(&plan, "data", kind,
	    kind == PS_VOLUME_HOST ? "/srv/data" : "");
	a = &plan.app[0];
	world_add_mount(a, "data", "/mnt");
}

static uint32_t
prove(const char *line)
{
	const struct ln_argv argv = world_line(line);

	error[0] = '\0';
	return ln_plan_prove(&plan, argv, argv, &policy, error);
}

static void
good(void **state)
{
	(void)state;
	for (uint8_t kind = PS_VOLUME_HOST; kind <= PS_VOLUME_TMPFS; kind++) {
		fresh(kind);
		assert_int_equal(prove(LINE), 0);
	}
	v->size = 1 << 20;
	v->mode = 07777;
	v->uid = v->gid = 65535;
	v->readonly = 1;
	a->mount_flags[0] = PS_MOUNT_READONLY;
	assert_int_equal(prove(LINE), 0);
	/* No word of argv is needed for what is not of the host. */
	assert_int_equal(prove("rkt run a"), 0);
	fresh(PS_VOLUME_EMPTY);
	for (uint16_t i = 1; i < PS_MAX_VOLUMES; i++) {
		static char names[PS_MAX_VOLUMES][8];

		(void)snprintf(names[i], sizeof(names[i]), "v%u", i);
		(void)world_add_volume(&plan, names[i], PS_VOLUME_EMPTY, "");
	}
	assert_int_equal(prove("rkt run a"), 0);
}

static void no_kind(void) { v->kind = 0; }
static void other_kind(void) { v->kind = PS_VOLUME_TMPFS + 1; }
static void odd_readonly(void) { v->readonly = 2; }
static void odd_recursive(void) { v->recursive = 2; }
static void odd_idmap(void) { v->idmap = PS_IDMAP_POD + 1; }
static void odd_mode(void) { v->mode = 010000; }
static void odd_uid(void) { v->uid = PS_RANGE; }
static void odd_gid(void) { v->gid = PS_RANGE; }
static void host_size(void) { v->size = 1; }
static void relative(void) { v->source = "srv/data"; }
static void no_source(void) { v->source = ""; }
static void dots(void) { v->source = "/srv/../etc"; }
static void dot(void) { v->source = "/srv/./data"; }
static void slashes(void) { v->source = "/srv//data"; }
static void slash(void) { v->source = "/srv/data/"; }
static void line(void) { v->source = "/srv/da\nta"; }
static void twice(void)
{
	(void)world_add_volume(&plan, "data", PS_VOLUME_EMPTY, "");
}

static void
damaged(void **state)
{
	static void (*const rows[])(void) = { no_kind, other_kind, odd_readonly,
		odd_recursive, odd_idmap, odd_mode, odd_uid, odd_gid, host_size,
		relative, no_source, dots, dot, slashes, slash, line, twice };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(PS_VOLUME_HOST);
		rows[i]();
		if (prove(LINE) != PS_REFUSED_PLAN || !strstr(error, "not one"))
			fail_msg("row %zu: %s", i, error);
	}
	fresh(PS_VOLUME_EMPTY);
	v->source = "/srv/data";
	assert_int_equal(prove(LINE), PS_REFUSED_PLAN);
	fresh(PS_VOLUME_EMPTY);
	v->source = "/srv/../etc";
	assert_int_equal(prove(LINE), PS_REFUSED_PLAN);
	fresh(PS_VOLUME_EMPTY);
	v->size = 4096;
	assert_int_equal(prove(LINE), PS_REFUSED_PLAN);
	fresh(PS_VOLUME_TMPFS);
	v->source = "/srv/data";
	assert_int_equal(prove(LINE), PS_REFUSED_PLAN);
}

/* Lines that say this volume, and lines that say another. */
static void
named(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ LINE, true },
		{ "rkt run --volume data,kind=host,source=/srv/data a", true },
		{ "rkt prepare --volume=data,kind=host,source=/srv//data/ a", true },
		{ "rkt run --volume=x,kind=empty "
		  "--volume=data,kind=host,source=/srv/data a", true },
		{ "rkt run a", false },
		{ "rkt run a -- --volume=data,kind=host,source=/srv/data", false },
		{ "rkt run --volumes=data,kind=host,source=/srv/data a", false },
		{ "rkt run --volume=date,kind=host,source=/srv/data a", false },
		{ "rkt run --volume=data,kind=host,source=/srv a", false },
		{ "rkt run --volume=data,kind=host,source=/srv/data/x a", false },
		{ "rkt run --volume=data,kind=host,source=/srv/datax a", false },
		{ "rkt run --volume=data,kind=empty a", false },
		{ "rkt run --volume=data,kind=host a", false },
		{ "rkt run --volume=data,kind=host,source=/srv/data,x=y a", false },
		{ "rkt run --volume=x,kind=host,source=/srv/data "
		  "--volume=data,kind=host,source=/etc a", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint32_t code;

		fresh(PS_VOLUME_HOST);
		code = prove(rows[i].line);
		if (code != (rows[i].good ? 0 : PS_REFUSED_POLICY))
			fail_msg("%s: %u %s", rows[i].line, code, error);
	}
}

/* The plan may narrow what was said, never widen it. */
static void
as_named(void **state)
{
	static const struct {
		const char *words;
		uint8_t readonly, recursive, idmap;
		bool good;
	} rows[] = {
		{ "", 0, 1, PS_IDMAP_HOST, true },
		{ "", 1, 0, PS_IDMAP_HOST, true },
		{ "", 0, 1, PS_IDMAP_POD, false },
		{ ",readOnly=false", 0, 1, PS_IDMAP_HOST, true },
		{ ",readOnly=true", 1, 1, PS_IDMAP_HOST, true },
		{ ",readOnly=true", 0, 1, PS_IDMAP_HOST, false },
		{ ",recursive=false", 0, 0, PS_IDMAP_HOST, true },
		{ ",recursive=false", 0, 1, PS_IDMAP_HOST, false },
		{ ",recursive=true", 0, 0, PS_IDMAP_HOST, true },
		{ ",idmap=pod", 0, 1, PS_IDMAP_POD, true },
		{ ",idmap=pod", 0, 1, PS_IDMAP_HOST, false },
		{ ",idmap=host", 0, 1, PS_IDMAP_POD, false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char text[200];

		(void)snprintf(text, sizeof(text),
		    "rkt run --volume=data,kind=host,source=/srv/data%s a",
		    rows[i].words);
		fresh(PS_VOLUME_HOST);
		v->readonly = rows[i].readonly;
		v->recursive = rows[i].recursive;
		v->idmap = rows[i].idmap;
		if (prove(text) != (rows[i].good ? 0 : PS_REFUSED_POLICY))
			fail_msg("row %zu: %s", i, error);
	}
}

/* What the conductor takes of a line, root finds said in it, and nothing else:
 * whatever the words, their order and their number. */
static void
as_read(void **state)
{
	static const char *const names[] = { "data", "dat", "data-x" };
	static const char *const sources[] = { "/srv/data", "/", "/srv" };
	static const char *const words[] = { "kind=host", "kind=empty",
		"source=/srv/data", "source=//srv//data///", "source=/srv/datax",
		"source=//", "source=/srv/data/.", "source=/srv",
		"readOnly=true", "readOnly=F", "readOnly=0", "recursive=T",
		"recursive=False", "idmap=pod", "idmap=host", "target=/x",
		"mode=0755", "kind=host", "source=/srv/data" };
	uint64_t seed = 7;
	unsigned proved = 0;

	(void)state;
	for (unsigned k = 0; k < 40000; k++) {
		char line[400] = "rkt run --volume=", *text = line + strlen(line);
		unsigned n = (unsigned)(test_random(&seed) % 6);
		struct ps_volume said;
		const char *wrong;
		bool is;

		(void)strcat(line, names[test_random(&seed) % 4 % 3]);
		if (test_random(&seed) % 2 == 0)
			(void)strcat(line, ",kind=host,source=/srv//data/");
		while (n-- > 0)
			(void)strcat(strcat(line, ","),
			    words[test_random(&seed) % PS_COUNT(words)]);
		fresh(PS_VOLUME_HOST);
		v->source = sources[test_random(&seed) % 4 % 3];
		v->readonly = test_random(&seed) % 2;
		v->recursive = test_random(&seed) % 2;
		v->idmap = test_random(&seed) % 2;
		is = ps_volume_parse(text, &said, &wrong) == 0 &&
		    said.kind == PS_VOLUME_HOST &&
		    strcmp(said.name, v->name) == 0 &&
		    strcmp(said.source, v->source) == 0 &&
		    said.recursive >= v->recursive &&
		    said.readonly <= v->readonly && said.idmap == v->idmap;
		(void)strcat(line, " a");
		if (prove(line) != (is ? 0 : PS_REFUSED_POLICY))
			fail_msg("%s: %s %u %u %u: %s", line, v->source,
			    v->readonly, v->recursive, v->idmap, error);
		proved += is;
	}
	assert_true(proved > 100);
}

/* Sources of a pod manifest lie below the volume-roots of site policy. */
static void
roots(void **state)
{
	static const struct {
		const char *source;
		bool good;
	} rows[] = { { "/srv/x", true }, { "/srv/x/y", true }, { "/var/v", true },
		{ "/srv/xy", false }, { "/srv", false }, { "/", false },
		{ "/etc", false }, { "/var/v2", false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(PS_VOLUME_HOST);
		v->source = rows[i].source;
		assert_int_equal(prove("rkt run --pod-manifest=/m"),
		    PS_REFUSED_POLICY);
		policy.n_root = 2;
		policy.root[0] = "/srv/x";
		policy.root[1] = "/var/v";
		if (prove("rkt run --pod-manifest=/m") !=
		    (rows[i].good ? 0 : PS_REFUSED_POLICY))
			fail_msg("%s: %s", rows[i].source, error);
		/* A root is for manifests alone. */
		assert_int_equal(prove("rkt run a"), PS_REFUSED_POLICY);
		policy.root[1] = "/"; /* the whole host, who wants it */
		assert_int_equal(prove("rkt run --pod-manifest=/m"), 0);
	}
}

static void unknown(void) { a->mount_volume[0] = "date"; }
static void half(void) { a->mount_volume[0] = "dat"; }
static void on_root(void) { a->mount_target[0] = "/"; }
static void odd_flags(void) { a->mount_flags[0] = 2; }
static void high_flags(void) { a->mount_flags[0] = PS_MOUNT_READONLY | 1u << 31; }
static void more_volumes(void) { a->n_mount_volume++; a->mount_volume[1] = "data"; }
static void more_targets(void) { a->n_mount_target++; a->mount_target[1] = "/x"; }
static void more_flags(void) { a->n_mount_flags++; }
static void no_volume(void) { plan.pod.volumes = 0; }
static void second_bad(void) { world_add_mount(a, "none", "/y"); }

static void
mounts(void **state)
{
	static void (*const rows[])(void) = { unknown, half, on_root, odd_flags,
		high_flags, more_volumes, more_targets, more_flags, no_volume,
		second_bad };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(PS_VOLUME_EMPTY);
		rows[i]();
		if (prove("rkt run a") != PS_REFUSED_PLAN ||
		    !strstr(error, "mount"))
			fail_msg("row %zu: %s", i, error);
		fresh(PS_VOLUME_EMPTY); /* the same of another app */
		world_add_app(&plan, "second", IMAGE_GOOD);
		a = &plan.app[1];
		rows[i]();
		assert_int_equal(prove("rkt run a b"), PS_REFUSED_PLAN);
	}
	fresh(PS_VOLUME_EMPTY);
	world_add_mount(a, "data", "/mnt"); /* the same again, and deeper */
	world_add_mount(a, "data", "/mnt/deep");
	assert_int_equal(prove("rkt run a"), 0);
}

static void
sockets(void **state)
{
	static const struct {
		uint32_t port;
		bool good;
	} rows[] = { { 1, true }, { 65535, true }, { 80 | PS_SOCKET_UDP, true },
		{ 0, false }, { 65536, false }, { PS_SOCKET_UDP, false },
		{ 80 | PS_SOCKET_UDP << 1, false }, { 1u << 31 | 80, false } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		fresh(PS_VOLUME_EMPTY);
		a->n_socket_names = a->n_socket_ports = 2;
		a->socket_names[0] = a->socket_names[1] = "http";
		a->socket_ports[0] = 443;
		a->socket_ports[1] = rows[i].port;
		if (prove("rkt run a") != (rows[i].good ? 0 : PS_REFUSED_PLAN))
			fail_msg("row %zu: %s", i, error);
		a->n_socket_names = 1;
		assert_int_equal(prove("rkt run a"), PS_REFUSED_PLAN);
	}
}

/* Volumes stand between the pod and its apps, as many as the pod says. */
static void
decode(void **state)
{
	static uint8_t bytes[1 << 18];
	static struct ln_plan back;
	size_t n;

	(void)state;
	fresh(PS_VOLUME_HOST);
	(void)world_add_volume(&plan, "other", PS_VOLUME_TMPFS, "");
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), 0);
	assert_string_equal(back.volume[0].source, "/srv/data");
	assert_string_equal(back.volume[1].name, "other");
	assert_string_equal(back.app[0].mount_target[0], "/mnt");
	plan.pod.volumes = 1; /* the apps begin too late for that */
	{
		static uint8_t pod[1 << 16];
		size_t m = world_plan_bytes(&plan, pod, sizeof(pod));
		size_t head = PS_HEADER + pod[8] + 256u * pod[9];

		assert_true(m > head);
		memcpy(bytes, pod, head);
	}
	assert_int_equal(ln_plan_decode(bytes, n, &back), -EBADMSG);
	plan.pod.volumes = PS_MAX_VOLUMES + 1;
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	assert_int_equal(ln_plan_decode(bytes, n, &back), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(damaged),
		cmocka_unit_test(named),
		cmocka_unit_test(as_named),
		cmocka_unit_test(as_read),
		cmocka_unit_test(roots),
		cmocka_unit_test(mounts),
		cmocka_unit_test(sockets),
		cmocka_unit_test(decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
