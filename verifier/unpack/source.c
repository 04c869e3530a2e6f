/*
 * Reading, hashing and decompressing, ahead of the reader of the tar.  Input:
 * a file that nobody writes any more, with hostile bytes.
 */
#include "verifier/unpack/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/limits.h"
#include "privsep/log.h"
#include "verifier/unpack/decode.h"
#include "verifier/unpack/digest.h"

#define CHUNK 262144u
#define STACK 524288u /* of a thread */

struct filler {
	struct vf_source *s;
	struct vf_decoder *decoder;
	struct vf_hash *hash;
	uint8_t *chunk;
	struct vf_io io;   /* out: the rest of the ring's buffer */
	uint64_t limit;	   /* of tar bytes */
	uint64_t size;	   /* of the file */
};

static void
free_filler(struct filler *f)
{
	vf_decoder_free(f->decoder);
	vf_hash_free(f->hash);
	free(f->chunk);
}

static const struct {
	int error;
	uint32_t code;
	const char *text;
} reasons[] = {
	{ -EPROTONOSUPPORT, PS_UNPACK_FORMAT,
	    "not a tar, nor one compressed by gzip, bzip2, xz or zstd" },
	{ -EBADMSG, PS_UNPACK_FORMAT, "compressed data is damaged" },
	{ -ENODATA, PS_UNPACK_FORMAT, "compressed data ends too early" },
	{ -EUCLEAN, PS_UNPACK_FORMAT,
	    "data behind the end of the compression" },
	{ -EFBIG, PS_UNPACK_LIMIT,
	    "decompressing needs more memory than is allowed" },
};

static int
explain(struct vf_source *s, int error)
{
	for (size_t i = 0; i < PS_COUNT(reasons); i++)
		if (reasons[i].error == error)
			return vf_refuse(&s->failure, reasons[i].code, NULL,
			    "%s", reasons[i].text);
	return vf_broken(&s->failure, error, "reading the image", NULL);
}

/* The next chunk, hashed.  0 at the end. */
static ssize_t
read_chunk(struct filler *f)
{
	ssize_t n;

	do {
		n = pread(f->s->fd, f->chunk, CHUNK, (off_t)f->s->raw_size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	vf_hash_add(f->hash, f->chunk, (size_t)n);
	f->s->raw_size += (uint64_t)n;
	if (f->s->raw_size > f->size)
		return -EIO;
	return n;
}

/* The ring's buffer is full, or is the last. */
static int
hand_over(struct filler *f)
{
	struct vf_source *s = f->s;
	size_t n = VF_RING_BYTES - f->io.n_out;

	s->tar_size += n;
	if (s->tar_size > f->limit)
		return vf_refuse(&s->failure, PS_UNPACK_LIMIT, NULL,
		    s->tar_size > s->max_tar ?
			"uncompressed, the image is larger than allowed" :
			"the image expands out of proportion");
	if (n > 0)
		vf_ring_put(&s->ring, n);
	return 0;
}

static int
next_buffer(struct filler *f)
{
	f->io.out = vf_ring_buffer(&f->s->ring);
	f->io.n_out = VF_RING_BYTES;
	return f->io.out ? 0 : -ECANCELED;
}

/* All that can be made of the chunk in f->io.in.  1 at the end. */
static int
decode_chunk(struct filler *f)
{
	for (;;) {
		int r = vf_decode(f->decoder, &f->io);

		if (r < 0)
			return explain(f->s, r);
		if (r == 1)
			return 1;
		if (f->io.n_out > 0)
			return 0; /* wants more input */
		r = hand_over(f);
		if (r == 0)
			r = next_buffer(f);
		if (r < 0)
			return r;
	}
}

static int
fill(struct filler *f)
{
	ssize_t n = read_chunk(f);
	int r;

	if (n < 0)
		return explain(f->s, (int)n);
	r = vf_decoder_new(f->chunk, (size_t)n, &f->decoder);
	if (r < 0)
		return explain(f->s, r);
	r = next_buffer(f);
	while (r == 0) {
		f->io.in = f->chunk;
		f->io.n_in = (size_t)n;
		f->io.last = f->s->raw_size == f->size;
		r = decode_chunk(f);
		if (r != 0 || f->io.last)
			break;
		n = read_chunk(f);
		if (n <= 0)
			return explain(f->s, n < 0 ? (int)n : -EIO);
	}
	if (r < 0)
		return r;
	if (r == 0)
		return explain(f->s, -ENODATA);
	return hand_over(f);
}

static int
fill_all(struct vf_source *s)
{
	_cleanup_(free_filler) struct filler f = { .s = s };
	struct stat st;
	int r;

	f.chunk = malloc(CHUNK);
	f.hash = vf_hash_new(VF_SHA512);
	if (!f.chunk || !f.hash)
		return explain(s, -ENOMEM);
	if (fstat(s->fd, &st) < 0)
		return explain(s, -errno);
	f.size = (uint64_t)st.st_size;
	if (__builtin_mul_overflow(f.size, s->max_ratio, &f.limit) ||
	    __builtin_add_overflow(f.limit, UINT64_C(1) << 20, &f.limit) ||
	    f.limit > s->max_tar)
		f.limit = s->max_tar;
	vf_hash_begin(f.hash);
	r = fill(&f);
	vf_hash_end(f.hash, s->raw);
	return r;
}

static void *
run_filler(void *arg)
{
	struct vf_source *s = arg;

	vf_ring_end(&s->ring, fill_all(s));
	return NULL;
}

static void *
run_hasher(void *arg)
{
	struct vf_source *s = arg;
	struct vf_hash *hash = vf_hash_new(VF_SHA512);
	const uint8_t *p;
	size_t n;

	if (!hash)
		ps_die(PS_EXIT_SYSTEM, "out of memory");
	vf_hash_begin(hash);
	while (vf_ring_get(&s->ring, VF_HASHER, &p, &n) > 0)
		vf_hash_add(hash, p, n);
	vf_hash_end(hash, s->image);
	vf_hash_free(hash);
	return NULL;
}

int
vf_source_start(struct vf_source *s)
{
	pthread_attr_t attr;
	int r = vf_ring_init(&s->ring);

	if (r < 0)
		return r;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK);
	r = pthread_create(&s->filler, &attr, run_filler, s);
	if (r != 0)
		return -r;
	r = pthread_create(&s->hasher, &attr, run_hasher, s);
	if (r != 0) {
		vf_ring_stop(&s->ring);
		(void)pthread_join(s->filler, NULL);
		return -r;
	}
	return 0;
}

int
vf_source_finish(struct vf_source *s, bool stop)
{
	if (stop)
		vf_ring_stop(&s->ring);
	(void)pthread_join(s->filler, NULL);
	(void)pthread_join(s->hasher, NULL);
	vf_ring_free(&s->ring);
	return stop ? -ECANCELED : s->ring.error;
}
