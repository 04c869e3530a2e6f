/*
 * A reader of journal files, for the conductor, user rkt or whoever called.
 * HOSTILE: every byte of these files is the pod's, and changes while it is
 * read.  Each number is bounded where it is read, none is kept for later but
 * places that were.
 */
#include "cli/journal.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"

/* Sizes and places of the format, bytes. */
enum {
	HEADER = 208, /* what every version has of it */
	OBJECT = 16,  /* type, flags, size */
	ARRAY = OBJECT + 8,
	ENTRY = 64,
	DATA = 64,
	DATA_COMPACT = 72
};

enum { TYPE_DATA = 1, TYPE_ENTRY = 3, TYPE_ARRAY = 6 };

#define COMPRESSED 7u	/* flags of an object */
#define KEYED_HASH 4u	/* incompatible flags of a file */
#define COMPACT 16u
#define MAX_FIELDS 1024u /* of an entry, as journald has it */
#define MAX_NAME 64u	 /* of a field, as journald has it, and the sign */

/* At most n bytes, at least least: how many; -EBADMSG: they are not there. */
static int64_t
read_some(int fd, uint64_t at, void *p, size_t least, size_t n)
{
	size_t got = 0;

	if (at > INT64_MAX - n)
		return -EBADMSG;
	while (got < n) {
		ssize_t r = pread(fd, (char *)p + got, n - got,
		    (off_t)(at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return got < least ? -EBADMSG : (int64_t)got;
}

static int
read_at(int fd, uint64_t at, void *p, size_t n)
{
	int64_t r = read_some(fd, at, p, n, n);

	return r < 0 ? (int)r : 0;
}

static uint64_t
le64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t
le32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* The head of an object at p, of which n bytes are there at least: its size. */
static int
check_object(uint64_t at, const uint8_t *p, unsigned type, size_t n,
    uint64_t *ret_size)
{
	uint64_t size = le64_at(p + 8);

	if (at % 8 != 0 || at < HEADER || p[0] != type || size < n ||
	    size > INT64_MAX - at || (p[1] & COMPRESSED) != 0)
		return -EBADMSG;
	*ret_size = size;
	return 0;
}

static int
read_object(const struct cli_journal *j, uint64_t at, unsigned type,
    uint8_t *p, size_t n, uint64_t *ret_size)
{
	int r = read_at(j->fd, at, p, n);

	return r < 0 ? r : check_object(at, p, type, n, ret_size);
}

int
cli_journal_open(int fd, struct cli_journal *ret)
{
	struct cli_journal j = { .fd = fd };
	uint8_t h[HEADER];
	int r = read_at(fd, 0, h, sizeof(h));
	uint32_t flags;

	if (r < 0)
		return r;
	flags = le32_at(h + 12);
	if (memcmp(h, "LPKSHHRH", 8) != 0 ||
	    (flags & ~(KEYED_HASH | COMPACT)) != 0)
		return -EBADMSG;
	j.compact = (flags & COMPACT) != 0;
	memcpy(j.id, h + 24, sizeof(j.id));
	j.head = le64_at(h + 184);
	j.array = le64_at(h + 176);
	if (j.array == 0)
		return -ENODATA;
	*ret = j;
	return 0;
}

/* How far apart items lie.  In an entry each has a hash behind it, but in
 * compact files. */
static uint64_t
item_width(const struct cli_journal *j, bool entry)
{
	return j->compact ? 4 : entry ? 16 : 8;
}

static uint64_t
item_at(const struct cli_journal *j, const uint8_t *p)
{
	return j->compact ? le32_at(p) : le64_at(p);
}

/* The offset that stands in the item of the array; 0 none yet. */
static int
read_item(const struct cli_journal *j, uint64_t *ret)
{
	uint8_t p[8] = { 0 };
	uint64_t width = item_width(j, false);
	int r = read_at(j->fd, j->array + ARRAY + j->item * width, p,
	    (size_t)width);

	*ret = item_at(j, p);
	return r;
}

int
cli_journal_entry(const struct cli_journal *j, uint64_t at,
    struct cli_entry *ret)
{
	struct cli_entry e = { .at = at };
	uint8_t p[ENTRY];
	uint64_t size = 0;
	int r = read_object(j, at, TYPE_ENTRY, p, sizeof(p), &size);

	if (r < 0)
		return r;
	e.realtime = le64_at(p + 24);
	e.items = (size - ENTRY) / item_width(j, true);
	if (e.items > MAX_FIELDS)
		return -EBADMSG;
	*ret = e;
	return 0;
}

int
cli_journal_next(struct cli_journal *j, struct cli_entry *ret)
{
	for (;;) {
		uint64_t size = 0, next, at = 0;
		uint8_t p[ARRAY];
		int r = read_object(j, j->array, TYPE_ARRAY, p, sizeof(p), &size);

		if (r < 0)
			return r;
		if (j->item < (size - ARRAY) / item_width(j, false)) {
			r = read_item(j, &at);
			if (r < 0 || at == 0)
				return r;
			r = at < j->behind ? -EBADMSG :
					     cli_journal_entry(j, at, ret);
			if (r < 0)
				return r;
			j->item++;
			j->behind = at + ENTRY;
			return 1;
		}
		next = le64_at(p + OBJECT);
		if (next == 0)
			return 0;
		if (next <= j->array)
			return -EBADMSG;
		j->array = next;
		j->item = 0;
	}
}

/* The data object at at, if it is one of the fields that are asked for. */
static int
take_field(const struct cli_journal *j, uint64_t at, struct cli_field *fields,
    size_t n)
{
	size_t head = j->compact ? DATA_COMPACT : DATA;
	uint8_t p[DATA_COMPACT + MAX_NAME];
	int64_t got = read_some(j->fd, at, p, head, sizeof(p));
	uint64_t size = 0;
	int r = got < 0 ? (int)got :
			  check_object(at, p, TYPE_DATA, head, &size);

	if (r < 0)
		return r;
	size -= head;
	got -= (int64_t)head;
	for (size_t i = 0; i < n; i++) {
		struct cli_field *f = &fields[i];
		size_t name = strlen(f->name);

		if (f->length >= 0 || size < name || (size_t)got < name ||
		    memcmp(p + head, f->name, name) != 0)
			continue;
		size -= name;
		at += head + name;
		f->length = (int64_t)size;
		r = read_at(j->fd, at, f->value,
		    size < f->size ? (size_t)size : f->size);
		/* What there is no room for is there at least. */
		if (r == 0 && size > f->size)
			r = read_at(j->fd, at + size - 1, p, 1);
		return r;
	}
	return 0;
}

int
cli_journal_fields(const struct cli_journal *j, const struct cli_entry *e,
    struct cli_field *fields, size_t n)
{
	static uint8_t items[MAX_FIELDS * 16];
	uint64_t width = item_width(j, true);
	int r;

	for (size_t i = 0; i < n; i++)
		fields[i].length = -1;
	r = e->items > MAX_FIELDS ?
	    -EBADMSG :
	    read_at(j->fd, e->at + ENTRY, items, (size_t)(e->items * width));
	for (uint64_t i = 0; r == 0 && i < e->items; i++)
		r = take_field(j, item_at(j, items + i * width), fields, n);
	return r;
}
