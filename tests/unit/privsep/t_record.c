/* link: privsep/record.c privsep/kv.c privsep/name.c */
/* Image records: written and read they are the same; any field missing,
 * twice, or out of its form refuses the whole. */
#include "tests/unit/test.h"

#include "privsep/record.h"

static char text[PS_MAX_RECORD], copy[PS_MAX_RECORD + 64];

static struct ps_record
sample(void)
{
	struct ps_record r = { .name = "example.com/app", .origin = "https://x/y z",
		.n_label = 2, .label = { "arch=amd64", "os=linux" }, .n_signer = 1,
		.signer = { "0123456789abcdef0123456789abcdef01234567" },
		.signed_at = 1, .imported_at = UINT64_MAX, .raw_size = 3,
		.tar_size = 4, .tree_size = 5, .entries = UINT32_MAX };

	memset(r.image, 0xab, PS_DIGEST);
	memset(r.raw, 0xcd, PS_DIGEST);
	memset(r.tree, 0xef, PS_DIGEST);
	return r;
}

static void
round_trip(void **state)
{
	struct ps_record r = sample(), back;
	int n = ps_record_format(&r, text, sizeof(text)), m;

	(void)state;
	assert_true(n > 0);
	memcpy(copy, text, (size_t)n);
	assert_int_equal(ps_record_parse(copy, (size_t)n, &back), 0);
	assert_memory_equal(back.image, r.image, PS_DIGEST);
	assert_memory_equal(back.raw, r.raw, PS_DIGEST);
	assert_memory_equal(back.tree, r.tree, PS_DIGEST);
	assert_string_equal(back.label[1], "os=linux");
	assert_string_equal(back.origin, "https://x/y z");
	assert_true(back.imported_at == UINT64_MAX);
	assert_true(back.entries == UINT32_MAX);
	assert_int_equal(back.n_signer, 1);
	m = ps_record_format(&back, text, sizeof(text));
	assert_int_equal(m, n);
}

static void
buffer_too_small(void **state)
{
	struct ps_record r = sample();
	int n = ps_record_format(&r, text, sizeof(text));

	(void)state;
	for (size_t size = 0; size <= (size_t)n; size++) {
		char *small = malloc(size + 1);

		assert_int_equal(ps_record_format(&r, small, size), -EMSGSIZE);
		free(small);
	}
}

/* Every line left out, and every line twice, in its turn. */
static void
lines(void **state)
{
	struct ps_record r = sample(), back;
	int n = ps_record_format(&r, text, sizeof(text));
	unsigned missed = 0, doubled = 0, count = 0;

	(void)state;
	for (char *line = text; line < text + n; count++) {
		char *next = strchr(line, '\n') + 1;
		size_t before = (size_t)(line - text), len = (size_t)(next - line);
		size_t all = (size_t)n;

		memcpy(copy, text, before);
		memcpy(copy + before, next, all - before - len);
		missed += ps_record_parse(copy, all - len, &back) == -EBADMSG;
		memcpy(copy, text, all);
		memcpy(copy + all, line, len);
		doubled += ps_record_parse(copy, all + len, &back) == -EBADMSG;
		line = next;
	}
	assert_int_equal(missed, count - 3); /* labels and signers may be none */
	assert_int_equal(doubled, count - 3);
}

static void
bad_values(void **state)
{
	static const char *const rows[][2] = { { "name ", "name A" },
		{ "name ", "name a/../b" }, { "image sha512-", "image sha256-" },
		{ "image sha512-a", "image sha512-A" }, { "entries ", "entries 1" },
		{ "raw-size ", "raw-size -" }, { "raw-size 3", "raw-size 03" },
		{ "signer 0", "signer G" }, { "signed-at", "signed_at" },
		{ "origin ", "color red\norigin " }, { "tree-size 5", "tree-size 5 " } };
	struct ps_record r = sample(), back, before;

	(void)state;
	memset(&back, 0x5a, sizeof(back));
	before = back;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		int n = ps_record_format(&r, text, sizeof(text));
		char *at = strstr(text, rows[i][0]);

		assert_true(n > 0);
		assert_non_null(at);
		n = snprintf(copy, sizeof(copy), "%.*s%s%s", (int)(at - text), text,
		    rows[i][1], at + strlen(rows[i][0]));
		if (ps_record_parse(copy, (size_t)n, &back) != -EBADMSG)
			fail_msg("row %zu was taken", i);
		assert_memory_equal(&back, &before, sizeof(back));
	}
}

/* What a record may lack: 0 then, and no line of it is written. */
static void
optional(void **state)
{
	struct ps_record r = sample(), back;
	int n = ps_record_format(&r, copy, sizeof(copy));

	(void)state;
	assert_null(strstr(copy, "\ndependency "));
	assert_null(strstr(copy, "\nwhitelist "));
	assert_null(strstr(copy, "\nimplicit "));
	assert_null(strstr(copy, "\netag "));
	assert_null(strstr(copy, "\nmax-age "));
	assert_int_equal(ps_record_parse(copy, (size_t)n, &back), 0);
	assert_true(back.n_dependency == 0 && back.whitelist == 0 &&
	    back.implicit == 0 && back.n_etag == 0 && back.max_age == 0);
	r.n_dependency = 2;
	r.dependency[0] = "example.com/base";
	r.dependency[1] = "example.com/libs sha512-ab";
	r.whitelist = UINT32_MAX;
	r.implicit = 7;
	r.n_etag = 1;
	r.etag[0] = "\"a b\"";
	r.max_age = UINT64_MAX;
	n = ps_record_format(&r, copy, sizeof(copy));
	assert_int_equal(ps_record_parse(copy, (size_t)n, &back), 0);
	assert_int_equal(back.n_dependency, 2);
	assert_string_equal(back.dependency[1], "example.com/libs sha512-ab");
	assert_true(back.whitelist == UINT32_MAX && back.implicit == 7);
	assert_string_equal(back.etag[0], "\"a b\"");
	assert_true(back.max_age == UINT64_MAX);
}

static void
optional_bad(void **state)
{
	static const char *const lines_[] = { "whitelist 4294967296\n",
		"whitelist -1\n", "whitelist\n", "whitelist 1\nwhitelist 1\n",
		"implicit 01\n", "implicit 1\nimplicit 1\n", "etag a\netag a\n",
		"etag \x1b\n", "max-age 18446744073709551616\n", "max-age 1s\n",
		"max-age 1\nmax-age 1\n", "dependency a\tb\n" };
	struct ps_record r = sample(), back;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(lines_); i++) {
		int n = ps_record_format(&r, copy, sizeof(text));

		n += snprintf(copy + n, sizeof(copy) - (size_t)n, "%s", lines_[i]);
		if (ps_record_parse(copy, (size_t)n, &back) != -EBADMSG)
			fail_msg("row %zu was taken", i);
	}
	r.n_dependency = PS_MAX_LAYERS;
	for (unsigned i = 0; i < PS_MAX_LAYERS; i++)
		r.dependency[i] = "a";
	{
		int n = ps_record_format(&r, copy, sizeof(text));

		n += snprintf(copy + n, sizeof(copy) - (size_t)n, "dependency a\n");
		assert_int_equal(ps_record_parse(copy, (size_t)n, &back), -EBADMSG);
	}
}

static void
lists_bounded(void **state)
{
	struct ps_record r = sample(), back;
	int n;

	(void)state;
	for (unsigned i = 0; i < PS_MAX_SIGNERS; i++)
		r.signer[i] = "ab";
	r.n_signer = PS_MAX_SIGNERS;
	n = ps_record_format(&r, copy, sizeof(copy));
	assert_int_equal(ps_record_parse(copy, (size_t)n, &back), 0);
	n = ps_record_format(&r, copy, sizeof(copy));
	memcpy(copy + n, "signer cd\n", 10);
	assert_int_equal(ps_record_parse(copy, (size_t)n + 10, &back), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(buffer_too_small),
		cmocka_unit_test(lines),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(optional),
		cmocka_unit_test(optional_bad),
		cmocka_unit_test(lists_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
