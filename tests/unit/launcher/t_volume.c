/* link: @launcher @privsep */
/* Volumes of a start: what is opened, how it is mounted, who owns it; and that
 * a volume that cannot be had leaves no pod behind. */
#include "tests/unit/launcher/world.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "launcher/store.h"

#define VOLUMES "/var/lib/rkt/pods/prepare/UUID/overlay/stage1/upper/rkt/volumes"
#define MOUNTED "/var/lib/rkt/pods/prepare/UUID/stage1/rootfs/rkt/volumes"

static struct ln_plan plan;
static struct ps_msg_PLAN_VOLUME *v;

/* In the fake host, as the launcher's path would have it. */
static const char *
real(const char *path)
{
	static char text[2][400];
	static unsigned turn;

	(void)snprintf(text[++turn % 2], sizeof(text[0]), "%s%s", fake.root, path);
	return text[turn % 2];
}

static int
set_up(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	if (world_set_up(state) < 0)
		return -1;
	fake_mkdir("/srv/data/deep/er");
	fake_put("/srv/file", "x");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s",
	    real("/srv/socket"));
	if (mkfifo(real("/srv/fifo"), 0600) < 0 || fd < 0 ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    symlink("data", real("/srv/link")) < 0 ||
	    symlink("er", real("/srv/data/deep/link")) < 0 ||
	    symlink("/proc/self/root/etc", real("/srv/magic")) < 0 ||
	    symlink("file", real("/srv/filelink")) < 0)
		return -1;
	return close(fd);
}

/* A session of run with that volume; start() goes. */
static void
begin(const char *words, uint8_t kind, const char *source)
{
	static char flag[200], name[] = NAME;
	static char *argv[] = { "rkt", "run", flag, name, NULL };

	(void)snprintf(flag, sizeof(flag), "--volume=data,kind=host,source=%s%s",
	    source, words);
	world_begin(argv);
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_plan(&plan, IMAGE_GOOD);
	v = world_add_volume(&plan, "data", kind, kind == PS_VOLUME_HOST ? source : "");
	fake.may_open[0] = source;
}

static void
start(void)
{
	world_start_pod(&plan);
	assert_int_equal(world_serve(), 0);
}

static bool
did(const char *line)
{
	const char *at = strstr(fake.trace, line);

	return at && (at == fake.trace || at[-1] == '\n') &&
	    at[strlen(line)] == '\n';
}

static void
has_done(const char *line)
{
	if (!did(line))
		fail_msg("not done: %s", line);
}

/* How a path of the host is shown to the pod. */
static void
host_volumes(void **state)
{
	static const struct {
		const char *source, *words;
		uint8_t readonly, recursive, idmap;
		const char *bind, *restrict_;
	} rows[] = {
		{ "/srv/data", "", 0, 1, PS_IDMAP_HOST, "bind(/srv/data recursive)",
		    " recursive userns(0->1879048192+65536)" },
		{ "/srv/data", "", 1, 1, PS_IDMAP_HOST, "bind(/srv/data recursive)",
		    " recursive ro userns(0->1879048192+65536)" },
		{ "/srv/data", "", 0, 0, PS_IDMAP_HOST, "bind(/srv/data)",
		    " userns(0->1879048192+65536)" },
		{ "/srv/data", ",idmap=pod", 0, 1, PS_IDMAP_POD,
		    "bind(/srv/data recursive)", " recursive -" },
		{ "/srv/file", "", 0, 1, PS_IDMAP_HOST, "bind(/srv/file recursive)",
		    " recursive userns(0->1879048192+65536)" },
		{ "/srv/fifo", "", 1, 0, PS_IDMAP_HOST, "bind(/srv/fifo)",
		    " ro userns(0->1879048192+65536)" },
		{ "/srv/socket", "", 0, 0, PS_IDMAP_POD, "bind(/srv/socket)", " -" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char line[400];
		bool directory = strcmp(rows[i].source, "/srv/data") == 0;

		begin(rows[i].idmap == PS_IDMAP_POD ? ",idmap=pod" : "",
		    PS_VOLUME_HOST, rows[i].source);
		v->readonly = rows[i].readonly;
		v->recursive = rows[i].recursive;
		v->idmap = rows[i].idmap;
		start();
		world_expect(PS_STARTING);
		(void)snprintf(line, sizeof(line), "open %s path no-links",
		    rows[i].source);
		has_done(line);
		has_done(rows[i].bind);
		(void)snprintf(line, sizeof(line), "restrict %s%s", rows[i].bind,
		    rows[i].restrict_);
		has_done(line);
		(void)snprintf(line, sizeof(line), "attach %s " MOUNTED "/data",
		    rows[i].bind);
		has_done(line);
		/* The place is of the source's kind, the pod's, and shut. */
		assert_int_equal(directory, did("mkdir " VOLUMES "/data 0700"));
		assert_int_equal(!directory,
		    did("open " VOLUMES "/data new"));
		has_done("own " VOLUMES "/data 1879048192:1879048192 0700");
		has_done("own " VOLUMES " 1879048192:1879048192 0711");
		world_end();
	}
}

/* A device is a node of its own, owned in the pod as it is on the host; one
 * that is not to be written has a group that the pod has not, so that no
 * capability of the pod's is over it. */
static void
devices(void **state)
{
	static const struct {
		uint8_t readonly, idmap;
		uint32_t flags;
		const char *words, *node;
	} rows[] = {
		{ 0, PS_IDMAP_HOST, 0, "", "node(20666 1:3 1879048192:1879048192)" },
		{ 1, PS_IDMAP_HOST, 0, "", "node(20444 1:3 1879048192:0)" },
		{ 0, PS_IDMAP_HOST, PS_MOUNT_READONLY, "",
		    "node(20444 1:3 1879048192:0)" },
		{ 0, PS_IDMAP_POD, 0, ",idmap=pod", "node(20666 1:3 0:0)" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char line[200];

		begin(rows[i].words, PS_VOLUME_HOST, "/dev/null");
		v->readonly = rows[i].readonly;
		v->idmap = rows[i].idmap;
		plan.app[0].n_mount_volume = plan.app[0].n_mount_target =
		    plan.app[0].n_mount_flags = 1;
		plan.app[0].mount_volume[0] = "data";
		plan.app[0].mount_target[0] = "/dev/mine";
		plan.app[0].mount_flags[0] = rows[i].flags;
		start();
		world_expect(PS_STARTING);
		has_done(rows[i].node);
		assert_null(strstr(fake.trace, "bind(/dev"));
		(void)snprintf(line, sizeof(line), "attach %s " MOUNTED "/data",
		    rows[i].node);
		has_done(line);
		world_end();
	}
}

static void
own_volumes(void **state)
{
	(void)state;
	begin("", PS_VOLUME_EMPTY, "/srv/data");
	v->mode = 02770;
	v->uid = 5;
	v->gid = 65535;
	start();
	world_expect(PS_STARTING);
	has_done("own " VOLUMES "/data 1879048197:1879113727 2770");
	assert_null(strstr(fake.trace, "/srv"));
	assert_null(strstr(fake.trace, MOUNTED));
	world_end();
	begin("", PS_VOLUME_TMPFS, "/srv/data");
	v->mode = 01777;
	v->gid = 6;
	v->size = 1 << 20;
	v->readonly = 1;
	start();
	world_expect(PS_STARTING);
	has_done("own " VOLUMES "/data 1879048192:1879048192 0700");
	has_done("attach tmpfs(1048576 1777 1879048192:1879048198 ro) " MOUNTED
	    "/data");
	assert_null(strstr(fake.trace, "/srv"));
	world_end();
	begin("", PS_VOLUME_TMPFS, "/srv/data");
	start();
	world_expect(PS_STARTING);
	has_done("attach tmpfs(0 755 1879048192:1879048192) " MOUNTED "/data");
	world_end();
}

/* No pod, no claim, nothing mounted. */
static void
nothing_left(const char *when)
{
	if (fake_exists("/var/lib/rkt/pods/run/" UUID) ||
	    fake_exists("/var/lib/rkt/pods/prepare/" UUID) ||
	    fake_exists("/var/lib/rkt/ids/1879048192") || world.s.become)
		fail_msg("%s: something is left", when);
}

static void
refused_with(const char *text)
{
	struct ps_msg_REFUSED m;
	struct ps_frame *f;

	assert_int_equal(world_hear(&f), PS_REFUSED);
	assert_int_equal(ps_decode_REFUSED(f->payload, f->length, &m), 0);
	if (m.code != PS_REFUSED_SYSTEM || !strstr(m.text, text))
		fail_msg("%u: %s", m.code, m.text);
}

/* A link anywhere in the path may be another's to turn elsewhere. */
static void
links(void **state)
{
	static const char *const sources[] = { "/srv/link", "/srv/link/deep",
		"/srv/link/deep/er", "/srv/data/deep/link", "/srv/filelink",
		"/srv/magic", "/srv/magic/passwd" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(sources); i++) {
		begin("", PS_VOLUME_HOST, sources[i]);
		start();
		refused_with("symbolic link");
		assert_null(strstr(fake.trace, "bind(/srv"));
		nothing_left(sources[i]);
		world_end();
	}
	begin("", PS_VOLUME_HOST, "/srv/data/deep/er");
	start();
	world_expect(PS_STARTING);
	world_end();
}

static void
not_there(void **state)
{
	(void)state;
	begin("", PS_VOLUME_HOST, "/srv/none");
	start();
	refused_with("volume \"data\": /srv/none: No such file");
	nothing_left("not there");
	world_end();
	begin("", PS_VOLUME_HOST, "/srv/file/x");
	start();
	refused_with("Not a directory");
	nothing_left("below a file");
	world_end();
}

static void
plan_all(void)
{
	begin("", PS_VOLUME_HOST, "/srv/data");
	(void)world_add_volume(&plan, "empty", PS_VOLUME_EMPTY, "");
	(void)world_add_volume(&plan, "tmpfs", PS_VOLUME_TMPFS, "");
}

/* Whatever fails, there is a pod or there is none; what the person hears
 * names the volume where it is the volume's fault. */
static void
failures(void **state)
{
	unsigned n, refused = 0, named = 0, mapping = 0;

	(void)state;
	for (n = 1; n < 600; n++) {
		struct ps_msg_REFUSED m;
		struct ps_frame *f;
		uint16_t answer;
		char when[40];

		plan_all();
		fake.fail_at = n;
		fake.fail_error = EINVAL;
		start();
		fake.fail_at = 0;
		(void)snprintf(when, sizeof(when), "verb %u", n);
		answer = world_hear(&f);
		if (answer == PS_REFUSED) {
			assert_int_equal(ps_decode_REFUSED(f->payload, f->length, &m),
			    0);
			refused++;
			named += strstr(m.text, "volume \"data\"") != NULL;
			mapping += strstr(m.text, "idmap=pod") != NULL;
			/* but an undoing that failed is gc's */
			if (!strstr(fake.trace, "detach"))
				nothing_left(when);
		} else if (answer != PS_STARTING) {
			fail_msg("%s: no answer", when);
		}
		if (fake.verbs < n)
			break;
		world_end();
	}
	world_end();
	assert_in_range(n, 100, 599);
	assert_in_range(refused, 80, n);
	assert_in_range(named, 3, 8); /* open, bind, restrict */
	assert_int_equal(mapping, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_volumes),
		cmocka_unit_test(devices),
		cmocka_unit_test(own_volumes),
		cmocka_unit_test(links),
		cmocka_unit_test(not_there),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, set_up, world_tear_down);
}
