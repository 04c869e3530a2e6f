#pragma once
/*
 * A fresh GNUPGHOME under /tmp, gpgme set up to use it and /usr/bin/gpg alone.
 * Caller: the verify worker, inside its sandbox.  One home, one request.
 */
#include <gpgme.h>
#include <stddef.h>
#include <stdint.h>

struct vf_home {
	char path[32];
	gpgme_ctx_t ctx;
};

/* now: what gpg shall take for the time; 0: the machine's.  0 or -errno. */
int vf_home_open(uint64_t now, struct vf_home *ret);
/* Removes what is in it, for those who run without a /tmp of their own. */
void vf_home_close(struct vf_home *h);

/* Binary packets.  0, or -EINVAL if no key came of them. */
int vf_home_import(struct vf_home *h, const uint8_t *p, size_t n);
