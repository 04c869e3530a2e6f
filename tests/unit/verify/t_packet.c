/* link: verifier/openpgp/packet.c -lcrypto */
/* The packet walk: Signature packets of type 0x00, filled exactly. */
#include "tests/unit/test.h"

#include "verifier/openpgp/packet.h"

/* Version 4, type 0, EdDSA, SHA-512; created 0x01020304, issuer fingerprint
 * "aa"*20 hashed; issuer unhashed; two MPIs of 8 and 1 bits. */
#define FPR20 "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa" \
	      "\xaa\xaa\xaa\xaa"
#define CREATED "\x05\x02\x01\x02\x03\x04"
#define ISSUER_FPR "\x16\x21\x04" FPR20
#define ISSUER "\x09\x10\x11\x22\x33\x44\x55\x66\x77\x88"
#define MPIS "\x00\x08\xff\x00\x01\x01"
#define FIXED "\x04\x00\x16\x0a"
#define BODY FIXED "\x00\x1d" CREATED ISSUER_FPR "\x00\x0a" ISSUER "\xab\xcd" MPIS

static struct vf_signature sigs[VF_MAX_SIGNATURES];
static size_t sigs_n;
static const char *why;
static uint8_t buffer[70000];
static size_t buffer_n;

static void
put(const void *p, size_t n)
{
	assert_true(buffer_n + n <= sizeof(buffer));
	memcpy(buffer + buffer_n, p, n);
	buffer_n += n;
}

/* A new-format packet with a five-octet length. */
static void
put_packet(unsigned tag, const void *body, size_t n)
{
	uint8_t head[6] = { (uint8_t)(0xc0 | tag), 0xff, (uint8_t)(n >> 24),
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	put(head, sizeof(head));
	put(body, n);
}

static int
parse(void)
{
	uint8_t *copy = malloc(buffer_n + 1);
	int r;

	assert_non_null(copy);
	copy = realloc(copy, buffer_n ? buffer_n : 1);
	if (buffer_n)
		memcpy(copy, buffer, buffer_n);
	sigs_n = 99;
	r = vf_parse_signatures(copy, buffer_n, sigs, &sigs_n, &why);
	free(copy);
	if (r < 0)
		assert_int_equal(sigs_n, 99);
	return r;
}

static int
parse_body(const void *body, size_t n)
{
	buffer_n = 0;
	put_packet(2, body, n);
	return parse();
}

#define PARSE(literal) parse_body(literal, sizeof(literal) - 1)

static void
good(void **state)
{
	(void)state;
	assert_int_equal(PARSE(BODY), 0);
	assert_int_equal(sigs_n, 1);
	assert_int_equal(sigs[0].version, 4);
	assert_int_equal(sigs[0].pk_algo, 22);
	assert_int_equal(sigs[0].hash_algo, 10);
	assert_int_equal(sigs[0].created, 0x01020304);
	assert_true(sigs[0].issuer == 0x1122334455667788);
	assert_int_equal(sigs[0].fpr_n, 20);
	assert_memory_equal(sigs[0].fpr, FPR20, 20);
}

static void
headers(void **state)
{
	const size_t n = sizeof(BODY) - 1;
	const uint8_t new1[] = { 0xc2, (uint8_t)n };
	const uint8_t old1[] = { 0x88, (uint8_t)n };
	const uint8_t old2[] = { 0x89, 0, (uint8_t)n };
	const uint8_t old4[] = { 0x8a, 0, 0, 0, (uint8_t)n };
	const uint8_t indeterminate[] = { 0x8b };
	const uint8_t partial[] = { 0xc2, 0xe4 };
	const uint8_t no_bit[] = { 0x42, (uint8_t)n };
	const struct {
		const uint8_t *p;
		size_t n;
		int want;
	} rows[] = { { new1, 2, 0 }, { old1, 2, 0 }, { old2, 3, 0 },
		{ old4, 5, 0 }, { indeterminate, 1, -EBADMSG },
		{ partial, 2, -EBADMSG }, { no_bit, 2, -EBADMSG } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		buffer_n = 0;
		put(rows[i].p, rows[i].n);
		put(BODY, n);
		assert_int_equal(parse(), rows[i].want);
	}
}

static void
bodies(void **state)
{
	(void)state;
	assert_int_equal(PARSE(""), -EBADMSG);
	/* Versions 3 and 5, type 1, an algorithm that does not sign. */
	assert_int_equal(PARSE("\x03" BODY), -EBADMSG);
	assert_int_equal(PARSE("\x05\x00\x16\x0a\x00\x06" CREATED
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
	assert_int_equal(PARSE("\x04\x01\x16\x0a\x00\x06" CREATED
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
	assert_string_equal(why, "not a signature of a binary document");
	assert_int_equal(PARSE("\x04\x00\x10\x0a\x00\x06" CREATED
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
	/* A byte too many, one too few. */
	assert_int_equal(PARSE(BODY "\x00"), -EBADMSG);
	assert_int_equal(parse_body(BODY, sizeof(BODY) - 2), -EBADMSG);
	/* No creation time, one in the wrong place, two. */
	assert_int_equal(PARSE(FIXED "\x00\x00\x00\x00\xab\xcd" MPIS), -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x00\x00\x06" CREATED "\xab\xcd" MPIS),
	    -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x0c" CREATED CREATED
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x06" CREATED "\x00\x06" CREATED
			       "\xab\xcd" MPIS), 0);
	/* Subpackets of no bytes, longer than their area, of bad sizes. */
	assert_int_equal(PARSE(FIXED "\x00\x07" CREATED "\x00" "\x00\x00\xab\xcd"
			       MPIS), -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x07" CREATED "\x01" "\x00\x00\xab\xcd"
			       MPIS), -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x06" CREATED "\x00\x02\x01\x10"
			       "\xab\xcd" MPIS), -EBADMSG);
	assert_int_equal(PARSE(FIXED "\x00\x05\x04\x02\x01\x02\x03"
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
	/* Ed25519 of RFC 9580 has 64 octets and no MPIs. */
	assert_int_equal(PARSE("\x04\x00\x1b\x0a\x00\x06" CREATED
			       "\x00\x00\xab\xcd" MPIS), -EBADMSG);
}

static void
version_6(void **state)
{
	static const char six[] = "\x06\x00\x16\x0a\x00\x00\x00\x06" CREATED
				  "\x00\x00\x00\x00\xab\xcd\x04salt" MPIS;

	(void)state;
	assert_int_equal(parse_body(six, sizeof(six) - 1), 0);
	assert_int_equal(sigs[0].version, 6);
	assert_int_equal(parse_body(six, sizeof(six) - 2), -EBADMSG);
}

static void
sequences(void **state)
{
	static const unsigned others[] = { 0, 1, 3, 4, 6, 8, 9, 10, 11, 13, 14, 18,
		20, 63 };

	(void)state;
	buffer_n = 0;
	assert_int_equal(parse(), -EBADMSG);
	assert_string_equal(why, "no signature");
	for (unsigned i = 1; i <= VF_MAX_SIGNATURES + 1; i++) {
		put_packet(2, BODY, sizeof(BODY) - 1);
		assert_int_equal(parse(), i <= VF_MAX_SIGNATURES ? 0 : -EBADMSG);
	}
	/* Another packet before or behind, or one byte. */
	for (size_t i = 0; i < PS_COUNT(others); i++) {
		buffer_n = 0;
		put_packet(2, BODY, sizeof(BODY) - 1);
		put_packet(others[i], "x", 1);
		assert_int_equal(parse(), -EBADMSG);
		buffer_n = 0;
		put_packet(others[i], "x", 1);
		put_packet(2, BODY, sizeof(BODY) - 1);
		assert_int_equal(parse(), -EBADMSG);
	}
	for (unsigned b = 0; b < 256; b++) {
		uint8_t byte = (uint8_t)b;

		buffer_n = 0;
		put_packet(2, BODY, sizeof(BODY) - 1);
		put(&byte, 1);
		assert_int_equal(parse(), -EBADMSG);
	}
}

static void
truncated(void **state)
{
	size_t whole;

	(void)state;
	buffer_n = 0;
	put_packet(2, BODY, sizeof(BODY) - 1);
	whole = buffer_n;
	for (buffer_n = 0; buffer_n < whole; buffer_n++)
		assert_int_equal(parse(), -EBADMSG);
}

/* The key of RFC 9580, A.1 (version 4, EdDSA) and its fingerprint. */
static const uint8_t key_body[] = { 0x04, 0x53, 0xf3, 0x5f, 0x0b, 0x16, 0x09,
	0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01, 0x01, 0x07, 0x40,
	0x3f, 0x09, 0x89, 0x94, 0xbd, 0xd9, 0x16, 0xed, 0x40, 0x53, 0x19, 0x79,
	0x34, 0xe4, 0xa8, 0x7c, 0x80, 0x73, 0x3a, 0x12, 0x80, 0xd6, 0x2f, 0x80,
	0x10, 0x99, 0x2e, 0x43, 0xee, 0x3b, 0x24, 0x06 };

static void
keys(void **state)
{
	static struct vf_key_ids ids;
	struct vf_signature s = { 0 };
	char fpr[VF_FPR_HEX];

	(void)state;
	buffer_n = 0;
	put_packet(6, key_body, sizeof(key_body));
	put_packet(13, "name", 4);
	put_packet(2, "anything", 8);
	put_packet(14, key_body, sizeof(key_body));
	assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_true(ids.v[0].primary && !ids.v[1].primary);
	vf_hex(ids.v[0].fpr, ids.v[0].fpr_n, fpr);
	assert_string_equal(fpr, "c959bdbafa32a2f89a153b678cfde12197965a9a");
	assert_true(ids.v[0].id == 0x8cfde12197965a9a);

	assert_false(vf_may_be_issuer(&s, &ids.v[0]));
	s.issuer = ids.v[0].id;
	assert_true(vf_may_be_issuer(&s, &ids.v[0]));
	memcpy(s.fpr, ids.v[0].fpr, 20);
	s.fpr_n = 20;
	assert_true(vf_may_be_issuer(&s, &ids.v[0]));
	s.fpr[3] ^= 1;
	assert_false(vf_may_be_issuer(&s, &ids.v[0]));
}

static void
keys_refused(void **state)
{
	static struct vf_key_ids ids;
	static const unsigned firsts[] = { 2, 5, 7, 13, 14, 17 };
	static const unsigned others[] = { 1, 3, 4, 5, 7, 8, 9, 11, 12, 18, 63 };

	(void)state;
	assert_int_equal(vf_parse_keys(buffer, 0, &ids), -EBADMSG);
	for (size_t i = 0; i < PS_COUNT(firsts); i++) {
		buffer_n = 0;
		put_packet(firsts[i], key_body, sizeof(key_body));
		put_packet(6, key_body, sizeof(key_body));
		assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), -EBADMSG);
	}
	/* Secret keys, data, trust packets. */
	for (size_t i = 0; i < PS_COUNT(others); i++) {
		buffer_n = 0;
		put_packet(6, key_body, sizeof(key_body));
		put_packet(others[i], "x", 1);
		assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), -EBADMSG);
	}
	/* Version 3, too short, too many. */
	buffer_n = 0;
	put_packet(6, "\x03\0\0\0\0\0\0\x01", 8);
	assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), -EBADMSG);
	buffer_n = 0;
	put_packet(6, "\x04\0\0", 3);
	assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), -EBADMSG);
	buffer_n = 0;
	for (unsigned i = 0; i <= VF_MAX_KEY_IDS; i++)
		put_packet(6, key_body, sizeof(key_body));
	assert_int_equal(vf_parse_keys(buffer, buffer_n, &ids), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(headers),
		cmocka_unit_test(bodies), cmocka_unit_test(version_6),
		cmocka_unit_test(sequences), cmocka_unit_test(truncated),
		cmocka_unit_test(keys), cmocka_unit_test(keys_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
