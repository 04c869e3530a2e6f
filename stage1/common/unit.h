#pragma once
/*
 * The units of an app, as text.  Pure; root of the host writes them before a
 * pod begins (stage1-nspawn), the pod's own root those of apps that come later
 * (appexec).  HOSTILE: names and texts that an image chose.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/proto.h"

#define S1_MAX_SOCKETS 32u

/* A socket of the caller's. */
struct s1_socket {
	char address[64]; /* "0.0.0.0:80", "[::]:80" */
	uint32_t port;	  /* as PLAN_APP.socket_ports */
	bool claimed;
};

/* What the units of an app depend on. */
struct s1_unit {
	const struct ps_msg_PLAN_APP *app;
	bool interactive, cgroup2;
	bool sysctls; /* behind rkt-sysctl.service */
	bool mutable; /* of a pod whose apps come and go: neither its end nor
			 how often it is started is the pod's matter */
	const struct s1_socket *sockets[S1_MAX_SOCKETS];
	size_t n_sockets;
};

/* The length, or negative errno.  What was written has been read back and says
 * the same. */
int s1_format_service(const struct s1_unit *u, char *ret, size_t size);
int s1_format_socket(const struct s1_unit *u, char *ret, size_t size);
