#pragma once
/*
 * Ports.  No pod has a network of its own to forward into, so the one thing
 * that a port of an image can get is a socket that systemd opened on the host
 * (socket activation); --port says on which port of the host it is.
 */
#include "appc/pod.h"
#include "cli/mem.h"
#include "privsep/proto.h"

/* "NAME:[HOSTIP:]HOSTPORT".  NULL, or what is wrong. */
const char *cli_parse_port(const char *text, struct ac_pod_port *ret);

/* The sockets of one app, by its ports and by what the pod says of them;
 * used[i] is set for each of ports that is one of this app's. */
struct cli_ports {
	size_t n;
	const struct ac_pod_port *v;
	bool *used;
};
const char *cli_plan_ports(const struct cli_ports *ports,
    const struct ac_app *app, uint8_t net, struct ps_msg_PLAN_APP *ret);
