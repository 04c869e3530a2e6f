#pragma once
/*
 * Asking a worker.  Each call starts one, says one message, hears one answer,
 * and sees it end with exit code 0; anything else is a refusal.  Returns 0 a
 * good answer; 1 the person has been told (REFUSED was sent); negative: the
 * conductor is gone.
 */
#include "launcher/session.h"

/* Bytes of *ret point into a static frame, valid until the next call. */
int ln_worker_check(struct ln_session *s, const struct ln_slot *image,
    const struct ln_slot *signature, const char *name, bool second,
    struct ps_msg_VERDICT *ret);
int ln_worker_unpack(struct ln_session *s, const struct ln_slot *image,
    int rootfs, int manifest, struct ps_msg_UNPACKED *ret);
struct ln_rendering {
	int rootfs, manifest; /* manifest -1: no whitelist */
	bool bare;	      /* rootfs itself stays as it is */
	size_t n; /* directories of mounts that cannot be written, topmost first */
	int trees[PS_MAX_LAYERS + 1];
};
int ln_worker_render(struct ln_session *s, const struct ln_rendering *what,
    struct ps_msg_TREE *ret);
/* base: host uid of the root whose the tree is. */
int ln_worker_pack(struct ln_session *s, const int fds[3], uint32_t base,
    struct ps_msg_TREE *ret);
int ln_worker_digest(struct ln_session *s, int rootfs, struct ps_msg_TREE *ret);
int ln_worker_review(struct ln_session *s, int key, struct ps_msg_KEYLIST *ret);
/* *ret_key: sealed memfd, proved; *ret_size bytes. */
int ln_worker_export(struct ln_session *s, const struct ln_slot *key,
    const char *fingerprint, int *ret_key, uint64_t *ret_size);

/* words.c: what they write to stderr; said once they are gone. */
int ln_words_open(struct ln_session *s);
void ln_words_say(struct ln_session *s, const char *who);

/* Start the fetcher with write-only slots; *ret_chan is the conductor's end. */
int ln_worker_fetcher(struct ln_session *s, const int *slots, size_t n,
    int *ret_chan);
/* Start the conductor; s->control and s->conductor are set. */
int ln_worker_conductor(struct ln_session *s);
