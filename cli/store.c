/*
 * Looking into the store, conductor, user rkt.  The files below image/ are
 * root's; what they say of an image is the image's own word, bounded.
 */
#include "cli/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "cli/spool.h"
#include "privsep/log.h"

static int
read_record(int dir, const char *id, struct cli_stored *ret)
{
	char path[PS_IMAGE_ID_LEN + 16];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	char *text;
	size_t n;
	int r;

	(void)snprintf(path, sizeof(path), "%s/record", id);
	fd = cli_open_below(dir, path, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = cli_read_all(fd, PS_MAX_RECORD, &text, &n);
	if (r < 0)
		return r;
	r = ps_record_parse(text, n, &ret->record);
	if (r < 0)
		return r;
	ps_image_id(ret->record.image, ret->id);
	ret->used_at = st.st_mtim.tv_sec;
	if (ret->used_at < (int64_t)ret->record.imported_at)
		ret->used_at = (int64_t)ret->record.imported_at;
	return strcmp(ret->id, id) == 0 ? 0 : -EBADMSG;
}

static struct cli_stored *
next_slot(struct cli_store *s)
{
	if (s->n == s->room) {
		size_t room = s->room > 0 ? 2 * s->room : 64;
		struct cli_stored *v = cli_alloc(room * sizeof(*v));

		if (s->n > 0)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->room = room;
	}
	return &s->v[s->n];
}

/* Oldest import first; the id decides between equals. */
static int
by_import(const void *a, const void *b)
{
	const struct cli_stored *x = a, *y = b;

	if (x->record.imported_at != y->record.imported_at)
		return x->record.imported_at < y->record.imported_at ? -1 : 1;
	return strcmp(x->id, y->id);
}

int
cli_store_load(struct cli *c, struct cli_store *ret)
{
	int fd = cli_open_below(c->data, "image", O_DIRECTORY);
	struct cli_store s = { 0 };
	struct dirent *entry;
	uint8_t digest[PS_DIGEST];
	DIR *dir;

	*ret = s;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cli_fail("cannot open the image store: %s", strerror(-fd));
	dir = fdopendir(fd);
	if (dir == NULL) {
		ps_close_fd(&fd);
		return cli_fail("cannot list the image store");
	}
	while ((entry = readdir(dir)) != NULL) {
		int r;

		if (!ps_parse_image_id(entry->d_name, digest))
			continue;
		r = read_record(fd, entry->d_name, next_slot(&s));
		if (r < 0)
			ps_debug("image %s passed over: %s", entry->d_name,
			    strerror(-r));
		else
			s.n++;
	}
	(void)closedir(dir);
	if (s.n > 0)
		qsort(s.v, s.n, sizeof(*s.v), by_import);
	*ret = s;
	return 0;
}

int
cli_store_read(struct cli *c, const uint8_t digest[PS_DIGEST],
    struct cli_stored *ret)
{
	_cleanup_fd_ int dir = cli_open_below(c->data, "image", O_DIRECTORY);
	char id[PS_IMAGE_ID_LEN + 1];

	if (dir < 0)
		return dir;
	ps_image_id(digest, id);
	return read_record(dir, id, ret);
}

const char *
cli_store_by_id(const struct cli_store *s, const char *id,
    const struct cli_stored **ret)
{
	const struct cli_stored *found = NULL;
	size_t n = strlen(id);

	if (!cli_is_image_id_prefix(id))
		return cli_format("invalid image ID \"%s\"", id);
	for (size_t i = 0; i < s->n; i++) {
		if (strncmp(s->v[i].id, id, n) != 0)
			continue;
		if (found)
			return cli_format("ambiguous image ID: \"%s\" (give more "
					  "digits)", id);
		found = &s->v[i];
	}
	if (found == NULL)
		return cli_format("no image with ID \"%s\" in the store", id);
	*ret = found;
	return NULL;
}

bool
cli_record_matches(const struct ps_record *r, const struct cli_app_name *name)
{
	if (strcmp(r->name, name->name) != 0)
		return false;
	for (size_t i = 0; i < name->n_label; i++) {
		const char *value = strchrnul(name->label[i], '=') + 1;
		const char *key = cli_copy_n(name->label[i],
		    (size_t)(value - 1 - name->label[i]));
		const char *is = cli_find_label(r->label, r->n_label, key);

		if (is == NULL || strcmp(is, value) != 0)
			return false;
	}
	return true;
}

const struct cli_stored *
cli_store_by_name(const struct cli_store *s, const struct cli_app_name *name)
{
	for (size_t i = s->n; i > 0; i--)
		if (cli_record_matches(&s->v[i - 1].record, name))
			return &s->v[i - 1];
	return NULL;
}

const struct cli_stored *
cli_store_by_origin(const struct cli_store *s, const char *origin)
{
	for (size_t i = s->n; i > 0; i--)
		if (strcmp(s->v[i - 1].record.origin, origin) == 0)
			return &s->v[i - 1];
	return NULL;
}

const char *
cli_store_find(const struct cli_store *s, const char *argument,
    const struct cli_stored **ret, size_t max, size_t *ret_n)
{
	struct cli_app_name name;
	const char *wrong;
	size_t n = 0;

	if (strncmp(argument, "sha512-", 7) == 0) {
		*ret_n = 1;
		return cli_store_by_id(s, argument, ret);
	}
	wrong = cli_parse_app_name(argument, &name);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < s->n && n < max; i++)
		if (cli_record_matches(&s->v[i].record, &name))
			ret[n++] = &s->v[i];
	if (n == 0)
		return cli_format("no image named \"%s\" in the store", argument);
	*ret_n = n;
	return NULL;
}

const char *
cli_stored_name(const struct ps_record *r)
{
	const char *version = cli_find_label(r->label, r->n_label, "version");

	return version ? cli_format("%s:%s", r->name, version) : r->name;
}

int
cli_store_manifest(struct cli *c, const char *id, char **ret, size_t *ret_n)
{
	int r = cli_read_below(c->data, cli_format("image/%s/manifest", id),
	    PS_MAX_MANIFEST, ret, ret_n);

	/* What a member of group rkt has spooled is not in the store yet. */
	return r == -ENOENT && c->alone ? cli_spool_manifest(c, id, ret, ret_n) : r;
}
