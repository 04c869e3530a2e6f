/*
 * Starting a pod: prove the plan, judge its images, make the pod directory,
 * mounts and cgroups, and become stage1.  Runs as root.  HOSTILE: the plan,
 * made by a conductor that may be compromised; the records are root's own.
 * Nothing here grows with the size of an image or the number of pods.
 */
#include "launcher/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "launcher/add.h"
#include "launcher/cgroup.h"
#include "launcher/id.h"
#include "launcher/image.h"
#include "launcher/mount.h"
#include "launcher/plan.h"
#include "launcher/prepared.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/volume.h"
#include "privsep/attr.h"
#include "privsep/fds.h"

static struct ln_plan plan;

/* A start of a pod. */
struct start {
	uint8_t how;	      /* PS_START_* */
	uint64_t since;	      /* ADD */
	const uint8_t *bytes; /* of the plan */
	uint64_t size;
	struct ln_argv made; /* the words that made its apps */
	uint32_t base;	     /* host uid of its root */
};

static int
take_plan(struct ln_session *s, struct ps_frame *f, struct start *ret)
{
	struct ps_msg_START_POD m;
	uint64_t size;
	void *p;

	if (ps_decode_START_POD(f->payload, f->length, &m) < 0 ||
	    m.how > PS_START_ADD ||
	    ps_check_sealed(f->fds[0], PS_MAX_PLAN, &size) < 0 || size == 0)
		return -EPROTO;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, f->fds[0], 0);
	if (p == MAP_FAILED)
		return -errno;
	/* A mutable pod begins without apps, and is given one at a time. */
	if (ln_plan_decode(p, size, &plan) < 0 ||
	    (m.how == PS_START_ADD) != (plan.pod.mutable && plan.pod.apps > 0) ||
	    (plan.pod.mutable && m.how != PS_START_RUN && m.how != PS_START_ADD))
		return -EPROTO;
	s->plan = take_fd(f->fds[0]);
	*ret = (struct start){ .how = m.how, .since = m.since, .bytes = p, .size = size,
		.made = s->argv };
	return 0;
}

static int
prove(struct ln_session *s, struct ln_argv made)
{
	char error[256];
	uint32_t code = ln_plan_prove(&plan, s->argv, made, &s->policy, error);
	int r = 0;

	if (code != 0)
		return ln_refuse(s, code, "%s", error);
	for (uint16_t i = 0; r == 0 && i < plan.pod.apps; i++)
		r = ln_layers(s, &plan.app[i],
		    (plan.pod.insecure & PS_INSECURE_IMAGE) != 0, &plan.lowers[i]);
	return r;
}

/* A pod that waits keeps its words and its ids. */
static int
find_prepared(struct ln_session *s, struct start *start)
{
	int r = ln_prepared_open(s, &plan, start->bytes, start->size, &start->made,
	    &start->base);

	if (r == -EPROTO)
		return r;
	if (r == -ENOENT)
		return ln_refuse(s, PS_REFUSED_NOTFOUND,
		    "pod \"%s\" is not prepared", plan.pod.uuid);
	if (r == -EWOULDBLOCK)
		return ln_refuse(s, PS_REFUSED_BUSY,
		    "pod \"%s\" is in use", plan.pod.uuid);
	if (r < 0)
		return ln_refuse(s, PS_REFUSED_SYSTEM,
		    "the files of pod \"%s\" are damaged (%s); rkt rm takes it away",
		    plan.pod.uuid, strerror(-r));
	return 0;
}

/* --- the pod directory --------------------------------------------------- */

/* pods/embryo/<uuid>, locked, then pods/prepare/<uuid>.  The conductor chose
 * the uuid: it must be no other pod's, for cgroups and claims go by it.  Asked
 * again when prepare/ is ours, so that no one else is on its way to the same
 * name. */
static int
make_pod(struct ln_session *s, const char *uuid)
{
	_cleanup_fd_ int fd = -1;
	int r = ln_pod_exists(s, uuid, false) ? -EEXIST :
	    sys_mkdir(s->pods, ln_path("embryo/%s", uuid), 0700);

	if (r < 0)
		return r;
	fd = ln_open_dir(s->pods, ln_path("embryo/%s", uuid));
	r = fd < 0 ? fd : sys_own(fd, 0, s->rkt.gid, 0750);
	if (r == 0)
		r = sys_flock(fd, true);
	if (r == 0)
		r = ln_pod_move(s, "embryo", "prepare", uuid);
	if (r < 0) {
		(void)sys_unlink(s->pods, ln_path("embryo/%s", uuid), true);
		return r;
	}
	if (ln_pod_exists(s, uuid, true)) {
		(void)sys_unlink(s->pods, ln_path("prepare/%s", uuid), true);
		return -EEXIST;
	}
	s->pod = take_fd(fd);
	return 0;
}

static int
write_files(struct ln_session *s, const struct start *start)
{
	const char *range = ln_path("%u:%u\n", start->base, PS_RANGE);
	int r = ln_write_file(s, s->pod, "pod", plan.pod.manifest,
	    plan.pod.n_manifest);

	if (r == 0)
		r = ln_write_file(s, s->pod, "plan", start->bytes, start->size);
	if (r == 0 && start->how == PS_START_PREPARE)
		r = ln_prepared_note(s);
	if (r == 0)
		r = ln_write_file(s, s->pod, "private-users-prepared", range,
		    strlen(range));
	return r < 0 ? r : ln_write_file(s, s->pod, "pod-created", "", 0);
}

static int
write_pid(struct ln_session *s)
{
	const char *pid = ln_path("%d\n", getpid());

	return ln_write_file(s, s->pod, "ppid", pid, strlen(pid));
}

/* --- limits and facts ---------------------------------------------------- */

static char cgroup_paths[LN_CGROUP_TEXT];

static bool
has_machined(void)
{
	static const char *const signs[] = { "/run/systemd/system",
		"/run/dbus/system_bus_socket", "/usr/lib/systemd/systemd-machined" };

	for (size_t i = 0; i < PS_COUNT(signs); i++)
		if (access(signs[i], F_OK) < 0)
			return false;
	return true;
}

/* In a unit of its own, by what it was before it moved; else machined makes a
 * scope for the pod, and stage1 asks it for the limits. */
static bool in_service, machined;

/* What all apps have a limit of, the pod has the sum of; the pod's own limit
 * stands over both. */
static struct ln_limits
pod_limits(const struct ln_session *s)
{
	struct ln_limits l = LN_LIMITS_OF(&plan.pod);

	for (size_t k = LN_MEMORY; k <= LN_CPU; k++) {
		uint64_t sum = 0;
		bool all = true;

		for (uint16_t i = 0; i < plan.pod.apps; i++) {
			sum += LN_LIMITS_OF(&plan.app[i]).n[k];
			all = all && LN_LIMITS_OF(&plan.app[i]).n[k] != 0;
		}
		if (l.n[k] == 0 && all)
			l.n[k] = sum;
	}
	if (l.cpu_shares == 0 && plan.pod.apps == 1)
		l.cpu_shares = plan.app[0].cpu_shares;
	l.pids_asked = l.pids != 0 || s->policy.pids_said;
	if (s->policy.pids != 0 && (l.pids == 0 || l.pids > s->policy.pids))
		l.pids = s->policy.pids;
	return l;
}

/* What systemd is to set on the scope that it makes. */
static struct ln_limits of_scope;

static int
limit(struct ln_session *s, uint32_t base, const char **missing)
{
	struct ln_groups g = { .paths = cgroup_paths, .pod = pod_limits(s),
		.plan = &plan, .dir = s->pod, .owner = base,
		.conductor = s->conductor_pid };
	int r = 0;

	in_service = ln_cgroup_in_service(cgroup_paths);
	machined = has_machined();
	if (machined && !in_service) {
		struct ln_limits apps = ln_cgroup_apps(&plan);

		r = ln_cgroup_check(&g.pod, missing);
		if (r == 0)
			r = ln_cgroup_check(&apps, missing);
		of_scope = g.pod;
		g.pod = (struct ln_limits){ 0 };
		g.in_scope = true;
	}
	if (r < 0 && (s->policy.best_effort & PS_PROTECT_CGROUP) == 0)
		return r;
	return ln_cgroup_enter(&g, missing);
}

static int
enter_cgroups(struct ln_session *s, uint32_t base)
{
	const char *missing = "";
	int r = ln_cgroup_paths(plan.pod.uuid, cgroup_paths);

	/* First it is noted what gc shall remove, then it is made. */
	if (r == 0)
		r = ln_write_file(s, s->pod, "cgroup", cgroup_paths,
		    strlen(cgroup_paths));
	if (r < 0)
		return ln_refuse_error(s, r, "cannot write the pod");
	r = limit(s, base, &missing);
	/* What stands there is another's, of a pod elsewhere, and what is noted
	 * is killed when it is taken away. */
	if (r == -EEXIST) {
		(void)sys_unlink(s->pod, "cgroup", false);
		/* In none of its own it could not be ended: no site policy goes
		 * on without that. */
		return ln_refuse(s, PS_REFUSED_PROTECTION, "a cgroup rkt-%s stands "
		    "there already: it is another pod's, or was left behind",
		    plan.pod.uuid);
	}
	if (r < 0 && (s->policy.best_effort & PS_PROTECT_CGROUP) == 0)
		return ln_refuse(s, PS_REFUSED_PROTECTION, "the cgroup controller "
		    "\"%s\" cannot be used (%s; a unit needs Delegate=yes); site "
		    "policy line \"best-effort cgroup\" would go on without the limit",
		    missing, strerror(-r));
	return 0;
}

static int
make_keyring(struct ln_session *s)
{
	int r = sys_keyring();

	if (r == 0 || (s->policy.best_effort & PS_PROTECT_KEYRING) != 0)
		return 0;
	return ln_refuse(s, PS_REFUSED_PROTECTION, "no session keyring can be "
	    "made (%s); site policy line \"best-effort keyring\" would go on "
	    "without", strerror(-r));
}

#define IPC_LOCK (1ull << 14) /* CAP_IPC_LOCK */

/* Of the pod's own user namespace.  Those of apps that are there are the
 * plan's; what later ones may have is site policy's to say.  But with IPC_LOCK,
 * which is of no use in there, nspawn would let all apps lock memory. */
static uint64_t
later_caps(const struct ln_session *s)
{
	if (plan.pod.mutable == 0)
		return 0;
	return (plan.pod.insecure & PS_INSECURE_CAPABILITIES) != 0 ? UINT64_MAX :
	    s->policy.caps_image | (s->policy.caps_operator & ~IPC_LOCK);
}

static int
make_facts(struct ln_session *s, uint32_t base)
{
	static char text[LN_FACTS];
	int n = snprintf(text, sizeof(text), "uid-base %u\nmachined %d\n"
	    "keep-unit %d\ncgroup2 %d\nheld %zu\nsockets %zu\ncaps %llu\n", base,
	    machined, in_service || !machined, ln_cgroup_is_v2(), s->n_held,
	    s->n_socket, (unsigned long long)later_caps(s));
	int r = ln_limits_properties(&of_scope, text + n, sizeof(text) - (size_t)n);

	n = (int)strlen(text);
	if (r == 0 && machined && !in_service)
		r = ln_volume_properties(&plan, text + n, sizeof(text) - (size_t)n);
	if (r < 0)
		return r;
	s->facts = ps_sealed("rkt-facts", text, strlen(text));
	return s->facts < 0 ? s->facts : 0;
}

/* --- start --------------------------------------------------------------- */

/* Nothing of a pod that was refused stays: mounts, cgroups, ids, files.  But
 * one that was prepared goes on waiting. */
static void
undo(struct ln_session *s, const struct start *start)
{
	ln_cgroup_leave(cgroup_paths, s->conductor_pid);
	ln_unmount_pod(s, &plan);
	if (start->how != PS_START_PREPARED)
		(void)ln_pod_discard(s, "prepare", s->pod, plan.pod.uuid);
	else
		(void)ln_cgroup_remove(plan.pod.uuid, s->pod);
}

static int
make_files(struct ln_session *s, struct start *start)
{
	int r = ln_id_claim(s, plan.pod.uuid, &start->base);

	if (r < 0)
		return ln_refuse_error(s, r, "cannot claim an id range (see rkt gc)");
	r = write_files(s, start);
	if (r < 0)
		ln_id_release(s, plan.pod.uuid, start->base);
	return ln_refuse_error(s, r, "cannot write the pod");
}

/* --uuid-file-save, where the conductor may not write.  The path is of the
 * caller's directory, which mounting leaves. */
static int
save_uuid(struct ln_session *s)
{
	const char *path;

	for (int at = 0; (path = ln_argv_value(s->argv, "--uuid-file-save", &at));) {
		_cleanup_fd_ int fd = sys_open(AT_FDCWD, path,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
		    0644, SYS_HOST);
		int r = fd < 0 ? fd : ps_write_full(fd, plan.pod.uuid, 36);

		if (r < 0)
			return ln_refuse(s, PS_REFUSED_SYSTEM,
			    "cannot write --uuid-file-save %s: %s", path, strerror(-r));
	}
	return 0;
}

static int
move(struct ln_session *s, const char *from, const char *to)
{
	return ln_refuse_error(s, ln_pod_move(s, from, to, plan.pod.uuid),
	    "cannot move the pod");
}

/* The directory with its files: a new one, or the one that waits. */
static int
begin(struct ln_session *s, struct start *start)
{
	int r;

	if (start->how == PS_START_PREPARED)
		return ln_refuse_error(s, ln_prepared_renew(s, plan.pod.uuid, start->bytes,
				   start->size), "cannot write the pod");
	r = make_pod(s, plan.pod.uuid);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot make the pod directory");
	return make_files(s, start);
}

/* All that runs stands on; last of all it is called running. */
static int
build(struct ln_session *s, const struct start *start)
{
	int r = ln_refuse_error(s, write_pid(s), "cannot write the pod");

	if (r == 0)
		r = save_uuid(s);
	if (r == 0)
		r = ln_volume_done(s, ln_mount_pod(s, &plan, start->base),
		    "cannot mount the pod's file systems");
	if (r == 0)
		r = enter_cgroups(s, start->base);
	if (r == 0)
		r = make_keyring(s);
	if (r == 0)
		r = ln_refuse_error(s, make_facts(s, start->base), "cannot start the pod");
	return r == 0 ? move(s, start->how == PS_START_PREPARED ? "prepared" :
			"prepare", "run") : r;
}

static int
wait_prepared(struct ln_session *s)
{
	int r = ln_refuse_error(s, sys_syncfs(s->pod), "cannot write the pod");

	return r == 0 ? move(s, "prepare", "prepared") : r;
}

int
ln_start_pod(struct ln_session *s, struct ps_frame *f)
{
	struct start start;
	int r;

	if (s->plan >= 0)
		return -EPROTO; /* one pod a launcher */
	cgroup_paths[0] = '\0';
	r = take_plan(s, f, &start);
	if (r < 0)
		return r;
	r = start.how == PS_START_PREPARED ? find_prepared(s, &start) : 0;
	if (r == 0)
		r = prove(s, start.made);
	if (r == 0 && start.how == PS_START_ADD)
		return ln_add_app(s, &(struct ln_addition){ &plan, start.bytes,
		    start.size, start.since });
	if (r == 0)
		r = begin(s, &start);
	if (r == 0)
		r = start.how == PS_START_PREPARE ? wait_prepared(s) :
						    build(s, &start);
	if (r != 0 && s->pod >= 0)
		undo(s, &start);
	return r != 0 ? r : ln_starting(s, plan.pod.uuid,
	    start.how == PS_START_PREPARE ? NULL : ln_become_stage1);
}

/* What stage1 may know of the caller's environment. */
static char *const *
stage1_environment(char *const *env)
{
	static const char *const kept[] = { "NOTIFY_SOCKET=", "LISTEN_FDS=",
		"LISTEN_PID=", "LISTEN_FDNAMES=" };
	static char *list[PS_COUNT(kept) + 2];
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	size_t n = 0;

	list[n++] = path;
	for (; *env; env++)
		for (size_t i = 0; i < PS_COUNT(kept) && n <= PS_COUNT(kept); i++)
			if (strncmp(*env, kept[i], strlen(kept[i])) == 0)
				list[n++] = *env;
	list[n] = NULL;
	return list;
}

void
ln_become_stage1(struct ln_session *s)
{
	static char name[] = "stage1-nspawn";
	char *const argv[] = { name, s->uuid, NULL };
	int fds[3 + PS_COUNT(s->held) + LN_MAX_SOCKETS] = { s->plan, s->pod,
		s->facts };
	size_t n = 3 + s->n_held;

	memcpy(fds + 3, s->held, s->n_held * sizeof(int));
	memcpy(fds + n, s->sockets, s->n_socket * sizeof(int));
	sys_exec(argv, stage1_environment(s->env), fds, n + s->n_socket);
}
