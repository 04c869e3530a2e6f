/*
 * Proving descriptors.  Linked into root; every descriptor that a peer sent
 * passes here before anything is read from it.
 */
#include "privsep/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "privsep/attr.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif

/* File systems whose files keep still: no server behind them may answer the
 * same read twice in two ways. */
static int
is_real_fs(int fd)
{
	static const unsigned long good[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC, TMPFS_MAGIC, F2FS_SUPER_MAGIC,
		OVERLAYFS_SUPER_MAGIC };
	struct statfs sfs;

	if (fstatfs(fd, &sfs) < 0)
		return 0;
	for (size_t i = 0; i < PS_COUNT(good); i++)
		if ((unsigned long)sfs.f_type == good[i])
			return 1;
	return 0;
}

int
ps_check_file(int fd, uint64_t max, uint64_t *ret_size)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH) != 0)
		return -EBADF;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_real_fs(fd))
		return -EBADF;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int
ps_check_sealed(int fd, uint64_t max, uint64_t *ret_size)
{
	const int all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & all) != all)
		return -EBADF;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADF;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int
ps_check_dir(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) != 0 || fstat(fd, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return -EBADF;
	return 0;
}

int
ps_sealed(const char *name, const void *p, size_t n)
{
	_cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = ps_write_full(fd, p, n);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return take_fd(fd);
}

int
ps_pread_full(int fd, void *p, size_t n, uint64_t offset)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(fd, (char *)p + at, n - at, (off_t)(offset + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO;
		at += (size_t)got;
	}
	return 0;
}

int
ps_write_full(int fd, const void *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t put = write(fd, (const char *)p + at, n - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		at += (size_t)put;
	}
	return 0;
}
