/*
 * The images of an app, at every launch: in the store, by records that are
 * root's own, still trusted, and held so that no one removes them.  Runs as
 * root.  HOSTILE: which images the plan names.
 */
#include "launcher/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launcher/admit.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/name.h"

/* Refused and said so; the session goes on. */
#define TOLD 1

static int
told(int r)
{
	return r < 0 ? r : TOLD;
}

/* The tree is what the record says, by the word of a worker that read all of
 * it: only where site policy asks (check-tree launch). */
static int
check_tree(struct ln_session *s, const struct ps_record *record)
{
	char path[PS_IMAGE_ID_LEN + 16];
	struct ps_msg_TREE tree;
	_cleanup_fd_ int rootfs = -1;
	int r;

	ps_image_id(record->image, path);
	memcpy(path + PS_IMAGE_ID_LEN, "/tree/rootfs", 13);
	rootfs = sys_open(s->image, path, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
	if (rootfs < 0)
		return told(ln_refuse_error(s, rootfs, "cannot open the image's tree"));
	r = ln_worker_digest(s, rootfs, &tree);
	if (r != 0)
		return r;
	if (memcmp(tree.tree, record->tree, PS_DIGEST) != 0)
		return told(ln_refuse(s, PS_REFUSED_IMAGE, "the tree of \"%s\" is not "
		    "what its record says; remove and fetch it again", record->name));
	return 0;
}

/* In use from now on: removal wants the lock for itself. */
static int
hold_image(struct ln_session *s, const uint8_t image[PS_DIGEST])
{
	char id[PS_IMAGE_ID_LEN + 1];
	_cleanup_fd_ int dir = -1, record = -1;
	int r;

	ps_image_id(image, id);
	dir = sys_open(s->image, id, O_RDONLY | O_DIRECTORY, 0, SYS_BENEATH);
	r = dir < 0 ? dir : sys_flock(dir, false);
	record = r < 0 ? -1 : sys_open(dir, "record", O_RDONLY, 0, SYS_BENEATH);
	if (record >= 0)
		(void)sys_touch(record); /* used last: its mtime */
	if (r == 0)
		s->held[s->n_held++] = take_fd(dir);
	return r;
}

int
ln_image_judge(struct ln_session *s, const struct ps_msg_PLAN_APP *app,
    bool unsigned_ok)
{
	static char text[PS_MAX_RECORD + 1];
	struct ps_record record;
	int r = hold_image(s, app->image);

	if (r == 0)
		r = ln_record_read(s, app->image, text, &record);
	if (r == -EWOULDBLOCK)
		return told(ln_refuse(s, PS_REFUSED_BUSY,
		    "the image of app \"%s\" is being removed", app->name));
	if (r == -ENOENT)
		return told(ln_refuse(s, PS_REFUSED_NOTFOUND,
		    "the image of app \"%s\" is not in the store", app->name));
	if (r < 0)
		return told(ln_refuse(s, PS_REFUSED_IMAGE,
		    "the record of app \"%s\"'s image is damaged; remove and fetch "
		    "it again", app->name));
	r = ln_judge_image(s, &record, unsigned_ok);
	if (r == 0 && s->policy.tree_at_launch)
		r = check_tree(s, &record);
	return r;
}
