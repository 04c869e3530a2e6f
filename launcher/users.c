/*
 * Reading the service users out of /etc/passwd, a file of root's.  Pure but
 * for the one read.
 */
#include "launcher/users.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/name.h"

/* Field i of a line, as a number. */
static bool
number_field(const char *line, size_t n, unsigned i, uint32_t *ret)
{
	char text[16];
	size_t at = 0, len;
	uint64_t v;

	for (; i > 0; i--) {
		const char *colon = memchr(line + at, ':', n - at);

		if (!colon)
			return false;
		at = (size_t)(colon - line) + 1;
	}
	for (len = 0; at + len < n && line[at + len] != ':';)
		len++;
	if (len >= sizeof(text))
		return false;
	memcpy(text, line + at, len);
	text[len] = '\0';
	if (!ps_parse_u64(text, UINT32_MAX - 1, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

int
ln_find_user(const char *passwd, size_t n, const char *name, struct ln_user *ret)
{
	size_t len = strlen(name);
	struct ln_user u;

	while (n > 0) {
		const char *stop = memchr(passwd, '\n', n);
		size_t line = stop ? (size_t)(stop - passwd) : n;

		if (line > len && memcmp(passwd, name, len) == 0 &&
		    passwd[len] == ':') {
			if (!number_field(passwd, line, 2, &u.uid) ||
			    !number_field(passwd, line, 3, &u.gid) ||
			    u.uid == 0 || u.gid == 0)
				return -EINVAL;
			*ret = u;
			return 0;
		}
		passwd += line + (stop != NULL);
		n -= line + (stop != NULL);
	}
	return -ENOENT;
}

int
ln_find_users(struct ln_session *s, const char **ret_name)
{
	const struct {
		const char *name;
		struct ln_user *to;
	} wanted[] = { { "rkt", &s->rkt }, { "rkt-fetch", &s->fetch },
		{ "rkt-verify", &s->verify }, { "rkt-second", &s->second } };
	const size_t count = PS_COUNT(wanted) - (s->policy.verifiers < 2);
	_cleanup_fd_ int fd =
	    sys_open(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, SYS_HOST);
	static char text[1 << 20];
	struct stat st;
	int r;

	*ret_name = "/etc/passwd";
	if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size > sizeof(text))
		return fd < 0 ? fd : -EFBIG;
	r = ps_pread_full(fd, text, (size_t)st.st_size, 0);
	for (size_t i = 0; r == 0 && i < count; i++) {
		*ret_name = wanted[i].name;
		r = ln_find_user(text, (size_t)st.st_size, wanted[i].name,
		    wanted[i].to);
	}
	return r;
}
