/*
 * rkt/plan/<app>: header and PLAN_APP record, written by stage1's entry before
 * the pod began.  Only the pod's root could have changed it since.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"
#include "stage1/appexec/sys.h"
#include "stage1/common/contract.h"

static uint8_t record[PS_MAX_PLAN];

int
s1_read_plan(int pod_root, const char *name, struct ps_msg_PLAN_APP *ret)
{
	char path[300];
	_cleanup_fd_ int fd = -1;
	struct ps_header h;
	struct stat st;
	size_t n;
	int r;

	s1_why = "plan";
	if (!ps_is_acname(name, strlen(name)) || strlen(name) > 255)
		return -EINVAL;
	(void)snprintf(path, sizeof(path), S1_PLAN_DIR "/%s", name);
	fd = s1_open(pod_root, path, O_RDONLY | O_NONBLOCK, S1_BENEATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0)
		return -EPERM;
	if (st.st_size < (off_t)PS_HEADER || st.st_size > (off_t)sizeof(record))
		return -EBADMSG;
	n = (size_t)st.st_size;
	r = ps_pread_full(fd, record, n, 0);
	if (r < 0)
		return r;
	r = ps_get_header(record, n, &h);
	if (r < 0 || h.type != PS_PLAN_APP)
		return -EBADMSG;
	r = ps_decode_PLAN_APP(record + PS_HEADER, n - PS_HEADER, ret);
	if (r == 0 && (strcmp(ret->name, name) != 0 || ret->n_exec == 0))
		r = -EBADMSG;
	return r;
}
