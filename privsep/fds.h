#pragma once
/*
 * Proving descriptors, and sealed memory files.  All return 0 (or a new
 * descriptor) or a negative errno; -EBADF: it is not what it must be.
 */
#include <stddef.h>
#include <stdint.h>

/* Regular file on a real file system (not proc, sysfs, FUSE, network), open
 * for reading alone, at most max bytes.  *ret_size: bytes. */
int ps_check_file(int fd, uint64_t max, uint64_t *ret_size);
/* memfd sealed against writing, growing, shrinking and unsealing; at most max. */
int ps_check_sealed(int fd, uint64_t max, uint64_t *ret_size);
int ps_check_dir(int fd);

/* A sealed memfd with these bytes, O_CLOEXEC. */
int ps_sealed(const char *name, const void *p, size_t n);
/* Read exactly n bytes at offset. */
int ps_pread_full(int fd, void *p, size_t n, uint64_t offset);
int ps_write_full(int fd, const void *p, size_t n);
