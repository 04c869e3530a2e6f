/*
 * The record of one app out of the pod's plan, with the operator's command.
 * Host root.  The plan is the one that was proved when the pod began, and
 * root's since; the pod has a copy, which is not looked at.
 */
#include "stage1/enter/enter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"
#include "privsep/proto.h"

static uint8_t plan[PS_MAX_PLAN], record[PS_MAX_PLAN];
static struct ps_msg_PLAN_APP app;

/* The next record; 0, or -EBADMSG. */
static int
next(struct ps_reader *r, struct ps_header *ret)
{
	if (ps_get_u32(r) != PS_MAGIC)
		return -EBADMSG;
	ret->type = ps_get_u16(r);
	(void)ps_get_u16(r);
	ret->length = ps_get_u32(r);
	(void)ps_get_u32(r);
	(void)ps_get_bytes(r, ret->length);
	return r->error;
}

/* Every record is read to the last, whichever is asked for. */
static int
find(size_t size, const char *name, char ret_apps[S1_APP_NAMES])
{
	static struct ps_msg_PLAN_APP a;
	struct ps_reader r = {.p = plan, .size = size};
	size_t used = 0;
	bool found = false;

	ret_apps[0] = '\0';
	while (r.at < r.size) {
		struct ps_header h = {0};
		const char *comma = used ? ", " : "";

		if (next(&r, &h) < 0)
			return -EBADMSG;
		if (h.type != PS_PLAN_APP)
			continue;
		if (ps_decode_PLAN_APP(plan + r.at - h.length, h.length, &a) < 0)
			return -EBADMSG;
		if (strcmp(a.name, name) == 0) {
			app = a;
			found = true;
		}
		if (used + strlen(a.name) + 3 < S1_APP_NAMES)
			used += (size_t)snprintf(ret_apps + used,
			    S1_APP_NAMES - used, "%s%s", comma, a.name);
	}
	return found ? 0 : -ENOENT;
}

/* NAME=VALUE over what the app has. */
static int
set_env(const char *text)
{
	size_t n = strcspn(text, "="), i = 0;

	if (!ps_is_env(text, strlen(text)))
		return -EINVAL;
	while (i < app.n_env && (strncmp(app.env[i], text, n) != 0 ||
				    app.env[i][n] != '='))
		i++;
	if (i == PS_COUNT(app.env))
		return -E2BIG;
	app.env[i] = text;
	app.n_env = (uint16_t)(i == app.n_env ? i + 1 : app.n_env);
	return 0;
}

static int
encode(void)
{
	struct ps_writer w = {
	    .p = record + PS_HEADER, .size = sizeof(record) - PS_HEADER};
	struct ps_writer head = {.p = record, .size = PS_HEADER};
	int r = ps_encode_PLAN_APP(&w, &app);

	if (r < 0)
		return -E2BIG;
	ps_put_header(&head,
	    &(struct ps_header){.type = PS_PLAN_APP, .length = (uint32_t)w.at});
	return ps_sealed("rkt-enter", record, PS_HEADER + w.at);
}

int
s1_make_record(int fd, const char *name, const char *const *words, size_t n,
    char *const *env, char ret_apps[S1_APP_NAMES])
{
	struct stat st;
	uint64_t size;
	int r = ps_check_file(fd, sizeof(plan), &size);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) != 0)
		return -EPERM;
	r = ps_pread_full(fd, plan, size, 0);
	if (r == 0)
		r = find(size, name, ret_apps);
	if (r < 0)
		return r;
	if (n > PS_COUNT(app.exec))
		return -E2BIG;
	if (n > 0) {
		memcpy(app.exec, words, n * sizeof(app.exec[0]));
		app.n_exec = (uint16_t)n;
	}
	for (; r == 0 && *env; env++)
		r = set_env(*env);
	return r < 0 ? r : encode();
}
