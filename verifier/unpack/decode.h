#pragma once
/*
 * Compressed bytes to bytes: gzip, bzip2, xz, zstd, or none, told by their
 * first bytes.  Members or frames of one kind may follow each other; anything
 * else behind the end is refused.  Memory is bounded (xz and zstd windows of
 * at most 32 MiB).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VF_MAGIC 262u /* bytes that are enough to tell the kind */

struct vf_decoder;

struct vf_io {
	const uint8_t *in;
	size_t n_in;
	uint8_t *out;
	size_t n_out;
	bool last; /* no input behind n_in */
};

/* 0; -EPROTONOSUPPORT: none of these; -ENOMEM. */
int vf_decoder_new(const uint8_t *head, size_t n, struct vf_decoder **ret);
void vf_decoder_free(struct vf_decoder *d);
const char *vf_decoder_name(const struct vf_decoder *d);

/* Move in and out on as far as possible.  1: the end, all input used; 0: more
 * input or output space is needed; -EBADMSG: damaged; -ENODATA: it ends too
 * early; -EFBIG: wants more memory than the bound; -EUCLEAN: something else
 * behind its end. */
int vf_decode(struct vf_decoder *d, struct vf_io *io);
