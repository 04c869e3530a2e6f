/*
 * Ports and sockets, conductor, user rkt.  HOSTILE: ports of images.
 */
#include "cli/ports.h"

#include <string.h>

#include "privsep/limits.h"
#include "privsep/name.h"

const char *
cli_parse_port(const char *text, struct ac_pod_port *ret)
{
	const char *name_end = strchr(text, ':');
	const char *port = strrchr(text, ':');
	uint64_t n;

	if (name_end == NULL || !ps_is_acname(text, (size_t)(name_end - text)))
		return cli_format("--port \"%s\": want NAME:HOSTPORT", text);
	if (!ps_parse_u64(port + 1, 65535, &n) || n == 0)
		return cli_format("--port \"%s\": the port is not a number from "
				  "1 to 65535", text);
	ret->name = cli_copy_n(text, (size_t)(name_end - text));
	ret->host_port = (uint16_t)n;
	ret->host_ip = port > name_end ?
	    cli_copy_n(name_end + 1, (size_t)(port - name_end - 1)) :
	    NULL;
	return NULL;
}

/* What --port cannot mean. */
static const char *
refuse(const struct ac_pod_port *said, const struct ac_port *p, uint8_t net)
{
	if (p->socket_activated && said->host_ip)
		return cli_format("port \"%s\": the address is that of the socket "
				  "which systemd opened: leave out \"%s\"",
		    said->name, said->host_ip);
	if (p->socket_activated)
		return NULL;
	if (net == PS_NET_HOST)
		return cli_format("port \"%s\": with --net=host nothing is "
				  "forwarded, the app listens on port %u of the "
				  "host", said->name, p->port);
	return cli_format("port \"%s\": nothing can be forwarded into a pod "
			  "without a network (--net=none), and the image does not "
			  "say that the port is socketActivated", said->name);
}

static const char *
add_sockets(const struct ac_port *p, uint32_t first,
    struct ps_msg_PLAN_APP *ret)
{
	uint32_t udp = strcmp(p->protocol, "udp") == 0 ? PS_SOCKET_UDP : 0;

	if (!udp && strcmp(p->protocol, "tcp") != 0)
		return cli_format("port \"%s\": protocol \"%s\" is neither tcp nor "
				  "udp", p->name, p->protocol);
	if (first + p->count > 65536)
		return cli_format("port \"%s\": %u ports from %u end beyond 65535",
		    p->name, p->count, first);
	for (uint32_t i = 0; i < p->count; i++) {
		uint16_t at = ret->n_socket_names;

		if (at == PS_COUNT(ret->socket_names))
			return cli_format("has more than %zu sockets",
			    PS_COUNT(ret->socket_names));
		for (uint16_t k = 0; k < at; k++)
			if (ret->socket_ports[k] == ((first + i) | udp))
				return cli_format("port \"%s\": port %u of the host is "
						  "\"%s\" already", p->name, first + i,
				    ret->socket_names[k]);
		ret->socket_names[at] = p->name;
		ret->socket_ports[at] = (first + i) | udp;
		ret->n_socket_names = ret->n_socket_ports = (uint16_t)(at + 1);
	}
	return NULL;
}

const char *
cli_plan_ports(const struct cli_ports *ports, const struct ac_app *app,
    uint8_t net, struct ps_msg_PLAN_APP *ret)
{
	for (size_t i = 0; i < app->n_ports; i++) {
		const struct ac_port *p = &app->ports[i];
		uint32_t first = p->port;
		const char *wrong = NULL;
		bool said = false;

		for (size_t k = 0; k < ports->n; k++) {
			if (strcmp(ports->v[k].name, p->name) != 0)
				continue;
			if (ports->used[k])
				return cli_format("port \"%s\" is a port of another "
						  "app, too", p->name);
			if (said && p->socket_activated)
				return cli_format("--port \"%s\" is given twice: "
						  "systemd opens one socket for it",
				    p->name);
			said = true;
			ports->used[k] = true;
			first = ports->v[k].host_port;
			wrong = refuse(&ports->v[k], p, net);
			if (wrong)
				return wrong;
		}
		if (p->socket_activated)
			wrong = add_sockets(p, first, ret);
		if (wrong)
			return wrong;
	}
	return NULL;
}
