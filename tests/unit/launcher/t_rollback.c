/* link: @launcher @privsep */
/* Roll-back protection: where the floor of an image stands, and that it is
 * raised after the commit, and never before. */
#include "tests/unit/launcher/world.h"

#include "launcher/rollback.h"

static char *const argv_fetch[] = { "rkt", "fetch", NAME, NULL };
#define STATE "/var/lib/rkt/rollback/example.com,hello/" KEY_A "--"

static void
paths(void **state)
{
	static const struct {
		const char *name, *labels[3], *path;
	} rows[] = {
		{ "a", { "os=linux", "arch=amd64" }, "a/K-linux-amd64" },
		{ "a.b/c/d", { "arch=amd64", "os=linux", "version=1" },
		    "a.b,c,d/K-linux-amd64" },
		{ "a/b", { "os=linux" }, "a,b/K-linux-" },
		{ "a", { "os=", "arch=" }, "a/K--" },
		{ "a", { "os=..", "arch=a/b" }, "a/K--" },
		{ "a", { "os=a-b", "arch=A" }, "a/K--" },
		{ "a", { "os=linux ", "arch=x\n" }, "a/K--" },
		{ "a", { "xos=linux", "march=amd64" }, "a/K--" },
		{ "a", { "os=aarch64_be", "arch=0123456789abcdef0123456789abcdef" },
		    "a/K-aarch64_be-0123456789abcdef0123456789abcdef" },
		{ "a", { "arch=0123456789abcdef0123456789abcdef0" }, "a/K--" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_record r = { .name = rows[i].name };
		char path[LN_ROLLBACK_PATH];

		for (size_t k = 0; k < 3 && rows[i].labels[k]; k++)
			r.label[r.n_label++] = rows[i].labels[k];
		ln_rollback_path(&r, "K", path);
		assert_string_equal(path, rows[i].path);
	}
}

static void
say_fetch(void)
{
	SAY(START_FETCHER, .count = 2, .n_kinds = 2,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE, PS_SLOT_SIGNATURE });
	SAY(REAP_FETCHER, .end_ = 0);
	SAY(ADMIT_IMAGE, .image = 0, .signature = 1, .name = NAME);
}

static void
fetch(uint64_t signed_at, uint16_t answer)
{
	world.script.verdict.signed_at = signed_at;
	say_fetch();
	assert_int_equal(world_serve(), 0);
	world_expect(PS_FETCHER);
	world_expect(PS_FETCHED);
	if (answer == PS_REFUSED)
		world_refused(PS_REFUSED_POLICY);
	else
		world_expect(answer);
}

static void
floors(void **state)
{
	static const struct {
		const char *text;
		uint64_t signed_at;
		uint16_t answer;
	} rows[] = {
		{ NULL, 1, PS_ADMITTED },
		{ "1600000000\n", 1600000000, PS_ADMITTED },
		{ "1600000000\n", 1600000001, PS_ADMITTED },
		{ "1600000000\n", 1599999999, PS_REFUSED },
		{ "18446744073709551615\n", 1600000000, PS_REFUSED },
		{ "", 1600000000, PS_REFUSED },
		{ "0\n", 1600000000, PS_REFUSED },
		{ "1600000000", 1600000000, PS_REFUSED },
		{ "18446744073709551616\n", 1600000000, PS_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		world_begin(argv_fetch);
		world.s.policy.no_rollback = true;
		if (rows[i].text)
			fake_put(STATE, rows[i].text);
		fetch(rows[i].signed_at, rows[i].answer);
		assert_int_equal(rows[i].answer == PS_ADMITTED,
		    strstr(fake.trace, " /var/lib/rkt/image/sha512-11111111\n") != NULL);
		world_end();
	}
}

/* Commit, then the floor: no verb on it that changes it stands before. */
static void
order(void **state)
{
	const char *commit, *raise;

	(void)state;
	world_begin(argv_fetch);
	world.s.policy.no_rollback = true;
	fetch(1600000000, PS_ADMITTED);
	commit = strstr(fake.trace, "rename /var/lib/rkt/image/");
	raise = strstr(fake.trace, "hello/.new new write");
	assert_non_null(commit);
	assert_non_null(raise);
	assert_true(commit < raise);
	world_end();
}

/* Whatever fails, the floor is the old one or the new one, and the new one
 * where the image was said to be admitted. */
static void
faults(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < 400; n++) {
		struct ps_record r = { .name = NAME, .n_signer = 1,
			.signer = { KEY_A }, .signed_at = 1500000000 };
		bool admitted = false;
		uint16_t said;
		unsigned verbs;

		world_begin(argv_fetch);
		world.s.policy.no_rollback = true;
		fake_put(STATE, "1500000000\n");
		world.script.verdict.signed_at = 1600000000;
		fake.verbs = 0;
		fake.fail_at = n;
		fake.fail_error = n % 2 ? ENOSPC : EIO;
		say_fetch();
		(void)world_serve();
		verbs = fake.verbs;
		while ((said = world_hear(NULL)) != 0)
			admitted = admitted || said == PS_ADMITTED;
		fake.fail_at = 0;
		if (admitted)
			assert_int_equal(ln_rollback_judge(&world.s, &r, false), 1);
		r.signed_at = 1400000000;
		assert_int_equal(ln_rollback_judge(&world.s, &r, false), 1);
		world_end();
		if (verbs < n)
			break;
	}
	assert_in_range(n, 40, 399);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(floors),
		cmocka_unit_test(order),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
