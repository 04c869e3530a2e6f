/* link: verifier/openpgp/armour.c */
/* Armour: what gpg writes is read, and each liberty that others take is not. */
#include "tests/unit/test.h"

#include "verifier/openpgp/armour.h"

#define BEGIN "-----BEGIN PGP SIGNATURE-----\n"
#define END "-----END PGP SIGNATURE-----\n"
#define BODY "aGVsbG8sIHdvcmxk\n" /* hello, world */

static uint8_t out[4096];
static size_t out_n;

static int
decode(const char *text)
{
	uint8_t *copy = malloc(strlen(text) + 1);
	int r;

	/* Exactly as large as it is, so that a read beyond is seen. */
	assert_non_null(copy);
	memcpy(copy, text, strlen(text));
	copy = realloc(copy, strlen(text) ? strlen(text) : 1);
	out_n = 99;
	r = vf_dearmour(copy, strlen(text), VF_SIGNATURE, out, &out_n);
	free(copy);
	return r;
}

static void
good(void **state)
{
	static const char *const texts[] = {
		BEGIN "\n" BODY END,
		"\n\r\n \t\n" BEGIN "\n" BODY END,
		BEGIN "Version: 1\nComment: a: b\nCharset: utf-8\n\n" BODY END,
		BEGIN "Version:\n\n" BODY END,
		BEGIN " \t\n" BODY END "\n\n \n",
		BEGIN "\naGVs\nbG8s\nIHdv\ncmxk\n" END,
		BEGIN "\naGVsb\nG8sIH\ndvcmxk\n" END,
		BEGIN "\n" BODY "-----END PGP SIGNATURE-----",
		BEGIN "\r\naGVsbG8sIHdvcmxk\r\n" END,
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		assert_int_equal(decode(texts[i]), 0);
		assert_int_equal(out_n, 12);
		assert_memory_equal(out, "hello, world", 12);
	}
}

static void
padding(void **state)
{
	(void)state;
	assert_int_equal(decode(BEGIN "\naA==\n" END), 0);
	assert_int_equal(out_n, 1);
	assert_int_equal(decode(BEGIN "\naGU=\n" END), 0);
	assert_int_equal(out_n, 2);
	/* Bits behind the last byte, too little, too much, in the middle. */
	assert_int_equal(decode(BEGIN "\naB==\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naGV=\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA=\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\na===\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA===\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA==aA==\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA==\naA==\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\naA=a\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\n====\n" END), -EBADMSG);
}

static void
checksum(void **state)
{
	/* RFC 9580's CRC-24 of "hello, world". */
	uint32_t crc = 0xb704ce;
	uint8_t b[3];
	char text[256], sum[5];
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	(void)state;
	for (const char *p = "hello, world"; *p; p++) {
		crc ^= (uint32_t)*p << 16;
		for (int k = 0; k < 8; k++)
			crc = crc & 0x800000 ? crc << 1 ^ 0x864cfb : crc << 1;
		crc &= 0xffffff;
	}
	b[0] = (uint8_t)(crc >> 16), b[1] = (uint8_t)(crc >> 8), b[2] = (uint8_t)crc;
	sum[0] = digits[b[0] >> 2];
	sum[1] = digits[(b[0] & 3) << 4 | b[1] >> 4];
	sum[2] = digits[(b[1] & 15) << 2 | b[2] >> 6];
	sum[3] = digits[b[2] & 63];
	sum[4] = '\0';
	(void)snprintf(text, sizeof(text), BEGIN "\n" BODY "=%s\n" END, sum);
	assert_int_equal(decode(text), 0);
	sum[3] = sum[3] == 'A' ? 'B' : 'A';
	(void)snprintf(text, sizeof(text), BEGIN "\n" BODY "=%s\n" END, sum);
	assert_int_equal(decode(text), -EBADMSG);
	assert_int_equal(decode(BEGIN "\n" BODY "=\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\n" BODY "=AAA\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\n" BODY "=AAAAA\n" END), -EBADMSG);
	assert_int_equal(decode(BEGIN "\n" BODY "=AA==\n" END), -EBADMSG);
}

static void
refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		BEGIN,
		BEGIN "\n",
		BEGIN "\n" BODY,
		BEGIN "\n" END,
		BEGIN BODY END,
		"text\n" BEGIN "\n" BODY END,
		" " BEGIN "\n" BODY END,
		BEGIN "\n" BODY END "text\n",
		BEGIN "\n" BODY END BEGIN "\n" BODY END,
		BEGIN "\n" BODY "\n" END,
		BEGIN "\n" BODY " " BODY END,
		BEGIN "\n aGVs\n" END,
		BEGIN "\naG Vs\n" END,
		BEGIN "\naG\fVs\n" END,
		BEGIN "\f\n" BODY END,
		BEGIN "Hash: SHA512\n\n" BODY END,
		BEGIN "version: 1\n\n" BODY END,
		BEGIN "Versions: 1\n\n" BODY END,
		BEGIN "Version\n\n" BODY END,
		BEGIN "Comment: \033[2J\n\n" BODY END,
		BEGIN "Comment: a\rb\n\n" BODY END,
		"-----BEGIN PGP MESSAGE-----\n\n" BODY
		"-----END PGP MESSAGE-----\n",
		"-----BEGIN PGP SIGNED MESSAGE-----\n\n" BODY END,
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" BODY END,
		BEGIN "\n" BODY "-----END PGP MESSAGE-----\n",
		BEGIN "\n" BODY "-----END PGP SIGNATURE----\n",
		BEGIN "\n" BODY "- " END,
		BEGIN "\n" BODY "-----BEGIN PGP SIGNATURE-----\n" END,
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		assert_int_equal(decode(texts[i]), -EBADMSG);
		assert_int_equal(out_n, 99);
	}
}

static void
bounds(void **state)
{
	char text[4096];
	size_t n = 0;

	(void)state;
	/* A header line and a body line that are too long, too many headers. */
	(void)snprintf(text, sizeof(text), BEGIN "Comment: %0600d\n\n" BODY END, 0);
	assert_int_equal(decode(text), -EBADMSG);
	(void)snprintf(text, sizeof(text), BEGIN "\n%0132d\n" END, 0);
	assert_int_equal(decode(text), -EBADMSG);
	(void)snprintf(text, sizeof(text), BEGIN "\n%0128d\n" END, 0);
	assert_int_equal(decode(text), 0);
	n = (size_t)snprintf(text, sizeof(text), BEGIN);
	for (int i = 0; i < 17; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "Comment: a\n");
	(void)snprintf(text + n, sizeof(text) - n, "\n" BODY END);
	assert_int_equal(decode(text), -EBADMSG);
}

/* Every prefix of a good block is bad, and so is every byte turned to NUL. */
static void
truncated(void **state)
{
	const char *whole = BEGIN "\n" BODY "-----END PGP SIGNATURE-----";
	char text[256];

	(void)state;
	for (size_t n = 0; n < strlen(whole); n++) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)n, whole);
		assert_int_equal(decode(text), -EBADMSG);
		memcpy(text, whole, strlen(whole));
		text[n] = '\0';
		assert_int_equal(vf_dearmour((const uint8_t *)text, strlen(whole),
				     VF_SIGNATURE, out, &out_n),
		    -EBADMSG);
	}
	assert_false(vf_is_binary((const uint8_t *)whole, strlen(whole)));
	assert_false(vf_is_binary((const uint8_t *)whole, 0));
	assert_true(vf_is_binary((const uint8_t *)"\x89", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(padding),
		cmocka_unit_test(checksum), cmocka_unit_test(refused),
		cmocka_unit_test(bounds), cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
