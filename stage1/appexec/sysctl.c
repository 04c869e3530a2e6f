/*
 * appexec --sysctl: the settings of rkt/sysctl, which the launcher proved to
 * be of namespaces that a pod has of its own, before any app starts.  Runs as
 * the pod's root: what the kernel lets no pod set is refused by the kernel.
 * Each is read back, and the first that does not hold ends the pod.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

/* What nspawn made read-only, in a mount of its own where it is not. */
static int
open_writable(int pod_root)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
	_cleanup_fd_ int fd =
	    s1_open(pod_root, "proc/sys", O_PATH | O_DIRECTORY, S1_BENEATH);
	int mount = fd < 0 ? fd : s1_clone(fd, false);

	if (mount >= 0 && syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH,
			      &attr, sizeof(attr)) < 0) {
		(void)close(mount);
		return -errno;
	}
	return mount;
}

/* The kernel separates numbers as it likes. */
static bool
is_same(const char *a, const char *b)
{
	static const char blank[] = " \t\n";

	for (;;) {
		size_t n, m;

		a += strspn(a, blank);
		b += strspn(b, blank);
		n = strcspn(a, blank);
		m = strcspn(b, blank);
		if (n != m || memcmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

/* value becomes what the kernel says in its place. */
static int
set(int sys, char *path, const char *value, char ret[512])
{
	_cleanup_fd_ int fd = -1;
	ssize_t n = (ssize_t)strlen(value);

	for (char *p = path; *p != '\0'; p++)
		if (*p == '.')
			*p = '/';
	fd = s1_open(sys, path, O_RDWR, S1_BENEATH | RESOLVE_NO_XDEV);
	if (fd < 0)
		return fd;
	if (write(fd, value, (size_t)n) != n)
		return -errno;
	n = pread(fd, ret, 511, 0);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return is_same(value, ret) ? 0 : -EXDEV;
}

static int
apply(int sys, char *line)
{
	char path[512], is[512] = "", *value = strchr(line, '=');
	int r;

	if (value == NULL || strlen(line) >= sizeof(path))
		return ps_log_error(-EBADMSG, "sysctl %s", line);
	*value++ = '\0';
	(void)snprintf(path, sizeof(path), "%s", line);
	r = set(sys, path, value, is);
	is[strcspn(is, "\n")] = '\0';
	if (r == -EXDEV)
		return ps_log_error(
		    r, "sysctl %s: the kernel made \"%s\" of \"%s\"", line, is,
		    value);
	return r < 0 ? ps_log_error(r, "sysctl %s=%s: this kernel does not let a "
		    "pod set it", line, value) : 0;
}

int
s1_sysctl(int pod_root, char **argv, char *const *env)
{
	static char text[65536];
	_cleanup_fd_ int fd = -1, sys = open_writable(pod_root);
	char *rest = text;
	ssize_t n;

	(void)argv;
	(void)env;
	fd = s1_open(pod_root, S1_SYSCTL, O_RDONLY, S1_BENEATH);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (sys < 0 || n <= 0) {
		(void)ps_log_error(sys < 0 ? sys : -EBADMSG, "sysctls");
		return S1_EXIT_SYSCTL;
	}
	text[n] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0' && apply(sys, line) < 0)
			return S1_EXIT_SYSCTL;
	return 0;
}
