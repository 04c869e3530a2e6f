/*
 * Who calls an app's mux: the app itself and whoever attaches; and who waits
 * for its end.  Runs as the pod's root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/mux.h"
#include "stage1/appexec/sys.h"

#define TRIES 400 /* 8 s: more than a client may stall */
#define STEP_MS 20

int
s1_call_mux(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), S1_MUX_SOCKET, name);
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	s1_why = "mux";
	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return take_fd(fd);
}

void
s1_await_mux(int pod_root, const char *name)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
	char path[300];
	_cleanup_fd_ int fd = -1;

	(void)snprintf(path, sizeof(path), S1_MUX_LOCK, name);
	fd = s1_open(pod_root, path, O_RDWR, S1_BENEATH);
	for (unsigned i = 0; i < TRIES && fd >= 0 &&
			     flock(fd, LOCK_SH | LOCK_NB) < 0;
	     i++)
		(void)nanosleep(&step, NULL);
}
