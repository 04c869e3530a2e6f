/*
 * Who attaches, on its way to the app's mux: started for the connection of the
 * door, hands it on with what came through it, and ends.  Nothing is started
 * in the app.  Runs as the pod's root.
 */
#include <errno.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/streams.h"
#include "stage1/appexec/appexec.h"
#include "stage1/appexec/enter.h"
#include "stage1/appexec/mux.h"

static struct ps_msg_PLAN_APP app;

static const struct {
	int error;
	uint32_t why;
} answers[] = {
    {-ESRCH, S1_ATTACH_GONE},
    {-ECONNREFUSED, S1_ATTACH_GONE},
    {-ECONNRESET, S1_ATTACH_GONE},
    {-EPIPE, S1_ATTACH_GONE},
    {-ENOENT, S1_ATTACH_NONE},
    {-ENAMETOOLONG, S1_ATTACH_NONE},
};

/* As many pipes as streams that the app was made to offer. */
static int
check(const struct s1_door *m, size_t n)
{
	size_t want = 1;

	s1_why = "request";
	for (uint32_t bit = 1; bit <= PS_STREAM_TTY_OUT; bit <<= 1)
		want += (m->a & bit) != 0;
	if (m->a == 0 || (m->a & ~PS_STREAM_ALL) != 0 || n != want)
		return -EPROTO;
	return 0;
}

static int
hand_over(const struct s1_door *m, const int *fds, size_t n)
{
	const struct s1_door on = {.kind = S1_MUX_CLIENT, .a = m->a, .b = m->b};
	_cleanup_fd_ int mux = s1_call_mux(app.name);
	int all[S1_DOOR_FDS] = {S1_VISITOR};

	/* A pod that ends takes the mux's socket away. */
	if (mux == -ENOENT && ps_offered_streams(&app) != 0)
		return -ESRCH;
	if (mux < 0)
		return mux;
	memcpy(all + 1, fds + 1, (n - 1) * sizeof(*fds));
	return s1_door_send(mux, &on, all, n);
}

int
s1_visit_mux(int pod_root, const struct s1_door *m, const int *fds, size_t n)
{
	struct s1_door no = {.kind = S1_DOOR_ENDED, .a = S1_ENDED_NOT_STARTED};
	int r = check(m, n);

	if (r == 0)
		r = s1_read_record(fds[0], &app);
	if (r == 0)
		r = s1_await_unit(pod_root, app.name);
	if (r == 0)
		r = hand_over(m, fds, n);
	if (r == 0)
		return 0;
	(void)ps_log_error(r, "cannot attach to %s: %s",
	    app.name ? app.name : "an app", s1_why);
	for (size_t i = 0; i < PS_COUNT(answers); i++)
		if (answers[i].error == r)
			no.b = answers[i].why;
	(void)s1_door_send(S1_VISITOR, &no, NULL, 0);
	return 0;
}
