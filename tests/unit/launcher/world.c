/* See world.h. */
#include "tests/unit/launcher/world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "launcher/sys.h"
#include "privsep/fds.h"
#include "privsep/name.h"

#define PEM "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"

struct world world;
static struct ps_frame frame;
static int root_made;

int
world_set_up(void **state)
{
	(void)state;
	if (!root_made++ && !fake_begin())
		return -1;
	fake_put("/proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n"
	    "1:name=systemd:/\n0::/\n");
	fake_mkdir("/sys/fs/cgroup/memory");
	fake_mkdir("/sys/fs/cgroup/cpu,cpuacct");
	fake_mkdir("/sys/fs/cgroup/systemd");
	fake_mkdir("/sys/fs/cgroup/unified");
	fake_put("/etc/passwd", "root:x:0:0::/:/bin/sh\nrkt:x:900:900::/:\n");
	fake_put("/etc/rkt/trustedkeys/prefix.d/example.com/" KEY_A, PEM);
	fake_put("/etc/rkt/trustedkeys/prefix.d/example.com/" KEY_M, "");
	fake_put("/usr/lib/rkt/trustedkeys/root.d/" KEY_M, PEM);
	fake_mkdir("/usr/lib/rkt/stage1/nspawn/rootfs/usr");
	fake_put("/home/op/hello.aci", "an image");
	fake_put("/home/op/hello.aci.asc", "a signature");
	fake_put("/home/op/key.asc", PEM);
	fake_mkdir("/srv/data");
	fake_mkdir("/cwd");
	return 0;
}

int
world_tear_down(void **state)
{
	(void)state;
	fake_end();
	root_made = 0;
	return 0;
}

char *const *world_words;

int
world_open(void **state)
{
	(void)state;
	world_begin(world_words);
	return 0;
}

int
world_close(void **state)
{
	(void)state;
	world_end();
	return 0;
}

/* --- workers --------------------------------------------------------------- */

static void
fetch_slots(struct fake_worker *w)
{
	for (size_t i = 0; i < w->nfds; i++)
		if (world.script.fetched[i])
			(void)ps_write_full(w->fds[i], world.script.fetched[i],
			    strlen(world.script.fetched[i]));
	w->status = world.script.fetcher_ends;
}

/* What is asked of a worker is not known yet: so the edge gets an answer to
 * the question that this program is asked in this test. */
static void
answer(struct fake_worker *w)
{
	struct script *s = &world.script;

	if (strcmp(w->program, "fetcher") == 0) {
		fetch_slots(w);
		return;
	}
	w->status = strcmp(w->program, "verify") == 0 ? s->verify_ends
	    : strcmp(w->program, "second") == 0	      ? s->second_ends
						      : s->unpack_ends;
	if (s->silent) {
		ps_close_fd(&w->chan.fd);
	} else if (strcmp(w->program, "second") == 0) {
		(void)PS_SEND(&w->chan, VERDICT, &s->second, NULL, 0);
	} else if (strcmp(w->program, "unpack") == 0) {
		bool tree = !s->unpacked.name || (s->existing && s->unpack_said);

		s->unpack_said = !tree;
		if (!tree)
			(void)PS_SEND(&w->chan, UNPACKED, &s->unpacked, NULL, 0);
		else
			(void)PS_SEND(&w->chan, TREE, &s->tree, NULL, 0);
	} else if (s->keys.n_lines > 0) {
		(void)PS_SEND(&w->chan, KEYLIST, &s->keys, NULL, 0);
		s->keys.n_lines = 0;
	} else if (s->verdict.n_signers == 0) {
		_cleanup_fd_ int key = s->exported >= 0 ? dup(s->exported)
		    : ps_sealed("key", PEM, strlen(PEM));

		(void)PS_SEND(&w->chan, EXPORTED, (&(struct ps_msg_EXPORTED){ 0 }),
		    &key, 1);
	} else {
		(void)PS_SEND(&w->chan, VERDICT, &s->verdict, NULL, 0);
	}
}

static void
default_script(void)
{
	struct script *s = &world.script;

	memset(s, 0, sizeof(*s));
	s->fetched[0] = "an image";
	s->fetched[1] = "a signature";
	s->exported = -1;
	memset(s->verdict.raw, RAW, PS_DIGEST);
	s->verdict.n_signers = 1;
	s->verdict.signers[0] = KEY_A;
	s->verdict.signed_at = 1600000000;
	s->verdict.n_identities = 1;
	s->verdict.identities[0] = "A <a@example.com>";
	s->second = s->verdict;
	memset(s->unpacked.raw, RAW, PS_DIGEST);
	memset(s->unpacked.image, IMAGE_NEW, PS_DIGEST);
	memset(s->unpacked.tree, TREE, PS_DIGEST);
	s->unpacked.raw_size = strlen("an image");
	s->unpacked.name = NAME;
	s->unpacked.n_labels = 1;
	s->unpacked.labels[0] = "version=1.0";
	memset(s->tree.tree, TREE, PS_DIGEST);
}

/* --- sessions -------------------------------------------------------------- */

static int
count_args(char *const argv[])
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

void
world_begin_mute(char *const argv[])
{
	static char *const env[] = { NULL };
	int p[2];

	fake_reset();
	if (!world.keep)
		fake_clear("/var");
	if (fake.cgroups_used && !world.keep) {
		fake_clear("/sys/fs/cgroup/memory");
		fake_clear("/sys/fs/cgroup/systemd");
		fake_clear("/sys/fs/cgroup/unified");
		fake_clear("/sys/fs/cgroup/cpu,cpuacct");
		fake_clear("/sys/fs/cgroup/pids");
		fake.cgroups_used = false;
	}
	world.fds = fake_open_fds();
	world.s = (struct ln_session){ .state = LN_START, .argv = { count_args(argv), argv },
		.env = env, .conductor = -1, .fetcher = -1,
		.data = -1, .image = -1, .pods = -1, .ids = -1, .quarantine = -1,
		.spool = -1, .system_config = -1, .local_config = -1, .user_config = -1,
		.system_trust = -1, .local_trust = -1, .pod = -1, .facts = -1,
		.plan = -1, .put_dir = -1, .words = { -1, -1 },
		.rkt = { 900, 900 },
		.fetch = { 901, 901 }, .verify = { 902, 902 },
		.second = { 903, 903 } };
	ps_policy_default(&world.s.policy);
	for (size_t i = 0; i < PS_MAX_SLOTS; i++)
		world.s.slots[i].fd = world.s.slots[i].pending = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		abort();
	world.s.control = (struct ps_chan){ .fd = p[0], .peer = 'C' };
	world.conductor = (struct ps_chan){ .fd = p[1], .peer = 'L' };
	default_script();
	fake.act = answer;
}

void
world_begin(char *const argv[])
{
	world_begin_mute(argv);
	SAY(HELLO, .dir = "");
	assert_int_equal(world_serve(), 0);
	world_expect(PS_WELCOME);
	fake.at = 0;
	fake.trace[0] = '\0';
	fake.verbs = 0;
}

void
world_again(char *const argv[])
{
	world_end();
	world.keep = true;
	world_begin(argv);
	world.keep = false;
}

void
world_end(void)
{
	struct ln_session *s = &world.s;
	int *const fds[] = { &s->conductor, &s->fetcher, &s->data, &s->image, &s->pods,
		&s->ids, &s->quarantine, &s->spool, &s->system_config, &s->local_config,
		&s->user_config, &s->system_trust, &s->local_trust, &s->pod,
		&s->facts, &s->plan, &s->put_dir, &s->words[0], &s->words[1],
		&s->control.fd, &world.conductor.fd };

	for (size_t i = 0; i < PS_COUNT(fds); i++)
		ps_close_fd(fds[i]);
	for (size_t i = 0; i < s->n_held; i++)
		ps_close_fd(&s->held[i]);
	for (size_t i = 0; i < PS_MAX_SLOTS; i++)
		ln_slot_free(&s->slots[i]);
	for (size_t i = 0; i < fake.n_workers; i++)
		if (fake.workers[i].pidfd >= 0)
			(void)sys_kill(fake.workers[i].pidfd);
	fake_reset();
	if (fake_open_fds() > world.fds)
		fake_bug("descriptors were leaked", "");
}

/* All that is queued is served; then the fake poll says that nothing comes. */
int
world_serve(void)
{
	int r = ln_serve(&world.s);

	return r == -ETIMEDOUT ? 0 : r;
}

uint16_t
world_hear(struct ps_frame **ret)
{
	int r;

	ps_frame_close(&frame);
	r = ps_recv(&world.conductor, &frame, 0);
	if (ret)
		*ret = &frame;
	return r == 0 ? frame.type : 0;
}

static void
other_answer(uint16_t type, uint16_t wanted)
{
	struct ps_msg_REFUSED m = { .text = "" };

	if (type == PS_REFUSED)
		(void)ps_decode_REFUSED(frame.payload, frame.length, &m);
	fail_msg("%s was answered, not %s (%u %s)",
	    type ? ps_info(type)->name : "nothing", ps_info(wanted)->name, m.code,
	    m.text);
}

void
world_expect(uint16_t type)
{
	uint16_t got = world_hear(NULL);

	if (got != type)
		other_answer(got, type);
	ps_frame_close(&frame);
}

void
world_refused(uint32_t code)
{
	struct ps_msg_REFUSED m;
	uint16_t got = world_hear(NULL);

	if (got != PS_REFUSED)
		other_answer(got, PS_REFUSED);
	assert_int_equal(ps_decode_REFUSED(frame.payload, frame.length, &m), 0);
	if (m.code != code)
		fail_msg("refused with %u, not %u: %s", m.code, code, m.text);
}

struct ln_argv
world_line(const char *line)
{
	static char text[4][2000], *words[4][200];
	static unsigned turn;
	char *rest = text[++turn % 4];
	struct ln_argv a = { 0, words[turn % 4] };

	(void)snprintf(rest, sizeof(text[0]), "%s", line);
	while ((words[turn % 4][a.argc] = strsep(&rest, " ")))
		a.argc++;
	return a;
}

/* --- images and plans ------------------------------------------------------ */

void
world_image(uint8_t id, const char *name, const char *signer)
{
	static char text[PS_MAX_RECORD];
	struct ps_record r = { .name = name, .origin = "", .n_signer = signer != NULL,
		.signer = { signer }, .raw_size = 8 };
	char hex[PS_IMAGE_ID_LEN + 1], path[300];
	int n;

	r.origin = "https://example.com/x";
	memset(r.image, id, PS_DIGEST);
	memset(r.raw, RAW, PS_DIGEST);
	memset(r.tree, TREE, PS_DIGEST);
	ps_image_id(r.image, hex);
	n = ps_record_format(&r, text, sizeof(text));
	if (n < 0)
		abort();
	(void)snprintf(path, sizeof(path), "/var/lib/rkt/image/%s/record", hex);
	fake_put(path, text);
	(void)snprintf(path, sizeof(path), "/var/lib/rkt/image/%s/tree/rootfs", hex);
	fake_mkdir(path);
}

void
world_plan(struct ln_plan *ret, uint8_t id)
{
	memset(ret, 0, sizeof(*ret));
	ret->pod = (struct ps_msg_PLAN_POD){ .version = PS_PLAN_VERSION,
		.uuid = UUID, .hostname = "", .net = PS_NET_NONE,
		.flavor = PS_FLAVOR_NSPAWN, .apps = 1,
		.manifest = (const uint8_t *)"{}", .n_manifest = 2 };
	ret->app[0] = (struct ps_msg_PLAN_APP){ .name = "hello",
		.image_name = NAME, .exec = { "/hello" }, .n_exec = 1,
		.working_dir = "/", .user = "0", .group = "0",
		.caps = PS_CAPS_DEFAULT, .no_new_privs = 0,
		.seccomp = PS_SECCOMP_DEFAULT, .paths = 1 };
	memset(ret->app[0].image, id, PS_DIGEST);
}

static int
encode(struct ps_writer *w, uint16_t type, const struct ln_plan *plan, size_t i)
{
	if (type == PS_PLAN_POD)
		return ps_encode_PLAN_POD(w, &plan->pod);
	return type == PS_PLAN_APP ? ps_encode_PLAN_APP(w, &plan->app[i])
				   : ps_encode_PLAN_VOLUME(w, &plan->volume[i]);
}

static void
add_record(uint8_t *to, size_t size, size_t *at, uint16_t type, uint32_t *serial,
    const struct ln_plan *plan, size_t i)
{
	struct ps_writer w = { .p = to + *at, .size = size - *at, .at = PS_HEADER };
	struct ps_writer head = { .p = to + *at, .size = PS_HEADER };
	struct ps_header h = { .type = type, .serial = ++*serial };

	if (encode(&w, type, plan, i) < 0)
		return;
	h.length = (uint32_t)(w.at - PS_HEADER);
	ps_put_header(&head, &h);
	*at += w.at;
}

size_t
world_plan_bytes(const struct ln_plan *plan, uint8_t *to, size_t size)
{
	uint32_t serial = 0;
	size_t at = 0;

	add_record(to, size, &at, PS_PLAN_POD, &serial, plan, 0);
	for (size_t i = 0; i < plan->pod.volumes && i < PS_MAX_VOLUMES; i++)
		add_record(to, size, &at, PS_PLAN_VOLUME, &serial, plan, i);
	for (size_t i = 0; i < plan->pod.apps && i < PS_MAX_APPS; i++)
		add_record(to, size, &at, PS_PLAN_APP, &serial, plan, i);
	return at;
}

void
world_start_how(const struct ln_plan *plan, uint8_t how)
{
	static uint8_t bytes[PS_MAX_PLAN];
	size_t n = world_plan_bytes(plan, bytes, sizeof(bytes));
	_cleanup_fd_ int fd = ps_sealed("plan", bytes, n);

	assert_int_equal(PS_SEND(&world.conductor, START_POD,
	    (&(struct ps_msg_START_POD){ .how = how }), &fd, 1), 0);
}

void
world_start_pod(const struct ln_plan *plan)
{
	world_start_how(plan, PS_START_RUN);
}

void
world_add_app(struct ln_plan *plan, const char *name, uint8_t id)
{
	struct ps_msg_PLAN_APP *a = &plan->app[plan->pod.apps++];

	*a = plan->app[0];
	a->name = name;
	memset(a->image, id, PS_DIGEST);
}

struct ps_msg_PLAN_VOLUME *
world_add_volume(struct ln_plan *plan, const char *name, uint8_t kind,
    const char *source)
{
	struct ps_msg_PLAN_VOLUME *v = &plan->volume[plan->pod.volumes++];

	*v = (struct ps_msg_PLAN_VOLUME){ .name = name, .kind = kind,
		.source = source, .recursive = kind == PS_VOLUME_HOST,
		.mode = kind == PS_VOLUME_HOST ? 0 : 0755 };
	return v;
}

void
world_add_mount(struct ps_msg_PLAN_APP *app, const char *volume,
    const char *target)
{
	app->mount_volume[app->n_mount_volume++] = volume;
	app->mount_target[app->n_mount_target++] = target;
	app->mount_flags[app->n_mount_flags++] = 0;
}

void
world_trace_is(const char *name)
{
	static char wanted[sizeof(fake.trace)];
	char path[200];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "tests/unit/launcher/expect/%s.trace", name);
	if (getenv("UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(fake.trace, 1, fake.at, f), fake.at);
		assert_int_equal(fclose(f), 0);
		return;
	}
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(wanted, 1, sizeof(wanted) - 1, f);
	(void)fclose(f);
	wanted[n] = '\0';
	for (size_t i = 0, line = 1, start = 0; i <= n; i++) {
		if (fake.trace[i] != wanted[i])
			fail_msg("%s line %zu: \"%.*s\", not \"%.*s\" (UPDATE=1 takes it)",
			    path, line, (int)strcspn(fake.trace + start, "\n"),
			    fake.trace + start, (int)strcspn(wanted + start, "\n"),
			    wanted + start);
		if (wanted[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
}
