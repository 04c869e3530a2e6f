/*
 * Bounded reading for the conductor, user rkt.  HOSTILE: files of pods may be
 * anything, and change while they are read.
 */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/mem.h"

int
cli_open_below(int dir, const char *path, int more_flags)
{
	/* openat2 takes nothing with O_PATH that would have no effect. */
	int careful = (more_flags & O_PATH) != 0 ? 0 : O_NOCTTY | O_NONBLOCK;
	struct open_how how = { .flags = (uint64_t)(unsigned)(O_RDONLY |
				    O_CLOEXEC | careful | more_flags),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int
cli_read_all(int fd, size_t max, char **ret, size_t *ret_n)
{
	struct stat st;
	size_t n = 0, room;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADF;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	room = (size_t)st.st_size;
	text = cli_alloc(room + 1);
	while (n < room) {
		ssize_t got = read(fd, text + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret = text;
	*ret_n = n;
	return 0;
}

int
cli_read_below(int dir, const char *path, size_t max, char **ret, size_t *ret_n)
{
	_cleanup_fd_ int fd = cli_open_below(dir, path, 0);

	if (fd < 0)
		return fd;
	return cli_read_all(fd, max, ret, ret_n);
}
