/*
 * Looking into the spool.  Conductor, user rkt, or a member of group rkt.
 * HOSTILE: every name and file there; they are opened without links, bounded,
 * and believed by no one.
 */
#include "cli/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/files.h"
#include "privsep/log.h"

#define MAX_META 16384u /* bytes */

bool
cli_spool_is_name(const char *s, size_t n)
{
	return n == CLI_SPOOL_NAME && ps_is_hex(s, n);
}

static int
read_meta(int dir, const char *file, struct cli_spooled *ret)
{
	_cleanup_fd_ int fd = cli_open_below(dir, file, 0);
	struct stat st;
	char *text;
	size_t n;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink != 1)
		return -EMLINK;
	r = cli_read_all(fd, MAX_META, &text, &n);
	if (r == 0)
		r = ps_record_parse(text, n, &ret->image.record);
	if (r < 0)
		return r;
	memcpy(ret->name, file, CLI_SPOOL_NAME);
	ps_image_id(ret->image.record.image, ret->image.id);
	ret->image.used_at = st.st_mtim.tv_sec;
	ret->owner = st.st_uid;
	ret->since = st.st_ctim.tv_sec;
	return 0;
}

static int
by_age(const void *a, const void *b)
{
	const struct cli_spooled *x = a, *y = b;

	if (x->since != y->since)
		return x->since > y->since ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
cli_spool_load(struct cli *c, struct cli_spool *ret)
{
	int fd = cli_open_below(c->data, "spool", O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct cli_spooled *v;
	struct dirent *e;
	size_t n = 0;

	*ret = (struct cli_spool){ 0 };
	if (dir == NULL) {
		ps_close_fd(&fd);
		return;
	}
	v = cli_alloc(CLI_MAX_SPOOLED * sizeof(*v));
	while (n < CLI_MAX_SPOOLED && (e = readdir(dir)) != NULL) {
		size_t length = strcspn(e->d_name, ".");
		int r;

		if (!cli_spool_is_name(e->d_name, length) ||
		    strcmp(e->d_name + length, ".meta") != 0)
			continue;
		r = read_meta(fd, e->d_name, &v[n]);
		if (r < 0)
			ps_debug("spool/%s passed over: %s", e->d_name,
			    strerror(-r));
		else
			n++;
	}
	(void)closedir(dir);
	if (n > 0)
		qsort(v, n, sizeof(*v), by_age);
	*ret = (struct cli_spool){ .n = n, .v = v };
}

const char *
cli_spool_path(const struct cli_spooled *s, const char *suffix)
{
	return cli_format("spool/%s.%s", s->name, suffix);
}

/* One's own, by its image's id. */
static const struct cli_spooled *
find_own(struct cli *c, const char *id)
{
	struct cli_spool spool;

	cli_spool_load(c, &spool);
	for (size_t i = 0; i < spool.n; i++)
		if (spool.v[i].owner == c->uid &&
		    strcmp(spool.v[i].image.id, id) == 0)
			return &spool.v[i];
	return NULL;
}

int
cli_spool_manifest(struct cli *c, const char *id, char **ret, size_t *ret_n)
{
	const struct cli_spooled *s = find_own(c, id);

	return s == NULL ? -ENOENT :
			   cli_read_below(c->data, cli_spool_path(s, "manifest"),
			       PS_MAX_MANIFEST, ret, ret_n);
}

int
cli_spool_read(struct cli *c, const uint8_t digest[PS_DIGEST],
    struct cli_stored *ret)
{
	char id[PS_IMAGE_ID_LEN + 1];
	const struct cli_spooled *s;

	ps_image_id(digest, id);
	s = find_own(c, id);
	if (s == NULL)
		return -ENOENT;
	*ret = s->image;
	return 0;
}
