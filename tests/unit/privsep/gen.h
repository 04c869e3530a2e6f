#pragma once
/*
 * Generated messages: for every message of the .def files a function
 * gen_NAME(seed, m) that fills it with values in their classes and bounds,
 * and row i of all in tables[].  Strings point into one static arena.
 */
#include "tests/unit/test.h"

#include "privsep/name.h"
#include "privsep/proto.h"

static char gen_arena[1 << 18];
static size_t gen_at;
static uint64_t gen_seed;

static inline uint64_t
gen_next(void)
{
	return test_random(&gen_seed);
}

/* A string of class c, at most max bytes: mutate until the class takes it. */
static inline const char *
gen_str(size_t max, ps_class *c)
{
	static const char *const seeds[] = { "", "a", "example.com/app", "a-b",
		"0123456789abcdef0123456789abcdef01234567",
		"01234567-89ab-cdef-0123-456789abcdef", "/", "/a/b", "A=b", "host",
		"with \xe2\x82\xac text", "x1" };
	char *s = gen_arena + gen_at;

	for (;;) {
		const char *from = seeds[gen_next() % PS_COUNT(seeds)];
		size_t n = strlen(from);

		memcpy(s, from, n);
		if (n > 0 && gen_next() % 2)
			s[gen_next() % n] = "ab0/-.="[gen_next() % 7];
		if (n > 0 && gen_next() % 16 == 0 && max < 4096)
			for (; n < max; n++)
				s[n] = 'a';
		s[n] = '\0';
		if (n > max || !c(s, n))
			continue;
		gen_at += n + 1;
		return s;
	}
}

#define U8(f) m->f = (uint8_t)gen_next();
#define U16(f) m->f = (uint16_t)gen_next();
#define U32(f) m->f = (uint32_t)gen_next();
#define U64(f) m->f = gen_next();
#define I32(f) m->f = (int32_t)gen_next();
#define STR(f, max, c) m->f = gen_str(max, ps_is_##c);
#define STRS(f, count, max, c)                              \
	m->n_##f = (uint16_t)(gen_next() % (count > 8 ? 8 : count)); \
	for (uint16_t i = 0; i < m->n_##f; i++)             \
		m->f[i] = gen_str(max, ps_is_##c);
#define DATA(f, max)                                          \
	m->n_##f = (uint32_t)(gen_next() % (max > 64 ? 64 : max)); \
	m->f = (const uint8_t *)gen_arena;
#define IDS(f, count)                              \
	m->n_##f = (uint16_t)(gen_next() % count); \
	for (uint16_t i = 0; i < m->n_##f; i++)    \
		m->f[i] = (uint32_t)gen_next();
#define DIGEST(f)                             \
	for (size_t i = 0; i < PS_DIGEST; i++) \
		m->f[i] = (uint8_t)gen_next();
#define MSG(name, from, least, most)                                  \
	static inline int gen_##name(struct ps_writer *w)             \
	{                                                             \
		static struct ps_msg_##name message, *m = &message;   \
		memset(m, 0, sizeof(*m));                             \
		gen_at = 0;
#define END(name)                          \
	return ps_encode_##name(w, m);     \
	}
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
#undef MSG
#undef END
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef STR
#undef STRS
#undef DATA
#undef IDS
#undef DIGEST

/* Decode, and if that is good encode into w again: 0 or -EBADMSG. */
#define U8(f)
#define U16(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define STR(f, max, c)
#define STRS(f, count, max, c)
#define DATA(f, max)
#define IDS(f, count)
#define DIGEST(f)
#define MSG(name, from, least, most)                                            \
	static inline int again_##name(const uint8_t *p, size_t n,              \
	    struct ps_writer *w)                                                \
	{                                                                       \
		static struct ps_msg_##name m, untouched;                       \
		int r;                                                          \
		memset(&m, 0x5a, sizeof(m));                                    \
		memset(&untouched, 0x5a, sizeof(m));                            \
		r = ps_decode_##name(p, n, &m);                                 \
		if (r < 0 && memcmp(&m, &untouched, sizeof(m)) != 0)            \
			abort(); /* a failed decode touched its result */       \
		return r < 0 ? r : ps_encode_##name(w, &m);                     \
	}
#define END(name)
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
#undef MSG
#define MSG(name, from, least, most) { PS_##name, #name, gen_##name, again_##name },
static const struct gen_row {
	uint16_t type;
	const char *name;
	int (*make)(struct ps_writer *w);
	int (*again)(const uint8_t *p, size_t n, struct ps_writer *w);
} gen_rows[] = {
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
};
#undef MSG
#undef END
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef STR
#undef STRS
#undef DATA
#undef IDS
#undef DIGEST
