/* link: verifier/openpgp/armour.c verifier/openpgp/packet.c -lcrypto */
/*
 * Signature files.  What our decoder and walk accept is, by another walk that
 * is written here, Signature packets of type 0x00 from the first byte to the
 * last; and it survives being armoured again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/openpgp/armour.h"
#include "verifier/openpgp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 65536
#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

/* Bytes of one packet with its header, 0 if it is none. */
static size_t
packet_size(const uint8_t *p, size_t n, const uint8_t **ret_body)
{
	size_t head, body = 0;

	if (n < 2 || p[0] < 0x80)
		return 0;
	if (p[0] >= 0xc0) {
		HOLDS((p[0] & 0x3f) == 2);
		head = p[1] < 192 ? 2 : p[1] < 224 ? 3 : p[1] == 255 ? 6 : 0;
		if (head == 2)
			body = p[1];
		else if (head == 3 && n >= 3)
			body = (size_t)(p[1] - 192) * 256 + p[2] + 192;
		else if (head == 6 && n >= 6)
			body = (size_t)p[2] << 24 | (size_t)p[3] << 16 |
			    (size_t)p[4] << 8 | p[5];
	} else {
		HOLDS((p[0] >> 2 & 15) == 2 && (p[0] & 3) != 3);
		head = 1 + ((size_t)1 << (p[0] & 3));
		for (size_t i = 1; i < head && i < n; i++)
			body = body << 8 | p[i];
	}
	*ret_body = p + head;
	return head == 0 || head > n || body > n - head ? 0 : head + body;
}

static void
check_walk(const uint8_t *p, size_t n, size_t count)
{
	size_t seen = 0;

	while (n > 0) {
		const uint8_t *body;
		size_t step = packet_size(p, n, &body);

		HOLDS(step > 10 && (body[0] == 4 || body[0] == 6) && body[1] == 0);
		p += step;
		n -= step;
		seen++;
	}
	HOLDS(seen == count && count >= 1 && count <= VF_MAX_SIGNATURES);
}

static size_t
armour(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t at = (size_t)sprintf(out, "-----BEGIN PGP SIGNATURE-----\n\n");

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 |
		    (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
		    (i + 2 < n ? p[i + 2] : 0);

		out[at++] = digits[v >> 18];
		out[at++] = digits[v >> 12 & 63];
		out[at++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[at++] = i + 2 < n ? digits[v & 63] : '=';
		if (i % 48 == 45)
			out[at++] = '\n';
	}
	if (out[at - 1] != '\n')
		out[at++] = '\n';
	return at + (size_t)sprintf(out + at, "-----END PGP SIGNATURE-----\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t packets[MAX], again[2 * MAX];
	static char text[2 * MAX];
	static struct vf_key_ids ids;
	struct vf_signature sigs[VF_MAX_SIGNATURES];
	size_t n = size, count = 0, again_n = 0;
	const char *why = NULL;

	if (size > MAX)
		return 0;
	(void)vf_parse_keys(data, size, &ids);
	if (vf_is_binary(data, size))
		memcpy(packets, data, size);
	else if (vf_dearmour(data, size, VF_SIGNATURE, packets, &n) < 0)
		return 0;
	HOLDS(n <= size && n > 0);
	HOLDS(vf_dearmour((const uint8_t *)text, armour(packets, n, text),
		  VF_SIGNATURE, again, &again_n) == 0);
	HOLDS(again_n == n && memcmp(again, packets, n) == 0);
	if (vf_parse_signatures(packets, n, sigs, &count, &why) < 0) {
		HOLDS(why != NULL);
		return 0;
	}
	check_walk(packets, n, count);
	return 0;
}
