/*
 * What an app would miss if its mux were killed: the ends of its pipes and its
 * terminal's master lie with the pod's systemd too (sd_notify(3), FDSTORE), and
 * the next mux goes on with them.  Runs as the pod's root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/name.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/mux.h"

static const char *const names[] = {
    [S1_KEEP_IN] = "in", [S1_OUT] = "out", [S1_ERR] = "err", [S1_TTY] = "tty"};

static const char *notify = ""; /* systemd's socket */

/* If it does not get there, a mux that is killed takes it along. */
static void
tell(char *text, int fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr h = {.msg_name = &a,
	    .msg_namelen = sizeof(a),
	    .msg_iov = &iov,
	    .msg_iovlen = 1};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	_cleanup_fd_ int s = -1;

	if (notify[0] != '/' || strlen(notify) >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, notify, strlen(notify));
	if (fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof(control.bytes);
	}
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)!sendmsg(s, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
s1_keep(const struct s1_mux *m, size_t which, int fd)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "FDSTORE%s=1\nFDNAME=%s.%u",
	    fd < 0 ? "REMOVE" : "", names[which], m->offered);
	tell(text, fd);
}

static void
take(struct s1_mux *m, const char *name, size_t n, int fd)
{
	int *const places[] = {[S1_KEEP_IN] = &m->in.fd,
	    [S1_OUT] = &m->out[S1_OUT].fd,
	    [S1_ERR] = &m->out[S1_ERR].fd,
	    [S1_TTY] = &m->out[S1_TTY].fd};
	char number[16] = "";
	uint64_t offered;

	for (size_t i = 0; i < PS_COUNT(names); i++) {
		const size_t own = strlen(names[i]);

		if (n <= own + 1 || n - own > sizeof(number) ||
		    strncmp(name, names[i], own) != 0 || name[own] != '.')
			continue;
		memcpy(number, name + own + 1, n - own - 1);
		if (*places[i] >= 0 ||
		    !ps_parse_u64(number, PS_STREAM_ALL, &offered))
			break;
		*places[i] = fd;
		m->offered = (uint32_t)offered;
		m->begun = true;
		return;
	}
	(void)close(fd);
}

void
s1_keep_restore(struct s1_mux *m, char *const *env, int first, unsigned n)
{
	const char *all = s1_value(env, "LISTEN_FDNAMES=");

	notify = s1_value(env, "NOTIFY_SOCKET=");
	for (unsigned i = 0; i < n; i++) {
		const size_t length = strcspn(all, ":");

		if (i > 0) /* the first is the socket */
			take(m, all, length, first + (int)i);
		all += length + (all[length] == ':');
	}
	m->in.terminal = (m->offered & PS_STREAM_TTY_IN) != 0;
	if (m->in.terminal && m->out[S1_TTY].fd >= 0)
		m->in.fd = fcntl(m->out[S1_TTY].fd, F_DUPFD_CLOEXEC, first);
}
