/*
 * Volumes.  Runs as root.  HOSTILE: whoever may write in a host volume's
 * directories, while we look.  Each source is opened once, without following
 * links, and from there on is that descriptor.
 */
#include "launcher/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "launcher/files.h"
#include "launcher/sys.h"
#include "privsep/attr.h"

static int sources[PS_MAX_VOLUMES], mounts[PS_MAX_VOLUMES];
static uint16_t n_sources;
static struct stat is[PS_MAX_VOLUMES]; /* sources, as they were opened */
static char trouble[512];

static int
fail(const struct ps_msg_PLAN_VOLUME *v, int r, const char *remedy)
{
	if (r < 0)
		(void)snprintf(trouble, sizeof(trouble), "volume \"%.64s\": %.255s: %s%s",
		    v->name, v->source, strerror(-r), remedy);
	return r;
}

/* A directory or a file, empty, to mount over; or, for an empty volume, the
 * volume itself. */
static int
make_place(int volumes, const struct ps_msg_PLAN_VOLUME *v, bool directory,
    uint32_t base)
{
	bool empty = v->kind == PS_VOLUME_EMPTY;
	_cleanup_fd_ int fd = -1;
	int r = 0;

	if (directory)
		r = sys_mkdir(volumes, v->name, 0700);
	fd = r < 0 ? r : sys_open(volumes, v->name, directory ?
		O_RDONLY | O_DIRECTORY : O_RDONLY | O_CREAT | O_EXCL, directory ? 0 : 0600,
	    SYS_BENEATH);
	if (fd < 0)
		return fd;
	return sys_own(fd, base + (empty ? v->uid : 0), base + (empty ? v->gid : 0),
	    empty ? v->mode : 0700);
}

static int
open_source(const struct ps_msg_PLAN_VOLUME *v, int *ret, struct stat *ret_st)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, v->source, O_PATH, 0, SYS_NO_LINKS);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return fail(v, fd < 0 ? fd : -errno, fd == -ELOOP ?
			" (its path holds a symbolic link: name the real path)" : "");
	*ret = take_fd(fd);
	return 0;
}

int
ln_volume_dirs(struct ln_session *s, const struct ln_plan *plan, uint32_t base)
{
	/* A mutable pod's have a directory of their own: mount.c. */
	const char *path = plan->pod.mutable ? "mutable/volumes" :
					       "overlay/stage1/upper/rkt/volumes";
	_cleanup_fd_ int volumes = -1;
	int r;

	if (plan->pod.volumes == 0)
		return 0;
	volumes = ln_make_path(s->pod, path, SYS_BENEATH, base, 0711);
	r = volumes < 0 ? volumes : 0;
	for (uint16_t i = 0; r == 0 && i < plan->pod.volumes; i++) {
		const struct ps_msg_PLAN_VOLUME *v = &plan->volume[i];

		sources[i] = mounts[i] = -1;
		n_sources = (uint16_t)(i + 1);
		is[i].st_mode = S_IFDIR;
		if (v->kind == PS_VOLUME_HOST)
			r = open_source(v, &sources[i], &is[i]);
		if (r == 0)
			r = make_place(volumes, v, S_ISDIR(is[i].st_mode), base);
	}
	return r;
}

int
ln_volume_done(struct ln_session *s, int r, const char *what)
{
	if (r < 0 && trouble[0])
		r = ln_refuse(s, PS_REFUSED_SYSTEM, "%s", trouble);
	while (n_sources > 0) {
		ps_close_fd(&mounts[--n_sources]);
		ps_close_fd(&sources[n_sources]);
	}
	trouble[0] = '\0';
	return ln_refuse_error(s, r, what);
}

/* Never set-user-ID, no devices. */
static int
mount_host(const struct ps_msg_PLAN_VOLUME *v, int source, int userns)
{
	_cleanup_fd_ int mount = sys_bind(source, v->recursive == 1);
	int r = mount < 0 ? mount : sys_restrict(mount, v->recursive == 1,
		    v->readonly == 1, v->idmap == PS_IDMAP_HOST ? userns : -1);

	if (r < 0)
		return fail(v, r, (r == -EINVAL || r == -EPERM) &&
			v->idmap == PS_IDMAP_HOST ?
			" (owners cannot be mapped on that file system, or on one "
			"mounted below it: add idmap=pod, or recursive=false)" : "");
	return take_fd(mount);
}

static bool
is_device(size_t i)
{
	return S_ISBLK(is[i].st_mode) || S_ISCHR(is[i].st_mode);
}

/* A mount that is read-only lets a device be written: what one app shall not
 * write, none does. */
static bool
is_readonly(const struct ln_plan *plan, size_t i)
{
	bool readonly = plan->volume[i].readonly == 1;

	for (uint16_t k = 0; k < plan->pod.apps; k++)
		for (uint16_t m = 0; m < plan->app[k].n_mount_volume; m++)
			readonly |= plan->app[k].mount_flags[m] != 0 &&
			    strcmp(plan->app[k].mount_volume[m],
				plan->volume[i].name) == 0;
	return readonly;
}

/* Its owners are the pod's, which a mount of the host's cannot do: devtmpfs
 * knows no maps.  Where the group is none of the pod's, no capability there
 * helps to write what the mode does not allow. */
static int
mount_device(const struct ln_plan *plan, size_t i, uint32_t base)
{
	const bool readonly = is_readonly(plan, i);
	uint32_t ids[] = { is[i].st_uid, is[i].st_gid };

	for (size_t k = 0; plan->volume[i].idmap == PS_IDMAP_HOST && k < 2; k++)
		ids[k] = ids[k] < PS_RANGE ? base + ids[k] : 0;
	return sys_node(is[i].st_mode & (S_IFMT | (readonly ? 0444 : 0666)),
	    is[i].st_rdev, ids[0], readonly ? 0 : ids[1]);
}

static int
mount_one(const struct ln_plan *plan, size_t i, uint32_t base, int userns)
{
	const struct ps_msg_PLAN_VOLUME *v = &plan->volume[i];
	int r;

	if (v->kind == PS_VOLUME_TMPFS)
		return sys_tmpfs(v->size, v->mode, base + v->uid, base + v->gid,
		    v->readonly == 1);
	if (!is_device(i))
		return mount_host(v, sources[i], userns);
	r = mount_device(plan, i, base);
	return fail(v, r, "");
}

int
ln_volume_make(const struct ln_plan *plan, uint32_t base)
{
	_cleanup_fd_ int userns = -1;

	for (uint16_t i = 0; i < plan->pod.volumes; i++) {
		const struct ps_msg_PLAN_VOLUME *v = &plan->volume[i];

		if (v->kind == PS_VOLUME_EMPTY)
			continue;
		/* The host's ids 0 to 65535 are the pod's. */
		if (userns < 0)
			userns = sys_userns(0, base, PS_RANGE);
		mounts[i] = userns < 0 ? userns : mount_one(plan, i, base, userns);
		if (mounts[i] < 0)
			return mounts[i];
	}
	return 0;
}

int
ln_volume_attach(const struct ln_plan *plan, int dir)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < plan->pod.volumes; i++)
		if (mounts[i] >= 0)
			r = sys_attach(mounts[i], dir, ln_path(
			    "stage1/rootfs/rkt/volumes/%s", plan->volume[i].name));
	return r;
}

int
ln_volume_properties(const struct ln_plan *plan, char *ret, size_t size)
{
	for (uint16_t i = 0; i < plan->pod.volumes; i++) {
		int n = !is_device(i) ? 0 : snprintf(ret, size,
		    "property --property=DeviceAllow=/dev/%s/%u:%u %s\n",
		    S_ISBLK(is[i].st_mode) ? "block" : "char", major(is[i].st_rdev),
		    minor(is[i].st_rdev), is_readonly(plan, i) ? "r" : "rw");

		if (n < 0 || (size_t)n >= size)
			return -E2BIG;
		ret += n;
		size -= (size_t)n;
	}
	return 0;
}
