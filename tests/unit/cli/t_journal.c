/* The reader of a pod's journal, against files that tests spoil. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/journal.h"
#include "tests/unit/cli/journal_file.h"

/* link: cli/journal.c */

static struct file f;

static int
file(void)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f.p, f.n), f.n);
	return fd;
}

/* Entries until the walk ends, and how it did. */
static int
count(int fd, int *ret_n)
{
	struct cli_journal j;
	struct cli_entry e;
	int r = cli_journal_open(fd, &j);

	*ret_n = 0;
	while (r >= 0 && (r = cli_journal_next(&j, &e)) > 0)
		++*ret_n;
	(void)close(fd);
	return r;
}

static void
reads(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} rows[] = { { "one", 3 }, { "tw\0o", 4 }, { "", 0 } };

	(void)state;
	for (int compact = 0; compact < 2; compact++) {
		char unit[64], text[64];
		struct cli_field fields[] = {
			{ .name = "_SYSTEMD_UNIT=", .value = unit, .size = 64 },
			{ .name = "MESSAGE=", .value = text, .size = 64 },
			{ .name = "PRIORITY=", .value = text, .size = 64 } };
		struct places p = three(&f, compact);
		struct cli_journal j;
		struct cli_entry e;
		int fd = file();

		assert_int_equal(cli_journal_open(fd, &j), 0);
		assert_int_equal(j.head, 1000000);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(cli_journal_next(&j, &e), 1);
			assert_int_equal(e.at, p.entry[i]);
			assert_int_equal(e.realtime, 1000001 + i);
			assert_int_equal(
			    cli_journal_fields(&j, &e, fields, 3), 0);
			assert_int_equal(fields[0].length, 9);
			assert_memory_equal(unit, "a.service", 9);
			assert_int_equal(fields[1].length, rows[i].n);
			assert_memory_equal(text, rows[i].text,
			    (size_t)rows[i].n);
			assert_int_equal(fields[2].length, -1);
		}
		assert_int_equal(cli_journal_next(&j, &e), 0);
		assert_int_equal(cli_journal_entry(&j, p.entry[1], &e), 0);
		assert_int_equal(e.realtime, 1000002);
		(void)close(fd);
	}
}

/* What comes later is found where the walk stood. */
static void
grows(void **state)
{
	struct places p = three(&f, 1);
	struct cli_journal j;
	struct cli_entry e;
	int fd = file(), n = 0;

	(void)state;
	assert_int_equal(cli_journal_open(fd, &j), 0);
	while (cli_journal_next(&j, &e) > 0)
		n++;
	assert_int_equal(n, 3);
	set_item(&f, p.array[1], 1, entry(&f, 5, p.unit, p.message));
	assert_int_equal(pwrite(fd, f.p, f.n, 0), f.n);
	assert_int_equal(cli_journal_next(&j, &e), 1);
	assert_int_equal(e.realtime, 5);
	assert_int_equal(cli_journal_next(&j, &e), 0);
	(void)close(fd);
}

/* A value longer than the room for it says how long it is. */
static void
long_value(void **state)
{
	static char text[20000] = "MESSAGE=", value[100];
	struct cli_field field = { .name = "MESSAGE=", .value = value,
		.size = sizeof(value) };
	struct cli_entry e = { 0 };
	struct cli_journal j;
	uint64_t at, list;
	int fd;

	(void)state;
	memset(text + 8, 'x', sizeof(text) - 8);
	begin(&f, 1);
	at = data(&f, text, sizeof(text));
	at = entry(&f, 1, at, at);
	list = array(&f, 1);
	set_item(&f, list, 0, at);
	put64(&f, 176, list);
	fd = file();
	assert_int_equal(cli_journal_open(fd, &j), 0);
	assert_int_equal(cli_journal_next(&j, &e), 1);
	assert_int_equal(cli_journal_fields(&j, &e, &field, 1), 0);
	assert_int_equal(field.length, sizeof(text) - 8);
	assert_int_equal(value[99], 'x');
	(void)close(fd);
}

static void
no_journal(void **state)
{
	int n;

	(void)state;
	(void)three(&f, 1);
	f.p[0] = 'X';
	assert_int_equal(count(file(), &n), -EBADMSG);
	(void)three(&f, 1);
	put32(&f, 12, 4 | 16 | 8); /* compressed */
	assert_int_equal(count(file(), &n), -EBADMSG);
	(void)three(&f, 1);
	put64(&f, 176, 0); /* nothing in it yet */
	assert_int_equal(count(file(), &n), -ENODATA);
	(void)three(&f, 1);
	f.n = 100;
	assert_int_equal(count(file(), &n), -EBADMSG);
}

/* Each lie ends the walk, behind so many entries. */
static void
damaged(void **state)
{
	for (int compact = 0; compact < 2; compact++) {
		struct places p = three(&f, compact);
		const struct {
			uint64_t at, v;
			int entries;
		} rows[] = {
			{ p.array[0] + 16, p.array[0], 2 }, /* its own next */
			{ p.array[1] + 16, p.array[0], 3 },
			{ p.array[0] + 16, 1ull << 62, 2 },
			{ p.array[0] + 16, p.array[1] + 1, 2 },
			{ p.array[0] + 16, p.entry[1], 2 },
			{ p.array[0] + 8, 0, 0 },
			{ p.array[1] + 8, ~0ull, 2 },
			{ p.entry[2] + 8, ~0ull, 2 },
			{ p.entry[2] + 8, 63, 2 },
			{ p.entry[2] + 8, 64 + 1025 * 16, 2 },
			{ p.entry[0], 1, 0 }, /* no entry */
			{ 176, 8, 0 },
			{ 176, ~0ull, 0 },
		};
		int n;

		(void)state;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			(void)three(&f, compact);
			if (rows[i].v == 1)
				f.p[rows[i].at] = 1;
			else
				put64(&f, rows[i].at, rows[i].v);
			if (i == 1) /* full, so that the walk looks behind it */
				for (uint64_t k = 1; k < 4; k++)
					set_item(&f, p.array[1], k, 0);
			if (i == 1)
				put64(&f, p.array[1] + 8, compact ? 28 : 32);
			assert_int_equal(count(file(), &n), -EBADMSG);
			assert_int_equal(n, rows[i].entries);
		}
		/* The same entry twice, and one from before. */
		(void)three(&f, compact);
		set_item(&f, p.array[0], 1, p.entry[0]);
		assert_int_equal(count(file(), &n), -EBADMSG);
		assert_int_equal(n, 1);
	}
}

static void
bad_fields(void **state)
{
	for (int compact = 0; compact < 2; compact++) {
		struct places p = three(&f, compact);
		const struct {
			uint64_t at, v;
			size_t bytes;
		} rows[] = {
			{ p.message, 2, 1 },	/* no data */
			{ p.message + 1, 4, 1 }, /* compressed */
			{ p.message + 8, 3, 8 },
			{ p.message + 8, ~0ull, 8 },
			{ p.message + 8, 1u << 20, 8 }, /* beyond the end */
			{ p.entry[0] + 64, 3, 4 },
			{ p.entry[0] + 64, 8, 4 },
			{ p.entry[0] + 64, 0x7ffffff8, 4 },
		};

		(void)state;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			char text[1 << 12];
			struct cli_field field = { .name = "MESSAGE=",
				.value = text, .size = sizeof(text) };
			struct cli_journal j;
			struct cli_entry e;
			int fd;

			(void)three(&f, compact);
			memcpy(f.p + rows[i].at, &rows[i].v, rows[i].bytes);
			fd = file();
			assert_int_equal(cli_journal_open(fd, &j), 0);
			assert_int_equal(cli_journal_next(&j, &e), 1);
			assert_int_equal(cli_journal_fields(&j, &e, &field, 1),
			    -EBADMSG);
			(void)close(fd);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(grows),
		cmocka_unit_test(long_value),
		cmocka_unit_test(no_journal),
		cmocka_unit_test(damaged),
		cmocka_unit_test(bad_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
