#pragma once
/*
 * Compressors, each over a whole buffer; one member or frame is appended.
 */
#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct packed {
	uint8_t *p;
	size_t n;
};

static inline uint8_t *
packed_room(struct packed *o, size_t n)
{
	o->p = realloc(o->p, o->n + n + 1);
	return o->p + o->n;
}

static inline void
pack_raw(struct packed *o, const void *p, size_t n)
{
	if (n > 0)
		memcpy(packed_room(o, n), p, n);
	o->n += n;
}

static inline void
pack_gzip(struct packed *o, const uint8_t *p, size_t n)
{
	struct isal_zstream *z = calloc(1, sizeof(*z));
	size_t room = n + n / 8 + 1024;

	isal_deflate_init(z);
	z->end_of_stream = 1;
	z->flush = NO_FLUSH;
	z->gzip_flag = IGZIP_GZIP;
	z->next_in = (uint8_t *)(uintptr_t)p;
	z->avail_in = (uint32_t)n;
	z->next_out = packed_room(o, room);
	z->avail_out = (uint32_t)room;
	(void)isal_deflate(z);
	o->n += room - z->avail_out;
	free(z);
}

static inline void
pack_bzip2(struct packed *o, const uint8_t *p, size_t n)
{
	unsigned room = (unsigned)(n + n / 8 + 1024);

	(void)BZ2_bzBuffToBuffCompress((char *)packed_room(o, room), &room,
	    (char *)(uintptr_t)p, (unsigned)n, 9, 0, 0);
	o->n += room;
}

static inline void
pack_xz(struct packed *o, const uint8_t *p, size_t n)
{
	size_t room = n + n / 8 + 1024, at = 0;

	(void)lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, p, n,
	    packed_room(o, room), &at, room);
	o->n += at;
}

static inline void
pack_zstd(struct packed *o, const uint8_t *p, size_t n)
{
	size_t room = ZSTD_compressBound(n);

	o->n += ZSTD_compress(packed_room(o, room), room, p, n, 1);
}

typedef void pack(struct packed *o, const uint8_t *p, size_t n);

static const struct {
	const char *name;
	pack *pack;
} packers[] = {
	{ "gzip", pack_gzip },
	{ "bzip2", pack_bzip2 },
	{ "xz", pack_xz },
	{ "zstd", pack_zstd },
};
