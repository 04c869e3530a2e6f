/*
 * What limits a pod and its apps: one table.  Runs as root; every file is one
 * of a cgroup that is ours.
 */
#include "launcher/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/files.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/disks.h"

const char *const ln_controllers[LN_CONTROLLERS][2] = {
	[LN_C_MEMORY] = { "memory", "memory" },
	[LN_C_CPU] = { "cpu", "cpu" },
	[LN_C_PIDS] = { "pids", "pids" },
	[LN_C_IO] = { "blkio", "io" },
};

/* Microseconds of a period of 100 ms, from thousandths of a CPU. */
static uint64_t
quota(uint64_t milli)
{
	return milli * 100;
}

/* cpu.weight from cpu.shares, as systemd converts: both defaults are one. */
static uint64_t
weight(uint64_t shares)
{
	uint64_t n = shares * 100 / 1024;

	return n < 1 ? 1 : n > 10000 ? 10000 : n;
}

/* A file, or systemd's property, and what is written there: # is the number, $
 * a tenth of it, @ each disk in turn. */
static const struct row {
	unsigned who, controller, limit;
	const char *file, *text;
	uint64_t (*scale)(uint64_t n);
	bool optional;
} rows[] = {
	{ LN_V1, LN_C_MEMORY, LN_MEMORY, "memory.limit_in_bytes", "#", NULL, false },
	{ LN_V2, LN_C_MEMORY, LN_MEMORY, "memory.max", "#", NULL, false },
	{ LN_V2, LN_C_MEMORY, LN_MEMORY, "memory.swap.max", "0", NULL, true },
	{ LN_SCOPE, LN_C_MEMORY, LN_MEMORY, "MemoryMax", "#", NULL, false },
	{ LN_SCOPE, LN_C_MEMORY, LN_MEMORY, "MemorySwapMax", "0", NULL, false },
	{ LN_V1, LN_C_CPU, LN_CPU, "cpu.cfs_period_us", "100000", NULL, false },
	{ LN_V1, LN_C_CPU, LN_CPU, "cpu.cfs_quota_us", "#", quota, false },
	{ LN_V2, LN_C_CPU, LN_CPU, "cpu.max", "# 100000", quota, false },
	{ LN_SCOPE, LN_C_CPU, LN_CPU, "CPUQuota", "$%", NULL, false },
	{ LN_V1, LN_C_CPU, LN_SHARES, "cpu.shares", "#", NULL, false },
	{ LN_V2, LN_C_CPU, LN_SHARES, "cpu.weight", "#", weight, false },
	{ LN_SCOPE, LN_C_CPU, LN_SHARES, "CPUShares", "#", NULL, false },
	{ LN_V1, LN_C_PIDS, LN_PIDS, "pids.max", "#", NULL, false },
	{ LN_V2, LN_C_PIDS, LN_PIDS, "pids.max", "#", NULL, false },
	{ LN_SCOPE, LN_C_PIDS, LN_PIDS, "TasksMax", "#", NULL, false },
#define THROTTLE "blkio.throttle."
	{ LN_V1, LN_C_IO, LN_BYTES, THROTTLE "read_bps_device", "@ #", NULL, false },
	{ LN_V1, LN_C_IO, LN_BYTES, THROTTLE "write_bps_device", "@ #", NULL, false },
	{ LN_V2, LN_C_IO, LN_BYTES, "io.max", "@ rbps=# wbps=#", NULL, false },
#define DEVICE "/dev/block/@ #"
	{ LN_SCOPE, LN_C_IO, LN_BYTES, "IOReadBandwidthMax", DEVICE, NULL, false },
	{ LN_SCOPE, LN_C_IO, LN_BYTES, "IOWriteBandwidthMax", DEVICE, NULL, false },
	{ LN_V1, LN_C_IO, LN_CALLS, THROTTLE "read_iops_device", "@ #", NULL, false },
	{ LN_V1, LN_C_IO, LN_CALLS, THROTTLE "write_iops_device", "@ #", NULL, false },
	{ LN_V2, LN_C_IO, LN_CALLS, "io.max", "@ riops=# wiops=#", NULL, false },
	{ LN_SCOPE, LN_C_IO, LN_CALLS, "IOReadIOPSMax", DEVICE, NULL, false },
	{ LN_SCOPE, LN_C_IO, LN_CALLS, "IOWriteIOPSMax", DEVICE, NULL, false },
};

const struct ln_limits ln_no_limits;

bool
ln_limits_want(const struct ln_limits *l, unsigned controller)
{
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].controller == controller && l->n[rows[i].limit] != 0)
			return true;
	return false;
}

bool
ln_limits_must(const struct ln_limits *pod, const struct ln_limits *apps,
    unsigned controller)
{
	return ln_limits_want(apps, controller) ||
	    (ln_limits_want(pod, controller) &&
		(controller != LN_C_PIDS || pod->pids_asked));
}

static void
format(const struct row *row, const char *disk, uint64_t n, char ret[128])
{
	const unsigned long long number = row->scale ? row->scale(n) : n;
	size_t at = 0;

	for (const char *c = row->text; *c != '\0' && at < 64; c++)
		if (*c == '@')
			at += (size_t)snprintf(ret + at, 128 - at, "%s", disk);
		else if (*c == '#')
			at += (size_t)snprintf(ret + at, 128 - at, "%llu", number);
		else if (*c == '$')
			at += (size_t)snprintf(ret + at, 128 - at, "%llu.%llu",
			    number / 10, number % 10);
		else
			ret[at++] = *c;
	ret[at] = '\0';
}

/* One line into the file, or as a property behind *text. */
static int
put_line(int dir, const struct row *row, const char *line, char **text,
    size_t *size)
{
	int n;

	if (row->who != LN_SCOPE)
		return sys_put(dir, row->file, line);
	n = snprintf(*text, *size, "property --property=%s=%s\n", row->file, line);
	if (n < 0 || (size_t)n >= *size)
		return -E2BIG;
	*text += n;
	*size -= (size_t)n;
	return 0;
}

static int
put(int dir, const struct row *row, uint64_t value, char **text, size_t *size)
{
	static char partitions[PS_PARTITIONS];
	bool each = strchr(row->text, '@') != NULL;
	int r = each ? ln_read_text("/proc/partitions", partitions,
	    sizeof(partitions)) : 0;
	const char *rest = partitions;
	char disk[32] = "", line[128];

	while (r == 0 && (!each || ps_next_disk(&rest, disk))) {
		format(row, disk, value, line);
		r = put_line(dir, row, line, text, size);
		if (!each)
			break;
		if (r == -ENODEV) /* a partition: its disk has a line */
			r = 0;
	}
	return row->optional ? 0 : r;
}

int
ln_limits_set(int dir, unsigned controller, unsigned who,
    const struct ln_limits *l, const struct ln_limits *units)
{
	int r = 0;

	for (const struct row *w = rows; r == 0 && w < rows + PS_COUNT(rows); w++) {
		_cleanup_fd_ int fd = -1;

		if (w->controller != controller || w->who != who)
			continue;
		if (l->n[w->limit] != 0)
			r = put(dir, w, l->n[w->limit], NULL, NULL);
		else if (units->n[w->limit] != 0 && !w->optional) {
			fd = sys_open(dir, w->file, O_PATH, 0, SYS_CROSS);
			r = fd < 0 ? fd : 0;
		}
	}
	return r;
}

int
ln_limits_properties(const struct ln_limits *l, char *ret, size_t size)
{
	int r = 0;

	ret[0] = '\0';
	for (size_t i = 0; r == 0 && i < PS_COUNT(rows); i++)
		if (rows[i].who == LN_SCOPE && l->n[rows[i].limit] != 0)
			r = put(-1, &rows[i], l->n[rows[i].limit], &ret, &size);
	return r;
}
