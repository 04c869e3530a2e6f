/*
 * Keys under review (verify room, user rkt-verify, no network).  HOSTILE: the
 * key file, whole.  It is decoded and walked by our own code, imported by gpg
 * into a fresh home, and listed from there: shown is what gpg would use.
 */
#include "verifier/openpgp/review.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "verifier/openpgp/armour.h"
#include "verifier/openpgp/home.h"
#include "verifier/openpgp/packet.h"
#include "verifier/openpgp/signer.h"

/* HOSTILE: the key file becomes a keyring in h. */
static int
load(int file, uint64_t size, struct vf_home *h, struct vf_fail *fail)
{
	static uint8_t raw[PS_MAX_KEY], decoded[PS_MAX_KEY];
	static struct vf_key_ids ids;
	const uint8_t *p = raw;
	size_t n = (size_t)size;
	int r;

	if (size > sizeof(raw))
		return vf_fail(fail, PS_VERIFY_FORMAT, "key file too large");
	r = ps_pread_full(file, raw, n, 0);
	if (r < 0)
		return r;
	if (!vf_is_binary(raw, n)) {
		if (vf_dearmour(raw, n, VF_PUBLIC_KEY, decoded, &n) < 0)
			return vf_fail(fail, PS_VERIFY_FORMAT,
			    "not exactly one armoured public key block");
		p = decoded;
	}
	if (vf_parse_keys(p, n, &ids) < 0)
		return vf_fail(fail, PS_VERIFY_FORMAT, "not public keys");
	r = vf_home_open(0, h);
	if (r < 0)
		return r;
	if (vf_home_import(h, p, n) < 0) {
		vf_home_close(h);
		return vf_fail(fail, PS_VERIFY_FORMAT,
		    "no usable public key (damaged, or bound by a weak digest)");
	}
	return 0;
}

static int
add_line(struct vf_list *l, const char *kind, const char *value)
{
	char *line = l->text + l->bytes;
	size_t left = sizeof(l->text) - l->bytes;
	size_t max = left < VF_MAX_LINE ? left : VF_MAX_LINE;
	size_t n = strlen(kind);

	if (l->n == VF_MAX_LINES || max < n + 2)
		return -E2BIG;
	memcpy(line, kind, n);
	line[n] = ' ';
	vf_print(line + n + 1, max - n - 1, value);
	l->lines[l->n++] = line;
	/* Three more for the length and the NUL of the message's string. */
	l->bytes += strlen(line) + 3;
	return 0;
}

static int
add_seconds(struct vf_list *l, const char *kind, long seconds)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%ld", seconds > 0 ? seconds : 0);
	return add_line(l, kind, text);
}

static int
add_fingerprint(struct vf_list *l, const char *kind, const char *fpr)
{
	char lower[VF_FPR_HEX];

	return vf_lower_fpr(fpr, lower) ? add_line(l, kind, lower) : -EBADMSG;
}

static int
add_key(struct vf_list *l, const struct _gpgme_key *key)
{
	const struct _gpgme_subkey *sub = key->subkeys;
	int r = sub ? add_fingerprint(l, "pub", sub->fpr) : -EBADMSG;

	if (r == 0)
		r = add_seconds(l, "created", sub->timestamp);
	if (r == 0)
		r = add_seconds(l, "expires", sub->expires);
	if (r == 0)
		r = add_line(l, "flags",
		    key->revoked	? "revoked" :
			key->expired ? "expired" :
				       "-");
	for (sub = sub ? sub->next : NULL; r == 0 && sub; sub = sub->next)
		r = add_fingerprint(l, "sub", sub->fpr);
	for (const struct _gpgme_user_id *u = key->uids; r == 0 && u; u = u->next)
		r = add_line(l, "uid", u->uid ? u->uid : "");
	return r;
}

static int
list_keys(struct vf_home *h, struct vf_list *ret)
{
	gpgme_key_t key;
	gpgme_error_t e;
	int r = 0;

	if (gpgme_op_keylist_start(h->ctx, NULL, 0) != 0)
		return -EIO;
	while (r == 0 && (e = gpgme_op_keylist_next(h->ctx, &key)) == 0) {
		r = add_key(ret, key);
		gpgme_key_unref(key);
	}
	(void)gpgme_op_keylist_end(h->ctx);
	return r;
}

int
vf_review(int file, uint64_t size, struct vf_list *ret, struct vf_fail *ret_fail)
{
	struct vf_home h;
	int r = load(file, size, &h, ret_fail);

	if (r < 0)
		return r;
	ret->n = 0;
	ret->bytes = 0;
	r = list_keys(&h, ret);
	vf_home_close(&h);
	if (r == -E2BIG)
		return vf_fail(ret_fail, PS_VERIFY_FORMAT,
		    "too many keys, subkeys or user ids");
	if (r == 0 && ret->n == 0)
		return vf_fail(ret_fail, PS_VERIFY_FORMAT, "no usable public key");
	return r;
}

/* Root will keep these bytes: they must be the key that was asked for, alone,
 * and must pass the same walk as when they are used. */
static bool
is_that_key(const char *text, size_t n, const char *fpr)
{
	static uint8_t packets[PS_MAX_KEY];
	static struct vf_key_ids ids;
	char found[VF_FPR_HEX];
	size_t packets_n;

	if (n > sizeof(packets) ||
	    vf_dearmour((const uint8_t *)text, n, VF_PUBLIC_KEY, packets,
		&packets_n) < 0 ||
	    vf_parse_keys(packets, packets_n, &ids) < 0)
		return false;
	vf_hex(ids.v[0].fpr, ids.v[0].fpr_n, found);
	for (size_t i = 1; i < ids.n; i++)
		if (ids.v[i].primary)
			return false;
	return strcmp(found, fpr) == 0;
}

static int
export_key(struct vf_home *h, const char *fpr, struct vf_fail *fail)
{
	gpgme_data_t data = NULL;
	size_t n = 0;
	char *text;
	int r;

	gpgme_set_armor(h->ctx, 1);
	if (gpgme_data_new(&data) != 0)
		return -ENOMEM;
	if (gpgme_op_export(h->ctx, fpr, GPGME_EXPORT_MODE_MINIMAL, data) != 0) {
		gpgme_data_release(data);
		return -EIO;
	}
	text = gpgme_data_release_and_get_mem(data, &n);
	if (text == NULL || !is_that_key(text, n, fpr))
		r = vf_fail(fail, PS_VERIFY_NO_KEY, "the file has no key %s", fpr);
	else
		r = ps_sealed("key", text, n);
	gpgme_free(text);
	return r;
}

int
vf_export(int file, uint64_t size, const char *fpr, struct vf_fail *ret_fail)
{
	struct vf_home h;
	int r = load(file, size, &h, ret_fail);

	if (r < 0)
		return r;
	r = export_key(&h, fpr, ret_fail);
	vf_home_close(&h);
	return r;
}
