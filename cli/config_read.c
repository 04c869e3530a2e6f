/*
 * Finding the configuration files.  Conductor, user rkt; directories of root's,
 * or that he named, read below the descriptors that the launcher handed over.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/config.h"
#include "cli/files.h"
#include "privsep/paths.h"

#define MAX_FILE 1048576u

static const struct {
	unsigned kind;
	const char *dir;
} places[] = { { CLI_CONFIG_AUTH, "auth.d" }, { CLI_CONFIG_PATHS, "paths.d" },
	{ CLI_CONFIG_STAGE1, "stage1.d" } };

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Regular files *.json, by name; links are passed over. */
static int
list_files(int dir, struct cli_list *ret)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	struct stat st;

	if (stream == NULL)
		return -errno;
	while ((e = readdir(stream)) != NULL) {
		size_t n = strlen(e->d_name);

		if (n > 5 && strcmp(e->d_name + n - 5, ".json") == 0 &&
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			cli_list_add(ret, cli_copy(e->d_name));
	}
	(void)closedir(stream);
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int
read_dir(int dir, const char *top, unsigned level, unsigned kind,
    struct cli_config *cfg)
{
	struct cli_list files = { 0 };
	int r = list_files(dir, &files);

	if (r < 0)
		return cli_fail("cannot read %s: %s", top, strerror(-r));
	for (size_t i = 0; i < files.n; i++) {
		const char *name = cli_format("%s/%s", top, files.v[i]), *wrong;
		char *text;
		size_t n;

		r = cli_read_below(dir, files.v[i], MAX_FILE, &text, &n);
		if (r < 0)
			return cli_fail("cannot read %s: %s", name,
			    r == -EACCES ? "permission denied (group rkt needs to "
					   "read it: chgrp rkt, chmod 0640)" :
					   strerror(-r));
		wrong = cli_config_parse(cfg, level, kind, name, text, n);
		if (wrong)
			return cli_fail("%s", wrong);
	}
	return 0;
}

int
cli_config_load(struct cli *c, unsigned kinds, struct cli_config *ret)
{
	const struct {
		int dir;
		const char *given, *usual;
	} tops[] = { { c->system, c->g.system_config, ps_vendor_dir },
		{ c->local, c->g.local_config, ps_conf_dir },
		{ c->user, c->g.user_config, NULL } };

	*ret = (struct cli_config){ 0 };
	for (size_t i = 0; i < PS_COUNT(tops) * PS_COUNT(places); i++) {
		unsigned level = (unsigned)(i / PS_COUNT(places));
		size_t place = i % PS_COUNT(places);
		const char *top = tops[level].given ? tops[level].given :
						      tops[level].usual;
		_cleanup_fd_ int dir = -1;
		int r;

		if (tops[level].dir < 0 || (kinds & places[place].kind) == 0)
			continue;
		top = cli_format("%s/%s", top, places[place].dir);
		dir = cli_open_below(tops[level].dir, places[place].dir,
		    O_DIRECTORY);
		if (dir == -ENOENT)
			continue;
		if (dir < 0)
			return cli_fail("cannot open %s: %s", top,
			    strerror(-dir));
		r = read_dir(dir, top, level, places[place].kind, ret);
		if (r != 0)
			return r;
	}
	return 0;
}
