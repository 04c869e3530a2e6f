/*
 * nspawn's arguments: a table.  Pure.  Every value is a number, a UUID, a host
 * name or a constant; nothing that an image chose is among them.
 */
#include "stage1/nspawn/nspawn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "stage1/common/contract.h"

#define CAPS 41u /* by number, which nspawn takes as it takes names */

/* What the pod's systemd, journald and appexec need, in the pod's own user
 * namespace: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP
 * SYS_CHROOT SYS_ADMIN. */
#define POD_CAPS                                                               \
	(1ull << 0 | 1ull << 1 | 1ull << 3 | 1ull << 4 | 1ull << 5 |           \
	    1ull << 6 | 1ull << 7 | 1ull << 8 | 1ull << 18 | 1ull << 21)

static char retained[1024], dropped[1024], storage[4096];
static size_t used;

static const char *text(const char *format, ...) _printf_(1, 2);

static const char *
text(const char *format, ...)
{
	char *at = storage + used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(at, sizeof(storage) - used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(storage) - used)
		return NULL;
	used += (size_t)n + 1;
	return at;
}

static void
list_caps(uint64_t caps, const char *option, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "%s", option);
	const char *comma = "";

	for (unsigned i = 0; i < CAPS && n < size; i++)
		if ((caps >> i & 1) != 0) {
			n += (size_t)snprintf(ret + n, size - n, "%s%u", comma, i);
			comma = ",";
		}
}

int
s1_format_args(const struct s1_pod *pod, const char *ret[S1_MAX_ARGS])
{
	const struct ps_msg_PLAN_POD *p = pod->plan;
	const struct s1_facts *f = pod->facts;
	const uint64_t all = (1ull << CAPS) - 1;
	/* appexec --sysctl sets its own network's as its administrator. */
	const uint64_t net = p->n_sysctls && p->net == PS_NET_NONE ? 1u << 12 : 0;
	const uint64_t keep = (pod->caps | POD_CAPS | net) & all;
	const struct {
		bool when;
		const char *text;
	} rows[] = {
	    {true, "/usr/bin/systemd-nspawn"},
	    {true, "--boot"},
	    {true, "--quiet"},
	    {true, "--settings=no"},
	    {true, "--notify-ready=yes"},
	    {!f->machined, "--register=no"},
	    {f->machined, "--register=yes"},
	    {f->keep_unit || !f->machined, "--keep-unit"},
	    {true, text("--private-users=%" PRIu64 ":%u", f->base, S1_RANGE)},
	    {true, "--private-users-ownership=off"},
	    {p->net != PS_NET_HOST, "--private-network"},
	    {true, text("--machine=rkt-%s", p->uuid)},
	    {true, text("--uuid=%s", p->uuid)},
	    {p->hostname[0] == '\0', text("--hostname=rkt-%s", p->uuid)},
	    {p->hostname[0] != '\0', text("--hostname=%s", p->hostname)},
	    /* A link on the host would lead into this mount namespace, that is
	     * nowhere, and outlive the pod. */
	    {true, "--link-journal=no"},
	    {true, "--resolv-conf=off"},
	    {true, "--timezone=off"},
	    /* journald's time before each line: a mount namespace of its own for
	     * this would be on the way of every pod. */
	    {true, "--bind-ro=+/etc/printk-time:/sys/module/printk/parameters/time"},
	    {p->interactive, "--console=interactive"},
	    {!p->interactive, "--console=read-only"},
	    {true, retained},
	    {keep != all, dropped},
	    {pod->oom < 0, text("--oom-score-adjust=%d", pod->oom)},
	    {true, "--directory=stage1/rootfs"},
	    {true, "--"},
	    {p->debug, "--log-level=info"},
	    {p->debug, "--log-target=console"},
	};
	size_t n = 0;

	list_caps(keep, "--capability=", retained, sizeof(retained));
	list_caps(all & ~keep, "--drop-capability=", dropped, sizeof(dropped));
	ret[n++] = rows[0].text;
	/* Where systemd makes the pod's scope, the limits are the scope's. */
	for (size_t i = 0; f->property[i]; i++)
		ret[n++] = f->property[i];
	for (size_t i = 1; i < PS_COUNT(rows); i++) {
		if (!rows[i].when)
			continue;
		if (rows[i].text == NULL || n + 1 >= S1_MAX_ARGS)
			return -EMSGSIZE;
		ret[n++] = rows[i].text;
	}
	ret[n] = NULL;
	return 0;
}
