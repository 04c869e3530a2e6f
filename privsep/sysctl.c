/*
 * Sysctls of pods.  Runs in the launcher, as root, and in the conductor.
 */
#include "privsep/sysctl.h"

#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"

/* How it begins; what is said further down holds. */
static const struct {
	const char *text;
	enum ps_sysctl who;
} rows[] = {
	{ "net.", PS_SYSCTL_OPERATOR },
	{ "fs.mqueue.", PS_SYSCTL_OPERATOR },
	{ "kernel.shm", PS_SYSCTL_OPERATOR },
	{ "kernel.msg", PS_SYSCTL_OPERATOR },
	{ "kernel.sem=", PS_SYSCTL_OPERATOR },
	/* Those that hurt no one else, whatever their value. */
	{ "kernel.shm_rmid_forced=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.ip_local_port_range=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.ip_local_reserved_ports=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.ip_unprivileged_port_start=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.ping_group_range=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.tcp_fin_timeout=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.tcp_keepalive_intvl=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.tcp_keepalive_probes=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.tcp_keepalive_time=", PS_SYSCTL_IMAGE },
	{ "net.ipv4.tcp_syncookies=", PS_SYSCTL_IMAGE },
};

enum ps_sysctl
ps_sysctl(const char *text)
{
	size_t n = strcspn(text, "=");
	enum ps_sysctl who = PS_SYSCTL_NO;

	/* No empty part, so that there is no "..". */
	if (!ps_is_acid(text, n) || strcspn(text, "/~") < n || strlen(text) < n + 2)
		return PS_SYSCTL_NO;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (strncmp(rows[i].text, text, strlen(rows[i].text)) == 0)
			who = rows[i].who;
	return who;
}

bool
ps_sysctl_is_net(const char *text)
{
	return strncmp(text, "net.", 4) == 0;
}
