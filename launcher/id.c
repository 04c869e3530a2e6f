/*
 * The registry of id ranges.  Runs as root.  Constant time: a random start,
 * then the first range that no one holds.
 */
#include "launcher/id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"

/* A claim has its name only when it is whole: no sweep sees an empty one. */
int
ln_id_claim(struct ln_session *s, const char *uuid, uint32_t *ret_base)
{
	_cleanup_fd_ int fd = sys_tmpfile(s->ids);
	uint32_t start;
	int r = fd < 0 ? fd : sys_random(&start, sizeof(start));

	if (r == 0)
		r = ps_write_full(fd, uuid, 36);
	for (uint32_t i = 0; r == 0 && i < s->policy.id_count; i++) {
		uint32_t n = (uint32_t)(((uint64_t)start + i) % s->policy.id_count);
		uint32_t base = s->policy.id_first + n * PS_RANGE;

		r = sys_link(fd, s->ids, ln_path("%u", base));
		if (r == 0)
			*ret_base = base;
		if (r != -EEXIST)
			return r;
		r = 0;
	}
	return r < 0 ? r : -ENOSPC;
}

void
ln_id_release(struct ln_session *s, const char *uuid, uint32_t base)
{
	const char *name = ln_path("%u", base);
	_cleanup_fd_ int fd = ln_open_file(s->ids, name);
	char holder[36];

	if (fd >= 0 && ps_pread_full(fd, holder, sizeof(holder), 0) == 0 &&
	    memcmp(holder, uuid, sizeof(holder)) == 0)
		(void)sys_unlink(s->ids, name, false);
}

bool
ln_pod_exists(struct ln_session *s, const char *uuid, bool later)
{
	for (size_t i = later ? 2 : 0; i < LN_POD_STATES; i++) {
		_cleanup_fd_ int fd = sys_open(s->pods,
		    ln_path("%s/%.36s", ln_pod_states[i], uuid), O_PATH, 0,
		    SYS_BENEATH);

		if (fd != -ENOENT)
			return true;
	}
	return false;
}

void
ln_id_sweep(struct ln_session *s)
{
	_cleanup_list_ DIR *list = NULL;
	const char *name;

	(void)ln_list(s->ids, ".", &list);
	while ((name = ln_next(list)) != NULL) {
		_cleanup_fd_ int fd = ln_open_file(s->ids, name);
		char holder[37] = "";

		if (fd < 0 || (ps_pread_full(fd, holder, 36, 0) == 0 &&
				  (!ps_is_uuid(holder, 36) || ln_pod_exists(s, holder, false))))
			continue;
		(void)sys_unlink(s->ids, name, false);
	}
}
