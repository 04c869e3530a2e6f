/*
 * The decompressors.  Run in the unpack worker over bytes whose signature was
 * good; they may be hostile all the same.  Each codec knows one member; the
 * loop below knows what may follow it.
 */
#include "verifier/unpack/decode.h"

#include <bzlib.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "privsep/attr.h"

#define MAX_XZ_MEMORY (36u << 20) /* a dictionary of 32 MiB and its tables */
#define MAX_ZSTD_WINDOW 25	  /* log2 */

struct codec {
	const char *name;
	size_t at, n;	   /* where the magic lies */
	const char *magic;
	int (*begin)(struct vf_decoder *d);
	/* 1: the member has ended; 0; negative errno. */
	int (*step)(struct vf_decoder *d, struct vf_io *io);
	void (*end)(struct vf_decoder *d);
};

struct vf_decoder {
	const struct codec *codec;
	bool between; /* members: at least one has ended */
	uint8_t head[8]; /* magic of the next member, as far as it was seen */
	size_t n_head;
	struct inflate_state *gzip;
	bz_stream bzip2;
	lzma_stream xz;
	ZSTD_DStream *zstd;
};

static int
gzip_begin(struct vf_decoder *d)
{
	if (!d->gzip)
		d->gzip = malloc(sizeof(*d->gzip));
	if (!d->gzip)
		return -ENOMEM;
	isal_inflate_init(d->gzip);
	d->gzip->crc_flag = ISAL_GZIP;
	return 0;
}

static int
gzip_step(struct vf_decoder *d, struct vf_io *io)
{
	struct inflate_state *s = d->gzip;
	uint32_t n_in = io->n_in > UINT32_MAX ? UINT32_MAX : (uint32_t)io->n_in;
	uint32_t n_out =
	    io->n_out > UINT32_MAX ? UINT32_MAX : (uint32_t)io->n_out;
	int r;

	memcpy(&s->next_in, &io->in, sizeof(s->next_in));
	s->avail_in = n_in;
	s->next_out = io->out;
	s->avail_out = n_out;
	r = isal_inflate(s);
	io->in += n_in - s->avail_in;
	io->n_in -= n_in - s->avail_in;
	io->out += n_out - s->avail_out;
	io->n_out -= n_out - s->avail_out;
	if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT &&
	    r != ISAL_OUT_OVERFLOW)
		return -EBADMSG;
	return s->block_state == ISAL_BLOCK_FINISH;
}

static void
gzip_end(struct vf_decoder *d)
{
	free(d->gzip);
}

static void
bzip2_end(struct vf_decoder *d)
{
	(void)BZ2_bzDecompressEnd(&d->bzip2);
}

static int
bzip2_begin(struct vf_decoder *d)
{
	if (d->between)
		bzip2_end(d);
	memset(&d->bzip2, 0, sizeof(d->bzip2));
	return BZ2_bzDecompressInit(&d->bzip2, 0, 0) == BZ_OK ? 0 : -ENOMEM;
}

static int
bzip2_step(struct vf_decoder *d, struct vf_io *io)
{
	bz_stream *s = &d->bzip2;
	unsigned n_in = io->n_in > 1u << 30 ? 1u << 30 : (unsigned)io->n_in;
	unsigned n_out = io->n_out > 1u << 30 ? 1u << 30 : (unsigned)io->n_out;
	int r;

	memcpy(&s->next_in, &io->in, sizeof(s->next_in));
	s->avail_in = n_in;
	memcpy(&s->next_out, &io->out, sizeof(s->next_out));
	s->avail_out = n_out;
	r = BZ2_bzDecompress(s);
	io->in += n_in - s->avail_in;
	io->n_in -= n_in - s->avail_in;
	io->out += n_out - s->avail_out;
	io->n_out -= n_out - s->avail_out;
	if (r == BZ_MEM_ERROR)
		return -ENOMEM;
	return r == BZ_OK ? 0 : r == BZ_STREAM_END ? 1 : -EBADMSG;
}

static int
xz_begin(struct vf_decoder *d)
{
	return lzma_stream_decoder(&d->xz, MAX_XZ_MEMORY,
		   LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK ? 0 : -ENOMEM;
}

static int
xz_step(struct vf_decoder *d, struct vf_io *io)
{
	lzma_stream *s = &d->xz;
	lzma_ret r;

	s->next_in = io->in;
	s->avail_in = io->n_in;
	s->next_out = io->out;
	s->avail_out = io->n_out;
	r = lzma_code(s, LZMA_RUN);
	io->in = s->next_in;
	io->n_in = s->avail_in;
	io->out = s->next_out;
	io->n_out = s->avail_out;
	if (r == LZMA_OK || r == LZMA_BUF_ERROR)
		return 0;
	if (r == LZMA_STREAM_END)
		return 1;
	if (r == LZMA_MEM_ERROR)
		return -ENOMEM;
	return r == LZMA_MEMLIMIT_ERROR ? -EFBIG : -EBADMSG;
}

static void
xz_end(struct vf_decoder *d)
{
	lzma_end(&d->xz);
}

static int
zstd_begin(struct vf_decoder *d)
{
	if (!d->zstd)
		d->zstd = ZSTD_createDStream();
	if (!d->zstd ||
	    ZSTD_isError(ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_only)) ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
		MAX_ZSTD_WINDOW)))
		return -ENOMEM;
	return 0;
}

static int
zstd_step(struct vf_decoder *d, struct vf_io *io)
{
	ZSTD_inBuffer in = { io->in, io->n_in, 0 };
	ZSTD_outBuffer out = { io->out, io->n_out, 0 };
	size_t r = ZSTD_decompressStream(d->zstd, &out, &in);

	io->in += in.pos;
	io->n_in -= in.pos;
	io->out += out.pos;
	io->n_out -= out.pos;
	if (ZSTD_isError(r))
		return strstr(ZSTD_getErrorName(r), "memory") ? -EFBIG :
								-EBADMSG;
	return r == 0;
}

static void
zstd_end(struct vf_decoder *d)
{
	(void)ZSTD_freeDStream(d->zstd);
}

static int
plain_begin(struct vf_decoder *d)
{
	(void)d;
	return 0;
}

static int
plain_step(struct vf_decoder *d, struct vf_io *io)
{
	size_t n = io->n_in < io->n_out ? io->n_in : io->n_out;

	(void)d;
	memcpy(io->out, io->in, n);
	io->in += n;
	io->n_in -= n;
	io->out += n;
	io->n_out -= n;
	return io->last && io->n_in == 0;
}

static void
plain_end(struct vf_decoder *d)
{
	(void)d;
}

static const struct codec codecs[] = {
	{ "gzip", 0, 3, "\x1f\x8b\x08", gzip_begin, gzip_step, gzip_end },
	{ "bzip2", 0, 3, "BZh", bzip2_begin, bzip2_step, bzip2_end },
	{ "xz", 0, 6, "\xfd" "7zXZ\0", xz_begin, xz_step, xz_end },
	{ "zstd", 0, 4, "\x28\xb5\x2f\xfd", zstd_begin, zstd_step, zstd_end },
	{ "tar", 257, 5, "ustar", plain_begin, plain_step, plain_end },
};

int
vf_decoder_new(const uint8_t *head, size_t n, struct vf_decoder **ret)
{
	const struct codec *c = NULL;
	struct vf_decoder *d;
	int r;

	for (size_t i = 0; i < PS_COUNT(codecs) && !c; i++)
		if (n >= codecs[i].at + codecs[i].n &&
		    memcmp(head + codecs[i].at, codecs[i].magic,
			codecs[i].n) == 0)
			c = &codecs[i];
	if (!c)
		return -EPROTONOSUPPORT;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->codec = c;
	r = c->begin(d);
	if (r < 0) {
		vf_decoder_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void
vf_decoder_free(struct vf_decoder *d)
{
	if (!d)
		return;
	d->codec->end(d);
	free(d);
}

const char *
vf_decoder_name(const struct vf_decoder *d)
{
	return d->codec->name;
}

/* Behind a member: the next one's magic, or nothing.  The magic may be torn
 * over two inputs, so it is gathered, and fed to the next member from there.
 * 1: the end; 0: a next member began, or more input is needed. */
static int
next_member(struct vf_decoder *d, struct vf_io *io)
{
	const struct codec *c = d->codec;
	struct vf_io head = { .in = d->head, .out = io->out,
		.n_out = io->n_out };
	int r;

	while (d->n_head < c->n && io->n_in > 0) {
		d->head[d->n_head++] = *io->in++;
		io->n_in--;
	}
	if (memcmp(d->head, c->magic, d->n_head) != 0)
		return -EUCLEAN;
	if (d->n_head < c->n)
		return !io->last ? 0 : d->n_head == 0 ? 1 : -EUCLEAN;
	r = c->begin(d);
	d->between = false;
	head.n_in = d->n_head;
	d->n_head = 0;
	if (r == 0)
		r = c->step(d, &head);
	/* No codec gives output, or leaves input, for a magic alone. */
	return r < 0 ? r : r == 0 && head.n_in == 0 ? 0 : -EBADMSG;
}

int
vf_decode(struct vf_decoder *d, struct vf_io *io)
{
	for (;;) {
		size_t n_in = io->n_in, n_out = io->n_out;
		int r;

		if (d->between) {
			r = next_member(d, io);
			if (r != 0 || d->between)
				return r;
			continue;
		}
		r = d->codec->step(d, io);
		if (r < 0)
			return r;
		if (r == 1) {
			d->between = true;
			continue;
		}
		if (io->n_out == 0)
			return 0;
		if (io->n_in == 0 && (!io->last || io->n_out == n_out))
			return io->last ? -ENODATA : 0;
		if (io->n_in == n_in && io->n_out == n_out)
			return -EBADMSG; /* no step forward */
	}
}
