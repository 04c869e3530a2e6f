/*
 * Finding, making and keeping renderings.  Runs as root, which reads no tree:
 * it compares a record of its own with what the plan comes to, and has the
 * unpack worker make what is missing.  Whole or not there: each is made aside
 * and renamed.
 */
#include "launcher/render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/add.h"
#include "launcher/image.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

/* Of one image: its dependencies may have been of other versions each time. */
#define MAX_RENDERINGS 16u
#define LINE (2 * PS_IMAGE_ID_LEN + 16u)
#define TREE_LINE (PS_IMAGE_ID_LEN + 6u) /* "tree ID\n" */

/* What is made, and the record that it gets but for its first line. */
struct rendering {
	const struct ln_lowers *of;
	char layers[LN_MAX_LOWERS * LINE]; /* a text */
	uint8_t tree[PS_DIGEST];
	char staging[LN_TEMPORARY];
};

static void
describe(struct rendering *m)
{
	size_t at = 0;

	for (uint16_t i = 0; i < m->of->n; i++)
		at += (size_t)snprintf(m->layers + at, LINE, "layer %s %s\n",
		    ln_image_id(m->of->v[i].image), ln_image_id(m->of->v[i].tree));
}

/* What its tree must hash to; and what it was made of, a text. */
static int
read_record(int dir, uint8_t tree[PS_DIGEST], const char **ret_layers)
{
	static char text[TREE_LINE + LN_MAX_LOWERS * LINE + 1];
	uint64_t n;
	int r = ln_read_file(dir, "record", text, sizeof(text) - 1, &n);

	if (r < 0)
		return r;
	if (n < TREE_LINE || memcmp(text, "tree ", 5) != 0 ||
	    text[TREE_LINE - 1] != '\n')
		return -EBADMSG;
	text[TREE_LINE - 1] = text[n] = '\0';
	*ret_layers = text + TREE_LINE;
	return ps_parse_image_id(text + 5, tree) ? 0 : -EBADMSG;
}

/* Is this the one?  All that went into it is compared, no digest of that. */
static int
match(struct rendering *m, int dir)
{
	const char *layers;
	int r = read_record(dir, m->tree, &layers);

	if (r < 0)
		return r;
	return strcmp(layers, m->layers) == 0 ? 0 : -ENOENT;
}

/* *ret: its number.  -ENOENT: there is none. */
static int
find(struct ln_session *s, struct rendering *m, int image, uint32_t *ret)
{
	for (uint32_t i = 1; i <= MAX_RENDERINGS; i++) {
		_cleanup_fd_ int dir = ln_open_dir(image, ln_path("rendered/%u", i));

		/* The lock first: what has its record then, keeps it. */
		if (dir < 0 || sys_flock(dir, false) < 0 || match(m, dir) < 0)
			continue;
		*ret = i;
		return ln_image_hold(s, &dir);
	}
	return -ENOENT;
}

/* Into the first place that is free; or, where all are taken, into that of one
 * that no pod uses. */
static int
give_place(struct ln_session *s, struct rendering *m, int rendered)
{
	for (uint32_t i = 1; i <= 2 * MAX_RENDERINGS; i++) {
		_cleanup_fd_ int dir = -1;
		const char *name = ln_path("%u", (i - 1) % MAX_RENDERINGS + 1);
		int r;

		if (i == MAX_RENDERINGS + 1 && ln_is_added(s, m->of->v[0].image))
			return -EBUSY; /* without a lock */
		if (i > MAX_RENDERINGS) {
			dir = ln_open_dir(rendered, name);
			if (dir < 0 || sys_flock(dir, true) < 0 ||
			    ln_remove_tree(rendered, name) < 0)
				continue;
		}
		r = sys_rename(rendered, m->staging, rendered, name, false);
		if (r == 0)
			m->staging[0] = '\0';
		if (r != -EEXIST && r != -ENOTEMPTY)
			return r;
		dir = dir < 0 ? ln_open_dir(rendered, name) : dir;
		if (dir >= 0 && match(m, dir) == 0)
			return 0; /* another launcher was quicker */
	}
	return -EBUSY;
}

int
ln_render_into(struct ln_session *s, const struct ln_lowers *of,
    struct ln_rendering *what, struct ps_msg_TREE *ret)
{
	int r = 0;

	for (what->n = 0; r == 0 && what->n < of->n;) {
		_cleanup_fd_ int mount = sys_idmapped(s->image,
		    ln_lower_path(&of->v[what->n]), -1), tree = -1;

		tree = mount < 0 ? mount : ln_open_dir(mount, ".");
		r = tree < 0 ? tree : 0;
		if (r == 0)
			what->trees[what->n++] = take_fd(tree);
	}
	r = r < 0 ? ln_refuse_error(s, r, "cannot open the layers")
		  : ln_worker_render(s, what, ret);
	while (what->n > 0)
		ps_close_fd(&what->trees[--what->n]);
	return r;
}

static int
commit(struct ln_session *s, struct rendering *m, int rendered, int dir)
{
	static char text[TREE_LINE + sizeof(m->layers) + 1];
	int r;

	(void)snprintf(text, sizeof(text), "tree %s\n%s", ln_image_id(m->tree),
	    m->layers);
	r = ln_write_file(s, dir, "record", text, strlen(text));
	if (r == 0)
		r = sys_syncfs(dir);
	if (r == 0)
		r = give_place(s, m, rendered);
	return r < 0 ? r : sys_fsync(rendered);
}

static int
make(struct ln_session *s, struct rendering *m, int image, int rendered)
{
	_cleanup_fd_ int dir = -1, rootfs = -1, manifest = -1;
	struct ln_rendering what;
	struct ps_msg_TREE tree;
	int r = 0;

	for (uint16_t i = 0; s->policy.tree_at_launch && i < m->of->n; i++) {
		r = ln_image_check(s, &m->of->v[i]);
		if (r != 0)
			return r;
	}
	ln_sweep(rendered);
	dir = ln_stage(rendered, m->staging);
	rootfs = dir < 0 ? dir : ln_make_rootfs(dir);
	manifest = rootfs < 0 ? rootfs : ln_open_file(image, "manifest");
	if (manifest < 0)
		return ln_refuse_error(s, manifest, "cannot render the image");
	what = (struct ln_rendering){ .rootfs = rootfs, .manifest = manifest };
	r = ln_render_into(s, m->of, &what, &tree);
	if (r != 0)
		return r;
	memcpy(m->tree, tree.tree, PS_DIGEST);
	r = commit(s, m, rendered, dir);
	return ln_refuse_error(s, r, "cannot keep the rendered image");
}

int
ln_render(struct ln_session *s, const struct ln_lowers *of, struct ln_lower *ret)
{
	static struct rendering m;
	_cleanup_fd_ int rendered = -1, image =
	    ln_open_dir(s->image, ln_image_id(of->v[0].image));
	uint32_t n = 0;
	int r;

	m = (struct rendering){ .of = of };
	describe(&m);
	r = image < 0 ? image : find(s, &m, image, &n);
	/* As the tree's, no one but root walks here: what images say is
	 * set-user-ID, is so for an id that no one has. */
	if (r == -ENOENT)
		rendered = ln_make_path(image, "rendered", SYS_BENEATH, 0, 0700);
	for (int i = 0; i < 8 && r == -ENOENT; i++) {
		r = rendered < 0 ? rendered : make(s, &m, image, rendered);
		if (m.staging[0] && rendered >= 0)
			(void)ln_remove_tree(rendered, m.staging);
		if (r == 0)
			r = find(s, &m, image, &n);
	}
	if (r != 0)
		return ln_refuse_error(s, r, "cannot render the image");
	*ret = of->v[0];
	memcpy(ret->tree, m.tree, PS_DIGEST);
	ret->rendering = n;
	for (uint16_t i = 0; i < of->n; i++)
		ret->implicit = ret->implicit || of->v[i].implicit;
	return 0;
}

/* --- looking at what is there ---------------------------------------------- */

static int
check_one(struct ln_session *s, const struct ln_lower *l, int rendered)
{
	const char *name = ln_path("%u", l->rendering);
	_cleanup_fd_ int dir = ln_open_dir(rendered, name), rootfs = -1;
	uint8_t wanted[PS_DIGEST];
	struct ps_msg_TREE tree;
	const char *layers;
	int r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = read_record(dir, wanted, &layers);
	rootfs = r < 0 ? r : ln_open_dir(s->image, ln_lower_path(l));
	if (rootfs >= 0) {
		r = ln_worker_digest(s, rootfs, &tree);
		if (r != 0 || memcmp(tree.tree, wanted, PS_DIGEST) == 0)
			return r;
	}
	if (sys_flock(dir, true) < 0 || ln_is_added(s, l->image))
		return ln_refuse(s, PS_REFUSED_IMAGE, "a rendering of \"%s\" is "
		    "damaged, and a pod uses it: end that pod, and verify again",
		    l->name);
	r = ln_remove_tree(rendered, name);
	return r < 0 ? r : ln_refuse(s, PS_REFUSED_IMAGE, "a rendering of \"%s\" "
	    "was damaged: it is taken away, and made again when it is needed",
	    l->name);
}

int
ln_render_check(struct ln_session *s, const uint8_t image[PS_DIGEST],
    const char *name)
{
	struct ln_lower l = { .name = name };
	_cleanup_fd_ int rendered =
	    ln_open_dir(s->image, ln_image_path(image, "rendered"));
	int r = 0;

	memcpy(l.image, image, PS_DIGEST);
	if (rendered < 0)
		return rendered == -ENOENT ? 0 : rendered;
	for (l.rendering = 1; r == 0 && l.rendering <= MAX_RENDERINGS; l.rendering++)
		r = check_one(s, &l, rendered);
	return r;
}
