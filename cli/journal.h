#pragma once
/*
 * Reading one file of a pod's journal (systemd's "Journal File Format"), as
 * far as its log needs: entries in the order in which they were written, and
 * the fields of each.  By pread(2) alone, so that a file that shrinks or
 * changes meanwhile is read wrong and no more.  Pure but for that.
 *
 * Nothing in the file is believed: each offset must lie behind the one before,
 * so every walk ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_MAX_LINE 65536u /* bytes of one field that are kept */

struct cli_journal {
	int fd;
	bool compact;
	uint8_t id[16];		/* of the file: stays when it is renamed */
	uint64_t head;		/* us since the epoch: its first entry */
	uint64_t array, item;	/* where the walk stands */
	uint64_t behind;	/* no entry lies before this */
};

struct cli_entry {
	uint64_t at, realtime; /* its place in the file; us since the epoch */
	uint64_t items;	       /* its fields */
};

/* The header of the file that is open at fd, which stays the caller's.  0;
 * -ENODATA nothing in it yet; -EBADMSG no journal, or of a form that is not
 * known (compressed); or another negative errno. */
int cli_journal_open(int fd, struct cli_journal *ret);
/* The next entry.  1; 0 there is none yet: ask again later; -EBADMSG damaged
 * from here on; or another negative errno. */
int cli_journal_next(struct cli_journal *j, struct cli_entry *ret);
/* The entry at this place again. */
int cli_journal_entry(const struct cli_journal *j, uint64_t at,
    struct cli_entry *ret);
/* A field that is asked for, and its value. */
struct cli_field {
	const char *name; /* with the sign: "MESSAGE=" */
	char *value;	  /* room for size bytes */
	size_t size;
	int64_t length; /* of the whole value, which may be more; -1 absent */
};

/* The n fields of an entry, the first of each name.  0; -EBADMSG damaged; or
 * another negative errno. */
int cli_journal_fields(const struct cli_journal *j, const struct cli_entry *e,
    struct cli_field *fields, size_t n);
