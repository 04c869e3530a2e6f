/*
 * Digests.  What is hashed is hostile; nothing here looks at it.
 */
#include "verifier/unpack/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/log.h"

struct vf_hash {
	EVP_MD_CTX *ctx;
	const EVP_MD *md;
};

static EVP_MD *mds[2];

int
vf_hash_init(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
	if (!mds[VF_SHA256])
		mds[VF_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!mds[VF_SHA512])
		mds[VF_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
	return mds[VF_SHA256] && mds[VF_SHA512] ? 0 : -ENOTSUP;
}

struct vf_hash *
vf_hash_new(enum vf_kind kind)
{
	struct vf_hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->md = mds[kind];
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx) {
		free(h);
		return NULL;
	}
	return h;
}

void
vf_hash_free(struct vf_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
vf_hash_begin(struct vf_hash *h)
{
	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1)
		ps_die(PS_EXIT_SYSTEM, "a digest cannot be started");
}

void
vf_hash_add(struct vf_hash *h, const void *p, size_t n)
{
	if (EVP_DigestUpdate(h->ctx, p, n) != 1)
		ps_die(PS_EXIT_SYSTEM, "a digest failed");
}

void
vf_hash_end(struct vf_hash *h, uint8_t *ret)
{
	if (EVP_DigestFinal_ex(h->ctx, ret, NULL) != 1)
		ps_die(PS_EXIT_SYSTEM, "a digest failed");
}

static void
add_number(struct vf_hash *h, uint64_t v, size_t bytes)
{
	uint8_t p[8];

	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	vf_hash_add(h, p, bytes);
}

static void
add_bytes(struct vf_hash *h, const void *p, size_t n)
{
	add_number(h, n, 4);
	vf_hash_add(h, p, n);
}

static int
compare_xattrs(const void *a, const void *b)
{
	const struct vf_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
vf_entry_digest(struct vf_hash *sha256, struct vf_entry *e,
    uint8_t ret[VF_ENTRY_DIGEST])
{
	const char *link = e->link ? e->link : "";

	if (e->n_xattr > 1)
		qsort(e->xattrs, e->n_xattr, sizeof(e->xattrs[0]),
		    compare_xattrs);
	vf_hash_begin(sha256);
	vf_hash_add(sha256, &e->type, 1);
	add_number(sha256, e->mode, 4);
	add_number(sha256, e->uid, 4);
	add_number(sha256, e->gid, 4);
	add_number(sha256, (uint64_t)e->seconds, 8);
	add_number(sha256, e->nanoseconds, 4);
	add_number(sha256, e->size, 8);
	vf_hash_add(sha256, e->content, sizeof(e->content));
	add_bytes(sha256, link, strlen(link));
	add_number(sha256, e->n_xattr, 4);
	for (size_t i = 0; i < e->n_xattr; i++) {
		add_bytes(sha256, e->xattrs[i].name, strlen(e->xattrs[i].name));
		add_bytes(sha256, e->xattrs[i].value, e->xattrs[i].n);
	}
	vf_hash_end(sha256, ret);
}

void
vf_tree_begin(struct vf_hash *sha512)
{
	vf_hash_begin(sha512);
	vf_hash_add(sha512, "rkt tree 1\n", 11);
}

void
vf_tree_add(struct vf_hash *sha512, const char *path, char type,
    const uint8_t digest[VF_ENTRY_DIGEST])
{
	vf_hash_add(sha512, path, strlen(path) + 1);
	vf_hash_add(sha512, &type, 1);
	vf_hash_add(sha512, digest, VF_ENTRY_DIGEST);
}

void
vf_tree_add_link(struct vf_hash *sha512, const char *path, const char *first)
{
	vf_hash_add(sha512, path, strlen(path) + 1);
	vf_hash_add(sha512, "h", 1);
	vf_hash_add(sha512, first, strlen(first) + 1);
}
