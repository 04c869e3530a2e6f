/*
 * The way to a pod's door.  Host root, for as long as it takes to have the
 * pod's root directory; then the pod's own root as the host knows it, without
 * a capability, and only then is anything in there looked at, said or heard.  So the pod cannot
 * use us: a door that it replaced by another socket is one that it could have
 * knocked at itself.  HOSTILE: the pod's tree, and who opens.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "stage1/common/door.h"

#define WAIT_MS 10000 /* for a pod that is just starting */
#define STEP_MS 20
#define LISTEN_MS 200 /* between a door's name and its being heard */
#define ANSWER_S 30 /* for a door before which too many wait, and for a word */

static ssize_t
read_text(int dir, const char *path, char *ret, size_t size)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW};
	_cleanup_fd_ int fd =
	    (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	ret[n < 0 ? 0 : n] = '\0';
	return n;
}

/* Has pid 1 of the pod ended? */
static bool
has_ended(int timeout)
{
	struct pollfd p = {.fd = S1_ENTER_INIT, .events = POLLIN};

	return poll(&p, 1, timeout) != 0;
}

/* The root of the process behind the pidfd: looked for by number, and then it
 * was still there, so that the number was its own. */
static int
open_root(void)
{
	char text[512], path[64], *at;
	uint64_t pid = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", S1_ENTER_INIT);
	(void)read_text(AT_FDCWD, path, text, sizeof(text));
	at = strstr(text, "\nPid:\t");
	if (at) {
		at += 6;
		at[strcspn(at, "\n")] = '\0';
	}
	if (at == NULL || !ps_parse_u64(at, INT32_MAX, &pid) || pid < 2)
		ps_die(S1_FAILED, "the pod has ended");
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || has_ended(0))
		ps_die(S1_FAILED, "the pod has ended");
	return fd;
}

/* The socket itself, through no link; it is there when systemd is. */
static int
open_door(int root)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		       RESOLVE_NO_MAGICLINKS};
	struct stat st;
	int fd;

	for (unsigned ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		fd = (int)syscall(
		    SYS_openat2, root, S1_DOOR_PATH, &how, sizeof(how));
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			return fd;
		if (fd >= 0 || errno != ENOENT)
			ps_die(S1_FAILED, "the pod's door is not a socket");
		if (has_ended(STEP_MS))
			ps_die(S1_FAILED, "the pod has ended");
	}
	ps_die(S1_FAILED, "the pod cannot be entered: it has no %s",
	    S1_DOOR_PATH);
}

/* BASE:65536, root's file. */
static uint32_t
read_base(void)
{
	char text[64], *colon;
	uint64_t base = 0;

	(void)read_text(
	    S1_ENTER_POD, "private-users-prepared", text, sizeof(text));
	colon = strchr(text, ':');
	if (colon)
		*colon = '\0';
	if (!colon || !ps_parse_u64(text, UINT32_MAX - PS_RANGE, &base) ||
	    base < PS_RANGE || base % PS_RANGE != 0)
		ps_die(S1_FAILED, "the pod has no range of ids");
	return (uint32_t)base;
}

static bool
is_powerless(uint32_t id)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) < 0 ||
	    getresgid(&g[0], &g[1], &g[2]) < 0 || getgroups(0, NULL) != 0 ||
	    syscall(SYS_capget, &h, d) < 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (u[i] != id || g[i] != id)
			return false;
	for (size_t i = 0; i < 2; i++)
		if ((d[i].permitted | d[i].effective | d[i].inheritable) != 0)
			return false;
	return setresuid(0, 0, 0) < 0;
}

static void
give_up_rights(uint32_t id)
{
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			ps_die(S1_FAILED, "rights cannot be given up");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 ||
	    setresuid(id, id, id) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || !is_powerless(id))
		ps_die(S1_FAILED, "rights cannot be given up");
}

/* A door that lets nobody in could hold its caller for ever; one that is there
 * is heard a moment later. */
static int
call(int door)
{
	const struct timeval most = {.tv_sec = ANSWER_S};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d", door);
	for (unsigned ms = 0; r == 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0;
	     ms += STEP_MS)
		if (errno != ECONNREFUSED || ms >= LISTEN_MS || has_ended(STEP_MS))
			r = -1;
	if (r < 0)
		ps_die(S1_FAILED, "the pod does not answer: %s",
		    strerror(errno == EAGAIN ? ETIMEDOUT : errno));
	return fd;
}

int
s1_knock(void)
{
	_cleanup_fd_ int root = open_root(), door = -1;

	give_up_rights(read_base());
	door = open_door(root);
	return call(door);
}
