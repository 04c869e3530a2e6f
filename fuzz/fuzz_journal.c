/* link: cli/journal.c */
/*
 * A file of a pod's journal, every byte the pod's.  The walk ends, goes
 * forward, and no value is longer than the file.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) do { if (!(x)) abort(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char unit[32], text[256];
	struct cli_field f[] = {
		{ .name = "_SYSTEMD_UNIT=", .value = unit, .size = 32 },
		{ .name = "MESSAGE=", .value = text, .size = 256 } };
	int fd = memfd_create("journal", MFD_CLOEXEC);
	struct cli_entry e = { 0 };
	struct cli_journal j;
	uint64_t last = 0;
	size_t n = 0;

	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (cli_journal_open(fd, &j) == 0) {
		while (cli_journal_next(&j, &e) > 0) {
			HOLDS(e.at > last && e.at < size && ++n <= size / 64);
			last = e.at;
			if (cli_journal_fields(&j, &e, f, 2) == 0)
				HOLDS(f[0].length <= (int64_t)size &&
				    f[1].length <= (int64_t)size);
		}
	}
	(void)close(fd);
	return 0;
}
