/*
 * Cgroups.  Runs as root, below /sys/fs/cgroup alone; every name is ours or
 * the kernel's.
 */
#include "launcher/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "launcher/files.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define CGROUP "/sys/fs/cgroup"
#define MAX_DEPTH 200u /* of what a pod made; two descriptors each */

/* --- where --------------------------------------------------------------- */

#define LINE 3000

static bool
next_line(const char **text, char ret[LINE])
{
	size_t n = strcspn(*text, "\n");

	if (**text == '\0')
		return false;
	(void)snprintf(ret, LINE, "%.*s", n < LINE ? (int)n : 0, *text);
	*text += n + ((*text)[n] == '\n');
	return true;
}

/* The list ends where a line or a path does. */
static bool
has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (strncmp(list, word, n) != 0 || !strchr(", /\n", list[n])) {
		list += strcspn(list, ", /\n");
		if (*list != ',' && *list != ' ')
			return false;
		list++;
	}
	return true;
}

static int
open_dir(const char *path)
{
	return sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
}

/* The directory that a group is in, which is called so (NULL: as it likes);
 * path is cut there. */
static int
open_above(char *path, const char *name)
{
	char *slash = strrchr(path, '/');

	if (strncmp(path, CGROUP "/", sizeof(CGROUP)) != 0 || !slash ||
	    (name && strcmp(slash + 1, name) != 0))
		return -EINVAL;
	*slash = '\0';
	return open_dir(path);
}

/* A pod's group where that controller is; NULL: v2's. */
static int
find(const char *paths, const char *controller, char ret[LINE])
{
	while (next_line(&paths, ret))
		if (strncmp(ret, CGROUP "/", sizeof(CGROUP)) == 0 && (!controller ||
		    has_word(ret + sizeof(CGROUP), controller)))
			return 0;
	return -ENOENT;
}

static void
note(char *paths, const char *mount, const char *own, const char *uuid)
{
	size_t at = strlen(paths), left = LN_CGROUP_TEXT - at;
	int n = snprintf(paths + at, left, CGROUP "%s%s/rkt-%s\n", mount,
	    strcmp(own, "/") == 0 ? "" : own, uuid);

	if (n < 0 || (size_t)n >= left)
		paths[at] = '\0';
}

/* Where v1's hierarchies are mounted is what they are called. */
static void
note_v1(char *paths, const char *names, const char *own, const char *uuid)
{
	char mount[64];

	(void)snprintf(mount, sizeof(mount), "/%s", names);
	/* nspawn mirrors the path that it has in v2's into name=systemd. */
	if (*names == '\0' || strcmp(names, "name=systemd") == 0)
		note(paths, "/systemd", own, uuid);
	if (*names == '\0')
		note(paths, "/unified", own, uuid);
	for (size_t i = 0; i < LN_CONTROLLERS; i++)
		if (has_word(names, ln_controllers[i][LN_V1])) {
			note(paths, mount, own, uuid);
			break;
		}
}

bool
ln_cgroup_is_v2(void)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, CGROUP "/cgroup.controllers",
	    O_RDONLY, 0, SYS_HOST);

	return fd >= 0;
}

/* Lines are "7:cpu,cpuacct:/a/b". */
int
ln_cgroup_paths(const char *uuid, char paths[LN_CGROUP_TEXT])
{
	static char self[4096];
	const bool v2 = ln_cgroup_is_v2();
	int r = ln_read_text("/proc/self/cgroup", self, sizeof(self));
	const char *rest = self;
	char line[LINE];

	paths[0] = '\0';
	while (r == 0 && next_line(&rest, line)) {
		char *names = strchr(line, ':');
		char *own = names ? strchr(names + 1, ':') : NULL;

		if (!own)
			continue;
		*own++ = '\0';
		if (!v2)
			note_v1(paths, names + 1, own, uuid);
		else if (names[1] == '\0')
			note(paths, "", own, uuid);
	}
	return r;
}

bool
ln_cgroup_in_service(const char *paths)
{
	return strstr(paths, ".service/rkt-") != NULL;
}

/* --- making -------------------------------------------------------------- */

/* mkdir it; its descriptor.  One that stands there already is another pod's:
 * its limits are not this plan's to set. */
static int
make(const char *paths, const char *controller, char path[LINE])
{
	int r = find(paths, controller, path);

	if (r == 0)
		r = sys_mkdir(AT_FDCWD, path, 0755);
	return r < 0 ? r : open_dir(path);
}

/* This process, and the conductor if it is named. */
static int
move(int dir, pid_t conductor)
{
	int r = sys_put(dir, "cgroup.procs", "0\n");

	if (r == 0 && conductor > 0) /* it may have ended */
		(void)sys_put(dir, "cgroup.procs", ln_path("%d", conductor));
	return r;
}

/* What the parent lends to the pod's group. */
static bool lent[LN_CONTROLLERS];

static int
lend(int parent, size_t controller, bool back)
{
	return sys_put(parent, "cgroup.subtree_control", ln_path("%c%s\n",
	    back ? '-' : '+', ln_controllers[controller][LN_V2]));
}

/* No group with processes in it lends any: where others share it, a shell's
 * for one, the files of the limits do not appear. */
static int
enter_v2(const struct ln_groups *g, const struct ln_limits *apps,
    const char **missing)
{
	bool all = g->plan->pod.mutable == 1 && !g->in_scope, limited = all;
	char path[LINE];
	_cleanup_fd_ int dir = make(g->paths, NULL, path), parent = -1;
	int r;

	*missing = "cgroup2";
	for (unsigned c = 0; c < LN_CONTROLLERS; c++)
		limited = limited || ln_limits_must(&g->pod, apps, c);
	r = dir < 0 ? dir : move(dir, limited ? g->conductor : 0);
	if (r < 0 || !limited)
		return r;
	parent = open_above(path, NULL);
	for (unsigned c = 0; c < LN_CONTROLLERS; c++) {
		int e;

		if (!all && !ln_limits_want(&g->pod, c) && !ln_limits_want(apps, c))
			continue;
		lent[c] = parent >= 0 && lend(parent, c, false) == 0;
		e = ln_limits_set(dir, c, LN_V2, &g->pod, apps);
		if (e == 0 || r < 0 || !ln_limits_must(&g->pod, apps, c))
			continue;
		*missing = ln_controllers[c][LN_V2];
		r = e;
	}
	return r;
}

struct ln_limits
ln_cgroup_apps(const struct ln_plan *plan)
{
	struct ln_limits all = { 0 };

	for (uint16_t i = 0; i < plan->pod.apps; i++) {
		const struct ln_limits l = LN_LIMITS_OF(&plan->app[i]);

		for (size_t k = 0; k < LN_LIMITS; k++)
			all.n[k] |= l.n[k];
	}
	return all;
}

/* A group of the app's own below the pod's: its processes are owner's to add. */
static int
make_app(int dir, unsigned controller, const struct ps_msg_PLAN_APP *app,
    uid_t owner)
{
	const struct ln_limits l = LN_LIMITS_OF(app);
	_cleanup_fd_ int own = -1, procs = -1;
	const char *name = ln_path("app-%s", app->name);
	int r;

	if (!ln_limits_want(&l, controller))
		return 0;
	r = sys_mkdir(dir, name, 0755);
	own = r < 0 ? r : ln_open_dir(dir, name);
	r = own < 0 ? own : ln_limits_set(own, controller, LN_V1, &l, &ln_no_limits);
	procs = r < 0 ? r : ln_open_file(own, "cgroup.procs");
	return procs < 0 ? procs : sys_own(procs, owner, owner, 0644);
}

/* To the pod, which finds those of its apps in it. */
static int
show(const struct ln_groups *g, int dir, const char *controller)
{
	_cleanup_fd_ int mount = -1, root = sys_open(g->dir, "stage1/rootfs",
	    O_RDONLY | O_DIRECTORY, 0, SYS_CROSS);
	const char *path = ln_path("rkt/cgroup/%s", controller);
	int r = root < 0 ? root : ln_make_dirs(root, path, g->owner, 0700);

	mount = r < 0 ? r : sys_bind(dir, false);
	return mount < 0 ? mount : sys_attach(mount, root, path);
}

static int
enter_controller(const struct ln_groups *g, unsigned c,
    const struct ln_limits *apps)
{
	bool of_apps = ln_limits_want(apps, c) || g->plan->pod.mutable == 1;
	const char *name = ln_controllers[c][LN_V1];
	_cleanup_fd_ int dir = -1;
	char path[LINE];
	int r;

	if (!of_apps && !ln_limits_want(&g->pod, c))
		return 0;
	/* Throttling on v1 knows no hierarchy: an app in a group of its own would
	 * be out of the pod's. */
	if (c == LN_C_IO && ln_limits_want(apps, c) && ln_limits_want(&g->pod, c))
		return -EOPNOTSUPP;
	dir = make(g->paths, name, path);
	r = dir < 0 ? dir : ln_limits_set(dir, c, LN_V1, &g->pod, &ln_no_limits);
	for (uint16_t k = 0; r == 0 && k < g->plan->pod.apps; k++)
		r = make_app(dir, c, &g->plan->app[k], g->owner);
	if (r == 0 && of_apps)
		r = show(g, dir, name);
	return r < 0 ? r : sys_put(dir, "cgroup.procs", "0\n");
}

/* First the hierarchies without limits of ours: nspawn makes its own groups
 * below, so they are put where they can be taken away again, and a pod that
 * goes on without a limit can be ended. */
static int
enter_v1(const struct ln_groups *g, const struct ln_limits *apps,
    const char **missing)
{
	static const char *const unmanaged[] = { "systemd", "unified" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < PS_COUNT(unmanaged); i++) {
		char path[LINE];
		_cleanup_fd_ int dir = make(g->paths, unmanaged[i], path);

		*missing = unmanaged[i];
		r = dir < 0 ? dir : move(dir, 0);
		r = r == -ENOENT ? 0 : r;
	}
	if (r < 0)
		return r;
	for (unsigned c = 0; c < LN_CONTROLLERS; c++) {
		int e = enter_controller(g, c, apps);

		if (e == 0 || r < 0 || !ln_limits_must(&g->pod, apps, c))
			continue;
		*missing = ln_controllers[c][LN_V1];
		r = e;
	}
	return r;
}

int
ln_cgroup_enter(const struct ln_groups *g, const char **ret_missing)
{
	const bool v2 = ln_cgroup_is_v2();
	const struct ln_limits apps = v2 && g->in_scope ? ln_no_limits :
	    ln_cgroup_apps(g->plan);

	return (v2 ? enter_v2 : enter_v1)(g, &apps, ret_missing);
}

static bool
has(const char *const names[2])
{
	char text[512];
	_cleanup_fd_ int v1 = -1;

	if (!ln_cgroup_is_v2())
		v1 = open_dir(ln_path(CGROUP "/%s", names[LN_V1]));
	return v1 >= 0 || (ln_read_text(CGROUP "/cgroup.controllers", text,
	    sizeof(text)) == 0 && has_word(text, names[LN_V2]));
}

int
ln_cgroup_check(const struct ln_limits *l, const char **ret_missing)
{
	for (unsigned c = 0; c < LN_CONTROLLERS; c++) {
		*ret_missing = ln_controllers[c][LN_V2];
		if (ln_limits_must(l, &ln_no_limits, c) && !has(ln_controllers[c]))
			return -ENOENT;
	}
	return 0;
}

/* --- taking away --------------------------------------------------------- */

void
ln_cgroup_leave(const char *paths, pid_t conductor)
{
	char path[LINE];

	while (next_line(&paths, path)) {
		_cleanup_fd_ int dir = open_above(path, NULL);

		for (size_t c = 0; dir >= 0 && c < PS_COUNT(lent); c++)
			if (lent[c])
				(void)lend(dir, c, true);
		if (dir >= 0)
			(void)move(dir, conductor);
	}
}

/* Every process of a v1 group: there is no cgroup.kill. */
static void
kill_procs(int dir)
{
	_cleanup_fd_ int fd = ln_open_file(dir, "cgroup.procs");
	char text[4096];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	char *rest = text;
	uint64_t pid;

	text[n > 0 ? n : 0] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (ps_parse_u64(line, INT32_MAX, &pid) && pid > 1)
			(void)sys_end((pid_t)pid);
}

/* Ends what runs in it and takes it away, from the leaves; a few levels are
 * nspawn's, the rest the pod's: as many as it likes, called as it likes. */
static int
remove_below(int dir, const char *name, unsigned depth)
{
	_cleanup_fd_ int fd = ln_open_dir(dir, name);
	_cleanup_list_ DIR *list = NULL;
	const char *below;

	if (fd < 0 || depth > MAX_DEPTH)
		return fd == -ENOENT ? 0 : -EBUSY;
	if (sys_put(fd, "cgroup.kill", "1\n") < 0)
		kill_procs(fd);
	(void)ln_list(fd, ".", &list);
	while ((below = ln_next(list)) != NULL) /* a file of it is no directory */
		(void)remove_below(fd, below, depth + 1);
	return sys_unlink(dir, name, true);
}

/* 3 s for what was killed to go. */
static int
remove_group(int parent, const char *name)
{
	int r = -EBUSY;

	for (unsigned i = 0; r < 0 && r != -ENOENT && i < 300; i++) {
		if (i > 0)
			sys_sleep(10);
		r = remove_below(parent, name, 0);
	}
	return r == -ENOENT ? 0 : r;
}

/* The scope that systemd makes for a pod in no unit of its own: what is in
 * there outlives an nspawn that was killed. */
static void
scope_path(const char *uuid, char ret[LINE])
{
	size_t n = (size_t)snprintf(ret, LINE, CGROUP "%s/machine.slice/machine-rkt"
	    "\\x2d", ln_cgroup_is_v2() ? "" : "/systemd");

	for (; *uuid && n + sizeof("\\x2d.scope") < LINE; uuid++)
		n += (size_t)snprintf(ret + n, LINE - n, "%s",
		    *uuid == '-' ? "\\x2d" : (char[]){ *uuid, '\0' });
	(void)snprintf(ret + n, LINE - n, ".scope");
}

int
ln_cgroup_remove(const char *uuid, int pod)
{
	char text[LN_CGROUP_TEXT], path[LINE];
	const char *paths = text, *name = ln_path("rkt-%s", uuid);
	_cleanup_fd_ int slice = -1;
	int r = 0;

	if (ln_read_words(pod, "cgroup", text, sizeof(text)) < 0)
		return 0;
	while (r == 0 && next_line(&paths, path)) {
		_cleanup_fd_ int parent = open_above(path, name);

		r = parent < 0 ? 0 : remove_group(parent, name);
	}
	if (r < 0)
		return r;
	scope_path(uuid, path);
	/* It is systemd's: one whose group was taken from under it, before systemd
	 * saw it empty, would be there for ever. */
	for (unsigned i = 0; i < 200; i++) { /* 2 s */
		_cleanup_fd_ int fd = open_dir(path);

		if (fd < 0 || sys_put(fd, "cgroup.kill", "1\n") < 0)
			break;
		sys_sleep(10);
	}
	slice = open_above(path, NULL);
	return slice < 0 ? 0 : remove_group(slice, path + strlen(path) + 1);
}

int
ln_cgroup_add_app(const char *uuid, const char *paths,
    const struct ps_msg_PLAN_APP *app, uid_t owner, const char **ret_missing)
{
	const struct ln_limits l = LN_LIMITS_OF(app);
	const bool v2 = ln_cgroup_is_v2();
	char path[LINE], scope[LINE];
	int r = 0;

	scope_path(uuid, scope);
	for (unsigned c = 0; r == 0 && c < LN_CONTROLLERS; c++) {
		_cleanup_fd_ int dir = -1, other = -1;

		if (!ln_limits_want(&l, c))
			continue;
		*ret_missing = ln_controllers[c][v2];
		r = find(paths, v2 ? NULL : ln_controllers[c][LN_V1], path);
		dir = r < 0 ? r : open_dir(path);
		r = dir < 0 ? dir : !v2 ? make_app(dir, c, app, owner) :
		    ln_limits_set(dir, c, LN_V2, &ln_no_limits, &l);
		other = v2 && r < 0 ? open_dir(scope) : -1;
		if (other >= 0)
			r = ln_limits_set(other, c, LN_V2, &ln_no_limits, &l);
	}
	return r;
}

int
ln_cgroup_remove_app(const char *paths, const char *app)
{
	const char *name = ln_path("app-%s", app);
	char path[LINE];
	int r = 0;

	while (r == 0 && next_line(&paths, path)) {
		_cleanup_fd_ int dir = open_dir(path);

		r = dir < 0 ? 0 : remove_group(dir, name);
	}
	return r;
}
