#pragma once
/*
 * Fixed-width little-endian fields behind a bounds-checked cursor.  Writers
 * and readers latch their first error; look at it once, at the end.  Readers
 * copy nothing: strings and data point into the buffer read from, which must
 * outlive them.  A string is u16 length, the bytes, and one NUL, so that what
 * a reader returns is a C string.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef bool ps_class(const char *s, size_t n);

struct ps_writer {
	uint8_t *p;
	size_t size, at;
	int error; /* 0, -EMSGSIZE, or -EINVAL (a field breaks its class) */
};

struct ps_reader {
	const uint8_t *p;
	size_t size, at;
	int error; /* 0 or -EBADMSG */
};

void ps_put_u8(struct ps_writer *w, uint8_t v);
void ps_put_u16(struct ps_writer *w, uint16_t v);
void ps_put_u32(struct ps_writer *w, uint32_t v);
void ps_put_u64(struct ps_writer *w, uint64_t v);
void ps_put_bytes(struct ps_writer *w, const void *p, size_t n);
void ps_put_str(struct ps_writer *w, const char *s, size_t max, ps_class *c);
void ps_put_strs(struct ps_writer *w, const char *const *v, size_t n,
    size_t count, size_t max, ps_class *c);
void ps_put_data(struct ps_writer *w, const uint8_t *p, size_t n, size_t max);
void ps_put_ids(struct ps_writer *w, const uint32_t *v, size_t n, size_t count);

uint8_t ps_get_u8(struct ps_reader *r);
uint16_t ps_get_u16(struct ps_reader *r);
uint32_t ps_get_u32(struct ps_reader *r);
uint64_t ps_get_u64(struct ps_reader *r);
const uint8_t *ps_get_bytes(struct ps_reader *r, size_t n);
const char *ps_get_str(struct ps_reader *r, size_t max, ps_class *c);
uint16_t ps_get_strs(struct ps_reader *r, const char **ret, size_t count,
    size_t max, ps_class *c);
const uint8_t *ps_get_data(struct ps_reader *r, size_t max, uint32_t *ret_n);
uint16_t ps_get_ids(struct ps_reader *r, uint32_t *ret, size_t count);
