/*
 * Sockets of the app: those that the pod's systemd hands over from 3 on, if
 * they are what the record says, in its order.  Everything else is closed.
 * Runs as the pod's root.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/name.h"

#define FIRST 3
#define MAX_SOCKETS 32u

unsigned s1_kept;

void
s1_note_sockets(char *const *env)
{
	uint64_t pid, n;

	s1_kept = 0;
	if (ps_parse_u64(s1_value(env, "LISTEN_PID="), INT32_MAX, &pid) &&
	    pid == (uint64_t)getpid() &&
	    ps_parse_u64(s1_value(env, "LISTEN_FDS="), MAX_SOCKETS, &n))
		s1_kept = (unsigned)n;
}

/* As PLAN_APP.socket_ports says it, or negative errno. */
static int64_t
port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage room;
	} a = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof(a), size = sizeof(int);
	int type;
	uint16_t port;

	if (getsockname(fd, &a.any, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return -errno;
	if (a.any.sa_family != AF_INET && a.any.sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	port = a.any.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port;
	return ntohs(port) | (type == SOCK_DGRAM ? PS_SOCKET_UDP : 0);
}

/* Adds the name of the port; which of the app's it is, or negative errno. */
static int
add_name(const struct ps_msg_PLAN_APP *a, int fd, char *names, size_t size)
{
	int64_t port = port_of(fd);
	size_t at = strlen(names);
	int n;

	if (port < 0)
		return (int)port;
	for (size_t i = 0; i < a->n_socket_ports; i++) {
		if (a->socket_ports[i] != (uint32_t)port)
			continue;
		n = snprintf(names + at, size - at, "%s%s", at ? ":" : "",
		    a->socket_names[i]);
		if (n < 0 || (size_t)n >= size - at)
			return -E2BIG;
		return (int)i;
	}
	return -ENOENT;
}

int
s1_take_sockets(const struct ps_msg_PLAN_APP *a)
{
	static char names[8192 - 32];
	char text[16];
	int r = 0, last = 0;

	s1_why = "sockets";
	if (a->n_socket_ports != a->n_socket_names)
		return -EINVAL;
	if (s1_kept == 0)
		return 0;
	names[0] = '\0';
	for (unsigned i = 0; i < s1_kept; i++) {
		r = add_name(a, FIRST + (int)i, names, sizeof(names));
		if (r < 0)
			return r;
		if (r < last)
			return -EINVAL;
		last = r;
	}
	(void)snprintf(text, sizeof(text), "%u", s1_kept);
	r = s1_set_variable("LISTEN_FDS", text);
	(void)snprintf(text, sizeof(text), "%d", getpid());
	if (r == 0)
		r = s1_set_variable("LISTEN_PID", text);
	return r < 0 ? r : s1_set_variable("LISTEN_FDNAMES", names);
}
