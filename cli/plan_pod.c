/*
 * The pod's part of a plan, conductor, user rkt: volumes, mounts and ports of
 * the flags or of a pod manifest, and the sealed records.  HOSTILE: the plan of
 * a prepared pod, which lies in its directory.
 */
#include <errno.h>
#include <string.h>

#include "cli/plan.h"
#include "privsep/fds.h"
#include "privsep/log.h"

/* Every pod of ours says whether it is one of rkt app's. */
static void
tell_annotations(struct cli_plan *p, const struct ac_pairs *said)
{
	static const char mutable[] = "coreos.com/rkt/stage1/mutable";
	struct ac_pairs *to = &p->told.annotations;

	to->v = cli_alloc((said->n + 1) * sizeof(*to->v));
	to->v[to->n++] = (struct ac_pair){ .name = mutable,
		.value = p->pod.mutable ? "true" : "false" };
	for (size_t i = 0; i < said->n; i++)
		if (strcmp(said->v[i].name, mutable) != 0)
			to->v[to->n++] = said->v[i];
}

const char *
cli_plan_flags(struct cli_plan *p)
{
	const struct cli_run_pod *said = p->said;
	struct ac_pod_port *ports =
	    cli_alloc((said->ports.n + 1) * sizeof(*ports));
	struct ac_pairs annotations = { 0 };
	const char *wrong = cli_pairs("--annotation", &said->annotations,
	    &annotations);

	if (wrong == NULL)
		wrong = cli_pairs("--user-annotation", &said->user_annotations,
		    &p->told.user_annotations);
	if (wrong == NULL)
		wrong = cli_pairs("--user-label", &said->user_labels,
		    &p->told.user_labels);

	for (size_t i = 0; wrong == NULL && i < said->volumes.n; i++)
		wrong = cli_volume_add(&p->volumes, said->volumes.v[i]);
	p->mounts = cli_alloc((said->mounts.n + 1) * sizeof(*p->mounts));
	for (; wrong == NULL && p->n_mounts < said->mounts.n; p->n_mounts++)
		wrong = cli_parse_mount(said->mounts.v[p->n_mounts],
		    &p->mounts[p->n_mounts]);
	for (size_t i = 0; wrong == NULL && i < said->ports.n; i++)
		wrong = cli_parse_port(said->ports.v[i], &ports[i]);
	p->ports = (struct cli_ports){ .n = said->ports.n, .v = ports,
		.used = cli_alloc(said->ports.n + 1) };
	p->told.n_ports = said->ports.n;
	p->told.ports = ports;
	tell_annotations(p, &annotations);
	return wrong;
}

const char *
cli_plan_told(struct cli_plan *p, const struct ac_pod *told)
{
	const char *wrong = cli_plan_pod_isolators(&told->isolators, &p->pod);

	if (wrong == NULL)
		wrong = cli_plan_sysctls(p, &told->isolators, NULL, true);
	for (size_t i = 0; wrong == NULL && i < told->n_volumes; i++)
		wrong = cli_volume_add_told(&p->volumes, &told->volumes[i]);
	p->ports = (struct cli_ports){ .n = told->n_ports, .v = told->ports,
		.used = cli_alloc(told->n_ports + 1) };
	p->told.n_ports = told->n_ports;
	p->told.ports = told->ports;
	p->told.isolators = told->isolators;
	p->told.user_annotations = told->user_annotations;
	p->told.user_labels = told->user_labels;
	tell_annotations(p, &told->annotations);
	return wrong;
}

/* One name an app, one app a socket. */
static const char *
check_pair(const struct ps_msg_PLAN_APP *a, const struct ps_msg_PLAN_APP *b)
{
	if (strcmp(a->name, b->name) == 0)
		return cli_format("error: multiple apps with name %s (try --name)",
		    a->name);
	for (uint16_t i = 0; i < a->n_socket_ports; i++)
		for (uint16_t k = 0; k < b->n_socket_ports; k++)
			if (a->socket_ports[i] == b->socket_ports[k])
				return cli_format("port %u of the host is port \"%s\" "
				    "of app \"%s\" and port \"%s\" of app \"%s\" "
				    "(try --port)", a->socket_ports[i] & 65535,
				    a->socket_names[i], a->name, b->socket_names[k],
				    b->name);
	return NULL;
}

static bool
is_mounted(const struct cli_plan *p, const char *volume)
{
	for (uint16_t i = 0; i < p->pod.apps; i++)
		for (uint16_t k = 0; k < p->apps[i].app.n_mount_volume; k++)
			if (strcmp(p->apps[i].app.mount_volume[k], volume) == 0)
				return true;
	return false;
}

const char *
cli_plan_check(const struct cli_plan *p)
{
	for (uint16_t i = 0; i < p->pod.apps; i++)
		for (uint16_t k = 0; k < i; k++) {
			const char *wrong =
			    check_pair(&p->apps[k].app, &p->apps[i].app);

			if (wrong)
				return wrong;
		}
	/* No error in rkt; but most often a name that was mistyped. */
	for (uint16_t i = 0; i < p->volumes.n; i++)
		if (!is_mounted(p, p->volumes.v[i].plan.name))
			ps_log("warning: no app mounts volume \"%s\"",
			    p->volumes.v[i].plan.name);
	for (size_t i = 0; i < p->ports.n; i++)
		if (!p->ports.used[i])
			return cli_format("no app has a port \"%s\"",
			    p->ports.v[i].name);
	return NULL;
}

/* A record behind a header that it now gets. */
static int
put_record(struct ps_writer *w, uint16_t type, uint32_t serial, size_t at)
{
	struct ps_writer head = { .p = w->p + at, .size = PS_HEADER };
	struct ps_header h = { .type = type, .serial = serial };

	if (w->error != 0)
		return w->error;
	if (w->at - at > PS_MAX_MSG)
		return -EMSGSIZE;
	h.length = (uint32_t)(w->at - at - PS_HEADER);
	ps_put_header(&head, &h);
	return head.error;
}

static const uint8_t room[PS_HEADER];

static int
put_pod(struct ps_writer *w, const struct ps_msg_PLAN_POD *pod)
{
	ps_put_bytes(w, room, sizeof(room));
	(void)ps_encode_PLAN_POD(w, pod);
	return put_record(w, PS_PLAN_POD, 1, 0);
}

int
cli_plan_seal(const struct cli_plan *p)
{
	struct ps_writer w = { .p = cli_alloc(PS_MAX_PLAN), .size = PS_MAX_PLAN };
	uint32_t serial = 2;
	int r = put_pod(&w, &p->pod);

	for (uint16_t i = 0; r == 0 && i < p->pod.volumes; i++) {
		size_t at = w.at;

		ps_put_bytes(&w, room, sizeof(room));
		(void)ps_encode_PLAN_VOLUME(&w, &p->volumes.v[i].plan);
		r = put_record(&w, PS_PLAN_VOLUME, serial++, at);
	}
	for (uint16_t i = 0; r == 0 && i < p->pod.apps; i++) {
		size_t at = w.at;

		ps_put_bytes(&w, room, sizeof(room));
		(void)ps_encode_PLAN_APP(&w, &p->apps[i].app);
		r = put_record(&w, PS_PLAN_APP, serial++, at);
	}
	return r < 0 ? r : ps_sealed("plan", w.p, w.at);
}

int
cli_plan_first(const uint8_t *text, size_t n, struct ps_msg_PLAN_POD *ret_pod,
    size_t *ret_rest)
{
	struct ps_reader r = { .p = text, .size = n };
	struct ps_reader length = { .size = PS_HEADER, .at = 8 };
	struct ps_header h;
	uint32_t size;

	length.p = ps_get_bytes(&r, PS_HEADER);
	if (length.p == NULL)
		return -EBADMSG;
	size = ps_get_u32(&length);
	if (ps_get_bytes(&r, size) == NULL ||
	    ps_get_header(text, PS_HEADER + size, &h) < 0 ||
	    h.type != PS_PLAN_POD ||
	    ps_decode_PLAN_POD(text + PS_HEADER, size, ret_pod) < 0)
		return -EBADMSG;
	*ret_rest = r.at;
	return 0;
}

int
cli_plan_seal_again(const struct ps_msg_PLAN_POD *pod, const uint8_t *rest,
    size_t n)
{
	struct ps_writer w = { .p = cli_alloc(PS_MAX_PLAN), .size = PS_MAX_PLAN };
	int r = put_pod(&w, pod);

	if (r == 0 && n > w.size - w.at)
		r = -EMSGSIZE;
	if (r < 0)
		return r;
	ps_put_bytes(&w, rest, n);
	return w.error < 0 ? w.error : ps_sealed("plan", w.p, w.at);
}
