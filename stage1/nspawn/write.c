/*
 * Files that the pod's root will own, written by the host's root: every one is
 * new, and reached from the root's descriptor through no link and over no
 * mount.
 */
#include "stage1/nspawn/nspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "stage1/common/contract.h"

#define OURS                                                                   \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |       \
	    RESOLVE_NO_XDEV)

static uint8_t record[PS_MAX_PLAN];

static int
open_ours(int dir, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = {
	    .flags = flags | O_CLOEXEC, .mode = mode, .resolve = OURS};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int
write_new(int root, const char *where, const char *name, uint32_t owner,
    unsigned mode, const void *p, size_t n)
{
	_cleanup_fd_ int dir = open_ours(root, where, O_PATH | O_DIRECTORY, 0);
	_cleanup_fd_ int fd = -1;
	int r;

	if (dir < 0)
		return dir;
	fd = open_ours(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	r = ps_write_full(fd, p, n);
	if (r < 0)
		return r;
	return fchown(fd, owner, owner) < 0 || fchmod(fd, mode) < 0 ? -errno
								    : 0;
}

static int
link_new(int root, const char *where, const char *name, uint32_t owner)
{
	_cleanup_fd_ int dir = open_ours(root, where, O_PATH | O_DIRECTORY, 0);
	char to[300];

	if (dir < 0)
		return dir;
	(void)snprintf(to, sizeof(to), "../%s", name);
	if (symlinkat(to, dir, name) < 0 ||
	    fchownat(dir, name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* The record as it was proved, encoded again from its decoded fields. */
static int
encode(const struct ps_msg_PLAN_APP *a, size_t *ret_n)
{
	struct ps_writer w = {
	    .p = record + PS_HEADER, .size = sizeof(record) - PS_HEADER};
	struct ps_writer head = {.p = record, .size = PS_HEADER};
	int r = ps_encode_PLAN_APP(&w, a);

	if (r < 0)
		return r;
	ps_put_header(&head,
	    &(struct ps_header){.type = PS_PLAN_APP, .length = (uint32_t)w.at});
	*ret_n = PS_HEADER + w.at;
	return head.error;
}

static int
write_unit(int root, uint32_t base, const char *name, int length,
    const char *text)
{
	if (length < 0)
		return length;
	return write_new(
	    root, S1_UNIT_DIR, name, base, 0644, text, (size_t)length);
}

static int
want_ready(int root, uint32_t base)
{
	int r = link_new(root, S1_WANTS_DIR, S1_READY_UNIT, base);

	return r == -EEXIST ? 0 : r;
}

/* Behind the name; what systemd allows of one is what a file may be called. */
static int
named(char ret[256], const char *app, const char *suffix)
{
	return snprintf(ret, 256, "%s%s", app, suffix) >= 256 ? -ENAMETOOLONG
							      : 0;
}

int
s1_write_app(int root, uint32_t base, const struct s1_unit *u)
{
	static char text[16384];
	const struct ps_msg_PLAN_APP *a = u->app;
	char name[256];
	size_t length;
	int r = encode(a, &length);

	if (r == 0)
		r = write_new(
		    root, S1_PLAN_DIR, a->name, base, 0400, record, length);
	if (r == 0)
		r = named(name, a->name, "-created");
	if (r == 0)
		r = write_new(root, S1_STATUS_DIR, name, base, 0644, "", 0);
	if (r == 0 && u->n_sockets > 0) {
		(void)named(name, a->name, ".socket");
		r = write_unit(root, base, name,
		    s1_format_socket(u, text, sizeof(text)), text);
	}
	if (r < 0)
		return r;
	(void)named(name, a->name, ".service");
	r = write_unit(root, base, name,
	    s1_format_service(u, text, sizeof(text)), text);
	if (r == 0)
		r = link_new(root, S1_WANTS_DIR, name, base);
	return r < 0 || !a->notify ? r : want_ready(root, base);
}

/* What is made in it has its group: members may read the log. */
static int
own_journal(int dir, const char *path, uint32_t base, uint32_t gid)
{
	int fd = open_ours(dir, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	if (fchown(fd, base, gid) < 0 || fchmod(fd, 02750) < 0) {
		(void)close(fd);
		return -errno;
	}
	return fd;
}

static int
make_journal(int root, const char *uuid, uint32_t base, uint32_t gid)
{
	_cleanup_fd_ int all = -1, own = -1;
	char id[33];
	size_t n = 0;

	for (; *uuid && n < 32; uuid++)
		if (*uuid != '-')
			id[n++] = *uuid;
	id[n] = '\0';
	all = own_journal(root, "var/log/journal", base, gid);
	if (all < 0)
		return all;
	if (mkdirat(all, id, 0700) < 0)
		return -errno;
	own = own_journal(all, id, base, gid);
	return own < 0 ? own : 0;
}

int
s1_write_pod(
    int root, uint32_t base, const struct ps_msg_PLAN_POD *p, uint32_t gid)
{
	static char text[PS_COUNT(p->sysctls) * 512];
	int r = make_journal(root, p->uuid, base, gid);
	size_t n = 0;

	for (unsigned i = 0; i < p->n_sysctls; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "%s\n", p->sysctls[i]);
	if (r == 0 && n > 0)
		r = write_new(root, "rkt", "sysctl", base, 0400, text, n);
	if (r == 0 && p->n_resolv_conf > 0)
		r = write_new(root, "etc", "rkt-resolv.conf", base, 0644,
		    p->resolv_conf, p->n_resolv_conf);
	if (r == 0 && p->n_hosts > 0)
		r = write_new(root, "etc", "rkt-hosts", base, 0644, p->hosts,
		    p->n_hosts);
	if (r == 0 && p->mutable)
		r = write_new(root, "rkt", "mutable", 0, 0444, "", 0);
	if (r == 0 && p->mutable)
		r = want_ready(root, base);
	return r;
}
