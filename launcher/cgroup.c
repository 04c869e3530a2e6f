/*
 * Cgroups.  Runs as root, below /sys/fs/cgroup alone; every name is ours or
 * the kernel's.
 */
#include "launcher/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "launcher/mount.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define CGROUP "/sys/fs/cgroup"
#define PERIOD 100000u /* us */
#define MAX_DEPTH 200u /* of what a pod made; two descriptors each */

/* Where this process is: "path" of the line whose controllers are name. */
struct place {
	char text[4096];
};

static int
read_text(const char *path, char *ret, size_t size)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, path, O_RDONLY, 0, SYS_HOST);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return fd < 0 ? fd : -errno;
	ret[n] = '\0';
	return 0;
}

/* Lines are "7:cpu,cpuacct:/a/b"; name "" is v2's. */
static bool
own_path(const char *text, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = text; line && *line;) {
		const char *first = strchr(line, ':');
		const char *second = first ? strchr(first + 1, ':') : NULL;
		const char *stop = strchr(line, '\n');

		if (second && (size_t)(second - first - 1) == n &&
		    memcmp(first + 1, name, n) == 0) {
			size_t len = stop ? (size_t)(stop - second - 1)
					  : strlen(second + 1);

			if (len >= size)
				return false;
			memcpy(ret, second + 1, len);
			ret[len] = '\0';
			return true;
		}
		line = stop ? stop + 1 : NULL;
	}
	return false;
}

struct made {
	char *text;
	size_t at;
	const char *uuid;
	int conductor;
};

/* <mount>/<own>/rkt-<uuid>, noted for removal, where that hierarchy is. */
static void
note(struct made *m, const char *self, const char *mount, const char *name)
{
	char own[2048];
	size_t left = LN_CGROUP_TEXT - m->at;
	int n;

	if (!own_path(self, name, own, sizeof(own)))
		return;
	n = snprintf(m->text + m->at, left, CGROUP "/%s%s/rkt-%s\n", mount,
	    strcmp(own, "/") == 0 ? "" : own, m->uuid);
	if (n > 0 && (size_t)n < left)
		m->at += (size_t)n;
	m->text[m->at] = '\0';
}

/* mkdir it; its descriptor.  One that stands there already is another pod's:
 * its limits are not this plan's to set. */
static int
make(struct made *m, const char *mount, const char *own)
{
	char path[3000];
	int n = snprintf(path, sizeof(path), CGROUP "/%s%s/rkt-%s", mount,
	    strcmp(own, "/") == 0 ? "" : own, m->uuid);
	int r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG
						   : sys_mkdir(AT_FDCWD, path, 0755);

	if (r < 0)
		return r;
	return sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
}

static int
put_number(int dir, const char *file, uint64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)n);
	return sys_put(dir, file, text);
}

/* cpu.weight from cpu.shares, as systemd converts: both defaults are one. */
static uint64_t
weight(uint32_t shares)
{
	uint64_t n = (uint64_t)shares * 100 / 1024;

	return n < 1 ? 1 : n > 10000 ? 10000 : n;
}

static bool
memory_wanted(const struct ln_limits *l)
{
	return l->memory != 0;
}

static bool
cpu_wanted(const struct ln_limits *l)
{
	return l->cpu_milli != 0 || l->cpu_shares != 0;
}

static bool
pids_wanted(const struct ln_limits *l)
{
	return l->pids != 0;
}

/* What an app's own unit is to set must be there to be set. */
static int
see(int dir, const char *file)
{
	_cleanup_fd_ int fd = sys_open(dir, file, O_PATH, 0, SYS_CROSS);

	return fd < 0 ? fd : 0;
}

static int
limits_v2(int dir, const struct ln_limits *l, const struct ln_limits *apps,
    const char **missing)
{
	char text[64];
	int r = 0;

	*missing = "memory";
	if (l->memory)
		r = put_number(dir, "memory.max", l->memory);
	else if (apps->memory)
		r = see(dir, "memory.max");
	if (r == 0 && l->memory)
		(void)put_number(dir, "memory.swap.max", 0);
	if (r < 0)
		return r;
	*missing = "cpu";
	if (l->cpu_milli) {
		(void)snprintf(text, sizeof(text), "%llu %u\n",
		    (unsigned long long)(l->cpu_milli * PERIOD / 1000), PERIOD);
		r = sys_put(dir, "cpu.max", text);
	} else if (cpu_wanted(apps))
		r = see(dir, "cpu.max");
	if (r == 0 && l->cpu_shares)
		r = put_number(dir, "cpu.weight", weight(l->cpu_shares));
	if (r < 0 || (l->pids == 0 && apps->pids == 0))
		return r;
	*missing = "pids";
	r = l->pids ? put_number(dir, "pids.max", l->pids) : see(dir, "pids.max");
	return l->pids_asked || apps->pids ? r : 0;
}

/* This process, and the conductor if it is named. */
static int
move(int dir, int conductor)
{
	char path[64], text[512], *at;
	int r = sys_put(dir, "cgroup.procs", "0\n");

	if (r < 0 || conductor < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", conductor);
	r = read_text(path, text, sizeof(text));
	at = r < 0 ? NULL : strstr(text, "\nPid:\t");
	if (at) {
		at += 6;
		at[strcspn(at, "\n")] = '\0';
		(void)sys_put(dir, "cgroup.procs", at); /* it may have ended */
	}
	return 0;
}

/* Controllers that the parent lends to the pod's group. */
static char lent[3][16];

/* No group with processes in it lends any: where others share it, a shell's
 * for one, the files of the limits do not appear. */
static void
lend(int parent, const struct ln_limits *l, const struct ln_limits *apps)
{
	if ((l->memory || apps->memory) && sys_put(parent, "cgroup.subtree_control", "+memory\n") == 0)
		memcpy(lent[0], "-memory\n", 9);
	if ((cpu_wanted(l) || cpu_wanted(apps)) &&
	    sys_put(parent, "cgroup.subtree_control", "+cpu\n") == 0)
		memcpy(lent[1], "-cpu\n", 6);
	if ((l->pids || apps->pids) && sys_put(parent, "cgroup.subtree_control", "+pids\n") == 0)
		memcpy(lent[2], "-pids\n", 7);
}

static int
enter_v2(struct made *m, const char *mount, const char *own,
    const struct ln_limits *l, const struct ln_limits *apps,
    const char **missing)
{
	bool limited = l && (memory_wanted(l) || cpu_wanted(l) ||
	    (l->pids && l->pids_asked) || memory_wanted(apps) ||
	    cpu_wanted(apps) || pids_wanted(apps));
	_cleanup_fd_ int dir = make(m, mount, own), parent = -1;
	char above[3000];
	int r;

	*missing = "cgroup2";
	if (dir < 0)
		return dir;
	(void)snprintf(above, sizeof(above), CGROUP "/%s%s", mount, own);
	parent = sys_open(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	r = move(dir, limited ? m->conductor : -1);
	if (r < 0 || !limited)
		return r;
	if (parent >= 0)
		lend(parent, l, apps);
	return limits_v2(dir, l, apps, missing);
}

static int
memory_v1(int dir, const struct ln_limits *l)
{
	return l->memory ? put_number(dir, "memory.limit_in_bytes", l->memory) : 0;
}

static int
cpu_v1(int dir, const struct ln_limits *l)
{
	int r = 0;

	if (l->cpu_milli) {
		r = put_number(dir, "cpu.cfs_period_us", PERIOD);
		if (r == 0)
			r = put_number(dir, "cpu.cfs_quota_us",
			    l->cpu_milli * PERIOD / 1000);
	}
	if (r == 0 && l->cpu_shares)
		r = put_number(dir, "cpu.shares", l->cpu_shares);
	return r;
}

static int
pids_v1(int dir, const struct ln_limits *l)
{
	return l->pids ? put_number(dir, "pids.max", l->pids) : 0;
}

/* The names are those of /proc/self/cgroup, and of the directories. */
static const struct controller {
	const char *name;
	const char *mounts[3];
	bool (*wanted)(const struct ln_limits *l);
	int (*set)(int dir, const struct ln_limits *l);
} controllers[] = {
	{ "memory", { "memory" }, memory_wanted, memory_v1 },
	{ "cpu", { "cpu", "cpu,cpuacct", "cpuacct,cpu" }, cpu_wanted, cpu_v1 },
	{ "pids", { "pids" }, pids_wanted, pids_v1 },
};

static struct ln_limits
limits_of(const struct ps_msg_PLAN_APP *a)
{
	return (struct ln_limits){ .memory = a->memory, .cpu_milli = a->cpu_milli,
		.cpu_shares = a->cpu_shares, .pids = a->pids, .pids_asked = true };
}

static bool
app_wants(const struct controller *c, const struct ps_msg_PLAN_APP *app)
{
	const struct ln_limits l = limits_of(app);

	return c->wanted(&l);
}

struct ln_limits
ln_cgroup_apps(const struct ln_plan *plan)
{
	struct ln_limits all = { 0 };

	for (uint16_t i = 0; i < plan->pod.apps; i++) {
		const struct ps_msg_PLAN_APP *a = &plan->app[i];

		all.memory |= a->memory;
		all.cpu_milli |= a->cpu_milli | a->cpu_shares;
		all.pids |= a->pids;
	}
	all.pids_asked = all.pids != 0;
	return all;
}

/* Where the pod finds it.  Made with the group: one that could not be is not
 * there. */
static int
make_target(int pod, uid_t owner, const char *app, const char *controller)
{
	_cleanup_fd_ int root = sys_open(pod, "stage1/rootfs",
	    O_RDONLY | O_DIRECTORY, 0, SYS_CROSS);
	char path[400];

	(void)snprintf(path, sizeof(path), "rkt/cgroup/%s/%s", app, controller);
	return root < 0 ? root : ln_make_dirs(root, path, owner, 0700);
}

/* A group of the app's own below the pod's, shown to the pod. */
static int
make_app(const struct ln_groups *g, const struct controller *c, int dir,
    const struct ps_msg_PLAN_APP *app)
{
	const struct ln_limits l = limits_of(app);
	char name[280], target[400];
	_cleanup_fd_ int own = -1, procs = -1, mount = -1;
	int r;

	(void)snprintf(name, sizeof(name), "app-%s", app->name);
	(void)snprintf(target, sizeof(target), "stage1/rootfs/rkt/cgroup/%s/%s",
	    app->name, c->name);
	r = sys_mkdir(dir, name, 0755);
	own = r < 0 ? r : sys_open(dir, name, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
	r = own < 0 ? own : c->set(own, &l);
	procs = r < 0 ? r : sys_open(own, "cgroup.procs", O_RDONLY, 0, SYS_BENEATH);
	r = procs < 0 ? procs : sys_own(procs, g->owner, g->owner, 0644);
	if (r == 0)
		r = make_target(g->dir, g->owner, app->name, c->name);
	mount = r < 0 ? r : sys_bind(own, false);
	return mount < 0 ? mount : sys_attach(mount, g->dir, target);
}

static int
enter_controller(const struct ln_groups *g, struct made *m,
    const struct controller *c, const char *self)
{
	bool wanted = c->wanted(&g->pod);
	char own[2048];
	_cleanup_fd_ int dir = -1;
	size_t i = 0;
	int r;

	for (uint16_t k = 0; k < g->plan->pod.apps; k++)
		wanted |= app_wants(c, &g->plan->app[k]);
	if (!wanted)
		return 0;
	while (i < PS_COUNT(c->mounts) && c->mounts[i] &&
	    !own_path(self, c->mounts[i], own, sizeof(own)))
		i++;
	if (i == PS_COUNT(c->mounts) || !c->mounts[i])
		return -ENOENT;
	dir = make(m, c->mounts[i], own);
	r = dir < 0 ? dir : c->set(dir, &g->pod);
	for (uint16_t k = 0; r == 0 && k < g->plan->pod.apps; k++)
		if (app_wants(c, &g->plan->app[k]))
			r = make_app(g, c, dir, &g->plan->app[k]);
	return r < 0 ? r : sys_put(dir, "cgroup.procs", "0\n");
}

/* Hierarchies without limits of ours: nspawn makes its own below, so they are
 * put where they can be taken away again. */
static int
enter_unmanaged(struct made *m, const char *self, const char **missing)
{
	char own[2048];
	int r = 0;

	*missing = "name=systemd";
	if (own_path(self, "name=systemd", own, sizeof(own))) {
		_cleanup_fd_ int dir = make(m, "systemd", own);

		r = dir < 0 ? dir : sys_put(dir, "cgroup.procs", "0\n");
	}
	if (r == 0 && own_path(self, "", own, sizeof(own)))
		r = enter_v2(m, "unified", own, NULL, NULL, missing);
	return r == -ENOENT ? 0 : r;
}

static int
enter_v1(const struct ln_groups *g, struct made *m, const char *self,
    const char **missing)
{
	/* First, so that a pod that goes on without a limit is still where it
	 * can be ended. */
	int r = enter_unmanaged(m, self, missing), first = r;

	for (size_t i = 0; r == 0 && i < PS_COUNT(controllers); i++) {
		int e = enter_controller(g, m, &controllers[i], self);

		/* Site policy's own number of processes is no one's wish. */
		if (e == 0 || (controllers[i].set == pids_v1 &&
		    !g->pod.pids_asked && ln_cgroup_apps(g->plan).pids == 0))
			continue;
		/* Whoever goes on without this one has the others. */
		if (first == 0)
			*missing = controllers[i].name;
		first = first == 0 ? e : first;
	}
	return first;
}

/* What v1 calls its hierarchies, and where they are mounted.  nspawn mirrors
 * the path that it has in the unified one into name=systemd. */
static const struct {
	const char *mount, *name;
} hierarchies[] = {
	{ "memory", "memory" },
	{ "cpu", "cpu" },
	{ "cpu,cpuacct", "cpu,cpuacct" },
	{ "cpuacct,cpu", "cpuacct,cpu" },
	{ "pids", "pids" },
	{ "systemd", "name=systemd" },
	{ "systemd", "" },
	{ "unified", "" },
};

bool
ln_cgroup_is_v2(void)
{
	_cleanup_fd_ int fd = sys_open(AT_FDCWD, CGROUP "/cgroup.controllers",
	    O_RDONLY, 0, SYS_HOST);

	return fd >= 0;
}

int
ln_cgroup_paths(const char *uuid, char paths[LN_CGROUP_TEXT])
{
	static struct place self;
	struct made m = { .text = paths, .uuid = uuid };
	int r = read_text("/proc/self/cgroup", self.text, sizeof(self.text));

	paths[0] = '\0';
	if (r == 0 && ln_cgroup_is_v2())
		note(&m, self.text, "", "");
	else
		for (size_t i = 0; r == 0 && i < PS_COUNT(hierarchies); i++)
			note(&m, self.text, hierarchies[i].mount,
			    hierarchies[i].name);
	return r;
}

int
ln_cgroup_enter(const struct ln_groups *g, const char **ret_missing)
{
	static struct place self;
	struct made m = { .uuid = g->uuid, .conductor = g->conductor };
	struct ln_limits apps;
	char own[2048];
	int r = read_text("/proc/self/cgroup", self.text, sizeof(self.text));

	*ret_missing = "/proc/self/cgroup";
	if (r < 0)
		return r;
	if (!ln_cgroup_is_v2())
		return enter_v1(g, &m, self.text, ret_missing);
	if (!own_path(self.text, "", own, sizeof(own)))
		return -ENOENT;
	apps = g->in_scope ? (struct ln_limits){ 0 } : ln_cgroup_apps(g->plan);
	return enter_v2(&m, "", own, &g->pod, &apps, ret_missing);
}

static bool
has(const char *name)
{
	char text[512], *rest = text;
	_cleanup_fd_ int v1 = -1;

	(void)snprintf(text, sizeof(text), CGROUP "/%s", name);
	if (!ln_cgroup_is_v2())
		v1 = sys_open(AT_FDCWD, text, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	if (v1 >= 0)
		return true;
	if (read_text(CGROUP "/cgroup.controllers", text, sizeof(text)) < 0)
		return false;
	for (char *word; (word = strsep(&rest, " \n")) != NULL;)
		if (strcmp(word, name) == 0)
			return true;
	return false;
}

int
ln_cgroup_check(const struct ln_limits *l, const char **ret_missing)
{
	*ret_missing = "memory";
	if (l->memory && !has("memory"))
		return -ENOENT;
	*ret_missing = "cpu";
	if ((l->cpu_milli || l->cpu_shares) && !has("cpu"))
		return -ENOENT;
	*ret_missing = "pids";
	return l->pids && l->pids_asked && !has("pids") ? -ENOENT : 0;
}

void
ln_cgroup_leave(const char *paths, int conductor)
{
	while (*paths != '\0') {
		size_t n = strcspn(paths, "\n");
		char above[3000], *slash;
		_cleanup_fd_ int dir = -1;

		(void)snprintf(above, sizeof(above), "%.*s", (int)n, paths);
		slash = strrchr(above, '/');
		if (slash)
			*slash = '\0';
		dir = sys_open(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
		for (size_t i = 0; dir >= 0 && i < PS_COUNT(lent); i++)
			if (lent[i][0])
				(void)sys_put(dir, "cgroup.subtree_control", lent[i]);
		if (dir >= 0)
			(void)move(dir, conductor);
		paths += n + (paths[n] == '\n');
	}
}

/* Every process of a v1 group: there is no cgroup.kill. */
static void
kill_procs(int dir)
{
	_cleanup_fd_ int fd = sys_open(dir, "cgroup.procs", O_RDONLY, 0, SYS_BENEATH);
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
	_cleanup_fd_ int fd =
	    sys_open(dir, name, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
	struct dirent *e;
	DIR *d;

	if (fd < 0 || depth > MAX_DEPTH)
		return fd == -ENOENT ? 0 : -EBUSY;
	if (sys_put(fd, "cgroup.kill", "1\n") < 0)
		kill_procs(fd);
	d = fdopendir(dup(fd));
	while (d && (e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			(void)remove_below(fd, e->d_name, depth + 1);
	if (d)
		(void)closedir(d);
	return sys_unlink(dir, name, true);
}

static int
remove_one(char *path, const char *name)
{
	size_t n = strlen(path);
	_cleanup_fd_ int parent = -1;
	int r = 0;

	if (strncmp(path, CGROUP "/", sizeof(CGROUP)) != 0 || n < strlen(name) ||
	    strcmp(path + n - strlen(name), name) != 0)
		return 0;
	path[n - strlen(name)] = '\0';
	parent = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	if (parent < 0)
		return 0;
	for (unsigned i = 0; i < 300; i++) { /* 3 s for what was killed to go */
		r = remove_below(parent, name + 1, 0);
		if (r == 0 || r == -ENOENT)
			return 0;
		sys_sleep(10);
	}
	return r;
}

/* Ends what is in a scope, and leaves the scope to systemd: one whose group was
 * taken from under it, before systemd saw it empty, would be there for ever. */
static void
end_scope(const char *path)
{
	for (unsigned i = 0; i < 200; i++) { /* 2 s */
		_cleanup_fd_ int fd = sys_open(AT_FDCWD, path,
		    O_RDONLY | O_DIRECTORY, 0, SYS_HOST);

		if (fd < 0 || sys_put(fd, "cgroup.kill", "1\n") < 0)
			return;
		sys_sleep(10);
	}
}

/* The scope that systemd makes for a pod in no unit of its own: what is in
 * there outlives an nspawn that was killed. */
static int
remove_scope(const char *uuid)
{
	char path[300], name[200] = "/machine-rkt\\x2d";
	size_t n = strlen(name);

	for (; *uuid && n + sizeof(".scope") + 4 < sizeof(name); uuid++) {
		if (*uuid == '-') {
			memcpy(name + n, "\\x2d", 4);
			n += 4;
		} else
			name[n++] = *uuid;
	}
	memcpy(name + n, ".scope", sizeof(".scope"));
	(void)snprintf(path, sizeof(path), CGROUP "%s/machine.slice%s",
	    ln_cgroup_is_v2() ? "" : "/systemd", name);
	end_scope(path);
	return remove_one(path, name);
}

int
ln_cgroup_remove(const char *uuid, char *paths)
{
	char name[64];
	int r = 0;

	(void)snprintf(name, sizeof(name), "/rkt-%s", uuid);
	for (char *line; r == 0 && (line = strsep(&paths, "\n")) != NULL;)
		r = remove_one(line, name);
	return r == 0 ? remove_scope(uuid) : r;
}

bool
ln_cgroup_in_service(void)
{
	static struct place self;
	char own[2048];
	size_t n;

	if (read_text("/proc/self/cgroup", self.text, sizeof(self.text)) < 0 ||
	    (!own_path(self.text, "name=systemd", own, sizeof(own)) &&
		!own_path(self.text, "", own, sizeof(own))))
		return false;
	n = strlen(own);
	return n > 8 && strcmp(own + n - 8, ".service") == 0;
}
