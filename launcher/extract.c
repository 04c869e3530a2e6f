/*
 * An image's files, where the operator named a directory.  Runs as root, which
 * makes the directory and reads no tree: the unpack worker fills it, through a
 * mount that gives what it writes the owners that the image says, and is
 * allowed nothing else of theirs.  The directory itself is root's alone: what
 * is in it may be set-user-ID.  HOSTILE: the request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/argv.h"
#include "launcher/image.h"
#include "launcher/render.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"

struct target {
	int parent, dir;
	const char *path;
	char name[256];
	bool made;
};

static int
make_dir(struct target *t, bool overwrite)
{
	char path[4096];
	size_t n = strlen(t->path);
	int r;

	while (n > 1 && t->path[n - 1] == '/')
		n--;
	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	(void)snprintf(path, sizeof(path), "%.*s", (int)n, t->path);
	t->parent = ln_open_parent(path, t->name);
	r = t->parent < 0 ? t->parent : sys_mkdir(t->parent, t->name, 0700);
	if (r == -EEXIST && overwrite) {
		_cleanup_fd_ int old = sys_open(t->parent, t->name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, SYS_BENEATH);

		r = old < 0 ? old : ln_remove_tree(t->parent, t->name);
		if (r == 0)
			r = sys_mkdir(t->parent, t->name, 0700);
	}
	if (r < 0)
		return r;
	t->made = true;
	t->dir = ln_open_dir(t->parent, t->name);
	return t->dir < 0 ? t->dir : sys_own(t->dir, 0, 0, 0700);
}

static int
copy_manifest(int from, int dir)
{
	_cleanup_fd_ int to = -1;
	uint64_t n;
	int r = ps_check_file(from, PS_MAX_MANIFEST, &n);

	to = r < 0 ? r : sys_open(dir, "manifest", O_WRONLY | O_CREAT | O_EXCL, 0644,
			     SYS_BENEATH);
	return to < 0 ? to : sys_copy(from, to, n);
}

/* DIR/rootfs, which becomes what the image says; or DIR, which stays. */
static int
open_rootfs(struct target *t, bool rootfs_only)
{
	_cleanup_fd_ int userns = -1;
	_cleanup_fd_ int fd = rootfs_only ? ln_open_dir(t->dir, ".")
					  : ln_make_dir(t->dir, "rootfs");

	userns = fd < 0 ? fd : sys_userns(0, PS_FOREIGN_BASE, PS_RANGE);
	return userns < 0 ? userns : sys_shifted(fd, userns);
}

static int
fill(struct ln_session *s, struct target *t, const struct ln_lowers *of,
    bool whole)
{
	bool rootfs_only = ln_argv_flag(s->argv, "--rootfs-only");
	_cleanup_fd_ int rootfs = open_rootfs(t, rootfs_only), manifest = -1;
	struct ln_rendering what = { .rootfs = rootfs, .bare = rootfs_only };
	struct ps_msg_TREE tree;
	int r;

	manifest = rootfs < 0 ? rootfs : ln_open_file(s->image,
	    ln_image_path(of->v[0].image, "manifest"));
	r = manifest < 0 || rootfs_only ? manifest : copy_manifest(manifest, t->dir);
	if (r < 0)
		return ln_refuse(s, PS_REFUSED_SYSTEM, "cannot write to %s: %s",
		    t->path, r == -EINVAL || r == -EOPNOTSUPP
			? "its file system cannot give files other owners"
			: strerror(-r));
	what.manifest = whole ? manifest : -1;
	return ln_render_into(s, of, &what, &tree);
}

/* The image as at a start; and below it nothing, unless it is wanted whole. */
static int
judge(struct ln_session *s, const struct ps_msg_EXTRACT_IMAGE *m,
    struct ln_lowers *ret)
{
	static struct ps_msg_PLAN_APP app;
	static char text[PS_MAX_RECORD + 1];
	bool unsigned_ok = (ln_argv_insecure(s->argv) & s->policy.insecure &
			       PS_INSECURE_IMAGE) != 0;
	struct ps_record record;
	int r;

	app = (struct ps_msg_PLAN_APP){ .name = "extract", .layers = m->layers,
		.n_layers = m->n_layers };
	memcpy(app.image, m->image, PS_DIGEST);
	if (m->whole)
		return ln_layers(s, &app, unsigned_ok, ret);
	r = ln_image_take(s, app.name, m->image, unsigned_ok, text, &record);
	ret->n = 1;
	if (r == 0)
		ret->v[0] = ln_lower_of(&record);
	return r;
}

/* A directory that may be removed is not just any word: it stands last, behind
 * this command (or as much of it as says so). */
static bool
is_asked(const struct ln_session *s, const struct ps_msg_EXTRACT_IMAGE *m)
{
	const char *command = m->whole ? "render" : "extract";
	const size_t least = m->whole ? 2 : 3;
	int last = s->argv.argc - 1;
	bool is_said = false;

	while (last > 0 && s->argv.argv[last][0] == '-')
		last--;
	for (int i = 1; i < last; i++) {
		size_t n = strlen(s->argv.argv[i]);

		is_said = is_said ||
		    (n >= least && strncmp(command, s->argv.argv[i], n) == 0);
	}
	return is_said && strcmp(s->argv.argv[last], m->path) == 0;
}

int
ln_extract_image(struct ln_session *s, struct ps_frame *f)
{
	static struct ps_msg_EXTRACT_IMAGE m;
	static struct ln_lowers of;
	struct target t = { .parent = -1, .dir = -1 };
	int r;

	if (ps_decode_EXTRACT_IMAGE(f->payload, f->length, &m) < 0)
		return -EPROTO;
	if (!is_asked(s, &m))
		return ln_refuse(s, PS_REFUSED_PLAN, "the directory must be the last "
		    "word of the command line");
	t.path = m.path;
	r = judge(s, &m, &of);
	if (r != 0)
		return r;
	r = make_dir(&t, ln_argv_flag(s->argv, "--overwrite"));
	if (r < 0)
		r = ln_refuse(s, PS_REFUSED_SYSTEM,
		    "cannot make the directory %s: %s", t.path,
		    r == -EEXIST ? "it exists (see --overwrite)" : strerror(-r));
	else
		r = fill(s, &t, &of, m.whole);
	ps_close_fd(&t.dir);
	if (r != 0 && t.made)
		(void)ln_remove_tree(t.parent, t.name);
	ps_close_fd(&t.parent);
	return r != 0 ? r : ln_done(s);
}
