/*
 * Extended headers.  HOSTILE: every byte.  A key that is not in the table
 * refuses the image: what we do not know, another reader may obey.
 */
#include "verifier/unpack/pax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/limits.h"
#include "privsep/name.h"
#include "verifier/tree.h"

#define MAX_RECORDS 256u
#define SCHILY "SCHILY.xattr."
#define LIBARCHIVE "LIBARCHIVE.xattr."

int
vf_pax_next(struct vf_pax *pax, struct vf_record *ret)
{
	const char *p, *equals;
	size_t left = pax->n - pax->at, length = 0, digits = 0;

	if (left == 0)
		return 0;
	p = pax->p + pax->at;
	while (digits < left && digits < 7 && p[digits] >= '0' &&
	    p[digits] <= '9') {
		length = length * 10 + (size_t)(p[digits] - '0');
		digits++;
	}
	if (digits == 0 || p[0] == '0' || length > left ||
	    length < digits + 4 || p[digits] != ' ' || p[length - 1] != '\n')
		return -EBADMSG;
	ret->key = p + digits + 1;
	equals = memchr(ret->key, '=', length - digits - 2);
	if (!equals || equals == ret->key)
		return -EBADMSG;
	ret->n_key = (size_t)(equals - ret->key);
	ret->value = equals + 1;
	ret->n_value = (size_t)(p + length - 1 - ret->value);
	pax->at += length;
	return 1;
}

static bool
starts(const struct vf_record *r, const char *prefix)
{
	size_t n = strlen(prefix);

	return r->n_key > n && memcmp(r->key, prefix, n) == 0;
}

int
vf_pax_xattr(struct vf_pax *pax, struct vf_record *ret)
{
	while (vf_pax_next(pax, ret) > 0) {
		if (!starts(ret, SCHILY))
			continue;
		ret->key += strlen(SCHILY);
		ret->n_key -= strlen(SCHILY);
		return 1;
	}
	return 0;
}

bool
vf_is_xattr(const char *name, size_t n)
{
	static const char capability[] = "security.capability";

	if (n > 255 || !ps_is_print(name, n))
		return false;
	if (n == strlen(capability) && memcmp(name, capability, n) == 0)
		return true;
	if (n <= 5 || memcmp(name, "user.", 5) != 0)
		return false;
	return !(n >= 12 && memcmp(name, "user.overlay", 12) == 0) &&
	    !(n >= 14 && memcmp(name, "user.fuseoverl", 14) == 0);
}

static bool
set_text(const struct vf_record *r, char **ret)
{
	char *copy;

	if (r->n_value == 0 || r->n_value > VF_MAX_PATH ||
	    !ps_is_print(r->value, r->n_value))
		return false;
	copy = strndup(r->value, r->n_value);
	if (!copy)
		return false;
	free(*ret);
	*ret = copy;
	return true;
}

static bool
get_number(const struct vf_record *r, uint64_t max, uint64_t *ret)
{
	char text[24];

	if (r->n_value >= sizeof(text) ||
	    memchr(r->value, '\0', r->n_value))
		return false;
	memcpy(text, r->value, r->n_value);
	text[r->n_value] = '\0';
	return ps_parse_u64(text, max, ret);
}

/* SECONDS or SECONDS.FRACTION, not negative. */
static bool
get_time(const struct vf_record *r, int64_t *ret_s, uint32_t *ret_ns)
{
	const char *point = memchr(r->value, '.', r->n_value);
	struct vf_record whole = *r;
	uint64_t seconds, scale = 100000000, ns = 0;

	if (point)
		whole.n_value = (size_t)(point - r->value);
	if (!get_number(&whole, (uint64_t)VF_MAX_TIME, &seconds))
		return false;
	for (const char *p = point ? point + 1 : r->value + r->n_value;
	     p < r->value + r->n_value; p++) {
		if (*p < '0' || *p > '9')
			return false;
		ns += (uint64_t)(*p - '0') * scale;
		scale /= 10;
	}
	*ret_s = (int64_t)seconds;
	*ret_ns = (uint32_t)ns;
	return true;
}

static bool
set_path(struct vf_member *m, const struct vf_record *r)
{
	return set_text(r, &m->name);
}

static bool
set_link(struct vf_member *m, const struct vf_record *r)
{
	return (m->type == 'h' || m->type == 'l') && set_text(r, &m->link);
}

/* HOSTILE: CVE-2025-62518's class.  The header's size and this one must be
 * the same, but where the header's field is too small to say it. */
static bool
set_size(struct vf_member *m, const struct vf_record *r)
{
	uint64_t n;

	if (!get_number(r, INT64_MAX, &n) ||
	    (n != m->size && !(m->size == 0 && n > 077777777777)))
		return false;
	m->size = n;
	return true;
}

static bool
set_id(const struct vf_record *r, uint32_t *ret)
{
	uint64_t n;

	if (!get_number(r, UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool
set_uid(struct vf_member *m, const struct vf_record *r)
{
	return set_id(r, &m->uid);
}

static bool
set_gid(struct vf_member *m, const struct vf_record *r)
{
	return set_id(r, &m->gid);
}

static bool
set_mtime(struct vf_member *m, const struct vf_record *r)
{
	return get_time(r, &m->seconds, &m->nanoseconds);
}

static bool
check_time(struct vf_member *m, const struct vf_record *r)
{
	int64_t s;
	uint32_t ns;

	(void)m;
	return get_time(r, &s, &ns);
}

static bool
check_number(struct vf_member *m, const struct vf_record *r)
{
	uint64_t n;

	(void)m;
	return get_number(r, INT64_MAX, &n);
}

static bool
check_text(struct vf_member *m, const struct vf_record *r)
{
	(void)m;
	return r->n_value <= VF_MAX_PATH && ps_is_print(r->value, r->n_value);
}

static const struct {
	const char *key;
	bool (*set)(struct vf_member *m, const struct vf_record *r);
} keys[] = {
	{ "path", set_path },
	{ "linkpath", set_link },
	{ "size", set_size },
	{ "uid", set_uid },
	{ "gid", set_gid },
	{ "mtime", set_mtime },
	{ "atime", check_time },
	{ "ctime", check_time },
	{ "LIBARCHIVE.creationtime", check_time },
	{ "SCHILY.dev", check_number },
	{ "SCHILY.ino", check_number },
	{ "SCHILY.nlink", check_number },
	{ "uname", check_text },
	{ "gname", check_text },
	{ "comment", check_text },
};

/* A file's capabilities: VFS_CAP_REVISION_2, 20 bytes.  Revision 3 names a
 * user namespace of the host where it was made. */
static bool
is_capability_ok(const struct vf_record *r)
{
	const uint8_t *v = (const uint8_t *)r->value;

	return r->n_value == 20 && v[3] == 2 && v[2] == 0 && v[1] == 0 &&
	    (v[0] & 0xfe) == 0;
}

static int
check_xattr(const struct vf_record *r, const char *member,
    struct vf_failure *f)
{
	const char *name = r->key + strlen(SCHILY);
	size_t n = r->n_key - strlen(SCHILY);
	char text[64];

	if (!vf_is_xattr(name, n)) {
		size_t keep = n < sizeof(text) - 1 ? n : sizeof(text) - 1;

		memcpy(text, name, keep);
		text[keep] = '\0';
		for (size_t i = 0; i < keep; i++)
			if (text[i] < 0x20 || text[i] > 0x7e)
				text[i] = '?';
		return vf_refuse(f, PS_UNPACK_MEMBER, member,
		    "extended attribute %s is not allowed", text);
	}
	if (r->n_value > VF_MAX_XATTR)
		return vf_refuse(f, PS_UNPACK_LIMIT, member,
		    "extended attribute is too large");
	if (name[0] == 's' && !is_capability_ok(r))
		return vf_refuse(f, PS_UNPACK_MEMBER, member,
		    "file capabilities are not of revision 2");
	return 0;
}

static int
apply_one(struct vf_member *m, const struct vf_record *r, struct vf_failure *f)
{
	bool is_shown;

	if (starts(r, SCHILY))
		return check_xattr(r, m->name, f);
	if (starts(r, LIBARCHIVE))
		return 0; /* must repeat the other form: extract.c compares */
	for (size_t i = 0; i < PS_COUNT(keys); i++) {
		if (strlen(keys[i].key) != r->n_key ||
		    memcmp(keys[i].key, r->key, r->n_key) != 0)
			continue;
		if (keys[i].set(m, r))
			return 0;
		return vf_refuse(f, PS_UNPACK_MEMBER, m->name,
		    "extended header: bad value of %s", keys[i].key);
	}
	is_shown = r->n_key < 64 && ps_is_print(r->key, r->n_key);
	return vf_refuse(f, PS_UNPACK_MEMBER, m->name,
	    "extended header: key %.*s is not allowed",
	    is_shown ? (int)r->n_key : 0, r->key);
}

static bool
is_repeated(const struct vf_record *seen, size_t n, const struct vf_record *r)
{
	for (size_t i = 0; i < n; i++)
		if (seen[i].n_key == r->n_key &&
		    memcmp(seen[i].key, r->key, r->n_key) == 0)
			return true;
	return false;
}

int
vf_pax_apply(struct vf_member *m, struct vf_failure *f)
{
	struct vf_pax pax = { m->pax, m->n_pax, 0 };
	struct vf_record seen[MAX_RECORDS];
	size_t n = 0, xattrs = 0;
	int r;

	while ((r = vf_pax_next(&pax, &seen[n])) > 0) {
		if (is_repeated(seen, n, &seen[n]))
			return vf_refuse(f, PS_UNPACK_MEMBER, m->name,
			    "extended header: a key stands there twice");
		r = apply_one(m, &seen[n], f);
		if (r < 0)
			return r;
		xattrs += starts(&seen[n], SCHILY);
		if (++n == MAX_RECORDS || xattrs > VF_MAX_XATTRS)
			return vf_refuse(f, PS_UNPACK_LIMIT, m->name,
			    "extended header: too many records");
	}
	if (r < 0)
		return vf_refuse(f, PS_UNPACK_FORMAT, m->name,
		    "extended header: not a list of records");
	return 0;
}

int
vf_pax_global(const char *p, size_t n, struct vf_failure *f)
{
	struct vf_pax pax = { p, n, 0 };
	struct vf_record record;
	int r;

	while ((r = vf_pax_next(&pax, &record)) > 0)
		if (record.n_key != 7 ||
		    memcmp(record.key, "comment", 7) != 0 ||
		    !check_text(NULL, &record))
			return vf_refuse(f, PS_UNPACK_FORMAT, NULL,
			    "global extended header with more than a comment");
	if (r < 0)
		return vf_refuse(f, PS_UNPACK_FORMAT, NULL,
		    "global extended header: not a list of records");
	return 0;
}
