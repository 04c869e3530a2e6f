/* link: privsep/kv.c privsep/name.c */
/* "key value" lines: what is a line and what refuses the file. */
#include "tests/unit/test.h"

#include "privsep/kv.h"

static void
good(void **state)
{
	char text[] = "# comment\n\na b\nkey-2 \t two words\n#x\nz \xc3\xa9\n";
	const char *key, *value;
	struct ps_kv kv;

	(void)state;
	ps_kv_begin(&kv, text, sizeof(text) - 1);
	assert_int_equal(ps_kv_next(&kv, &key, &value), 1);
	assert_string_equal(key, "a");
	assert_string_equal(value, "b");
	assert_int_equal(kv.line, 3);
	assert_int_equal(ps_kv_next(&kv, &key, &value), 1);
	assert_string_equal(key, "key-2");
	assert_string_equal(value, "two words");
	assert_int_equal(ps_kv_next(&kv, &key, &value), 1);
	assert_string_equal(value, "\xc3\xa9");
	assert_int_equal(ps_kv_next(&kv, &key, &value), 0);
	ps_kv_begin(&kv, text, 0);
	assert_int_equal(ps_kv_next(&kv, &key, &value), 0);
}

static void
bad(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} rows[] = { { "a b", 3 }, { "a\n", 2 }, { "a \n", 3 }, { " a b\n", 5 },
		{ "a b \n", 5 }, { "a b\t\n", 5 }, { "A b\n", 4 }, { "a=b\n", 4 },
		{ "a b\r\n", 5 }, { "a \x1b\n", 4 }, { "a \0b\n", 5 },
		{ "a b\0\n", 5 }, { "\0\n", 2 }, { "a \xff\n", 4 }, { " \n", 2 },
		{ "\t#\n", 3 }, { "#", 1 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char *text = malloc(rows[i].n);
		const char *key = NULL, *value = NULL;
		struct ps_kv kv;

		memcpy(text, rows[i].text, rows[i].n);
		ps_kv_begin(&kv, text, rows[i].n);
		if (ps_kv_next(&kv, &key, &value) != -EBADMSG || key || value)
			fail_msg("row %zu was taken", i);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
