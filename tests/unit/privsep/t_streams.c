/* Streams as words and bits. */
#include "tests/unit/test.h"

#include "privsep/streams.h"

static void
words(void **state)
{
	static const struct {
		const char *mode;
		int r;
		uint32_t bits;
	} rows[] = {
		{ "auto", 0, 0 },
		{ "stdin", 0, PS_STREAM_IN },
		{ "stderr,stdin", 0, PS_STREAM_IN | PS_STREAM_ERR },
		{ "stdout,stdout", 0, PS_STREAM_OUT },
		{ "stdin,stdout,stderr", 0, 7 },
		{ "tty", 0, PS_STREAM_TTY },
		{ "tty-in,tty", 0, PS_STREAM_TTY },
		{ "tty-out", 0, PS_STREAM_TTY_OUT },
		{ "tty,stdin", -EXDEV, 0 },
		{ "stdout,tty-out", -EXDEV, 0 },
		{ "", -EINVAL, 0 },
		{ "list", -EINVAL, 0 },
		{ "auto,stdin", -EINVAL, 0 },
		{ "stdin,", -EINVAL, 0 },
		{ ",stdin", -EINVAL, 0 },
		{ "stdi", -EINVAL, 0 },
		{ "stdinn", -EINVAL, 0 },
		{ "Stdin", -EINVAL, 0 },
		{ "tty-", -EINVAL, 0 },
		{ "stdin stdout", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint32_t bits = 77;
		int r = ps_parse_streams(rows[i].mode, &bits);

		if (r != rows[i].r || bits != (r < 0 ? 77 : rows[i].bits))
			fail_msg("%s: %d %u", rows[i].mode, r, bits);
	}
}

static void
offered(void **state)
{
	static struct ps_msg_PLAN_APP a;

	(void)state;
	for (uint8_t in = 0; in <= PS_STDIO_TTY; in++)
		for (uint8_t out = 0; out <= PS_STDIO_NULL; out++)
			for (uint8_t err = 0; err <= PS_STDIO_NULL; err++) {
				uint32_t want = (in == 1 ? 1u : in == 2 ? 8u : 0u) |
				    (out == 1 ? 2u : 0u) | (err == 1 ? 4u : 0u) |
				    (out == 2 || err == 2 ? 16u : 0u);

				a.std_in = in;
				a.std_out = out;
				a.std_err = err;
				assert_int_equal(ps_offered_streams(&a), want);
			}
}

static void
names(void **state)
{
	char text[PS_STREAM_NAMES];

	(void)state;
	ps_stream_names(0, text);
	assert_string_equal(text, "nothing");
	ps_stream_names(PS_STREAM_IN | PS_STREAM_TTY_OUT, text);
	assert_string_equal(text, "stdin, tty-out");
	ps_stream_names(~0u, text);
	assert_string_equal(text, "stdin, stdout, stderr, tty-in, tty-out");
	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1) {
		uint32_t back;

		assert_int_equal(ps_parse_streams(ps_stream_name(bit), &back), 0);
		assert_int_equal(back, bit);
	}
	assert_null(ps_stream_name(64));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words),
		cmocka_unit_test(offered), cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
