/* link: @appc privsep/name.c */
/* Quantities: exact, or refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "appc/isolator.h"
#include "privsep/attr.h"

static void
good(void **state)
{
	static const struct {
		const char *text;
		uint64_t scale, value;
	} rows[] = {
		{ "0", 1, 0 }, { "1", 1, 1 }, { "1k", 1, 1000 },
		{ "1Ki", 1, 1024 }, { "1.5Ki", 1, 1536 }, { "1G", 1, 1000000000 },
		{ "2Gi", 1, 2147483648 }, { "+7", 1, 7 }, { "1e3", 1, 1000 },
		{ "1E3", 1, 1000 }, { "1.5e1", 1, 15 }, { "25e-1", 1, 3 },
		{ "250m", 1000, 250 }, { "1", 1000, 1000 }, { "0.5", 1000, 500 },
		{ "1n", 1, 1 }, { "1u", 1000, 1 }, { "1E", 1, 1000000000000000000 },
		{ "18446744073709551615", 1, UINT64_MAX }, { "15Ei", 1, UINT64_C(15) << 60 },
		{ ".5", 1000, 500 }, { "5.", 1, 5 }, { "0000000000000000000000001", 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint64_t v = 99;

		assert_int_equal(ac_quantity(rows[i].text, rows[i].scale, &v), 0);
		assert_true(v == rows[i].value);
	}
}

static void
bad(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", -EINVAL }, { ".", -EINVAL }, { "+", -EINVAL }, { "k", -EINVAL },
		{ "1.2.3", -EINVAL }, { "1kk", -EINVAL }, { "1e", -EINVAL },
		{ "1e99", -EINVAL }, { " 1", -EINVAL }, { "1 ", -EINVAL },
		{ "0x10", -EINVAL }, { "1KI", -EINVAL }, { "1K", -EINVAL },
		{ "-1", -ERANGE }, { "16Ei", -ERANGE }, { "18446744073709551616", -ERANGE },
		{ "111111111111111111111", -EINVAL }, { "nan", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint64_t v = 99;

		assert_int_equal(ac_quantity(rows[i].text, 1, &v), rows[i].error);
		assert_true(v == 99);
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
