/* link: @launcher @privsep */
/* Admission: what reaches the store is what both workers agreed on, signed by
 * a key that speaks for its name; everything else leaves nothing (G4, G5). */
#include "tests/unit/launcher/world.h"

#include <dirent.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

static char *const argv_used[] = { "rkt", "fetch", NAME, NULL };
static uint32_t insecure;
static const char *name;
static bool is_unsigned;

static int
begin(void **state)
{
	(void)state;
	insecure = 0;
	name = NAME;
	is_unsigned = false;
	world_begin(argv_used);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

static void
again(char *const argv[])
{
	world_end();
	world_begin(argv);
}

static int
admit(void)
{
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = is_unsigned ? PS_NO_SLOT : 1,
	    .name = name, .origin = "https://example.com/x", .insecure = insecure);
	return world_serve();
}

static void
heard(void)
{
	world_expect(PS_FETCHER);
	world_expect(PS_FETCHED);
}

/* Entries of the image directory. */
static unsigned
images(void)
{
	char path[200];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/var/lib/rkt/image", fake.root);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d)
		(void)closedir(d);
	return n;
}

static void
refused(uint32_t code)
{
	assert_int_equal(admit(), 0);
	heard();
	world_refused(code);
	assert_int_equal(images(), 0);
	assert_int_equal(world.s.slots[0].kind, 0);
	assert_true(is_unsigned || world.s.slots[1].kind == 0);
}

static struct ps_record
record(void)
{
	static char text[PS_MAX_RECORD + 1];
	uint8_t id[PS_DIGEST];
	struct ps_record r;

	memset(id, IMAGE_NEW, PS_DIGEST);
	assert_int_equal(ln_record_read(&world.s, id, text, &r), 0);
	return r;
}

static void
good(void **state)
{
	struct ps_record r;

	(void)state;
	assert_int_equal(admit(), 0);
	heard();
	world_expect(PS_ADMITTED);
	assert_int_equal(images(), 1);
	r = record();
	assert_string_equal(r.name, NAME);
	assert_string_equal(r.signer[0], KEY_A);
	assert_int_equal(r.n_signer, 1);
	assert_int_equal(r.signed_at, 1600000000);
	assert_int_equal(r.raw[0], RAW);
	assert_int_equal(r.tree[0], TREE);
}

static void
digests_disagree(void **state)
{
	(void)state;
	world.script.unpacked.raw[63] ^= 1;
	refused(PS_REFUSED_TRUST);
	assert_null(strstr(fake.trace, "link /var/lib/rkt/quarantine"));
}

static void
size_disagrees(void **state)
{
	(void)state;
	world.script.unpacked.raw_size++;
	refused(PS_REFUSED_TRUST);
}

static void
name_binding(void **state)
{
	(void)state;
	world.script.unpacked.name = "example.com/other";
	refused(PS_REFUSED_TRUST);
	assert_non_null(strstr(fake.trace, "spawn unpack"));
}

/* No name was asked for: then the signer must speak for the manifest's. */
static void
name_unasked(void **state)
{
	(void)state;
	name = "";
	world.script.unpacked.name = "elsewhere.org/x";
	refused(PS_REFUSED_TRUST);
	again(argv_used);
	world.script.unpacked.name = "example.com/other";
	assert_int_equal(admit(), 0);
	heard();
	world_expect(PS_ADMITTED);
}

/* The verifier's word is not enough: the key must stand where the launcher
 * itself looks; before anything is unpacked (G2). */
static void
signer_untrusted(void **state)
{
	static const char *const keys[] = { KEY_N, KEY_M };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(keys); i++) {
		again(argv_used);
		world.script.verdict.signers[0] = keys[i];
		refused(PS_REFUSED_TRUST);
		assert_null(strstr(fake.trace, "spawn unpack"));
	}
	again(argv_used);
	world.script.verdict.n_signers = 2; /* one good, one not */
	world.script.verdict.signers[1] = KEY_N;
	refused(PS_REFUSED_TRUST);
}

static void
no_signer(void **state)
{
	(void)state;
	/* a VERDICT with no one in it */
	world.script.keys = (struct ps_msg_KEYLIST){ 0 };
	world.script.verdict.n_signers = 0;
	refused(PS_REFUSED_SYSTEM); /* the fake then sends EXPORTED */
	assert_null(strstr(fake.trace, "spawn unpack"));
}

static void
act_empty_verdict(struct fake_worker *w)
{
	struct ps_msg_VERDICT v = { 0 };

	if (strcmp(w->program, "verify") == 0)
		(void)PS_SEND(&w->chan, VERDICT, &v, NULL, 0);
}

static void
empty_verdict(void **state)
{
	(void)state;
	fake.act = act_empty_verdict;
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
	assert_int_equal(world_serve(), 0);
	heard();
	world_refused(PS_REFUSED_TRUST);
	assert_null(strstr(fake.trace, "spawn unpack"));
}

/* R31, R32: an answer counts only from a worker that then exits 0. */
static void
workers_end_badly(void **state)
{
	static const int ends[] = { 1, 111, 120, 256 + 11, FAKE_TIMEOUT };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(ends); i++) {
		again(argv_used);
		world.script.verify_ends = ends[i];
		refused(PS_REFUSED_SYSTEM);
		assert_null(strstr(fake.trace, "spawn unpack"));
		again(argv_used);
		world.script.unpack_ends = ends[i];
		refused(PS_REFUSED_SYSTEM);
	}
}

static void
workers_silent(void **state)
{
	(void)state;
	world.script.silent = true;
	refused(PS_REFUSED_SYSTEM);
	assert_non_null(strstr(fake.trace, "kill verify"));
}

static void
act_says_no(struct fake_worker *w)
{
	if (strcmp(w->program, "verify") == 0)
		(void)PS_SEND(&w->chan, VERIFY_FAILED,
		    (&(struct ps_msg_VERIFY_FAILED){ .code = PS_VERIFY_BAD,
			.text = "BAD" }), NULL, 0);
}

static void
act_wrong_type(struct fake_worker *w)
{
	struct ps_msg_KEYLIST m = { 0 };

	if (strcmp(w->program, "verify") == 0)
		(void)PS_SEND(&w->chan, KEYLIST, &m, NULL, 0);
}

static void
act_wrong_edge(struct fake_worker *w)
{
	if (strcmp(w->program, "verify") == 0)
		(void)PS_SEND(&w->chan, UNPACKED, &world.script.unpacked, NULL, 0);
}

static void
act_garbage(struct fake_worker *w)
{
	if (strcmp(w->program, "verify") == 0)
		(void)!write(w->chan.fd, "garbage, and long enough", 24);
}

static void
act_trailing(struct fake_worker *w)
{
	struct ps_writer writer = ps_writer_begin();

	(void)ps_encode_VERDICT(&writer, &world.script.verdict);
	ps_put_u8(&writer, 0);
	if (strcmp(w->program, "verify") == 0)
		(void)ps_send_raw(&w->chan, PS_VERDICT, &writer, NULL, 0);
}

static void
verify_answers(void **state)
{
	static const struct {
		void (*act)(struct fake_worker *w);
		uint32_t code;
	} rows[] = { { act_says_no, PS_REFUSED_SIGNATURE },
		{ act_wrong_type, PS_REFUSED_SYSTEM },
		{ act_wrong_edge, PS_REFUSED_SYSTEM },
		{ act_garbage, PS_REFUSED_SYSTEM },
		{ act_trailing, PS_REFUSED_SYSTEM } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		again(argv_used);
		fake.act = rows[i].act;
		refused(rows[i].code);
		assert_null(strstr(fake.trace, "spawn unpack"));
	}
}

/* Site policy wants two verifiers: both say the same, or nothing. */
static void
two_verifiers(void **state)
{
	(void)state;
	world.s.policy.verifiers = 2;
	assert_int_equal(admit(), 0);
	heard();
	world_expect(PS_ADMITTED);
	assert_non_null(strstr(fake.trace, "spawn second 903:903 own-net tmp"));
	for (int i = 0; i < 5; i++) {
		again(argv_used);
		world.s.policy.verifiers = 2;
		if (i == 0)
			world.script.second.raw[9] ^= 1;
		else if (i == 1)
			world.script.second.signers[0] = KEY_N;
		else if (i == 2)
			world.script.second.n_signers = 0;
		else if (i == 3)
			world.script.second.signers[world.script.second.n_signers++] =
			    KEY_N;
		else
			world.script.second_ends = 1;
		refused(i < 4 ? PS_REFUSED_TRUST : PS_REFUSED_SYSTEM);
		assert_null(strstr(fake.trace, "spawn unpack"));
	}
	again(argv_used); /* not asked for */
	assert_int_equal(admit(), 0);
	assert_null(strstr(fake.trace, "spawn second"));
}

/* Unsigned images: only by the operator's words, and where policy allows. */
static void
unsigned_images(void **state)
{
	(void)state;
	is_unsigned = true;
	refused(PS_REFUSED_TRUST);
	again(argv_used);
	insecure = PS_INSECURE_IMAGE;
	assert_int_equal(admit(), -EPROTO); /* argv does not say so */
	again(ARGV("rkt", "--insecure-options=image", "fetch", NAME));
	world.s.policy.insecure = 0;
	refused(PS_REFUSED_POLICY);
	again(ARGV("rkt", "--insecure-options=tls", "fetch", NAME));
	insecure = PS_INSECURE_TLS;
	refused(PS_REFUSED_TRUST);
	again(ARGV("rkt", "--insecure-options=image", "fetch", NAME));
	insecure = PS_INSECURE_IMAGE;
	assert_int_equal(admit(), 0);
	heard();
	world_expect(PS_ADMITTED);
	assert_int_equal(record().n_signer, 0);
	assert_null(strstr(fake.trace, "spawn verify"));
}

static void
policy_lists(void **state)
{
	(void)state;
	memset(world.s.policy.deny[0], IMAGE_NEW, PS_DIGEST);
	world.s.policy.n_deny = 1;
	refused(PS_REFUSED_POLICY);
	again(argv_used);
	memset(world.s.policy.pin[0], IMAGE_GOOD, PS_DIGEST);
	world.s.policy.n_pin = 1;
	refused(PS_REFUSED_POLICY);
	again(argv_used);
	world.s.policy.deny_key[0] = KEY_A;
	world.s.policy.n_deny_key = 1;
	refused(PS_REFUSED_TRUST);
}

static void
wrong_slots(void **state)
{
	static const struct {
		uint16_t image, signature;
	} rows[] = { { 1, 0 }, { 0, 0 }, { 1, 1 }, { 2, 1 }, { 0, 2 }, { 63, 1 },
		{ 64, 1 }, { PS_NO_SLOT, 1 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		again(argv_used);
		SAY(START_FETCHER, .count = 2, .n_kinds = 2,
		    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
		SAY(REAP_FETCHER, .end_ = 0);
		SAY(ADMIT_IMAGE, .image = rows[i].image,
		    .signature = rows[i].signature, .name = NAME);
		assert_int_equal(world_serve(), -EPROTO);
		assert_null(strstr(fake.trace, "spawn verify"));
	}
}

/* A slot is used up by its admission. */
static void
slot_once(void **state)
{
	(void)state;
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
	assert_int_equal(world_serve(), -EPROTO);
	heard();
	world_expect(PS_ADMITTED);
}

/* Slots the fetcher can still write are no slots. */
static void
unsettled_slot(void **state)
{
	(void)state;
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	assert_int_equal(world_serve(), 0);
	world.s.state = LN_READY; /* as if the state did not guard it */
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
	assert_int_equal(world_serve(), -EPROTO);
}

/* A record that could not be read again is not committed. */
static void
record_can_be_read(void **state)
{
	(void)state;
	world.script.unpacked.labels[0] = "version=1 ";
	refused(PS_REFUSED_SYSTEM);
	again(argv_used);
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME, .origin = "");
	assert_int_equal(world_serve(), 0);
	heard();
	world_expect(PS_ADMITTED);
	assert_string_equal(record().origin, "-");
}

/* The same image again: a signature improves its record, nothing worsens it. */
static void
again_existing(void **state)
{
	char *const argv[] = { "rkt", "--insecure-options=image", NULL };

	(void)state;
	again(argv);
	is_unsigned = true;
	insecure = PS_INSECURE_IMAGE;
	assert_int_equal(admit(), 0);
	assert_int_equal(record().n_signer, 0);
	ln_slot_free(&world.s.slots[1]);
	world.script.existing = true;
	world.script.unpack_said = false;
	is_unsigned = false;
	insecure = 0;
	assert_int_equal(admit(), 0);
	assert_int_equal(record().n_signer, 1);
	assert_int_equal(images(), 1);
	is_unsigned = true;
	insecure = PS_INSECURE_IMAGE;
	assert_int_equal(admit(), 0);
	assert_int_equal(record().n_signer, 1);
	assert_int_equal(images(), 1);
}

/* The same id with another tree is a lie of a worker. */
static void
again_other_tree(void **state)
{
	char *const argv[] = { "rkt", "--insecure-options=image", NULL };

	(void)state;
	again(argv);
	is_unsigned = true;
	insecure = PS_INSECURE_IMAGE;
	assert_int_equal(admit(), 0);
	ln_slot_free(&world.s.slots[1]);
	world.script.existing = true;
	world.script.unpack_said = false;
	is_unsigned = false;
	insecure = 0;
	memset(world.script.unpacked.tree, 1, PS_DIGEST);
	assert_int_equal(admit(), 0);
	assert_int_equal(record().n_signer, 0);
	assert_int_equal(record().tree[0], TREE);
}

#define with(t) cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with(good),
		with(digests_disagree),
		with(size_disagrees),
		with(name_binding),
		with(name_unasked),
		with(signer_untrusted),
		with(no_signer),
		with(empty_verdict),
		with(workers_end_badly),
		with(workers_silent),
		with(verify_answers),
		with(two_verifiers),
		with(unsigned_images),
		with(policy_lists),
		with(wrong_slots),
		with(slot_once),
		with(unsettled_slot),
		with(record_can_be_read),
		with(again_existing),
		with(again_other_tree),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
