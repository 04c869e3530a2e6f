/* link: privsep/codec.c privsep/name.c */
/* The codec: what is put comes back, and no read leaves its bounds. */
#include "tests/unit/test.h"

#include "privsep/codec.h"
#include "privsep/name.h"

static void
numbers(void **state)
{
	uint8_t b[15];
	struct ps_writer w = { .p = b, .size = sizeof(b) };
	struct ps_reader r = { .p = b, .size = sizeof(b) };

	(void)state;
	ps_put_u8(&w, 0xfe);
	ps_put_u16(&w, 0x1234);
	ps_put_u32(&w, 0xdeadbeef);
	ps_put_u64(&w, 0x0123456789abcdef);
	assert_int_equal(w.error, 0);
	assert_int_equal(w.at, 15);
	assert_memory_equal(b, "\xfe\x34\x12\xef\xbe\xad\xde\xef\xcd", 9);
	assert_int_equal(ps_get_u8(&r), 0xfe);
	assert_int_equal(ps_get_u16(&r), 0x1234);
	assert_int_equal(ps_get_u32(&r), 0xdeadbeef);
	assert_true(ps_get_u64(&r) == 0x0123456789abcdef);
	assert_int_equal(ps_get_u8(&r), 0);
	assert_int_equal(r.error, -EBADMSG);
	ps_put_u8(&w, 1);
	assert_int_equal(w.error, -EMSGSIZE);
}

/* The first error stays, and nothing is written after it. */
static void
errors_latch(void **state)
{
	uint8_t b[8] = { 0 };
	struct ps_writer w = { .p = b, .size = sizeof(b) };
	struct ps_reader r = { .p = b, .size = 3 };

	(void)state;
	ps_put_str(&w, "UPPER", 10, ps_is_acid);
	assert_int_equal(w.error, -EINVAL);
	ps_put_u32(&w, 1);
	assert_int_equal(w.at, 0);
	(void)ps_get_u32(&r);
	assert_int_equal(r.error, -EBADMSG);
	(void)ps_get_u8(&r);
	assert_int_equal(r.error, -EBADMSG);
	assert_int_equal(r.at, 0);
}

static struct ps_reader
reader(const char *bytes, size_t n)
{
	return (struct ps_reader){ .p = (const uint8_t *)bytes, .size = n };
}

static void
strings(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int error;
	} rows[] = {
		{ "\x02\0ab", 5, 0 },		 /* as it must be */
		{ "\x02\0ab", 4, -EBADMSG },	 /* no NUL */
		{ "\x02\0abc", 6, -EBADMSG },	 /* something else there */
		{ "\x03\0abc", 6, -EBADMSG },	 /* longer than the bound */
		{ "\x02\0a\0", 5, -EBADMSG },	 /* a NUL inside */
		{ "\x02\0A?", 5, -EBADMSG },	 /* out of its class */
		{ "\xff\xff" "ab", 5, -EBADMSG }, /* longer than the bytes */
		{ "\x02", 1, -EBADMSG },
		{ "", 0, -EBADMSG },
		{ "\0\0", 3, -EBADMSG },	 /* empty is no acid */
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_reader r = reader(rows[i].bytes, rows[i].n);
		const char *s = ps_get_str(&r, 2, ps_is_acid);

		if (r.error != rows[i].error)
			fail_msg("row %zu", i);
		assert_string_equal(s, r.error ? "" : "ab");
	}
}

static void
lists(void **state)
{
	static const char *const words[] = { "a", "bc", "d" };
	static const uint32_t ids[] = { 1, 0xffffffff };
	const char *back[3] = { 0 };
	uint32_t id[2] = { 0 }, n;
	uint8_t b[64];
	struct ps_writer w = { .p = b, .size = sizeof(b) };
	struct ps_reader r = { .p = b };

	(void)state;
	ps_put_strs(&w, words, 3, 3, 2, ps_is_acid);
	ps_put_ids(&w, ids, 2, 2);
	ps_put_data(&w, (const uint8_t *)"xyz", 3, 3);
	assert_int_equal(w.error, 0);
	r.size = w.at;
	assert_int_equal(ps_get_strs(&r, back, 3, 2, ps_is_acid), 3);
	assert_string_equal(back[1], "bc");
	assert_int_equal(ps_get_ids(&r, id, 2), 2);
	assert_true(id[1] == 0xffffffff);
	assert_memory_equal(ps_get_data(&r, 3, &n), "xyz", 3);
	assert_int_equal(n, 3);
	assert_int_equal(r.at, w.at);
	assert_int_equal(r.error, 0);
}

/* One more than the bound is refused by both sides, before anything is
 * stored behind the caller's array. */
static void
counts_bounded(void **state)
{
	static const char *const words[] = { "a", "b", "c" };
	static const uint32_t ids[] = { 1, 2, 3 };
	const char *back[2] = { 0 };
	uint32_t id[2] = { 0 }, n;
	uint8_t b[64];
	struct ps_writer w = { .p = b, .size = sizeof(b) };
	struct ps_reader r = { .p = b, .size = sizeof(b) };

	(void)state;
	ps_put_strs(&w, words, 3, 2, 2, ps_is_acid);
	assert_int_equal(w.error, -EINVAL);
	w = (struct ps_writer){ .p = b, .size = sizeof(b) };
	ps_put_ids(&w, ids, 3, 2);
	assert_int_equal(w.error, -EINVAL);
	w = (struct ps_writer){ .p = b, .size = sizeof(b) };
	ps_put_data(&w, b, 3, 2);
	assert_int_equal(w.error, -EINVAL);
	w = (struct ps_writer){ .p = b, .size = sizeof(b) };
	ps_put_strs(&w, words, 3, 3, 2, ps_is_acid);
	assert_int_equal(ps_get_strs(&r, back, 2, 2, ps_is_acid), 0);
	assert_int_equal(r.error, -EBADMSG);
	r = (struct ps_reader){ .p = b, .size = sizeof(b) };
	assert_int_equal(ps_get_ids(&r, id, 2), 0);
	r = (struct ps_reader){ .p = (const uint8_t *)"\3\0\0\0abc", .size = 7 };
	assert_null(ps_get_data(&r, 2, &n));
	assert_int_equal(n, 0);
}

/* Any bytes, any order of gets: no read beyond the end (ASan looks). */
static void
random_reads(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = test_random(&seed) % 24;
		uint8_t *b = malloc(n + 1);
		struct ps_reader r = { .p = b, .size = n };
		const char *words[4];
		uint32_t ids[4], len;

		for (size_t i = 0; i < n; i++)
			b[i] = (uint8_t)(test_random(&seed) % 5);
		while (r.error == 0 && r.at < n)
			switch (test_random(&seed) % 6) {
			case 0: (void)ps_get_u8(&r); break;
			case 1: (void)ps_get_u64(&r); break;
			case 2: (void)ps_get_str(&r, 5, ps_is_arg); break;
			case 3: (void)ps_get_strs(&r, words, 4, 5, ps_is_arg); break;
			case 4: (void)ps_get_data(&r, 9, &len); break;
			default: (void)ps_get_ids(&r, ids, 4); break;
			}
		assert_true(r.at <= n);
		free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(errors_latch),
		cmocka_unit_test(strings),
		cmocka_unit_test(lists),
		cmocka_unit_test(counts_bounded),
		cmocka_unit_test(random_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
