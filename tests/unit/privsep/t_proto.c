/* link: privsep/codec.c privsep/name.c privsep/proto.c */
/* Every message of every edge: encode and decode are inverse, and whatever is
 * shorter, longer or out of its class is refused (R7). */
#include "tests/unit/privsep/gen.h"

#define ROUNDS 40

static uint8_t first[PS_MAX_MSG], second[PS_MAX_MSG];

static size_t
make(const struct gen_row *row, uint64_t seed)
{
	struct ps_writer w = { .p = first, .size = sizeof(first) };

	gen_seed = seed * 0x9e3779b97f4a7c15 + 1;
	if (row->make(&w) != 0)
		fail_msg("%s does not encode", row->name);
	return w.at;
}

static int
again(const struct gen_row *row, const uint8_t *p, size_t n, size_t *ret_n)
{
	struct ps_writer w = { .p = second, .size = sizeof(second) };
	int r = row->again(p, n, &w);

	*ret_n = w.at;
	return r;
}

static void
round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(gen_rows); i++)
		for (uint64_t round = 0; round < ROUNDS; round++) {
			size_t n = make(&gen_rows[i], round), m;

			if (again(&gen_rows[i], first, n, &m) != 0 || m != n ||
			    memcmp(first, second, n) != 0)
				fail_msg("%s: round %d", gen_rows[i].name, (int)round);
		}
}

static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(gen_rows); i++) {
		size_t n = make(&gen_rows[i], 3), m;

		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *copy = malloc(cut + 1);

			memcpy(copy, first, cut);
			if (again(&gen_rows[i], copy, cut, &m) != -EBADMSG)
				fail_msg("%s cut at %zu was taken",
				    gen_rows[i].name, cut);
			free(copy);
		}
	}
}

static void
one_byte_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(gen_rows); i++) {
		size_t n = make(&gen_rows[i], 5), m;

		first[n] = 0;
		if (again(&gen_rows[i], first, n + 1, &m) != -EBADMSG)
			fail_msg("%s with a byte too many", gen_rows[i].name);
	}
}

/* A byte changed anywhere: refused, or it means just what it says. */
static void
one_byte_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(gen_rows); i++) {
		size_t n = make(&gen_rows[i], 7), m;

		for (size_t at = 0; at < n; at++) {
			uint8_t was = first[at];

			first[at] = (uint8_t)(was ^ (1u << (at % 8)));
			if (again(&gen_rows[i], first, n, &m) == 0 &&
			    (m != n || memcmp(first, second, n) != 0))
				fail_msg("%s: two forms of one message at %zu",
				    gen_rows[i].name, at);
			first[at] = was;
		}
	}
}

/* A string one longer than its bound does not leave, and does not arrive. */
static void
long_strings(void **state)
{
	static char text[2100];
	struct ps_msg_GOT m = { .final_url = text, .etag = "" };
	struct ps_writer w = { .p = first, .size = sizeof(first) };
	struct ps_msg_GOT back;

	(void)state;
	memset(text, 'u', 2047);
	assert_int_equal(ps_encode_GOT(&w, &m), 0);
	assert_int_equal(ps_decode_GOT(first, w.at, &back), 0);
	assert_int_equal(strlen(back.final_url), 2047);
	text[2047] = 'u';
	w = (struct ps_writer){ .p = first, .size = sizeof(first) };
	assert_int_equal(ps_encode_GOT(&w, &m), -EINVAL);
	w = (struct ps_writer){ .p = first, .size = sizeof(first) };
	ps_put_u32(&w, 200);
	ps_put_str(&w, text, 4095, ps_is_print);
	ps_put_str(&w, "", 255, ps_is_print);
	ps_put_u64(&w, 0);
	ps_put_u64(&w, 0);
	assert_int_equal(ps_decode_GOT(first, w.at, &back), -EBADMSG);
}

/* The table says what the .def files say, each type once. */
static void
table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; ps_info_at(i); i++) {
		const struct ps_info *row = ps_info_at(i);

		assert_ptr_equal(ps_info(row->type), row);
		assert_non_null(strchr("CLFVUP", row->from));
		assert_true(row->least_fds <= row->most_fds);
		assert_true(row->most_fds <= PS_MAX_FDS);
		assert_string_equal(row->name, gen_rows[i].name);
	}
	assert_int_equal(i, PS_COUNT(gen_rows));
	assert_null(ps_info(0));
	assert_null(ps_info(PS_CONTROL_BASE));
	assert_null(ps_info(0xffff));
	assert_true(ps_info(PS_HELLO)->from == 'C');
}

/* What the launcher hears is at most 20 types (rooms.md). */
static void
launcher_hears_few(void **state)
{
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; ps_info_at(i); i++)
		n += ps_info_at(i)->from == 'V' || ps_info_at(i)->from == 'U' ||
		    (ps_info_at(i)->from == 'C' && ps_info_at(i)->type < PS_FETCH_BASE);
	assert_in_range(n, 10, 20);
}

static void
header(void **state)
{
	const struct ps_header h = { .type = PS_DONE, .nfds = 1, .length = 4, .serial = 9 };
	struct ps_writer w = { .p = first, .size = PS_HEADER };
	struct ps_header back;

	(void)state;
	memset(first, 0, sizeof(first));
	ps_put_header(&w, &h);
	assert_int_equal(w.at, PS_HEADER);
	assert_int_equal(ps_get_header(first, PS_HEADER + 4, &back), 0);
	assert_int_equal(back.serial, 9);
	assert_int_equal(ps_get_header(first, PS_HEADER + 3, &back), -EBADMSG);
	assert_int_equal(ps_get_header(first, PS_HEADER + 5, &back), -EBADMSG);
	for (size_t n = 0; n < PS_HEADER; n++)
		assert_int_equal(ps_get_header(first, n, &back), -EBADMSG);
	first[0] ^= 1; /* magic and version */
	assert_int_equal(ps_get_header(first, PS_HEADER + 4, &back), -EBADMSG);
	first[0] ^= 1;
	first[5] ^= 0x80; /* type */
	assert_int_equal(ps_get_header(first, PS_HEADER + 4, &back), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(one_byte_more),
		cmocka_unit_test(one_byte_other),
		cmocka_unit_test(long_strings),
		cmocka_unit_test(table),
		cmocka_unit_test(launcher_hears_few),
		cmocka_unit_test(header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
