/*
 * Reading directories.  Runs as root of the worker's own user namespace; the
 * names are hostile, and only put in order here.
 */
#include "verifier/unpack/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/attr.h"

static void
close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int
compare(const void *a, const void *b)
{
	const struct vf_name *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : x->layer < y->layer ? -1 : x->layer > y->layer;
}

static int
add(struct vf_names *names, const char *text, unsigned layer)
{
	if (names->n == names->size) {
		size_t size = names->size * 2 + 16;
		struct vf_name *v = realloc(names->v, size * sizeof(*v));

		if (!v)
			return -ENOMEM;
		names->v = v;
		names->size = size;
	}
	names->v[names->n] = (struct vf_name){ strdup(text), layer };
	if (!names->v[names->n].text)
		return -ENOMEM;
	names->n++;
	return 0;
}

int
vf_names_read(int dir, unsigned layer, struct vf_names *names)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	_cleanup_(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		ps_close_fd(&fd);
		return -errno;
	}
	rewinddir(d);
	while (errno = 0, (e = readdir(d)) != NULL) {
		int r;

		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		r = add(names, e->d_name, layer);
		if (r < 0)
			return r;
	}
	return -errno;
}

void
vf_names_sort(struct vf_names *names)
{
	if (names->n > 1)
		qsort(names->v, names->n, sizeof(*names->v), compare);
}

void
vf_names_free(struct vf_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i].text);
	free(names->v);
	*names = (struct vf_names){ 0 };
}
