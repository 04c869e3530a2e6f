/*
 * The .def files made functions.  Pure; linked into root.
 */
#include "privsep/proto.h"

#include <errno.h>

#include "privsep/name.h"

#define U8(f) ps_put_u8(w, m->f);
#define U16(f) ps_put_u16(w, m->f);
#define U32(f) ps_put_u32(w, m->f);
#define U64(f) ps_put_u64(w, m->f);
#define I32(f) ps_put_u32(w, (uint32_t)m->f);
#define STR(f, max, c) ps_put_str(w, m->f, max, ps_is_##c);
#define STRS(f, count, max, c) \
	ps_put_strs(w, m->f, m->n_##f, count, max, ps_is_##c);
#define DATA(f, max) ps_put_data(w, m->f, m->n_##f, max);
#define IDS(f, count) ps_put_ids(w, m->f, m->n_##f, count);
#define DIGEST(f) ps_put_bytes(w, m->f, PS_DIGEST);
#define MSG(name, from, least, most)                                       \
	int ps_encode_##name(struct ps_writer *w, const struct ps_msg_##name *m) \
	{                                                                  \
		(void)m;
#define END(name)         \
	return w->error;  \
	}
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
#include "privsep/undef.def"

#define U8(f) m.f = ps_get_u8(&r);
#define U16(f) m.f = ps_get_u16(&r);
#define U32(f) m.f = ps_get_u32(&r);
#define U64(f) m.f = ps_get_u64(&r);
#define I32(f) m.f = (int32_t)ps_get_u32(&r);
#define STR(f, max, c) m.f = ps_get_str(&r, max, ps_is_##c);
#define STRS(f, count, max, c) \
	m.n_##f = ps_get_strs(&r, m.f, count, max, ps_is_##c);
#define DATA(f, max) m.f = ps_get_data(&r, max, &m.n_##f);
#define IDS(f, count) m.n_##f = ps_get_ids(&r, m.f, count);
#define DIGEST(f)                                                    \
	{                                                            \
		const uint8_t *p = ps_get_bytes(&r, PS_DIGEST);      \
		for (size_t i = 0; p && i < PS_DIGEST; i++)          \
			m.f[i] = p[i];                               \
	}
#define MSG(name, from, least, most)                                  \
	int ps_decode_##name(const uint8_t *payload, size_t n,        \
	    struct ps_msg_##name *ret)                                \
	{                                                             \
		struct ps_reader r = { .p = payload, .size = n };     \
		struct ps_msg_##name m = { 0 };
#define END(name)                        \
	if (r.error != 0 || r.at != n)   \
		return -EBADMSG;         \
	*ret = m;                        \
	return 0;                        \
	}
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
#include "privsep/undef.def"

#include "privsep/nofields.def"
#define END(name)
#define MSG(name, from, least, most) { PS_##name, (#from)[0], least, most, #name },
static const struct ps_info infos[] = {
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
};

const struct ps_info *
ps_info_at(size_t i)
{
	return i < sizeof(infos) / sizeof(infos[0]) ? &infos[i] : NULL;
}

const struct ps_info *
ps_info(uint16_t type)
{
	const struct ps_info *row;

	for (size_t i = 0; (row = ps_info_at(i)) != NULL; i++)
		if (row->type == type)
			return row;
	return NULL;
}

void
ps_put_header(struct ps_writer *w, const struct ps_header *h)
{
	ps_put_u32(w, PS_MAGIC);
	ps_put_u16(w, h->type);
	ps_put_u16(w, h->nfds);
	ps_put_u32(w, h->length);
	ps_put_u32(w, h->serial);
}

int
ps_get_header(const uint8_t *p, size_t n, struct ps_header *ret)
{
	struct ps_reader r = { .p = p, .size = n };
	uint32_t magic = ps_get_u32(&r);
	struct ps_header h;

	h.type = ps_get_u16(&r);
	h.nfds = ps_get_u16(&r);
	h.length = ps_get_u32(&r);
	h.serial = ps_get_u32(&r);
	if (r.error != 0 || magic != PS_MAGIC || ps_info(h.type) == NULL ||
	    h.length != n - PS_HEADER)
		return -EBADMSG;
	*ret = h;
	return 0;
}
