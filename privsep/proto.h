#pragma once
/*
 * Every message, once.  The .def files are lists of
 *
 *	MSG(NAME, sender, least descriptors, most descriptors)
 *		field lines
 *	END(NAME)
 *
 * and are expanded here to: enum ps_type (PS_NAME), struct ps_msg_NAME, and in
 * proto.c to ps_encode_NAME, ps_decode_NAME and the table behind ps_info().
 *
 * Fields: U8 U16 U32 U64 I32 (name); STR(name, longest, class); STRS(name, most,
 * longest, class) with n_name; DATA(name, most bytes) with n_name; IDS(name,
 * most) with n_name; DIGEST(name).  Classes are the ps_is_* of name.h.
 *
 * Decoding is total: every byte is read, the end is exact, every field is in
 * its class and bound, or -EBADMSG is returned and *ret is untouched.  Strings
 * and data point into the payload.
 */
#include <stddef.h>
#include <stdint.h>

#include "privsep/codec.h"
#include "privsep/limits.h"

#define PS_MAGIC 0x31544b52u /* "RKT1" */
#define PS_HEADER 16u	     /* magic u32, type u16, nfds u16, length u32, serial u32 */

#include "privsep/nofields.def"
#define END(name)
#define MSG(name, from, least, most) PS_##name,
enum ps_type {
	PS_CONTROL_BASE = 0x100,
#include "privsep/control.def"
	PS_FETCH_BASE = 0x200,
#include "privsep/fetch.def"
	PS_VERIFY_BASE = 0x300,
#include "privsep/verify.def"
	PS_UNPACK_BASE = 0x400,
#include "privsep/unpack.def"
	PS_PLAN_BASE = 0x500,
#include "privsep/plan.def"
};
#include "privsep/undef.def"

#define U8(f) uint8_t f;
#define U16(f) uint16_t f;
#define U32(f) uint32_t f;
#define U64(f) uint64_t f;
#define I32(f) int32_t f;
#define STR(f, max, c) const char *f;
#define STRS(f, count, max, c) \
	uint16_t n_##f;        \
	const char *f[count];
#define DATA(f, max)   \
	uint32_t n_##f; \
	const uint8_t *f;
#define IDS(f, count)   \
	uint16_t n_##f; \
	uint32_t f[count];
#define DIGEST(f) uint8_t f[PS_DIGEST];
#define MSG(name, from, least, most) struct ps_msg_##name {
#define END(name)                                                         \
	uint8_t end_;                                                     \
	}                                                                 \
	;                                                                 \
	int ps_encode_##name(struct ps_writer *w, const struct ps_msg_##name *m); \
	int ps_decode_##name(const uint8_t *payload, size_t n, struct ps_msg_##name *ret);
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
#include "privsep/undef.def"

struct ps_info {
	uint16_t type;
	char from; /* the sender's letter in the .def file */
	uint8_t least_fds, most_fds;
	const char *name;
};

/* The row of a type, NULL if there is none. */
const struct ps_info *ps_info(uint16_t type);
/* Row i of all, for tables and fuzzing; NULL behind the last. */
const struct ps_info *ps_info_at(size_t i);

struct ps_header {
	uint16_t type, nfds;
	uint32_t length, serial;
};

void ps_put_header(struct ps_writer *w, const struct ps_header *h);
/* 0, or -EBADMSG: magic, unknown type, or length that is not n - PS_HEADER. */
int ps_get_header(const uint8_t *p, size_t n, struct ps_header *ret);
