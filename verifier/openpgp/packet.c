/*
 * The packet pre-parser of the verify room (user rkt-verify, no network).
 * HOSTILE: every byte of the input.  Detached signatures are Signature packets
 * and nothing else: a literal, one-pass or compressed packet would make gpg
 * verify something that is not the image, and answer "good".
 */
#include "verifier/openpgp/packet.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "privsep/attr.h"

enum { TAG_SIGNATURE = 2, TAG_KEY = 6, TAG_USER_ID = 13, TAG_SUBKEY = 14,
	TAG_ATTRIBUTE = 17 };
enum { SUB_CREATED = 2, SUB_ISSUER = 16, SUB_FINGERPRINT = 33 };

struct cursor {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct packet {
	unsigned tag;
	struct cursor body;
};

/* Public-key algorithms that sign: so many MPIs, or so many octets. */
static const struct {
	uint8_t algo, mpis, octets;
} shapes[] = {
	{ 1, 1, 0 },   /* RSA */
	{ 3, 1, 0 },   /* RSA, sign only */
	{ 17, 2, 0 },  /* DSA */
	{ 19, 2, 0 },  /* ECDSA */
	{ 22, 2, 0 },  /* EdDSA, legacy form: Ed25519 */
	{ 27, 0, 64 }, /* Ed25519 */
	{ 28, 0, 114 } /* Ed448 */
};

static struct cursor
take(struct cursor *c, size_t n)
{
	struct cursor part = { .p = c->p, .n = n };

	if (c->bad || n > c->n) {
		c->bad = true;
		return (struct cursor){ .p = c->p, .bad = true };
	}
	c->p += n;
	c->n -= n;
	return part;
}

static uint64_t
number(struct cursor *c, size_t n)
{
	struct cursor part = take(c, n);
	uint64_t v = 0;

	for (size_t i = 0; !part.bad && i < n; i++)
		v = v << 8 | part.p[i];
	return v;
}

/* Packet header of either format; no partial and no indeterminate length. */
static int
next_packet(struct cursor *c, struct packet *ret)
{
	unsigned first = (unsigned)number(c, 1);
	size_t n;

	if (c->bad || (first & 0x80) == 0)
		return -EBADMSG;
	if ((first & 0x40) != 0) {
		ret->tag = first & 0x3f;
		n = number(c, 1);
		if (n >= 192 && n < 224)
			n = (n - 192) * 256 + number(c, 1) + 192;
		else if (n == 255)
			n = number(c, 4);
		else if (n >= 224)
			return -EBADMSG;
	} else {
		ret->tag = first >> 2 & 0x0f;
		if ((first & 3) == 3)
			return -EBADMSG;
		n = number(c, (size_t)1 << (first & 3));
	}
	ret->body = take(c, n);
	return ret->body.bad ? -EBADMSG : 0;
}

/* One subpacket: its length (as in new packets, but no partial ones), type. */
static int
next_subpacket(struct cursor *c, unsigned *ret_type, struct cursor *ret)
{
	size_t n = number(c, 1);

	if (n >= 192 && n < 255)
		n = (n - 192) * 256 + number(c, 1) + 192;
	else if (n == 255)
		n = number(c, 4);
	if (c->bad || n == 0)
		return -EBADMSG;
	*ret = take(c, n);
	*ret_type = (unsigned)number(ret, 1) & 0x7f;
	return ret->bad ? -EBADMSG : 0;
}

static int
read_issuer_fpr(struct cursor *c, struct vf_signature *s)
{
	uint64_t version = number(c, 1);
	size_t want = version == 4 ? 20 : 32;

	if ((version != 4 && version != 6) || c->n != want || s->fpr_n != 0)
		return -EBADMSG;
	memcpy(s->fpr, c->p, want);
	s->fpr_n = want;
	return 0;
}

/* Creation time counts in the hashed area alone; who signed is a hint only,
 * and may stand in either. */
static int
read_subpackets(struct cursor area, bool hashed, struct vf_signature *s,
    bool *has_created)
{
	struct cursor c;
	unsigned type;

	while (area.n > 0) {
		if (next_subpacket(&area, &type, &c) < 0)
			return -EBADMSG;
		if (type == SUB_CREATED && hashed) {
			if (*has_created || c.n != 4)
				return -EBADMSG;
			*has_created = true;
			s->created = (uint32_t)number(&c, 4);
		} else if (type == SUB_ISSUER) {
			if (c.n != 8)
				return -EBADMSG;
			s->issuer = number(&c, 8);
		} else if (type == SUB_FINGERPRINT &&
		    read_issuer_fpr(&c, s) < 0) {
			return -EBADMSG;
		}
	}
	return 0;
}

/* The numbers of the signature itself must fill the packet exactly. */
static int
read_numbers(struct cursor *c, uint8_t algo)
{
	for (size_t i = 0; i < PS_COUNT(shapes); i++) {
		if (shapes[i].algo != algo)
			continue;
		(void)take(c, shapes[i].octets);
		for (unsigned k = 0; k < shapes[i].mpis; k++)
			(void)take(c, (number(c, 2) + 7) / 8);
		return c->bad || c->n != 0 ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

static int
read_signature(struct cursor c, struct vf_signature *ret, const char **ret_why)
{
	struct vf_signature s = { .version = (uint8_t)number(&c, 1) };
	size_t wide = s.version == 6 ? 4 : 2;
	uint64_t type = number(&c, 1);
	bool has_created = false;
	struct cursor area;

	*ret_why = "not a version 4 or 6 signature";
	if (c.bad || (s.version != 4 && s.version != 6))
		return -EBADMSG;
	*ret_why = "not a signature of a binary document";
	if (c.bad || type != 0)
		return -EBADMSG;
	*ret_why = "damaged signature packet";
	s.pk_algo = (uint8_t)number(&c, 1);
	s.hash_algo = (uint8_t)number(&c, 1);
	area = take(&c, number(&c, wide));
	if (c.bad || read_subpackets(area, true, &s, &has_created) < 0)
		return -EBADMSG;
	area = take(&c, number(&c, wide));
	if (c.bad || read_subpackets(area, false, &s, &has_created) < 0)
		return -EBADMSG;
	(void)number(&c, 2);
	if (s.version == 6)
		(void)take(&c, number(&c, 1));
	if (read_numbers(&c, s.pk_algo) < 0 || !has_created)
		return -EBADMSG;
	*ret = s;
	return 0;
}

int
vf_parse_signatures(const uint8_t *in, size_t n,
    struct vf_signature ret[VF_MAX_SIGNATURES], size_t *ret_n,
    const char **ret_why)
{
	struct vf_signature found[VF_MAX_SIGNATURES];
	struct cursor c = { .p = in, .n = n };
	struct packet packet;
	size_t count = 0;

	*ret_why = "no signature";
	if (n == 0)
		return -EBADMSG;
	while (c.n > 0) {
		*ret_why = "damaged packet";
		if (next_packet(&c, &packet) < 0)
			return -EBADMSG;
		*ret_why = "not a detached signature";
		if (packet.tag != TAG_SIGNATURE)
			return -EBADMSG;
		*ret_why = "too many signatures";
		if (count == VF_MAX_SIGNATURES)
			return -EBADMSG;
		if (read_signature(packet.body, &found[count], ret_why) < 0)
			return -EBADMSG;
		count++;
	}
	memcpy(ret, found, count * sizeof(found[0]));
	*ret_n = count;
	return 0;
}

static uint64_t
big_endian(const uint8_t *p)
{
	struct cursor c = { .p = p, .n = 8 };

	return number(&c, 8);
}

static int
digest(const EVP_MD *md, const uint8_t *head, size_t head_n,
    const struct cursor *body, uint8_t *ret)
{
	uint8_t out[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n = 0;
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
	    EVP_DigestUpdate(ctx, head, head_n) == 1 &&
	    EVP_DigestUpdate(ctx, body->p, body->n) == 1 &&
	    EVP_DigestFinal_ex(ctx, out, &n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return -ENOMEM;
	memcpy(ret, out, n);
	return 0;
}

/* Fingerprints as RFC 9580, 5.5.4 has them. */
static int
read_key(const struct packet *packet, struct vf_key_id *ret)
{
	const struct cursor *b = &packet->body;
	uint8_t head[5] = { 0x99, (uint8_t)(b->n >> 8), (uint8_t)b->n };
	int r = -EBADMSG;

	ret->primary = packet->tag == TAG_KEY;
	if (b->n > 6 && b->n <= 0xffff && b->p[0] == 4) {
		ret->fpr_n = 20;
		r = digest(EVP_sha1(), head, 3, b, ret->fpr);
		ret->id = big_endian(ret->fpr + 12);
	} else if (b->n > 6 && b->n <= 0xffff && b->p[0] == 6) {
		uint8_t head6[5] = { 0x9b, 0, 0, head[1], head[2] };

		ret->fpr_n = 32;
		r = digest(EVP_sha256(), head6, 5, b, ret->fpr);
		ret->id = big_endian(ret->fpr);
	}
	return r;
}

int
vf_parse_keys(const uint8_t *in, size_t n, struct vf_key_ids *ret)
{
	struct cursor c = { .p = in, .n = n };
	struct packet packet;

	ret->n = 0;
	while (c.n > 0) {
		if (next_packet(&c, &packet) < 0 ||
		    (ret->n == 0 && packet.tag != TAG_KEY))
			return -EBADMSG;
		if (packet.tag == TAG_KEY || packet.tag == TAG_SUBKEY) {
			if (ret->n == VF_MAX_KEY_IDS ||
			    read_key(&packet, &ret->v[ret->n]) < 0)
				return -EBADMSG;
			ret->n++;
		} else if (packet.tag != TAG_SIGNATURE &&
		    packet.tag != TAG_USER_ID && packet.tag != TAG_ATTRIBUTE) {
			return -EBADMSG;
		}
	}
	return ret->n > 0 ? 0 : -EBADMSG;
}

bool
vf_may_be_issuer(const struct vf_signature *s, const struct vf_key_id *k)
{
	if (s->fpr_n != 0)
		return s->fpr_n == k->fpr_n &&
		    memcmp(s->fpr, k->fpr, k->fpr_n) == 0;
	return s->issuer != 0 && s->issuer == k->id;
}

void
vf_hex(const uint8_t *p, size_t n, char ret[VF_FPR_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n && 2 * i + 2 < VF_FPR_HEX; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n < VF_FPR_HEX ? 2 * n : VF_FPR_HEX - 1] = '\0';
}
