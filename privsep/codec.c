/*
 * The codec.  Linked into root: input is whatever a compromised worker sent.
 * No allocation, no I/O; a reader never looks beyond its size.
 */
#include "privsep/codec.h"

#include <errno.h>
#include <string.h>

void
ps_put_bytes(struct ps_writer *w, const void *p, size_t n)
{
	if (w->error != 0)
		return;
	if (n > w->size - w->at) {
		w->error = -EMSGSIZE;
		return;
	}
	if (n > 0)
		memcpy(w->p + w->at, p, n);
	w->at += n;
}

static void
put_int(struct ps_writer *w, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	ps_put_bytes(w, b, n);
}

void
ps_put_u8(struct ps_writer *w, uint8_t v)
{
	put_int(w, v, 1);
}

void
ps_put_u16(struct ps_writer *w, uint16_t v)
{
	put_int(w, v, 2);
}

void
ps_put_u32(struct ps_writer *w, uint32_t v)
{
	put_int(w, v, 4);
}

void
ps_put_u64(struct ps_writer *w, uint64_t v)
{
	put_int(w, v, 8);
}

void
ps_put_str(struct ps_writer *w, const char *s, size_t max, ps_class *c)
{
	size_t n = s ? strlen(s) : 0;

	if (n > max || n > UINT16_MAX || !c(s ? s : "", n)) {
		if (w->error == 0)
			w->error = -EINVAL;
		return;
	}
	ps_put_u16(w, (uint16_t)n);
	ps_put_bytes(w, s ? s : "", n + 1);
}

void
ps_put_strs(struct ps_writer *w, const char *const *v, size_t n, size_t count,
    size_t max, ps_class *c)
{
	if (n > count) {
		w->error = w->error ? w->error : -EINVAL;
		return;
	}
	ps_put_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		ps_put_str(w, v[i], max, c);
}

void
ps_put_data(struct ps_writer *w, const uint8_t *p, size_t n, size_t max)
{
	if (n > max) {
		w->error = w->error ? w->error : -EINVAL;
		return;
	}
	ps_put_u32(w, (uint32_t)n);
	ps_put_bytes(w, p, n);
}

void
ps_put_ids(struct ps_writer *w, const uint32_t *v, size_t n, size_t count)
{
	if (n > count) {
		w->error = w->error ? w->error : -EINVAL;
		return;
	}
	ps_put_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		ps_put_u32(w, v[i]);
}

const uint8_t *
ps_get_bytes(struct ps_reader *r, size_t n)
{
	const uint8_t *p = r->p + r->at;

	if (r->error != 0 || n > r->size - r->at) {
		r->error = -EBADMSG;
		return NULL;
	}
	r->at += n;
	return p;
}

static uint64_t
get_int(struct ps_reader *r, size_t n)
{
	const uint8_t *p = ps_get_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t
ps_get_u8(struct ps_reader *r)
{
	return (uint8_t)get_int(r, 1);
}

uint16_t
ps_get_u16(struct ps_reader *r)
{
	return (uint16_t)get_int(r, 2);
}

uint32_t
ps_get_u32(struct ps_reader *r)
{
	return (uint32_t)get_int(r, 4);
}

uint64_t
ps_get_u64(struct ps_reader *r)
{
	return get_int(r, 8);
}

const char *
ps_get_str(struct ps_reader *r, size_t max, ps_class *c)
{
	size_t n = ps_get_u16(r);
	const char *s;

	if (n > max)
		r->error = -EBADMSG;
	s = (const char *)ps_get_bytes(r, n + 1);
	if (s == NULL || s[n] != '\0' || memchr(s, '\0', n) || !c(s, n)) {
		r->error = -EBADMSG;
		return "";
	}
	return s;
}

uint16_t
ps_get_strs(struct ps_reader *r, const char **ret, size_t count, size_t max,
    ps_class *c)
{
	uint16_t n = ps_get_u16(r);

	if (n > count)
		r->error = -EBADMSG;
	for (size_t i = 0; r->error == 0 && i < n; i++)
		ret[i] = ps_get_str(r, max, c);
	return r->error == 0 ? n : 0;
}

const uint8_t *
ps_get_data(struct ps_reader *r, size_t max, uint32_t *ret_n)
{
	uint32_t n = ps_get_u32(r);
	const uint8_t *p;

	if (n > max)
		r->error = -EBADMSG;
	p = ps_get_bytes(r, n);
	*ret_n = p ? n : 0;
	return p;
}

uint16_t
ps_get_ids(struct ps_reader *r, uint32_t *ret, size_t count)
{
	uint16_t n = ps_get_u16(r);

	if (n > count)
		r->error = -EBADMSG;
	for (size_t i = 0; r->error == 0 && i < n; i++)
		ret[i] = ps_get_u32(r);
	return r->error == 0 ? n : 0;
}
