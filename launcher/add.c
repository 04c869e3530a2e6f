/*
 * Apps that come to a pod and go.  Runs as root.  HOSTILE: the requests.  What
 * is the pod's own to do it does itself, asked through its door by a child that
 * gives up root; here are the app's file systems, which are attached in the
 * mount namespace of the pod's supervisor and reach the pod from there, never
 * from inside.  No process of the host joins a pod.
 *
 * apps/NAME, the plan as it was proved, is written before anything else and
 * taken away last: whoever finds it clears up what a killed launcher left.
 */
#include "launcher/add.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/cgroup.h"
#include "launcher/files.h"
#include "launcher/mount.h"
#include "launcher/prepared.h"
#include "launcher/running.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/volume.h"
#include "privsep/attr.h"
#include "privsep/fds.h"

#define INSIDE_MS 120000 /* for the pod's part: an app has 90 s to stop */

/* A change of a pod's apps. */
static struct change {
	struct ln_running pod;
	int lock; /* the directory `mutable`, which only such a pod has */
	int apps; /* another */
	int here; /* the mount namespace of this process */
	char groups[LN_CGROUP_TEXT];
} c = { .pod = { -1, -1, -1, -1 }, .lock = -1, .apps = -1, .here = -1 };

static struct ln_plan added; /* of apps/NAME */
static uint8_t bytes[PS_MAX_PLAN];

/* The manifest is the one that the conductor has read: what others wrote in the
 * meantime is not lost.  0; -ESTALE, or another negative errno. */
static int
compare(uint64_t since)
{
	_cleanup_fd_ int fd = ln_open_file(c.pod.pod, "pod");
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 +
	    (uint64_t)st.st_mtim.tv_nsec == since ? 0 : -ESTALE;
}

/* 0; 1 REFUSED was sent; or a negative errno. */
static int
begin(struct ln_session *s, const char *uuid, uint64_t since)
{
	int r = ln_running_open(s, uuid, LN_INSIDE, &c.pod);

	if (r > 0)
		return r;
	c.lock = r < 0 ? r : ln_open_dir(c.pod.pod, "mutable");
	if (c.lock == -ENOENT)
		return ln_refuse(s, PS_REFUSED_PLAN, "pod \"%s\" has the apps that it "
		    "began with: only those of rkt app sandbox change", uuid);
	r = c.lock < 0 ? c.lock : ln_lock_wait(c.lock);
	if (r == 0)
		r = compare(since);
	if (r == -EWOULDBLOCK || r == -ESTALE)
		return ln_refuse(s, PS_REFUSED_BUSY, "the apps of pod \"%s\" %s: try "
		    "again", uuid, r == -ESTALE ? "changed meanwhile" : "are changing");
	c.apps = r < 0 ? r : ln_open_dir(c.pod.pod, "apps");
	r = c.apps < 0 ? c.apps : ln_read_words(c.pod.pod, "cgroup", c.groups,
				      sizeof(c.groups));
	return ln_refuse_error(s, r, "cannot change the pod");
}

static void
end(void)
{
	ln_running_close(&c.pod);
	ps_close_fd(&c.lock);
	ps_close_fd(&c.apps);
	ps_close_fd(&c.here);
}

/* The pod's own part, by a child that gives up root and knocks at its door.
 * What it says of a failure goes to the person; its exit code, or negative. */
static int
ask(const char *app, const char *what)
{
	static char *argv[5], *const env[] = { NULL };
	const char *const words[] = { "stage1-enter", "manage", app, what };
	_cleanup_fd_ int plan = ln_open_file(c.apps, app);
	/* The lock is held while the child lives, whoever kills this process. */
	const int fds[] = { plan, c.pod.pod, c.pod.init, c.lock };
	int child = -1, status, r = plan < 0 ? plan : 0;

	memcpy(argv, words, sizeof(words)); /* execve lacks the const */
	if (r == 0)
		r = sys_start(argv, env, fds, PS_COUNT(fds), &child);
	if (r < 0)
		return r;
	r = sys_wait(child, INSIDE_MS, &status);
	if (r < 0)
		(void)sys_kill(child);
	ps_close_fd(&child);
	return r < 0 ? r : status;
}

/* One of the pod's plans names the image: 64 bytes that are nothing else. */
static bool
is_named(int pod, const uint8_t image[PS_DIGEST])
{
	_cleanup_list_ DIR *list = NULL;
	_cleanup_fd_ int apps = ln_open_dir(pod, "apps");
	const char *name;
	bool found = false;
	uint64_t n;

	(void)ln_list(apps, ".", &list);
	while (!found && (name = ln_next(list)) != NULL)
		found = ln_read_file(apps, name, bytes, sizeof(bytes), &n) == 0 &&
		    memmem(bytes, n, image, PS_DIGEST);
	return found;
}

bool
ln_is_added(struct ln_session *s, const uint8_t image[PS_DIGEST])
{
	_cleanup_list_ DIR *list = NULL;
	const char *uuid;
	bool found = ln_list(s->pods, "run", &list) < 0; /* not known is yes */

	while (!found && (uuid = ln_next(list)) != NULL) {
		_cleanup_fd_ int pod = ln_open_dir(dirfd(list), uuid);

		/* It runs while another holds its lock. */
		found = pod >= 0 && sys_flock(pod, false) == -EWOULDBLOCK &&
		    is_named(pod, image);
	}
	return found;
}

/* What a name in a directory of the pod's is, and all below it, goes.  What was
 * attached on it in the supervisor's namespace and in the pod's comes off with
 * it: the kernel takes mounts off a directory that is removed elsewhere. */
static int
clear(const char *where, const char *prefix, const char *name)
{
	_cleanup_fd_ int dir = ln_open_dir(c.pod.pod, where);
	int r = dir < 0 ? dir : ln_remove_tree(dir, ln_path("%s%s", prefix, name));

	if (r != -ENOENT)
		return r;
	if (dir >= 0)
		ln_sweep(dir); /* what one that was killed had renamed */
	return 0;
}

/* All that the launcher made for the one app of this plan; the plan last. */
static int
clear_app(const struct ln_plan *plan)
{
	const char *app = plan->app[0].name;
	int r = clear("mutable/stage2", "", app);

	for (uint16_t i = 0; r == 0 && i < plan->pod.volumes; i++)
		r = clear("mutable/volumes", "", plan->volume[i].name);
	if (r == 0)
		r = clear("overlay", "app-", app);
	if (r == 0)
		r = ln_cgroup_remove_app(c.groups, app);
	return r < 0 ? r : sys_unlink(c.apps, app, false);
}

/* --- add ------------------------------------------------------------------ */

/* Nothing of these names is there, so that all there is of them later is of
 * this plan. */
static int
is_free(struct ln_session *s, const struct ln_plan *plan)
{
	_cleanup_fd_ int app =
	    sys_open(c.apps, plan->app[0].name, O_PATH, 0, SYS_BENEATH);

	if (app != -ENOENT)
		return ln_refuse(s, PS_REFUSED_BUSY, "pod \"%s\" has an app \"%s\", or "
		    "what is left of one: rkt app rm --app=%s takes it away",
		    plan->pod.uuid, plan->app[0].name, plan->app[0].name);
	for (uint16_t i = 0; i < plan->pod.volumes; i++) {
		_cleanup_fd_ int volume = sys_open(c.pod.pod,
		    ln_path("mutable/volumes/%s", plan->volume[i].name), O_PATH, 0,
		    SYS_BENEATH);

		if (volume != -ENOENT)
			return ln_refuse(s, PS_REFUSED_BUSY,
			    "another app of the pod has a volume \"%s\"",
			    plan->volume[i].name);
	}
	return 0;
}

/* Made in this process's own namespace, attached in the supervisor's. */
static int
mount(struct ln_session *s, const struct ln_plan *plan, uint32_t base)
{
	const char *app = plan->app[0].name;
	_cleanup_fd_ int root = -1;
	int r = ln_make_dirs(c.pod.pod, ln_path("mutable/stage2/%s/rootfs", app), 0,
	    0711);

	root = r < 0 ? r : ln_mount_app(s, plan, 0, base);
	r = root < 0 ? root : ln_volume_dirs(s, plan, base);
	if (r == 0)
		r = ln_volume_make(plan, base);
	c.here = r < 0 ? r : sys_open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0,
				 SYS_HOST);
	r = c.here < 0 ? c.here : sys_join(c.pod.stage1);
	if (r < 0)
		return r;
	r = sys_attach(root, c.pod.there,
	    ln_path("stage1/rootfs/opt/stage2/%s/rootfs", app));
	if (r == 0)
		r = ln_volume_attach(plan, c.pod.there);
	/* What is taken away is taken away from here. */
	return sys_join(c.here) < 0 ? -EIO : r;
}

/* 0; 1 REFUSED was sent; or a negative errno. */
static int
build(struct ln_session *s, const struct ln_plan *plan)
{
	const char *missing = "";
	uint32_t base = 0;
	int r = ln_pod_base(c.pod.pod, &base);

	if (r == 0)
		r = mount(s, plan, base);
	r = ln_volume_done(s, r, "cannot mount the app's file systems");
	if (r != 0)
		return r;
	r = ln_cgroup_add_app(plan->pod.uuid, c.groups, &plan->app[0], base,
	    &missing);
	if (r < 0 && (s->policy.best_effort & PS_PROTECT_CGROUP) == 0)
		return ln_refuse(s, PS_REFUSED_PROTECTION, "the cgroup controller "
		    "\"%s\" cannot be used (%s)", missing, strerror(-r));
	r = ask(plan->app[0].name, "add");
	if (r != 0)
		return ln_refuse(s, PS_REFUSED_SYSTEM, "pod \"%s\" does not take the "
		    "app%s%s", plan->pod.uuid, r < 0 ? ": " : "",
		    r < 0 ? strerror(-r) : "");
	r = ln_replace_file(s, c.pod.pod, "pod", plan->pod.manifest,
	    plan->pod.n_manifest);
	return ln_refuse_error(s, r, "cannot write the pod");
}

int
ln_add_app(struct ln_session *s, const struct ln_addition *a)
{
	const struct ln_plan *plan = a->plan;
	const char *app = plan->app[0].name;
	int r = begin(s, plan->pod.uuid, a->since);

	if (r == 0)
		r = is_free(s, plan);
	if (r == 0) {
		s->pod = ln_open_dir(c.pod.pod, ".");
		r = s->pod < 0 ? s->pod : ln_replace_file(s, c.apps, app,
				     a->bytes, a->size);
		r = r < 0 ? ln_refuse_error(s, r, "cannot write the pod") :
			    build(s, plan);
		if (r != 0) {
			(void)ask(app, "remove");
			/* Its layers, which are mounted here alone. */
			ln_unmount_pod(s, plan);
			(void)clear_app(plan);
		}
	}
	end();
	return r != 0 ? r : ln_starting(s, plan->pod.uuid, NULL);
}

/* --- remove --------------------------------------------------------------- */

static int
take_away(struct ln_session *s, const char *app, int manifest, uint64_t size)
{
	static uint8_t text[PS_MAX_MANIFEST];
	uint64_t n;
	int r = ln_read_file(c.apps, app, bytes, sizeof(bytes), &n), e;

	if (r == 0)
		r = ln_plan_decode(bytes, n, &added);
	/* None of that name, but in the manifest; then that is what goes. */
	if (r < 0 && r != -ENOENT)
		return ln_refuse_error(s, r, "cannot read the app's plan");
	e = r < 0 ? 0 : ask(app, "remove");
	if (e != 0)
		return ln_refuse(s, PS_REFUSED_SYSTEM, "the pod does not let go of app "
		    "\"%s\"%s%s", app, e < 0 ? ": " : "", e < 0 ? strerror(-e) : "");
	e = ps_pread_full(manifest, text, size, 0);
	if (e == 0)
		e = ln_replace_file(s, c.pod.pod, "pod", text, size);
	if (e == 0 && r == 0)
		e = clear_app(&added);
	return ln_refuse_error(s, e, "cannot remove the app");
}

int
ln_remove_app(struct ln_session *s, const struct ps_msg_ENTER_POD *m,
    int manifest)
{
	uint64_t size;
	int r = ps_check_sealed(manifest, PS_MAX_MANIFEST, &size) < 0 ? -EPROTO :
									begin(s, m->uuid, m->since);

	if (r == 0)
		r = take_away(s, m->app, manifest, size);
	end();
	return r != 0 ? r : ln_done(s);
}
