/*
 * One image of a pod, at every launch: in the store, by a record that is
 * root's own, still trusted, and held so that no one removes it.  Runs as
 * root.  HOSTILE: which images the plan names.
 */
#include "launcher/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/admit.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/name.h"

const char *
ln_lower_path(const struct ln_lower *l)
{
	return ln_image_path(l->image, l->rendering == 0 ? "tree/rootfs" :
	    ln_path("rendered/%u/rootfs", l->rendering));
}

struct ln_lower
ln_lower_of(const struct ps_record *r)
{
	struct ln_lower l = { .implicit = r->implicit > 0, .name = r->name };

	memcpy(l.image, r->image, PS_DIGEST);
	memcpy(l.tree, r->tree, PS_DIGEST);
	return l;
}

int
ln_image_check(struct ln_session *s, const struct ln_lower *l)
{
	_cleanup_fd_ int rootfs = ln_open_dir(s->image, ln_lower_path(l));
	struct ps_msg_TREE tree;
	int r;

	if (rootfs < 0)
		return ln_refuse_error(s, rootfs, "cannot open the image's tree");
	r = ln_worker_digest(s, rootfs, &tree);
	if (r != 0)
		return r;
	if (memcmp(tree.tree, l->tree, PS_DIGEST) != 0)
		return ln_refuse(s, PS_REFUSED_IMAGE, "image \"%s\" is damaged: its "
		    "%stree is not what its record says; remove and fetch it again",
		    l->name, l->rendering ? "rendered " : "");
	return 0;
}

static bool
is_held(const struct ln_session *s, int dir)
{
	struct stat st, held;

	if (fstat(dir, &st) < 0)
		return false;
	for (size_t i = 0; i < s->n_held; i++)
		if (fstat(s->held[i], &held) == 0 && held.st_ino == st.st_ino &&
		    held.st_dev == st.st_dev)
			return true;
	return false;
}

int
ln_image_hold(struct ln_session *s, int *dir)
{
	if (is_held(s, *dir))
		return 0;
	if (s->n_held == PS_COUNT(s->held))
		return -EMFILE;
	s->held[s->n_held++] = take_fd(*dir);
	return 0;
}

/* In use from now on: removal wants the lock for itself. */
static int
hold(struct ln_session *s, const uint8_t image[PS_DIGEST])
{
	_cleanup_fd_ int dir = ln_open_dir(s->image, ln_image_id(image)), record = -1;
	int r = dir < 0 ? dir : sys_flock(dir, false);

	record = r < 0 ? -1 : ln_open_file(dir, "record");
	if (record >= 0)
		(void)sys_touch(record); /* used last: its mtime */
	return r < 0 ? r : ln_image_hold(s, &dir);
}

int
ln_image_take(struct ln_session *s, const char *app,
    const uint8_t image[PS_DIGEST], bool unsigned_ok, char *text,
    struct ps_record *ret)
{
	int r = hold(s, image);

	if (r == -EMFILE)
		return ln_refuse(s, PS_REFUSED_SYSTEM,
		    "the pod uses more than %zu images", PS_COUNT(s->held));
	if (r == 0)
		r = ln_record_read(s, image, text, ret);
	if (r == -EWOULDBLOCK)
		return ln_refuse(s, PS_REFUSED_BUSY,
		    "the image of app \"%s\" is being removed", app);
	if (r == -ENOENT)
		return ln_refuse(s, PS_REFUSED_NOTFOUND,
		    "the image of app \"%s\" is not in the store", app);
	if (r < 0)
		return ln_refuse(s, PS_REFUSED_IMAGE,
		    "the record of app \"%s\"'s image is damaged; remove and fetch "
		    "it again", app);
	return ln_judge_image(s, ret, unsigned_ok);
}
