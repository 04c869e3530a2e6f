/*
 * The caller's sockets (systemd's socket activation), and whose they are.  Host
 * root; the descriptors are the caller's, whatever they are.  A unit of the pod
 * that listens at the very same address gets the descriptor from pid 1.
 */
#include "stage1/nspawn/nspawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "privsep/limits.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage room;
};

static int
option(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno
								   : value;
}

int
s1_read_socket(int fd, struct s1_socket *ret)
{
	union address a = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof(a);
	char text[INET6_ADDRSTRLEN];
	struct s1_socket s = {.claimed = false};
	int type = option(fd, SO_TYPE);
	bool six;

	if (type < 0)
		return type;
	if (getsockname(fd, &a.any, &n) < 0)
		return -errno;
	six = a.any.sa_family == AF_INET6;
	if ((!six && a.any.sa_family != AF_INET) ||
	    (type != SOCK_STREAM && type != SOCK_DGRAM))
		return -EAFNOSUPPORT;
	if (option(fd, SO_PROTOCOL) !=
		(type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP) ||
	    (type == SOCK_STREAM && option(fd, SO_ACCEPTCONN) != 1))
		return -EPROTOTYPE;
	s.port = ntohs(six ? a.in6.sin6_port : a.in.sin_port);
	if (s.port == 0)
		return -EDESTADDRREQ;
	if (inet_ntop(a.any.sa_family,
		six ? (const void *)&a.in6.sin6_addr : &a.in.sin_addr, text,
		sizeof(text)) == NULL)
		return -errno;
	(void)snprintf(s.address, sizeof(s.address),
	    six ? "[%s]:%u" : "%s:%u", text, s.port);
	if (type == SOCK_DGRAM)
		s.port |= PS_SOCKET_UDP;
	*ret = s;
	return 0;
}

/* The sockets of one port, behind those that u has; how many. */
static size_t
claim(struct s1_unit *u, struct s1_socket *sockets, size_t n, uint32_t port)
{
	size_t before = u->n_sockets;

	for (size_t i = 0; i < n; i++) {
		if (sockets[i].port != port || sockets[i].claimed)
			continue;
		sockets[i].claimed = true;
		u->sockets[u->n_sockets++] = &sockets[i];
	}
	return u->n_sockets - before;
}

uint32_t
s1_claim_sockets(struct s1_unit *u, struct s1_socket *sockets, size_t n)
{
	u->n_sockets = 0;
	for (size_t i = 0; n > 0 && i < u->app->n_socket_ports; i++)
		if (claim(u, sockets, n, u->app->socket_ports[i]) == 0)
			return u->app->socket_ports[i];
	return 0;
}
