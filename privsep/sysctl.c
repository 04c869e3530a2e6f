/*
 * Sysctls of pods.  Runs in the launcher, as root, and in the conductor.
 */
#include "privsep/sysctl.h"

#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"

/* How it begins; from IMAGES on, those that hurt no one else, whatever their
 * value. */
#define IMAGES 5
static const char *const begins[] = { "net.", "fs.mqueue.", "kernel.shm",
	"kernel.msg", "kernel.sem=",
	"kernel.shm_rmid_forced=", "net.ipv4.ip_local_port_range=",
	"net.ipv4.ip_local_reserved_ports=",
	"net.ipv4.ip_unprivileged_port_start=", "net.ipv4.ping_group_range=",
	"net.ipv4.tcp_fin_timeout=", "net.ipv4.tcp_keepalive_intvl=",
	"net.ipv4.tcp_keepalive_probes=", "net.ipv4.tcp_keepalive_time=",
	"net.ipv4.tcp_syncookies=" };

enum ps_sysctl
ps_sysctl(const char *text)
{
	size_t n = strcspn(text, "=");
	enum ps_sysctl who = PS_SYSCTL_NO;

	/* No empty part, so that there is no "..". */
	if (!ps_is_acid(text, n) || strcspn(text, "/~") < n || strlen(text) < n + 2)
		return PS_SYSCTL_NO;
	for (size_t i = 0; i < PS_COUNT(begins); i++)
		if (strncmp(begins[i], text, strlen(begins[i])) == 0)
			who = i < IMAGES ? PS_SYSCTL_OPERATOR : PS_SYSCTL_IMAGE;
	return who;
}
