#pragma once
/*
 * Tars, good and hostile, header by header.  Each function appends to a
 * growing buffer; nothing checks anything.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tar {
	uint8_t *p;
	size_t n, size;
};

/* A header's fields; 0 and NULL are the defaults of tar_add. */
struct member {
	const char *name;
	char type; /* 0: '0' */
	const char *link;
	const char *body;
	size_t n_body;	    /* 0: strlen(body) */
	const char *size;   /* the field as text instead of n_body */
	unsigned mode, uid, gid;
	const char *mtime;  /* the field as text */
	const char *prefix;
	const char *magic;  /* 8 bytes; NULL: POSIX ustar */
	int bad_checksum;
};

#define MANIFEST                                                          \
	"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","         \
	"\"name\":\"example.com/a\",\"labels\":[{\"name\":\"os\","       \
	"\"value\":\"linux\"},{\"name\":\"arch\",\"value\":\"amd64\"}]}"

static inline void
tar_bytes(struct tar *t, const void *p, size_t n)
{
	if (t->n + n + 1 > t->size) {
		t->size = 2 * (t->n + n) + 4096;
		t->p = realloc(t->p, t->size);
	}
	if (n > 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
}

static inline void
tar_pad(struct tar *t)
{
	static const uint8_t zeros[512];

	tar_bytes(t, zeros, (512 - t->n % 512) % 512);
}

static inline void
tar_sum(uint8_t *h, int bad)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum + (unsigned)bad);
	h[155] = ' ';
}

static inline void
tar_field(uint8_t *h, size_t n, const char *text)
{
	size_t len = strlen(text);

	memcpy(h, text, len < n ? len : n);
}

static inline void
tar_octal(uint8_t *h, size_t n, unsigned long long v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)n - 1, v);
	tar_field(h, n, text);
}

/* A header alone. */
static inline void
tar_header(struct tar *t, const struct member *m)
{
	uint8_t h[512] = { 0 };
	size_t body = m->n_body ? m->n_body : m->body ? strlen(m->body) : 0;
	unsigned mode = m->mode ? m->mode : m->type == '5' ? 0755 : 0644;

	tar_field(h, 100, m->name);
	tar_octal(h + 100, 8, mode);
	tar_octal(h + 108, 8, m->uid);
	tar_octal(h + 116, 8, m->gid);
	if (m->size)
		tar_field(h + 124, 12, m->size);
	else
		tar_octal(h + 124, 12, body);
	tar_field(h + 136, 12, m->mtime ? m->mtime : "14000000000");
	h[156] = (uint8_t)(m->type ? m->type : '0');
	if (m->link)
		tar_field(h + 157, 100, m->link);
	memcpy(h + 257, m->magic ? m->magic : "ustar\0" "00", 8);
	if (m->prefix)
		tar_field(h + 345, 155, m->prefix);
	tar_sum(h, m->bad_checksum);
	tar_bytes(t, h, 512);
}

static inline void
tar_add(struct tar *t, const struct member *m)
{
	tar_header(t, m);
	if (m->body)
		tar_bytes(t, m->body, m->n_body ? m->n_body : strlen(m->body));
	tar_pad(t);
}

#define ADD(t, ...) tar_add((t), &(struct member){ __VA_ARGS__ })

/* One record: LENGTH KEY=VALUE\n, length worked out. */
static inline void
pax_record(struct tar *t, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, total = rest + 1;
	char head[320];
	char digits[16];

	while (total != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", total))
		total = rest + strlen(digits);
	(void)snprintf(head, sizeof(head), "%zu %s=", total, key);
	tar_bytes(t, head, strlen(head));
	tar_bytes(t, value, n);
	tar_bytes(t, "\n", 1);
}

/* An extended header with one or two records. */
static inline void
tar_pax(struct tar *t, const char *k1, const char *v1, const char *k2, const char *v2)
{
	struct tar body = { 0 };

	pax_record(&body, k1, v1, strlen(v1));
	if (k2)
		pax_record(&body, k2, v2, strlen(v2));
	ADD(t, .name = "PaxHeaders/x", .type = 'x', .body = (char *)body.p,
	    .n_body = body.n);
	free(body.p);
}

static inline void
tar_begin(struct tar *t)
{
	ADD(t, .name = "manifest", .body = MANIFEST);
	ADD(t, .name = "rootfs/", .type = '5');
}

static inline void
tar_end(struct tar *t)
{
	static const uint8_t zeros[1024];

	tar_bytes(t, zeros, sizeof(zeros));
}
