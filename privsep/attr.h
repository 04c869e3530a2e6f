#pragma once
/*
 * Ownership by attribute (style A2): a variable declared with _cleanup_x_
 * releases what it owns when it goes out of scope; take_fd() and take_ptr()
 * hand it over.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_fd_ _cleanup_(ps_close_fd)
#define _cleanup_free_ _cleanup_(ps_free_ptr)
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define PS_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define take_fd(fd)                      \
	__extension__({                  \
		int *take_ = &(fd);      \
		int taken_ = *take_;     \
		*take_ = -1;             \
		taken_;                  \
	})

#define take_ptr(p)                              \
	__extension__({                          \
		__typeof__(p) *take_ = &(p);     \
		__typeof__(p) taken_ = *take_;   \
		*take_ = NULL;                   \
		taken_;                          \
	})

/* Closes *fd if it is open, keeps errno, leaves -1. */
static inline void
ps_close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void
ps_free_ptr(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}
