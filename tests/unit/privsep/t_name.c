/* link: privsep/name.c */
/* Character classes: what each takes and what each refuses. */
#include "tests/unit/test.h"

#include "privsep/name.h"

typedef bool class(const char *s, size_t n);

struct row {
	class *is;
	const char *text;
};

static const struct row good[] = {
	{ ps_is_acid, "a" }, { ps_is_acid, "example.com/a-b_c~d/e1" },
	{ ps_is_acid, "0" }, { ps_is_acid0, "" }, { ps_is_acid0, "a/b" },
	{ ps_is_acname, "a" }, { ps_is_acname, "a-b-1" },
	{ ps_is_hex, "0123456789abcdef" }, { ps_is_hex0, "" },
	{ ps_is_uuid, "01234567-89ab-cdef-0123-456789abcdef" },
	{ ps_is_host, "" }, { ps_is_host, "Host-1" }, { ps_is_host, "a.b" },
	{ ps_is_host, "xn--a" },
	{ ps_is_print, "" }, { ps_is_print, " ~" }, { ps_is_print, "\xc2\xa0" },
	{ ps_is_print, "\xe2\x82\xac" }, { ps_is_print, "\xf4\x8f\xbf\xbf" },
	{ ps_is_print, "\xed\x9f\xbf" },
	{ ps_is_path, "" }, { ps_is_path, "../\xff" },
	{ ps_is_abspath, "/" }, { ps_is_abspath, "/a/b.c/...d" },
	{ ps_is_abspath, "/..a" }, { ps_is_arg, "\x01\xff" },
	{ ps_is_env, "A=" }, { ps_is_env, "_a9.-=b=c\n" },
};

static const struct row bad[] = {
	{ ps_is_acid, "" }, { ps_is_acid, "A" }, { ps_is_acid, "/a" },
	{ ps_is_acid, "a/" }, { ps_is_acid, "a//b" }, { ps_is_acid, "a/../b" },
	{ ps_is_acid, "a b" }, { ps_is_acid, "a%" }, { ps_is_acid, "." },
	{ ps_is_acid0, "/" }, { ps_is_acname, "a.b" }, { ps_is_acname, "a--b" },
	{ ps_is_acname, "-a" }, { ps_is_acname, "a-" }, { ps_is_acname, "" },
	{ ps_is_acname, "a/b" }, { ps_is_hex, "" }, { ps_is_hex, "A" },
	{ ps_is_hex0, "g" }, { ps_is_uuid, "" },
	{ ps_is_uuid, "01234567-89ab-cdef-0123-456789abcdeF" },
	{ ps_is_uuid, "01234567089ab-cdef-0123-456789abcdef" },
	{ ps_is_uuid, "01234567-89ab-cdef-0123-456789abcde" },
	{ ps_is_uuid, "../34567-89ab-cdef-0123-456789abcdef" },
	{ ps_is_host, "-a" }, { ps_is_host, "a-" }, { ps_is_host, "a..b" },
	{ ps_is_host, "a_b" }, { ps_is_host, "." }, { ps_is_host, "a." },
	{ ps_is_print, "\n" }, { ps_is_print, "\x1b[m" }, { ps_is_print, "\x7f" },
	{ ps_is_print, "\x80" }, { ps_is_print, "\xc2\x80" },
	{ ps_is_print, "\xc2\x9f" }, { ps_is_print, "\xc0\x80" },
	{ ps_is_print, "\xc1\xbf" }, { ps_is_print, "\xe0\x80\x80" },
	{ ps_is_print, "\xed\xa0\x80" }, { ps_is_print, "\xf4\x90\x80\x80" },
	{ ps_is_print, "\xf5\x80\x80\x80" }, { ps_is_print, "\xe2\x82" },
	{ ps_is_print, "\xf0\x80\x80\x80" },
	{ ps_is_path, "a\nb" }, { ps_is_path, "\x7f" },
	{ ps_is_abspath, "" }, { ps_is_abspath, "a" }, { ps_is_abspath, "//" },
	{ ps_is_abspath, "/a/" }, { ps_is_abspath, "/a//b" },
	{ ps_is_abspath, "/." }, { ps_is_abspath, "/a/.." },
	{ ps_is_abspath, "/../a" }, { ps_is_abspath, "/a\n" },
	{ ps_is_env, "" }, { ps_is_env, "A" }, { ps_is_env, "=a" },
	{ ps_is_env, "1A=b" }, { ps_is_env, "A B=c" }, { ps_is_env, "-A=b" },
};

static void
takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(good); i++)
		if (!good[i].is(good[i].text, strlen(good[i].text)))
			fail_msg("row %zu: \"%s\" was refused", i, good[i].text);
}

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		if (bad[i].is(bad[i].text, strlen(bad[i].text)))
			fail_msg("row %zu: \"%s\" was taken", i, bad[i].text);
}

/* No class but arg and path lets through what another could be fooled by:
 * every byte alone. */
static void
every_byte(void **state)
{
	(void)state;
	for (int b = 0; b < 256; b++) {
		char c = (char)b;

		assert_int_equal(ps_is_print(&c, 1), b >= 0x20 && b < 0x7f);
		assert_int_equal(ps_is_path(&c, 1), b >= 0x20 && b != 0x7f);
		assert_int_equal(ps_is_acid(&c, 1),
		    (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9'));
		assert_int_equal(ps_is_arg(&c, 1), b != 0);
		assert_false(ps_is_env(&c, 1));
		assert_int_equal(ps_is_abspath(&c, 1), b == '/');
	}
	assert_false(ps_is_acid("a\0b", 3));
	assert_false(ps_is_acname("a\0b", 3));
	assert_false(ps_is_env("A=\0", 3));
}

/* a.com/et does not speak for a.com/etcd (F: prefix by element). */
static void
prefix_by_element(void **state)
{
	(void)state;
	assert_true(ps_is_prefix("a.com/et", "a.com/et"));
	assert_true(ps_is_prefix("a.com/et", "a.com/et/cd"));
	assert_false(ps_is_prefix("a.com/et", "a.com/etcd"));
	assert_false(ps_is_prefix("a.com/et", "a.com"));
	assert_false(ps_is_prefix("a.com", "a.com.evil"));
}

static void
numbers(void **state)
{
	static const char *const refused[] = { "", "00", "01", "-1", "+1", " 1",
		"1 ", "1x", "0x1", "18446744073709551616", "99999999999999999999",
		"184467440737095516150" };
	uint64_t v = 7;

	(void)state;
	assert_true(ps_parse_u64("18446744073709551615", UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(ps_parse_u64("0", 0, &v) && v == 0);
	assert_true(ps_parse_u64("5", 5, &v) && v == 5);
	assert_false(ps_parse_u64("6", 5, &v));
	for (size_t i = 0; i < PS_COUNT(refused); i++)
		assert_false(ps_parse_u64(refused[i], UINT64_MAX, &v));
	assert_true(v == 5);
}

static void
image_ids(void **state)
{
	uint8_t digest[64], back[64];
	char id[PS_IMAGE_ID_LEN + 1], copy[PS_IMAGE_ID_LEN + 2];

	(void)state;
	for (size_t i = 0; i < 64; i++)
		digest[i] = (uint8_t)(i * 37);
	ps_image_id(digest, id);
	assert_int_equal(strlen(id), PS_IMAGE_ID_LEN);
	assert_true(ps_parse_image_id(id, back));
	assert_memory_equal(digest, back, 64);
	for (size_t i = 0; i < PS_IMAGE_ID_LEN; i++) {
		memcpy(copy, id, sizeof(id));
		copy[i] = i < 7 ? 'x' : 'G';
		assert_false(ps_parse_image_id(copy, back));
	}
	memcpy(copy, id, sizeof(id));
	copy[PS_IMAGE_ID_LEN - 1] = '\0';
	assert_false(ps_parse_image_id(copy, back));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(prefix_by_element),
		cmocka_unit_test(numbers),
		cmocka_unit_test(image_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
