/*
 * The root of an app of a pod that has ended, into a file of the operator's.
 * Runs as root.  HOSTILE: the request; the tree, which root mounts and hands to
 * a worker that has the pod's ids and no more: root walks nothing of it.
 */
#include <errno.h>
#include <string.h>

#include "launcher/argv.h"
#include "launcher/image.h"
#include "launcher/mount.h"
#include "launcher/plan.h"
#include "launcher/prepared.h"
#include "launcher/store.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"

/* Where pods lie that have ended. */
static const char *const places[] = { "run", "exited-garbage" };

static struct ln_plan plan;
static uint8_t bytes[PS_MAX_PLAN];

/* The operator's words: the beginning of the uuid, behind the command, the file,
 * and the app where he says one. */
static bool
is_said(const struct ln_session *s, const struct ps_msg_EXPORT_APP *m)
{
	struct ln_argv pod;

	return ln_argv_app(s->argv, 0, &pod) && pod.argv[0][0] != '\0' &&
	    strncmp(m->uuid, pod.argv[0], strlen(pod.argv[0])) == 0 &&
	    ln_argv_names(s->argv, m->path) &&
	    (!ln_argv_has(s->argv, "--app") ||
		ln_argv_option(s->argv, "--app", m->app));
}

/* The plan is root's own file, as it was proved when the pod began, or when the
 * app was added. */
static int
open_pod(struct ln_session *s, const char *uuid, const char *app)
{
	uint64_t n;
	int r;

	s->pod = -ENOENT;
	for (size_t i = 0; s->pod == -ENOENT && i < PS_COUNT(places); i++)
		s->pod = ln_pod_lock(s, places[i], uuid);
	r = s->pod < 0 ? s->pod : ln_read_file(s->pod, ln_path("apps/%s", app),
				      bytes, sizeof(bytes), &n);
	if (s->pod >= 0 && r == -ENOENT)
		r = ln_read_file(s->pod, "plan", bytes, sizeof(bytes), &n);
	if (r == 0)
		r = ln_plan_decode(bytes, n, &plan);
	return r < 0 || strcmp(plan.pod.uuid, uuid) == 0 ? r : -EBADMSG;
}

static int
find_app(struct ln_session *s, const struct ps_msg_EXPORT_APP *m, uint16_t *ret)
{
	int r = open_pod(s, m->uuid, m->app);

	if (r == -EWOULDBLOCK)
		return ln_refuse(s, PS_REFUSED_BUSY,
		    "pod \"%s\" is currently running", m->uuid);
	if (r == -ENOENT)
		return ln_refuse(s, PS_REFUSED_NOTFOUND,
		    "there is no pod \"%s\" that has exited", m->uuid);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot read the pod");
	for (*ret = 0; *ret < plan.pod.apps; (*ret)++)
		if (strcmp(plan.app[*ret].name, m->app) == 0)
			return 0;
	return ln_refuse(s, PS_REFUSED_NOTFOUND, "pod \"%s\" has no app \"%s\"",
	    m->uuid, m->app);
}

/* What is read is no approval: an image that came unsigned may be packed. */
static int
pack(struct ln_session *s, uint16_t app, int output, int manifest)
{
	_cleanup_fd_ int tree = -1;
	struct ps_msg_TREE packed;
	uint32_t base;
	int r = ln_pod_base(s->pod, &base), fds[3];

	if (r == 0)
		r = ln_layers(s, &plan.app[app], true, &plan.lowers[app]);
	if (r != 0)
		return ln_refuse_error(s, r, "cannot read the pod");
	tree = ln_mount_read(s, &plan, app, base);
	if (tree < 0)
		return ln_refuse_error(s, tree, "cannot mount the app's root");
	fds[0] = tree;
	fds[1] = output;
	fds[2] = manifest;
	r = ln_worker_pack(s, fds, base, &packed);
	if (r != 0)
		return r;
	if (packed.left_out > 0)
		ps_log("export: %u files were left out: an image holds no sockets, "
		       "and no names that cannot be printed", packed.left_out);
	return ln_done(s);
}

int
ln_export_app(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_EXPORT_APP m;
	_cleanup_fd_ int output = -1;
	uint16_t app = 0;
	uint64_t size;
	int r;

	if (ps_decode_EXPORT_APP(f->payload, f->length, &m) < 0 ||
	    ps_check_sealed(f->fds[0], PS_MAX_MANIFEST, &size) < 0 ||
	    s->pod >= 0 || s->put_dir >= 0 || !is_said(s, &m))
		return -EPROTO;
	r = find_app(s, &m, &app);
	if (r == 0)
		r = ln_put_open(s, m.path, &output);
	return r != 0 ? r : pack(s, app, output, f->fds[0]);
}
