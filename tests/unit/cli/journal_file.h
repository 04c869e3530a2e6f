#pragma once
/*
 * Small journal files, made by hand: honest ones, of which tests then spoil a
 * byte.  Little endian only, as the machines of the tests are.
 */
#include <stdint.h>
#include <string.h>

struct file {
	uint8_t p[1 << 16];
	uint64_t n;
	int compact;
};

static inline void
put64(struct file *f, uint64_t at, uint64_t v)
{
	memcpy(f->p + at, &v, sizeof(v));
}

static inline void
put32(struct file *f, uint64_t at, uint32_t v)
{
	memcpy(f->p + at, &v, sizeof(v));
}

static inline void
begin(struct file *f, int compact)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->p, "LPKSHHRH", 8);
	f->compact = compact;
	put32(f, 12, compact ? 4 | 16 : 4);
	memset(f->p + 24, compact ? 7 : 9, 16);
	put64(f, 88, 264);
	put64(f, 184, 1000000);
	f->n = 264;
}

/* An object of n bytes; its place. */
static inline uint64_t
object(struct file *f, uint8_t type, uint64_t n)
{
	uint64_t at = f->n;

	f->p[at] = type;
	put64(f, at + 8, n);
	f->n += (n + 7) / 8 * 8;
	return at;
}

static inline uint64_t
data(struct file *f, const char *text, size_t n)
{
	size_t head = f->compact ? 72 : 64;
	uint64_t at = object(f, 1, head + n);

	memcpy(f->p + at + head, text, n);
	return at;
}

/* An entry of two fields. */
static inline uint64_t
entry(struct file *f, uint64_t when, uint64_t one, uint64_t two)
{
	uint64_t at = object(f, 3, 64 + (f->compact ? 8 : 32));

	put64(f, at + 24, when);
	if (f->compact) {
		put32(f, at + 64, (uint32_t)one);
		put32(f, at + 68, (uint32_t)two);
	} else {
		put64(f, at + 64, one);
		put64(f, at + 80, two);
	}
	return at;
}

/* An array with room for items entries. */
static inline uint64_t
array(struct file *f, uint64_t items)
{
	return object(f, 6, 24 + items * (f->compact ? 4 : 8));
}

static inline void
set_item(struct file *f, uint64_t at, uint64_t i, uint64_t v)
{
	if (f->compact)
		put32(f, at + 24 + 4 * i, (uint32_t)v);
	else
		put64(f, at + 24 + 8 * i, v);
}

/* Three entries in two arrays: what journald would have written. */
struct places {
	uint64_t unit, message, entry[3], array[2];
};

static inline struct places
three(struct file *f, int compact)
{
	struct places p;

	begin(f, compact);
	p.unit = data(f, "_SYSTEMD_UNIT=a.service", 23);
	p.message = data(f, "MESSAGE=one", 11);
	p.entry[0] = entry(f, 1000001, p.unit, p.message);
	p.array[0] = array(f, 2);
	p.entry[1] = entry(f, 1000002, data(f, "MESSAGE=tw\0o", 12), p.unit);
	p.entry[2] = entry(f, 1000003, p.unit, data(f, "MESSAGE=", 8));
	p.array[1] = array(f, 4);
	set_item(f, p.array[0], 0, p.entry[0]);
	set_item(f, p.array[0], 1, p.entry[1]);
	set_item(f, p.array[1], 0, p.entry[2]);
	put64(f, p.array[0] + 16, p.array[1]);
	put64(f, 176, p.array[0]);
	return p;
}
