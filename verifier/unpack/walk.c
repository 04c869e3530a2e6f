/*
 * The strict pre-walk over tar headers.  HOSTILE: every byte.  It is written
 * against POSIX ustar and pax and GNU's long names, and knows nothing of how
 * libarchive reads them.
 */
#include "verifier/unpack/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/limits.h"
#include "privsep/name.h"
#include "verifier/tree.h"
#include "verifier/unpack/pax.h"

enum state {
	IN_HEADER, /* gathering a block */
	IN_META,   /* gathering the body of x, g, L or K */
	IN_FILE,   /* passing over content */
	IN_ZERO,   /* one zero block was seen */
	IN_TAIL	   /* two: only zeros from here on */
};

struct vf_walk {
	struct vf_failure *failure;
	enum state state;
	uint8_t block[VF_BLOCK];
	size_t n_block;
	uint64_t total; /* bytes fed */
	int error; /* the first; nothing is taken behind it */
	uint64_t left; /* of the body, padding included */
	char meta_type;
	char *meta; /* body being gathered: meta_size bytes, and padding */
	size_t n_meta, meta_size;
	char *pax, *long_name, *long_link; /* for the next member */
	size_t n_pax;
	struct vf_member *first, *last;
};

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12],
	    checksum[8], type, link[100], magic[6], version[2], uname[32],
	    gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == VF_BLOCK, "tar header");

void
vf_member_free(struct vf_member *m)
{
	if (!m)
		return;
	free(m->name);
	free(m->link);
	free(m->pax);
	free(m);
}

static void
free_member(struct vf_member **m)
{
	vf_member_free(*m);
}

int
vf_walk_new(struct vf_failure *f, struct vf_walk **ret)
{
	struct vf_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->failure = f;
	*ret = w;
	return 0;
}

void
vf_walk_free(struct vf_walk *w)
{
	if (!w)
		return;
	for (struct vf_member *m; (m = vf_walk_take(w)) != NULL;)
		vf_member_free(m);
	free(w->meta);
	free(w->pax);
	free(w->long_name);
	free(w->long_link);
	free(w);
}

struct vf_member *
vf_walk_take(struct vf_walk *w)
{
	struct vf_member *m = w->first;

	if (m) {
		w->first = m->next;
		m->next = NULL;
		if (!w->first)
			w->last = NULL;
	}
	return m;
}

static int
bad(struct vf_walk *w, const char *what)
{
	return vf_refuse(w->failure, PS_UNPACK_FORMAT, NULL, "tar: %s", what);
}

/* Octal digits, blanks before, blanks or NULs behind; or base 256. */
static bool
get_number(const char *field, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	if ((field[0] & 0x80) != 0) {
		if ((uint8_t)field[0] != 0x80)
			return false; /* negative, or too large for anything */
		for (i = 1; i < n; i++) {
			if (v >> 55 != 0)
				return false;
			v = v << 8 | (uint8_t)field[i];
		}
		*ret = v;
		return true;
	}
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(field[i] - '0');
	for (; i < n; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	*ret = v;
	return true;
}

/* Also where a number means nothing: other readers stop at a bad one. */
static bool
has_numbers(const struct header *h)
{
	const struct {
		const char *at;
		size_t n;
	} fields[] = { { h->mode, sizeof(h->mode) }, { h->uid, sizeof(h->uid) },
		{ h->gid, sizeof(h->gid) }, { h->size, sizeof(h->size) },
		{ h->mtime, sizeof(h->mtime) }, { h->major, sizeof(h->major) },
		{ h->minor, sizeof(h->minor) } };
	uint64_t ignored;

	for (size_t i = 0; i < PS_COUNT(fields); i++)
		if (!get_number(fields[i].at, fields[i].n, &ignored))
			return false;
	return true;
}

static bool
is_checksum_ok(const uint8_t *block, const struct header *h)
{
	uint64_t said, sum = 0;

	for (size_t i = 0; i < VF_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	return get_number(h->checksum, sizeof(h->checksum), &said) &&
	    said == sum;
}

/* prefix is POSIX's; in GNU's form other things stand there. */
static char *
header_name(const struct header *h)
{
	size_t n_name = strnlen(h->name, sizeof(h->name));
	size_t n_prefix = strnlen(h->prefix, sizeof(h->prefix));
	char *name = calloc(1, n_name + n_prefix + 2);
	char *p = name;

	if (!name)
		return NULL;
	if (h->magic[5] == '\0' && n_prefix > 0) {
		memcpy(p, h->prefix, n_prefix);
		p += n_prefix;
		*p++ = '/';
	}
	memcpy(p, h->name, n_name);
	return name;
}

static const struct {
	char flag, type;
	const char *refused;
} types[] = {
	{ '0', 'f', NULL }, { '\0', 'f', NULL }, { '1', 'h', NULL },
	{ '2', 'l', NULL }, { '5', 'd', NULL }, { '6', 'p', NULL },
	{ '3', 0, "character devices are not allowed" },
	{ '4', 0, "block devices are not allowed" },
	{ 'S', 0, "sparse files are not allowed" },
	{ 'D', 0, "incremental dumps are not allowed" },
};

static int
set_type(struct vf_walk *w, struct vf_member *m, const struct header *h)
{
	for (size_t i = 0; i < PS_COUNT(types); i++) {
		if (types[i].flag != h->type)
			continue;
		m->type = types[i].type;
		if (types[i].refused)
			return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name,
			    "%s", types[i].refused);
		return 0;
	}
	return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name,
	    "member type 0x%02x is not allowed", (uint8_t)h->type);
}

static int
set_numbers(struct vf_walk *w, struct vf_member *m, const struct header *h)
{
	uint64_t mode, uid, gid, size, mtime;

	if (!has_numbers(h) || !get_number(h->mode, sizeof(h->mode), &mode) ||
	    !get_number(h->uid, sizeof(h->uid), &uid) ||
	    !get_number(h->gid, sizeof(h->gid), &gid) ||
	    !get_number(h->size, sizeof(h->size), &size) ||
	    !get_number(h->mtime, sizeof(h->mtime), &mtime) ||
	    uid > UINT32_MAX || gid > UINT32_MAX || size > INT64_MAX)
		return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name,
		    "bad number in header");
	if (mtime > (uint64_t)VF_MAX_TIME)
		return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name,
		    "modification time out of range");
	m->mode = (uint32_t)mode & 07777;
	m->uid = (uint32_t)uid;
	m->gid = (uint32_t)gid;
	m->size = size;
	m->seconds = (int64_t)mtime;
	return 0;
}

/* What must hold once everything is known. */
static int
check_member(struct vf_walk *w, const struct vf_member *m)
{
	bool is_link = m->type == 'h' || m->type == 'l';
	size_t n = strlen(m->name);
	const char *why = NULL;

	if (n == 0 || n > VF_MAX_PATH)
		why = "name is empty or too long";
	else if (!ps_is_print(m->name, n))
		why = "name is not printable UTF-8";
	else if (m->type != 'd' && m->name[n - 1] == '/')
		why = "name ends in '/' and is not a directory";
	else if (m->type != 'f' && m->size != 0)
		why = "has content and is not a regular file";
	else if (is_link && m->link[0] == '\0')
		why = "link without a target";
	else if (!ps_is_print(m->link, strlen(m->link)))
		why = "link target is not printable UTF-8";
	else if (m->uid > 65535 || m->gid > 65535)
		why = "owner is outside 0..65535";
	else if (m->type == 'p' && (m->mode & 07000) != 0)
		why = "fifo with special mode bits";
	if (!why)
		return 0;
	return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name, "%s", why);
}

static char *
header_link(const struct vf_member *m, const struct header *h)
{
	if (m->type != 'h' && m->type != 'l')
		return strdup("");
	return strndup(h->link, sizeof(h->link));
}

/* Header and what stood before it become a member. */
static int
begin_member(struct vf_walk *w, const struct header *h)
{
	_cleanup_(free_member) struct vf_member *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->name = w->long_name ? take_ptr(w->long_name) : header_name(h);
	if (!m->name)
		return -ENOMEM;
	r = set_type(w, m, h);
	if (r == 0)
		r = set_numbers(w, m, h);
	if (r < 0)
		return r;
	if (w->long_link && m->type != 'h' && m->type != 'l')
		return vf_refuse(w->failure, PS_UNPACK_MEMBER, m->name,
		    "link target for something that is no link");
	m->link = w->long_link ? take_ptr(w->long_link) : header_link(m, h);
	if (!m->link)
		return -ENOMEM;
	m->pax = take_ptr(w->pax);
	m->n_pax = w->n_pax;
	w->n_pax = 0;
	if (m->pax)
		r = vf_pax_apply(m, w->failure);
	if (r == 0)
		r = check_member(w, m);
	if (r < 0)
		return r;
	w->left = (m->size + VF_BLOCK - 1) / VF_BLOCK * VF_BLOCK;
	w->state = w->left > 0 ? IN_FILE : IN_HEADER;
	if (w->last)
		w->last->next = m;
	else
		w->first = m;
	w->last = take_ptr(m);
	return 0;
}

/* x, g, L, K: what may stand before what. */
static int
begin_meta(struct vf_walk *w, const struct header *h)
{
	bool is_pax = h->type == 'x' || h->type == 'g';
	uint64_t size;

	if (!has_numbers(h))
		return bad(w, "bad number in extended header");
	if (!get_number(h->size, sizeof(h->size), &size) || size == 0 ||
	    size > (is_pax ? VF_MAX_PAX : VF_MAX_PATH + 1))
		return bad(w, "extended header is empty or too large");
	if (w->pax || (is_pax && (w->long_name || w->long_link)) ||
	    (h->type == 'L' && w->long_name) ||
	    (h->type == 'K' && w->long_link))
		return bad(w, "extended headers one behind the other");
	w->meta = malloc((size_t)size + 1);
	if (!w->meta)
		return -ENOMEM;
	w->meta_type = h->type;
	w->meta_size = (size_t)size;
	w->n_meta = 0;
	w->left = (size + VF_BLOCK - 1) / VF_BLOCK * VF_BLOCK;
	w->state = IN_META;
	return 0;
}

/* A whole body of x, g, L or K is there. */
static int
end_meta(struct vf_walk *w)
{
	_cleanup_free_ char *meta = take_ptr(w->meta);
	size_t n = w->meta_size;

	meta[n] = '\0';
	w->state = IN_HEADER;
	if (w->meta_type == 'g')
		return vf_pax_global(meta, n, w->failure);
	if (w->meta_type == 'x') {
		w->pax = take_ptr(meta);
		w->n_pax = n;
		return 0;
	}
	/* A name and its NUL; GNU tar always writes that. */
	if (meta[n - 1] != '\0' || strlen(meta) != n - 1 || n == 1)
		return bad(w, "long name is empty or holds a NUL");
	if (w->meta_type == 'L')
		w->long_name = take_ptr(meta);
	else
		w->long_link = take_ptr(meta);
	return 0;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int
take_block(struct vf_walk *w)
{
	struct header h;

	w->n_block = 0;
	if (is_zero(w->block, VF_BLOCK)) {
		if (w->pax || w->long_name || w->long_link)
			return bad(w, "extended header without a member");
		w->state = w->state == IN_ZERO ? IN_TAIL : IN_ZERO;
		return 0;
	}
	if (w->state == IN_ZERO)
		return bad(w, "a lone zero block");
	memcpy(&h, w->block, sizeof(h));
	if (!is_checksum_ok(w->block, &h))
		return bad(w, "header checksum does not match");
	if (memcmp(h.magic, "ustar\0" "00", 8) != 0 &&
	    memcmp(h.magic, "ustar  \0", 8) != 0)
		return bad(w, "header is not ustar, pax or GNU");
	if (memcmp(w->block + 508, "tar\0", 4) == 0)
		return bad(w, "star's own header form");
	/* A prefix for some readers; for others, times of a backup. */
	if (h.magic[5] == ' ' && h.prefix[0] != '\0')
		return bad(w, "GNU header with something where a prefix would be");
	if (h.type == 'x' || h.type == 'g' || h.type == 'L' || h.type == 'K')
		return begin_meta(w, &h);
	return begin_member(w, &h);
}

/* Bytes of a body; returns how many were used. */
static size_t
take_body(struct vf_walk *w, const uint8_t *p, size_t n)
{
	size_t used = n < w->left ? n : (size_t)w->left;

	if (w->state == IN_META && w->n_meta < w->meta_size) {
		size_t want = w->meta_size - w->n_meta;
		size_t keep = used < want ? used : want;

		memcpy(w->meta + w->n_meta, p, keep);
		w->n_meta += keep;
	}
	w->left -= used;
	return used;
}

int
vf_walk_feed(struct vf_walk *w, const uint8_t *p, size_t n)
{
	int r = w->error;

	w->total += n;
	while (n > 0 && r == 0) {
		size_t used = n;

		if (w->state == IN_TAIL) {
			if (!is_zero(p, n))
				r = bad(w, "data behind the end");
		} else if (w->state == IN_META || w->state == IN_FILE) {
			used = take_body(w, p, n);
			if (w->left == 0 && w->state == IN_META)
				r = end_meta(w);
			else if (w->left == 0)
				w->state = IN_HEADER;
		} else {
			if (used > VF_BLOCK - w->n_block)
				used = VF_BLOCK - w->n_block;
			memcpy(w->block + w->n_block, p, used);
			w->n_block += used;
			if (w->n_block == VF_BLOCK)
				r = take_block(w);
		}
		p += used;
		n -= used;
	}
	w->error = r;
	return r;
}

int
vf_walk_end(struct vf_walk *w)
{
	if (w->error < 0)
		return w->error;
	if (w->state != IN_TAIL || w->total % VF_BLOCK != 0)
		return bad(w, "truncated");
	return 0;
}
