/*
 * Reading the service users out of /etc/passwd, a file of root's.  Pure but
 * for the one read.
 */
#include "launcher/users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/files.h"
#include "privsep/attr.h"
#include "privsep/name.h"

int
ln_find_user(const char *passwd, size_t n, const char *name, struct ln_user *ret)
{
	const char *end = passwd + n, *stop;
	size_t len = strlen(name);

	for (; passwd < end; passwd = stop + 1) {
		char line[256], *rest = line, *field[4];
		uint64_t uid, gid;

		stop = memchr(passwd, '\n', (size_t)(end - passwd));
		stop = stop ? stop : end;
		if ((size_t)(stop - passwd) <= len ||
		    memcmp(passwd, name, len) != 0 || passwd[len] != ':')
			continue;
		(void)snprintf(line, sizeof(line), "%.*s", (int)(stop - passwd),
		    passwd);
		for (size_t i = 0; i < PS_COUNT(field); i++)
			field[i] = strsep(&rest, ":");
		if (!field[3] || !ps_parse_u64(field[2], UINT32_MAX - 1, &uid) ||
		    !ps_parse_u64(field[3], UINT32_MAX - 1, &gid) || uid == 0 ||
		    gid == 0)
			return -EINVAL;
		*ret = (struct ln_user){ (uid_t)uid, (gid_t)gid };
		return 0;
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
	static char text[1 << 20];
	int r;

	*ret_name = "/etc/passwd";
	r = ln_read_text(*ret_name, text, sizeof(text));
	for (size_t i = 0; r == 0 && i < count; i++) {
		*ret_name = wanted[i].name;
		r = ln_find_user(text, strlen(text), wanted[i].name, wanted[i].to);
	}
	return r;
}
