/*
 * Who the app is.  HOSTILE: etc/passwd and etc/group of the image, read with
 * the pod root's rights: regular files inside the image's root of at most
 * 1 MiB, or nothing.  A number is never looked up as a name.
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

#define MAX_TABLE 1048576u

static char table[MAX_TABLE + 1];

/* A name as shadow allows it; above all, no digit, sign or blank in front. */
static bool
is_name(const char *s)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";

	return *s && strchr(first, *s) && s[strspn(s, more)] == '\0';
}

int
s1_parse_id(const char *s, uint32_t *ret)
{
	uint64_t v;

	if (ps_parse_u64(s, S1_MAX_ID, &v)) {
		*ret = (uint32_t)v;
		return 0;
	}
	return is_name(s) ? -ENOENT : -EINVAL;
}

/* The id in "name:password:id[:...]"; line[0..n) has no newline. */
static int
line_id(const char *line, size_t n, const char *name, uint32_t *ret)
{
	size_t length = strlen(name), at = 0;
	char digits[8] = {0};

	if (n <= length || memcmp(line, name, length) != 0 ||
	    line[length] != ':')
		return -ENOENT;
	for (at = length + 1; at < n && line[at] != ':'; at++)
		;
	for (size_t i = 0; ++at < n && line[at] != ':'; i++) {
		if (i + 1 >= sizeof(digits))
			return -ERANGE;
		digits[i] = line[at];
	}
	return s1_parse_id(digits, ret) == 0 ? 0 : -ERANGE;
}

int
s1_find_id(const char *text, size_t n, const char *name, uint32_t *ret)
{
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		int r;

		stop = stop ? stop : end;
		r = line_id(text, (size_t)(stop - text), name, ret);
		if (r != -ENOENT)
			return r;
		text = stop + 1;
	}
	return -ENOENT;
}

static int
look_up(int root, const char *path, const char *name, uint32_t *ret)
{
	/* O_NONBLOCK: a fifo must not hold us, it is refused below. */
	_cleanup_fd_ int fd =
	    s1_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, S1_IN_ROOT);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > MAX_TABLE)
		return -EFBIG;
	r = ps_pread_full(fd, table, (size_t)st.st_size, 0);
	return r < 0 ? r : s1_find_id(table, (size_t)st.st_size, name, ret);
}

/* A number, a name of that table, or a path whose owner it is. */
static int
resolve(int root, const char *who, const char *path, bool group, uint32_t *ret)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	if (who[0] == '/') {
		fd = s1_open(root, who, O_PATH, S1_IN_ROOT);
		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		*ret = group ? st.st_gid : st.st_uid;
		return *ret > S1_MAX_ID ? -ERANGE : 0;
	}
	r = s1_parse_id(who, ret);
	if (r != -ENOENT)
		return r;
	if (strcmp(who, "root") == 0) {
		*ret = 0;
		return 0;
	}
	return look_up(root, path, who, ret);
}

/* What to say where it fails. */
static const char *
whose(const char *what, const char *who)
{
	static char text[300];

	(void)snprintf(text, sizeof(text), "%s \"%.255s\" of the image", what,
	    who);
	return text;
}

int
s1_resolve_ids(int root, const struct ps_msg_PLAN_APP *a, struct s1_ids *ret)
{
	struct s1_ids ids = {0};
	int r;

	s1_why = whose("user", a->user);
	r = resolve(root, a->user, "etc/passwd", false, &ids.uid);
	if (r < 0)
		return r;
	s1_why = whose("group", a->group);
	r = resolve(root, a->group, "etc/group", true, &ids.gid);
	for (size_t i = 0; r == 0 && i < a->n_supplementary_gids; i++)
		if (a->supplementary_gids[i] > S1_MAX_ID)
			r = -ERANGE;
	if (r == 0)
		*ret = ids;
	return r;
}
