/*
 * Taking away: pods that have ended, images, and looking whether a tree is
 * still what its record says.  Runs as root.  HOSTILE: the requests' ids.
 */
#include <errno.h>

#include "launcher/add.h"
#include "launcher/cgroup.h"
#include "launcher/id.h"
#include "launcher/image.h"
#include "launcher/pod.h"
#include "launcher/prepared.h"
#include "launcher/running.h"
#include "launcher/render.h"
#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/name.h"

/* From where a pod may be marked, and to where; and what is deleted. */
static const struct move {
	const char *from, *to;
} moves[] = {
	{ "run", "exited-garbage" },
	{ "prepare", "garbage" },
	{ "prepared", "garbage" },
	{ "embryo", "garbage" },
};

static const char *const bins[] = { "exited-garbage", "garbage" };

/* What the pod holds outside its directory. */
static int
release(struct ln_session *s, int pod, const char *uuid)
{
	uint32_t base;
	/* A killed nspawn leaves its pod's processes: they go before the ids
	 * that they run with are anyone else's. */
	int r = ln_cgroup_remove(uuid, pod);

	if (r == 0 && ln_pod_base(pod, &base) == 0)
		ln_id_release(s, uuid, base);
	return r;
}

static int
mark(struct ln_session *s, const char *uuid)
{
	for (size_t i = 0; i < PS_COUNT(moves); i++) {
		_cleanup_fd_ int pod = ln_pod_lock(s, moves[i].from, uuid);

		if (pod == -ENOENT)
			continue;
		if (pod < 0)
			return pod;
		return ln_pod_move(s, moves[i].from, moves[i].to, uuid);
	}
	return -ENOENT;
}

int
ln_pod_discard(struct ln_session *s, const char *where, int pod, const char *uuid)
{
	_cleanup_fd_ int bin =
	    ln_open_dir(s->pods, where);
	int r = bin < 0 ? bin : release(s, pod, uuid);

	return r < 0 ? r : ln_remove_pod_tree(bin, pod, uuid);
}

static int
delete(struct ln_session *s, const char *uuid)
{
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < PS_COUNT(bins); i++) {
		_cleanup_fd_ int pod = ln_pod_lock(s, bins[i], uuid);

		r = pod < 0 ? pod : ln_pod_discard(s, bins[i], pod, uuid);
	}
	ln_id_sweep(s);
	return r;
}

static int
stop(struct ln_session *s, const char *uuid, bool force)
{
	struct ln_running running;
	int r = ln_running_open(s, uuid, force ? LN_STARTS : LN_LISTENS, &running);

	if (r == 0) {
		r = ln_running_end(&running, force);
		ln_running_close(&running);
	}
	if (r < 0 && r != -ESRCH)
		return ln_refuse_error(s, r, "cannot stop the pod");
	return r > 0 ? r : ln_done(s);
}

int
ln_end_pod(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_END_POD m;
	bool last;
	int r;

	if (ps_decode_END_POD(f->payload, f->length, &m) < 0 ||
	    m.how > PS_END_DELETE)
		return -EPROTO;
	if (m.how <= PS_END_KILL)
		return stop(s, m.uuid, m.how == PS_END_KILL);
	last = m.how == PS_END_DELETE;
	r = last ? delete(s, m.uuid) : mark(s, m.uuid);
	if (r == -ENOENT)
		return ln_refuse(s, PS_REFUSED_NOTFOUND, "no such pod: \"%s\"", m.uuid);
	if (r == -EWOULDBLOCK)
		return ln_refuse(s, PS_REFUSED_BUSY,
		    last ? "pod \"%s\" is currently being deleted"
			 : "pod \"%s\" is currently running", m.uuid);
	return r < 0 ? ln_refuse_error(s, r, "cannot remove the pod") : ln_done(s);
}

static int
remove_image(struct ln_session *s, const uint8_t image[PS_DIGEST])
{
	const char *id = ln_image_id(image);
	_cleanup_fd_ int dir = ln_open_dir(s->image, id);
	int r = dir < 0 ? dir : sys_flock(dir, true);

	if (r == 0 && ln_is_added(s, image))
		r = -EWOULDBLOCK;
	if (r == -EWOULDBLOCK)
		return ln_refuse(s, PS_REFUSED_BUSY, "image %s is used by a pod", id);
	if (r == 0)
		r = ln_remove_tree(s->image, id);
	if (r == -ENOENT)
		return ln_refuse(s, PS_REFUSED_NOTFOUND, "no such image: %s", id);
	return r < 0 ? ln_refuse_error(s, r, "cannot remove the image") : ln_done(s);
}

int
ln_check_image(struct ln_session *s, struct ps_frame *f)
{
	static char text[PS_MAX_RECORD + 1];
	struct ps_msg_CHECK_IMAGE m;
	struct ps_record record;
	struct ln_lower tree;
	int r;

	if (ps_decode_CHECK_IMAGE(f->payload, f->length, &m) < 0 || m.remove > 1)
		return -EPROTO;
	if (m.remove)
		return remove_image(s, m.image);
	r = ln_record_read(s, m.image, text, &record);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot open the image");
	tree = ln_lower_of(&record);
	r = ln_image_check(s, &tree);
	if (r == 0)
		r = ln_render_check(s, m.image, record.name);
	if (r != 0)
		return ln_refuse_error(s, r, "cannot look at renderings");
	return ln_done(s);
}
