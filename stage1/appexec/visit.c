/*
 * appexec --enter: started by the pod's systemd for one connection of its
 * door.  Who is at the other end could only be the host, or the pod's own
 * root.  It asks one thing.  Runs as the pod's root.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"

static uint8_t bytes[PS_MAX_PLAN];

int
s1_read_record(int fd, struct ps_msg_PLAN_APP *ret)
{
	struct ps_header h;
	uint64_t n;
	int r = ps_check_sealed(fd, sizeof(bytes), &n);

	s1_why = "record";
	if (r == 0)
		r = ps_pread_full(fd, bytes, n, 0);
	if (r == 0)
		r = ps_get_header(bytes, n, &h);
	if (r == 0 && h.type != PS_PLAN_APP)
		r = -EBADMSG;
	if (r == 0)
		r = ps_decode_PLAN_APP(bytes + PS_HEADER, n - PS_HEADER, ret);
	return r == 0 && ret->n_exec == 0 ? -EBADMSG : r;
}

static const struct wish {
	uint32_t kind;
	int (*run)(int pod_root, const struct s1_door *m, const int *fds,
	    size_t n);
} wishes[] = {
    {S1_DOOR_ENTER, s1_enter},
    {S1_DOOR_ATTACH, s1_visit_mux},
    {S1_DOOR_MANAGE, s1_manage},
};

int
s1_visit(int pod_root, char **argv, char *const *env)
{
	int fds[S1_DOOR_FDS];
	struct s1_door m;
	size_t n;
	int r;

	(void)argv;
	(void)env;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return PS_EXIT_SYSTEM;
	r = s1_door_recv(S1_VISITOR, &m, fds, &n);
	for (size_t i = 0; r == 0 && i < PS_COUNT(wishes); i++)
		if (wishes[i].kind == m.kind)
			return wishes[i].run(pod_root, &m, fds, n);
	if (r != -EPIPE)
		(void)ps_log_error(r < 0 ? r : -EPROTO, "the door");
	return PS_EXIT_SYSTEM;
}
