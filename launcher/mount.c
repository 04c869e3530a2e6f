/*
 * The file systems of a pod: an overlay for its own root and for each app's,
 * over trees of the store that are seen through the pod's ids.  Runs as root,
 * in a mount namespace of its own; every path is ours below the pod's
 * directory.  Nothing here grows with the size of an image.
 */
#include "launcher/mount.h"

#include <fcntl.h>
#include <stdio.h>

#include "launcher/files.h"
#include "launcher/sys.h"
#include "launcher/volume.h"
#include "privsep/attr.h"
#include "privsep/paths.h"

/* The root of an app, or of the pod. */
struct root {
	const char *name; /* below overlay/: ours, or an AC name behind "app-" */
	mode_t mode;	  /* of overlay/NAME */
	int store;
	const struct ln_lowers *lowers; /* below store; NULL: that of stage1 */
};

/* What the kernel takes as one option is short: layers are 0:1:... here, below
 * the working directory. */
static int
mount_lowers(const struct root *root, int dir, int userns, char ret[128])
{
	const uint16_t n = root->lowers ? root->lowers->n : 1;
	size_t at = 0;
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < n; i++) {
		_cleanup_fd_ int source = -1;
		const char *name = ln_path("%u", i);
		const char *path = root->lowers ?
		    ln_lower_path(&root->lowers->v[i]) : "stage1/nspawn/rootfs";

		at += (size_t)snprintf(ret + at, 128 - at, "%s%s", i ? ":" : "",
		    name);
		r = ln_make_dirs(dir, name, 0, 0755);
		source = r < 0 ? r : sys_idmapped(root->store, path, userns);
		r = source < 0 ? source : sys_attach(source, dir, name);
	}
	return r;
}

/* Layers (read-only, through the pod's ids) and a new upper, detached. */
static int
make_root(struct ln_session *s, const struct root *root, uint32_t base,
    int userns)
{
	char lowers[128] = "";
	_cleanup_fd_ int dir = ln_make_path(s->pod, ln_path("overlay/%s", root->name),
	    SYS_BENEATH, 0, root->mode), overlay = -1;
	int r = dir < 0 ? dir : ln_make_dirs(dir, "upper", base, 0755);

	if (r == 0)
		r = ln_make_dirs(dir, "work", base, 0755);
	if (r == 0)
		r = mount_lowers(root, dir, userns, lowers);
	if (r == 0)
		r = sys_chdir(dir);
	overlay = r < 0 ? r : sys_overlay(lowers, "upper", "work");
	r = overlay < 0 ? overlay : sys_chdir(s->pod);
	return r < 0 ? r : take_fd(overlay);
}

static int
make_app(struct ln_session *s, const struct ln_plan *plan, uint16_t i,
    uint32_t base, int userns)
{
	/* What an app writes, set-user-ID files too, is for no user of the host
	 * (CVE-2024-25621). */
	const struct root root = { .name = ln_path("app-%s", plan->app[i].name),
		.mode = 0700, .store = s->image, .lowers = &plan->lowers[i] };

	return make_root(s, &root, base, userns);
}

int
ln_mount_app(struct ln_session *s, const struct ln_plan *plan, uint16_t i,
    uint32_t base)
{
	_cleanup_fd_ int userns = sys_userns(PS_FOREIGN_BASE, base, PS_RANGE);

	return userns < 0 ? userns : make_app(s, plan, i, base, userns);
}

static int
mount_apps(struct ln_session *s, const struct ln_plan *plan, uint32_t base,
    int userns)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < plan->pod.apps; i++) {
		_cleanup_fd_ int overlay = make_app(s, plan, i, base, userns);

		r = overlay < 0 ? overlay : sys_attach(overlay, s->pod, ln_path(
		    "stage1/rootfs/opt/stage2/%s/rootfs", plan->app[i].name));
	}
	return r;
}

int
ln_mount_read(struct ln_session *s, const struct ln_plan *plan, uint16_t i,
    uint32_t base)
{
	const struct root root = { .store = s->image,
		.lowers = &plan->lowers[i] };
	char lowers[128] = "";
	_cleanup_fd_ int userns = -1, overlay = -1, dir = ln_open_dir(s->pod,
	    ln_path("overlay/app-%s", plan->app[i].name));
	int r;

	userns = dir < 0 ? dir : sys_userns(PS_FOREIGN_BASE, base, PS_RANGE);
	r = userns < 0 ? userns : mount_lowers(&root, dir, userns, lowers);
	if (r == 0)
		r = sys_chdir(dir);
	/* What the app wrote is one more layer that is read. */
	overlay = r < 0 ? r : sys_overlay(ln_path("upper:%s", lowers), NULL, NULL);
	r = sys_chdir(s->data);
	if (overlay < 0 || r < 0)
		return overlay < 0 ? overlay : r;
	return ln_open_dir(overlay, ".");
}

/* What the pod's root needs in its upper layer before it is mounted. */
static int
make_stage1_dirs(struct ln_session *s, const struct ln_plan *plan, uint32_t base)
{
	int r = ln_make_dirs(s->pod, "stage1/rootfs", 0, 0755);

	if (r == 0)
		r = ln_make_dirs(s->pod, "overlay/stage1", 0, 0755);
	if (r == 0)
		r = ln_make_dirs(s->pod, "overlay/stage1/upper", base, 0755);
	/* Others walk through it to what apps say at their end. */
	if (r == 0)
		r = ln_make_dirs(s->pod, "overlay/stage1/upper/rkt", base, 0711);
	for (uint16_t i = 0; r == 0 && i < plan->pod.apps; i++)
		r = ln_make_dirs(s->pod, ln_path("overlay/stage1/upper/opt/stage2/"
		    "%s/rootfs", plan->app[i].name), base, 0755);
	return r;
}

/* What the pod executes with more rights than an app has is not for its root
 * to change: an app that got hold of appexec's own file (CVE-2019-5736) would be
 * that root.  Mounted from outside its user namespace, it stays read-only. */
static int
protect_stage1(struct ln_session *s, int stage1, int userns)
{
	_cleanup_fd_ int usr =
	    sys_idmapped(stage1, "stage1/nspawn/rootfs/usr", userns);

	return usr < 0 ? usr : sys_attach(usr, s->pod, "stage1/rootfs/usr");
}

/* Where what comes later is attached: in nspawn's mount namespace, whose
 * mounts reach the pod's with their flags locked, for they come from outside
 * its user namespace.  The directories are root's: a pod does not write there. */
static int
share(struct ln_session *s)
{
	static const char *const rows[][2] = {
		{ "mutable/stage2", "stage1/rootfs/opt/stage2" },
		{ "mutable/volumes", "stage1/rootfs/rkt/volumes" },
	};
	int r = ln_make_dirs(s->pod, "apps", 0, 0755);

	if (r == 0)
		r = ln_make_dirs(s->pod, "mutable", 0, 0700);

	for (size_t i = 0; r == 0 && i < PS_COUNT(rows); i++) {
		_cleanup_fd_ int dir = -1, mount = -1;

		r = ln_make_dirs(s->pod, rows[i][0], 0, 0711);
		dir = r < 0 ? r : sys_open(s->pod, rows[i][0],
		    O_PATH | O_DIRECTORY, 0, SYS_BENEATH);
		mount = dir < 0 ? dir : sys_bind(dir, false);
		r = mount < 0 ? mount : sys_restrict(mount, false, false, -1);
		if (r == 0)
			r = sys_attach(mount, s->pod, rows[i][1]);
		if (r == 0)
			r = sys_shared(mount);
	}
	return r;
}

int
ln_mount_pod(struct ln_session *s, const struct ln_plan *plan, uint32_t base)
{
	struct root root = { .name = "stage1", .mode = 0755 };
	_cleanup_fd_ int userns = -1, stage1 = -1, overlay = -1;
	int r;

	userns = sys_userns(PS_FOREIGN_BASE, base, PS_RANGE);
	stage1 = userns < 0 ? userns : sys_open(AT_FDCWD, ps_vendor_dir,
	    O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	r = stage1 < 0 ? stage1 : sys_chdir(s->pod);
	if (r == 0)
		r = make_stage1_dirs(s, plan, base);
	if (r == 0)
		r = ln_volume_dirs(s, plan, base);
	root.store = stage1;
	overlay = r < 0 ? r : make_root(s, &root, base, userns);
	r = overlay < 0 ? overlay : sys_attach(overlay, s->pod, "stage1/rootfs");
	if (r == 0)
		r = protect_stage1(s, stage1, userns);
	if (r == 0 && plan->pod.mutable)
		r = share(s);
	if (r == 0)
		r = mount_apps(s, plan, base, userns);
	if (r == 0)
		r = ln_volume_make(plan, base);
	return r == 0 ? ln_volume_attach(plan, s->pod) : r;
}

void
ln_unmount_pod(struct ln_session *s, const struct ln_plan *plan)
{
	(void)sys_chdir(s->data);
	(void)sys_detach(s->pod, "stage1/rootfs");
	(void)sys_detach(s->pod, "overlay/stage1/0");
	for (uint16_t i = 0; i < plan->pod.apps; i++)
		for (uint16_t k = 0; k < plan->lowers[i].n; k++)
			(void)sys_detach(s->pod, ln_path("overlay/app-%s/%u",
			    plan->app[i].name, k));
}
