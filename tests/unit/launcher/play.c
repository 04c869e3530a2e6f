/* See play.h. */
#include "tests/unit/launcher/lattice.h"
#include "tests/unit/launcher/play.h"
#include "tests/unit/privsep/gen.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "privsep/fds.h"

#define MAX_REQUESTS 10

static struct {
	const uint8_t *p;
	size_t n;
} input;

/* What was truly said by workers that truly ended well. */
static struct {
	bool verdict, second, unpacked, is_committed;
	struct ps_msg_VERDICT v, v2;
	struct ps_msg_UNPACKED u;
	uint8_t committed[PS_DIGEST];
	struct lattice_line line;
} truth;

static uint8_t
next(void)
{
	if (input.n == 0)
		return 0;
	input.n--;
	return *input.p++;
}

static bool
is_rare(void)
{
	return next() % 16 == 15;
}

static const char *const names[] = { NAME, "", "example.com", "example.com/other",
	"elsewhere.org/x", "example.comx/y" };
static const char *const keys[] = { KEY_A, KEY_M, KEY_N, "ee" };
static const uint8_t images[] = { IMAGE_GOOD, IMAGE_UNSIGNED, IMAGE_MASKED,
	IMAGE_OTHER, IMAGE_NEW, 0xee };

static bool
is_insecure(uint32_t bit)
{
	return (truth.line.insecure & world.s.policy.insecure & bit) != 0;
}

static bool
speaks_for(const char *key, const char *name)
{
	return strcmp(key, KEY_A) == 0 && (strcmp(name, "example.com") == 0 ||
	    strncmp(name, "example.com/", 12) == 0) && world.s.policy.n_deny_key == 0;
}

/* --- the oracle ------------------------------------------------------------ */

static bool
is_allowed(const uint8_t image[PS_DIGEST])
{
	const struct ps_policy *p = &world.s.policy;

	return !(p->n_deny && memcmp(p->deny[0], image, PS_DIGEST) == 0) &&
	    !(p->n_pin && memcmp(p->pin[0], image, PS_DIGEST) != 0);
}

static void
on_commit(const char *id)
{
	uint8_t digest[PS_DIGEST];
	const struct ps_msg_UNPACKED *u = &truth.u;
	bool signed_well = truth.verdict && truth.v.n_signers > 0 &&
	    memcmp(truth.v.raw, u->raw, PS_DIGEST) == 0;

	if (!ps_parse_image_id(id, digest) || !truth.unpacked ||
	    memcmp(digest, u->image, PS_DIGEST) != 0)
		fake_bug("committed without its unpacking", id);
	for (uint16_t i = 0; signed_well && i < truth.v.n_signers; i++)
		signed_well = speaks_for(truth.v.signers[i], u->name);
	if (signed_well && world.s.policy.verifiers == 2)
		signed_well = truth.second && truth.v2.n_signers > 0 &&
		    memcmp(truth.v2.raw, u->raw, PS_DIGEST) == 0 &&
		    speaks_for(truth.v2.signers[0], u->name);
	if (!signed_well && !is_insecure(PS_INSECURE_IMAGE))
		fake_bug("committed without a verdict", id);
	if (!is_allowed(digest))
		fake_bug("committed against site policy", id);
	memcpy(truth.committed, digest, PS_DIGEST);
	truth.is_committed = true;
}

static void
check_image(const uint8_t *image)
{
	if (!is_allowed(image))
		fake_bug("started against site policy", "");
	if (!((image[0] == IMAGE_GOOD && world.s.policy.n_deny_key == 0) ||
		(image[0] == IMAGE_UNSIGNED && is_insecure(PS_INSECURE_IMAGE)) ||
		(truth.is_committed && memcmp(image, truth.committed, PS_DIGEST) == 0)))
		fake_bug("started an image that no one vouched for", "");
}

static void
check_started(void)
{
	static struct ln_plan plan;
	uint64_t size = 0;
	void *p;

	if (ps_check_sealed(world.s.plan, PS_MAX_PLAN, &size) < 0)
		fake_bug("started without a sealed plan", "");
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, world.s.plan, 0);
	if (p == MAP_FAILED || ln_plan_decode(p, size, &plan) < 0)
		fake_bug("started without a plan", "");
	lattice_holds(&plan, &world.s.policy, &truth.line, &truth.line);
	for (unsigned i = 0; i < plan.pod.apps; i++)
		check_image(plan.app[i].image);
	(void)munmap(p, size);
}

/* --- workers ---------------------------------------------------------------- */

static int
some_fd(uint8_t kind)
{
	switch (kind % 5) {
	case 0:
		return ps_sealed("key", "key", 3);
	case 1:
		return memfd_create("loose", MFD_CLOEXEC);
	case 2:
		return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	case 3:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	default:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
}

/* Any bytes as the payload of any message, with any descriptors. */
static void
say_noise(struct ps_chan *c)
{
	const struct gen_row *row = &gen_rows[next() % PS_COUNT(gen_rows)];
	struct ps_writer w = ps_writer_begin();
	size_t n = next() % 64, nfds = next() % 4;
	int fds[4];

	if (next() % 2) {
		gen_seed = next() + 1;
		(void)row->make(&w);
		w.error = 0;
	}
	for (size_t i = 0; i < n; i++)
		ps_put_u8(&w, next());
	c->sent += next() % 8 == 0;
	for (size_t i = 0; i < nfds; i++)
		fds[i] = some_fd(next());
	(void)ps_send_raw(c, row->type, &w, fds, nfds);
	for (size_t i = 0; i < nfds; i++)
		ps_close_fd(&fds[i]);
}

static void
be_verify(struct fake_worker *w, uint8_t how)
{
	struct script *s = &world.script;
	_cleanup_fd_ int fd = -1;

	s->verdict.raw[0] = RAW ^ is_rare();
	s->verdict.n_signers = is_rare() ? (uint16_t)(next() % 3) : 1;
	for (uint16_t i = 0; i < s->verdict.n_signers; i++)
		s->verdict.signers[i] = keys[is_rare() ? next() % PS_COUNT(keys) : 0];
	switch (how >> 3) {
	default:
		(void)PS_SEND(&w->chan, VERDICT, &s->verdict, NULL, 0);
		if (strcmp(w->program, "second") == 0) {
			truth.v2 = s->verdict;
			truth.second = w->status == 0;
		} else {
			truth.v = s->verdict;
			truth.verdict = w->status == 0;
		}
		break;
	case 1:
	case 2:
		fd = some_fd(how == 8 ? 0 : next());
		(void)PS_SEND(&w->chan, EXPORTED, (&(struct ps_msg_EXPORTED){ 0 }),
		    &fd, 1);
		break;
	case 3:
	case 4:
		(void)PS_SEND(&w->chan, KEYLIST, (&(struct ps_msg_KEYLIST){
			.n_lines = 1, .lines = { "pub x" } }), NULL, 0);
	}
}

static void
be_unpack(struct fake_worker *w, uint8_t how)
{
	struct script *s = &world.script;

	s->unpacked.raw[0] = RAW ^ is_rare();
	s->unpacked.raw_size = strlen("an image") + is_rare();
	s->unpacked.name = names[is_rare() ? next() % PS_COUNT(names) : 0];
	s->tree.tree[0] = TREE ^ is_rare();
	memset(s->unpacked.image,
	    images[is_rare() ? next() % PS_COUNT(images) : 4], PS_DIGEST);
	if (how >> 3 == 1 || how >> 3 == 2) {
		(void)PS_SEND(&w->chan, TREE, &s->tree, NULL, 0);
	} else if (PS_SEND(&w->chan, UNPACKED, &s->unpacked, NULL, 0) == 0) {
		truth.u = s->unpacked;
		truth.unpacked = w->status == 0;
	}
}

static void
misbehave(struct fake_worker *w)
{
	static const int ends[] = { 0, 0, 0, 0, 0, 1, 256 + 9, FAKE_TIMEOUT };
	uint8_t how = next();

	w->status = is_rare() ? ends[next() % PS_COUNT(ends)] : 0;
	if (how % 8 == 7 && strcmp(w->program, "fetcher") != 0) {
		say_noise(&w->chan);
	} else if (how % 8 == 6) {
		ps_close_fd(&w->chan.fd);
	} else if (strcmp(w->program, "verify") == 0) {
		truth.verdict = truth.second = false;
		be_verify(w, how);
	} else if (strcmp(w->program, "second") == 0) {
		be_verify(w, how);
	} else if (strcmp(w->program, "unpack") == 0) {
		truth.unpacked = false;
		be_unpack(w, how);
	} else {
		for (size_t i = 0; i < w->nfds; i++)
			(void)ps_write_full(w->fds[i], "an image", 8);
	}
}

/* --- the conductor ---------------------------------------------------------- */

#define TELL(NAME, ...)                                                   \
	(void)PS_SEND(&world.conductor, NAME,                             \
	    (&(struct ps_msg_##NAME){ __VA_ARGS__ }), NULL, 0)

static void
tell_start(void)
{
	static uint8_t bytes[1 << 17];
	static struct ln_plan plan;
	struct ps_policy unused;
	uint64_t seed;
	_cleanup_fd_ int fd = -1;
	size_t n;
	static const uint8_t likely[] = { IMAGE_GOOD, IMAGE_GOOD, IMAGE_NEW };
	uint8_t which = next();

	world_plan(&plan, which % 4 < 3 ? likely[which % 4]
					: images[next() % PS_COUNT(images)]);
	plan.pod.insecure = next() % 4 == 0 ? PS_INSECURE_IMAGE : 0;
	plan.pod.net = next() % 4 == 0 ? PS_NET_HOST : PS_NET_NONE;
	seed = next() + 1;
	lattice_obey(&seed, &plan, &truth.line);
	for (unsigned i = 1; i < plan.pod.apps && is_rare(); i++)
		memset(plan.app[i].image, images[next() % PS_COUNT(images)], PS_DIGEST);
	if (seed % 2)
		lattice_vary(&seed, &plan, &unused);
	n = world_plan_bytes(&plan, bytes, sizeof(bytes));
	if (is_rare())
		bytes[next() % n] ^= next();
	fd = is_rare() ? some_fd(next()) : ps_sealed("plan", bytes, n);
	(void)PS_SEND(&world.conductor, START_POD, (&(struct ps_msg_START_POD){
	    .how = is_rare() ? next() % 4 : PS_START_RUN }), &fd, 1);
}

static void
tell_digest(uint8_t op)
{
	struct ps_msg_CHECK_IMAGE m = { .remove = 1 };
	struct ps_msg_CHECK_IMAGE c = { 0 };

	memset(m.image, images[next() % PS_COUNT(images)], PS_DIGEST);
	memcpy(c.image, m.image, PS_DIGEST);
	if (op)
		(void)PS_SEND(&world.conductor, CHECK_IMAGE, &m, NULL, 0);
	else
		(void)PS_SEND(&world.conductor, CHECK_IMAGE, &c, NULL, 0);
}

/* As an honest one would, but for what it asks. */
static void
tell_fetch(void)
{
	bool is_signed = next() % 4 != 3;

	TELL(START_FETCHER, .count = is_signed ? 2 : 1, .n_kinds = is_signed ? 2 : 1,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	TELL(REAP_FETCHER, .end_ = 0);
	TELL(ADMIT_IMAGE, .image = 0, .signature = is_signed ? 1 : PS_NO_SLOT,
	    .name = names[is_rare() ? next() % PS_COUNT(names) : 0],
	    .insecure = is_signed || is_rare() ? 0 : PS_INSECURE_IMAGE);
}

/* What leaves a file, a tree, or a command in a pod behind. */
static void
tell_output(uint8_t op)
{
	static const char *const paths[] = { "/m", "/home/op/out", "out", "image",
		"/etc/shadow", "/srv/data" };
	const char *path = paths[next() % PS_COUNT(paths)];
	struct ps_msg_EXTRACT_IMAGE m = { .path = path, .whole = next() % 3 };
	_cleanup_fd_ int fd = -1;

	memset(m.image, images[next() % PS_COUNT(images)], PS_DIGEST);
	switch (op % 4) {
	case 0:
		TELL(GET_FILE, .path = path, .kind = PS_SLOT_OUTPUT);
		break;
	case 1:
		TELL(ENTER_POD, .uuid = UUID, .app = "hello", .n_exec = 1,
		    .exec = { next() % 2 ? "x" : "/bin/bash" });
		break;
	case 2:
		(void)PS_SEND(&world.conductor, EXTRACT_IMAGE, &m, NULL, 0);
		break;
	default:
		fd = some_fd(next());
		(void)PS_SEND(&world.conductor, EXPORT_APP,
		    (&(struct ps_msg_EXPORT_APP){ .uuid = UUID, .app = "hello",
			.path = path }), &fd, 1);
	}
}

static void
tell(uint8_t op)
{
	static const char *const paths[] = { "/home/op/hello.aci", "/etc/shadow",
		"/home/op/key.asc", "../x" };
	uint8_t kinds[2] = { next() % 5, next() % 5 };

	if (op < 100) {
		tell_fetch();
		return;
	}
	switch (op < 150 ? 11 : op % 18) {
	case 0:
		TELL(HELLO, .dir = next() % 8 ? "" : "/etc");
		break;
	case 1:
		TELL(GET_FILE, .path = paths[next() % 4], .kind = kinds[0]);
		break;
	case 2:
	case 3:
		kinds[0] = PS_SLOT_IMAGE;
		kinds[1] = PS_SLOT_SIGNATURE;
		/* fall through */
	case 4:
		TELL(START_FETCHER, .count = 2, .n_kinds = 2, .kinds = kinds);
		if (next() % 4)
			TELL(REAP_FETCHER, .end_ = 0);
		break;
	case 5:
		TELL(REAP_FETCHER, .end_ = 0);
		break;
	case 6:
	case 7:
	case 8:
		TELL(ADMIT_IMAGE, .image = next() % 3, .signature = next() % 4
		    ? 1 : PS_NO_SLOT, .name = names[next() % PS_COUNT(names)],
		    .insecure = next() % 4 ? 0 : PS_INSECURE_IMAGE);
		break;
	case 9:
		TELL(REVIEW_KEYS, .slot = next() % 3);
		break;
	case 10:
		TELL(TRUST_KEY, .slot = next() % 3, .prefix = next() % 2 ? "" : "new.org",
		    .fingerprint = KEY_N);
		break;
	case 11:
	case 12:
		tell_start();
		break;
	case 13:
		tell_digest(next() % 2);
		break;
	case 14:
		TELL(END_POD, .uuid = UUID, .how = next() % 5);
		break;
	case 15:
	case 16:
		tell_output(next());
		break;
	default:
		say_noise(&world.conductor);
	}
}

static void
set_policy(uint8_t how)
{
	struct ps_policy *p = &world.s.policy;

	if ((how & 1) != 0)
		p->insecure = 0;
	if ((how & 6) == 6)
		p->n_deny = 1;
	memset(p->deny[0], images[next() % PS_COUNT(images)], PS_DIGEST);
	memset(p->pin[0], IMAGE_NEW, PS_DIGEST);
	p->n_pin = (how & 24) == 24;
	p->deny_key[0] = KEY_A;
	p->n_deny_key = (how & 96) == 96;
	p->seccomp_wide = (how & 128) == 0;
	p->verifiers = (how & 48) == 48 ? 2 : 1;
	p->tree_at_launch = (how & 136) == 136;
}

static void
fill_store(void)
{
	world_image(IMAGE_GOOD, NAME, KEY_A);
	world_image(IMAGE_UNSIGNED, NAME, NULL);
	world_image(IMAGE_MASKED, NAME, KEY_M);
	world_image(IMAGE_OTHER, "elsewhere.org/x", KEY_A);
}

void
play(const uint8_t *data, size_t size, struct play_result *ret)
{
	uint64_t seed;

	input.p = data;
	input.n = size;
	memset(&truth, 0, sizeof(truth));
	seed = next() + 1;
	lattice_say(&seed, &truth.line, next() % 4 ? 1 : LATTICE_APPS);
	world_begin_mute(truth.line.argv);
	set_policy(next());
	fake.act = misbehave;
	fake.committed = on_commit;
	fake.may_open[0] = "/home/op/hello.aci";
	fake.may_open[1] = "/srv/data"; /* the sources that lines name */
	fake.may_open[2] = "/etc";
	fake.may_open[3] = "."; /* of an output's name alone */
	if (!is_rare()) {
		fill_store();
		TELL(HELLO, .dir = "");
	}
	for (unsigned n = 1 + next() % MAX_REQUESTS; n > 0; n--)
		tell(next());
	fake.fail_at = next() % 4 ? 0 : next();
	fake.fail_error = EIO;
	ret->ended_badly = world_serve() != 0;
	fake.fail_at = 0;
	for (ret->answers = 0; world_hear(NULL) != 0;)
		ret->answers++;
	ret->started = world.s.become != NULL;
	if (fake_exists("/etc/shadow") || fake_exists("/home/op/out") ||
	    fake_exists("/cwd/out"))
		fake_bug("made a file that no one named", "");
	ret->committed = truth.is_committed;
	if (world.s.plan >= 0 && world.s.become != NULL)
		check_started();
	world_end();
}
