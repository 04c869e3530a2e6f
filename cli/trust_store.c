/*
 * Reading the names in the trust store.  Conductor, user rkt; directories of
 * root's, read below the descriptors that the launcher handed over; odd
 * entries are passed over.
 */
#include "cli/trust_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "privsep/name.h"
#include "privsep/paths.h"

#define MAX_KEYS 65536u

struct walk {
	struct cli_trust *found;
	const char *top; /* path of the configuration directory */
	bool local;
};

/* "" is root: it covers all. */
static bool
covers(const char *prefix, const char *name)
{
	return *prefix == '\0' || ps_is_prefix(prefix, name);
}

bool
cli_trust_knows(const struct cli_trust *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].mask && !t->v[i].masked &&
		    covers(t->v[i].prefix, name))
			return true;
	return false;
}

static bool
is_fingerprint(const char *s)
{
	size_t n = strlen(s);

	return (n == 40 || n == 64) && ps_is_hex(s, n);
}

static void
add(struct cli_trust *t, const struct cli_trusted *k)
{
	if (t->n == t->room) {
		size_t room = t->room > 0 ? 2 * t->room : 64;
		struct cli_trusted *v = cli_alloc(room * sizeof(*v));

		if (t->n > 0)
			memcpy(v, t->v, t->n * sizeof(*v));
		t->v = v;
		t->room = room;
	}
	t->v[t->n++] = *k;
}

/* A file counts as the launcher has it: root's own, and not empty; whatever
 * else stands there is a mask. */
static void
add_file(const struct walk *w, const char *below, const char *prefix,
    const char *name, const struct stat *st)
{
	const struct cli_trusted k = { .prefix = prefix,
		.fingerprint = cli_copy(name),
		.file = cli_format("%s/trustedkeys/%s/%s", w->top, below, name),
		.local = w->local,
		.mask = !S_ISREG(st->st_mode) || st->st_uid != 0 ||
		    (st->st_mode & 022) != 0 || st->st_size == 0 };

	if (w->found->n < MAX_KEYS)
		add(w->found, &k);
}

/* dir is taken; below: its path under trustedkeys. */
static int
walk(const struct walk *w, int dir, const char *below, const char *prefix,
    bool deep)
{
	DIR *stream = fdopendir(dir);
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (stream == NULL) {
		ps_close_fd(&dir);
		return -errno;
	}
	while (r == 0 && (e = readdir(stream)) != NULL) {
		const char *name = e->d_name;
		int child;

		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			if (is_fingerprint(name))
				add_file(w, below, prefix, name, &st);
			continue;
		}
		const char *longer = *prefix == '\0' ? cli_copy(name) :
						       cli_format("%s/%s",
							   prefix, name);
		if (!deep || strlen(longer) > 255 ||
		    !ps_is_acid(longer, strlen(longer)))
			continue;
		child = cli_open_below(dir, name, O_DIRECTORY);
		r = child < 0 ? child :
				walk(w, child, cli_format("%s/%s", below, name),
				    longer, true);
	}
	(void)closedir(stream);
	return r;
}

static int
by_prefix(const void *a, const void *b)
{
	const struct cli_trusted *x = a, *y = b;
	int d = strcmp(x->prefix, y->prefix);

	d = d ? d : strcmp(x->fingerprint, y->fingerprint);
	return d ? d : (int)x->local - (int)y->local;
}

static void
find_masked(struct cli_trust *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct cli_trusted *m = &t->v[i];

		if (!m->mask)
			continue;
		for (size_t k = 0; k < t->n; k++)
			if (strcmp(m->fingerprint, t->v[k].fingerprint) == 0 &&
			    covers(m->prefix, t->v[k].prefix))
				t->v[k].masked = true;
	}
}

int
cli_trust_load(struct cli *c, struct cli_trust *ret)
{
	const struct {
		int dir;
		const char *given, *usual;
	} tops[] = { { c->system, c->g.system_config, ps_vendor_dir },
		{ c->local, c->g.local_config, ps_conf_dir } };
	static const char *const parts[] = { "root.d", "prefix.d" };

	*ret = (struct cli_trust){ 0 };
	for (size_t i = 0; i < 2 * PS_COUNT(tops); i++) {
		const struct walk w = { .found = ret,
			.top = tops[i / 2].given ? tops[i / 2].given :
						   tops[i / 2].usual,
			.local = i / 2 == 1 };
		const char *part = parts[i % 2];
		int r, dir = tops[i / 2].dir;

		if (dir < 0)
			continue;
		dir = cli_open_below(dir, cli_format("trustedkeys/%s", part),
		    O_DIRECTORY);
		if (dir == -ENOENT)
			continue;
		r = dir < 0 ? dir : walk(&w, dir, part, "", i % 2 == 1);
		if (r < 0)
			return cli_fail("cannot read %s/trustedkeys/%s: %s", w.top,
			    part, strerror(-r));
	}
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_prefix);
	find_masked(ret);
	return 0;
}
