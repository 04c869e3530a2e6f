/*
 * The units of an app.  Pure.  HOSTILE: names and texts that an image chose.
 * A unit file is a language; only the app's name, a description, numbers and
 * addresses of sockets go into it, in letters that mean nothing to systemd,
 * and what was written is read back before anyone uses it.  Arguments, environment and paths never come
 * here: appexec reads the plan.
 */
#include "stage1/common/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"
#include "privsep/streams.h"
#include "stage1/common/contract.h"

#define MAX_LINES 80

/* What a row is for; one without is for every unit of that kind. */
enum {
	PLAIN = 1,
	TERMINAL = 2,
	SIMPLE = 4,
	NOTIFY = 8,
	PRE_START = 16,
	POST_STOP = 32,
	SOCKETS = 64,
	FIXED = 128, /* the apps of the pod are what it began with */
	MUTABLE = 256,
	STREAMS = 512, /* some of 0, 1 and 2 are the mux's */
	SYSCTLS = 1024,
};

/* %s in value is the app's name; "" as key begins a section. */
struct row {
	const char *key, *value;
	unsigned when;
};

static const struct row service[] = {
    {"", "[Unit]", 0},
    {"Description", NULL, 0},
    {"DefaultDependencies", "no", 0},
    {"Wants", "systemd-journald.service", 0},
    {"Requires", "systemd-journald.socket", 0},
    {"Requires", "%s.socket", SOCKETS},
    {"Requires", "rkt-mux@%s.socket", STREAMS},
    {"Requires", "rkt-sysctl.service", SYSCTLS},
    {"After", "systemd-journald.socket", 0},
    {"After", "rkt-sysctl.service", SYSCTLS},
    {"After", "%s.socket", SOCKETS},
    {"Conflicts", "shutdown.target", 0},
    {"Before", "shutdown.target rkt-ready.service", 0},
    /* ExecStopPost= ends the pod; this is for when the app could not even be
     * started. */
    {"OnFailure", "halt.target", FIXED},
    {"StartLimitIntervalSec", "0", MUTABLE},
    {"CollectMode", "inactive-or-failed", MUTABLE},
    {"", "[Service]", 0},
    {"Type", "simple", SIMPLE},
    {"Type", "notify", NOTIFY},
    {"NotifyAccess", "main", NOTIFY},
    {"TimeoutStartSec", "infinity", 0},
    {"TimeoutStopSec", "90s", POST_STOP},
    {"Restart", "no", 0},
    {"SyslogIdentifier", "%s", 0},
    {"ExecStartPre", S1_APPEXEC " --pre-start %s", PRE_START},
    {"ExecStart", S1_APPEXEC " %s", 0},
    {"ExecStopPost", S1_APPEXEC " --reap %s", 0},
    {"StandardInput", "null", PLAIN},
    /* Until appexec has something else for the app: it says why it could not
     * start it. */
    {"StandardOutput", "journal", PLAIN},
    {"StandardError", "journal", PLAIN},
    {"StandardInput", "tty-force", TERMINAL},
    {"StandardOutput", "tty", TERMINAL},
    {"StandardError", "tty", TERMINAL},
    {"TTYPath", "/dev/console", TERMINAL},
    {"KeyringMode", "inherit", 0},
    {"IgnoreSIGPIPE", "no", 0},
    {"OOMPolicy", "continue", 0},
};

/* Not for longer than the app: who connects later does not start it again. */
static const struct row sockets[] = {
    {"", "[Unit]", 0},
    {"Description", "Sockets of %s", 0},
    {"DefaultDependencies", "no", 0},
    {"Conflicts", "shutdown.target", 0},
    {"Before", "shutdown.target", 0},
    {"StopWhenUnneeded", "yes", 0},
    {"", "[Socket]", 0},
    {"Service", "%s.service", 0},
};

struct out {
	char *p;
	size_t size, at, lines;
	const char *key[MAX_LINES];
	int error;
};

/* No specifier, quote, escape, comment or end of line among them. */
static bool
is_plain(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ "
				    "-_.,:=/@[]()+~";
	size_t n = strlen(s);

	return n > 0 && strspn(s, plain) == n && s[0] != ' ' &&
	       s[n - 1] != ' ';
}

static void add(struct out *o, const char *key, const char *format, ...)
    _printf_(3, 4);

/* One line.  CPUQuota alone ends with a mark that is not plain, and knows no
 * specifiers. */
static void
add(struct out *o, const char *key, const char *format, ...)
{
	char value[1024];
	size_t left = o->size - o->at;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value) || !is_plain(value) ||
	    o->lines == MAX_LINES) {
		o->error = -EINVAL;
		return;
	}
	o->key[o->lines++] = key;
	n = snprintf(o->p + o->at, left, "%s%s%s%s\n", key, *key ? "=" : "",
	    value, strcmp(key, "CPUQuota") == 0 ? "%" : "");
	if (n < 0 || (size_t)n >= left)
		o->error = -EMSGSIZE;
	else
		o->at += (size_t)n;
}

/* For people only. */
static void
describe(struct out *o, const struct ps_msg_PLAN_APP *a)
{
	char image[512] = "";

	for (size_t i = 0; a->image_name[i] && i < sizeof(image) - 1; i++) {
		char c[] = {a->image_name[i], '\0'};

		image[i] = is_plain(c) ? c[0] : '_';
	}
	add(o, "Description", "Application=%s Image=%s", a->name, image);
}

static void
add_rows(struct out *o, const struct row *rows, size_t n,
    const struct s1_unit *u, unsigned when)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = rows[i].value;
		const char *at = value ? strstr(value, "%s") : NULL;

		if (rows[i].when != 0 && (rows[i].when & when) == 0)
			continue;
		if (value == NULL)
			describe(o, u->app);
		else if (at == NULL)
			add(o, rows[i].key, "%s", value);
		else
			add(o, rows[i].key, "%.*s%s%s", (int)(at - value),
			    value, u->app->name, at + 2);
	}
}

static void
add_limits(struct out *o, const struct ps_msg_PLAN_APP *a)
{
	/* As systemd converts it: both defaults are one. */
	uint64_t weight = (uint64_t)a->cpu_shares * 100 / 1024;

	if (a->memory) {
		add(o, "MemoryMax", "%" PRIu64, a->memory);
		add(o, "MemorySwapMax", "0");
	}
	if (a->cpu_milli)
		add(o, "CPUQuota", "%" PRIu64 ".%" PRIu64, a->cpu_milli / 10,
		    a->cpu_milli % 10);
	if (a->cpu_shares)
		add(o, "CPUWeight", "%" PRIu64,
		    weight < 1 ? 1 : weight > 10000 ? 10000 : weight);
	/* Without a number: appexec writes it, for disks that only it sees. */
	if (a->block_bandwidth || a->block_iops)
		add(o, "IOAccounting", "yes");
	if (a->pids)
		add(o, "TasksMax", "%" PRIu64, a->pids);
}

/* Read again: the lines that were meant, all of them, in order, no other. */
static int
finish(struct out *o)
{
	const char *text = o->p;

	for (size_t i = 0; o->error == 0 && i < o->lines; i++) {
		size_t n = strlen(o->key[i]);
		const char *end = strchr(text, '\n');

		if (strncmp(text, o->key[i], n) != 0 || end == NULL ||
		    text[n] != (n > 0 ? '=' : '['))
			return -EINVAL;
		text = end + 1;
	}
	if (o->error < 0)
		return o->error;
	return *text == '\0' ? (int)o->at : -EINVAL;
}

int
s1_format_service(const struct s1_unit *u, char *ret, size_t size)
{
	const struct ps_msg_PLAN_APP *a = u->app;
	struct out o = {.p = ret, .size = size};
	unsigned when = (u->interactive ? TERMINAL : PLAIN) |
			(ps_offered_streams(a) ? STREAMS : 0u) |
			(a->notify ? NOTIFY : SIMPLE) |
			(a->n_pre_start ? PRE_START : 0u) |
			(a->n_post_stop ? POST_STOP : 0u) |
			(u->sysctls ? SYSCTLS : 0u) |
			(u->n_sockets ? SOCKETS : 0u) |
			(u->mutable ? MUTABLE : FIXED);

	if (!ps_is_acname(a->name, strlen(a->name)))
		return -EINVAL;
	add_rows(&o, service, PS_COUNT(service), u, when);
	if (u->cgroup2)
		add_limits(&o, a);
	return finish(&o);
}

int
s1_format_socket(const struct s1_unit *u, char *ret, size_t size)
{
	struct out o = {.p = ret, .size = size};

	if (!ps_is_acname(u->app->name, strlen(u->app->name)))
		return -EINVAL;
	add_rows(&o, sockets, PS_COUNT(sockets), u, 0);
	for (size_t i = 0; i < u->n_sockets; i++)
		add(&o,
		    u->sockets[i]->port & PS_SOCKET_UDP ? "ListenDatagram"
							: "ListenStream",
		    "%s", u->sockets[i]->address);
	return finish(&o);
}
