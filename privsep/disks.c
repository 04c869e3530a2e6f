/*
 * The machine's disks.  Runs as root in the launcher, and as the pod's root in
 * appexec; reads /sys/block alone.
 */
#include "privsep/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"

static int
add(int dir, const char *name, struct ps_disks *ret)
{
	char path[300], *dev = ret->dev[ret->n];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	if (ret->n == PS_MAX_DISKS)
		return -E2BIG;
	(void)snprintf(path, sizeof(path), "%s/dev", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* one path of several to a disk has no number */
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, dev, sizeof(ret->dev[0]) - 1);
	if (n <= 1)
		return n < 0 ? -errno : -EBADMSG;
	dev[n] = '\0';
	dev[strcspn(dev, "\n")] = '\0';
	ret->n++;
	return 0;
}

int
ps_disks(int dir, struct ps_disks *ret)
{
	static const char *const not[] = { ".", "loop", "ram", "zram" };
	DIR *d = fdopendir(dup(dir));
	struct dirent *e;
	int r = d ? 0 : -errno;

	ret->n = 0;
	while (r == 0 && (e = readdir(d)) != NULL) {
		bool disk = true;

		for (size_t i = 0; i < PS_COUNT(not); i++)
			disk = disk && strncmp(e->d_name, not[i], strlen(not[i])) != 0;
		r = disk ? add(dir, e->d_name, ret) : 0;
	}
	if (d)
		(void)closedir(d);
	return r == 0 && ret->n == 0 ? -ENODEV : r;
}
