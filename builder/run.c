/*
 * Running a command of the image during the build.  Runs as whoever builds;
 * root is refused, for what an image holds would then run with root's files in
 * reach.  The environment is the image's, and nothing of the caller's but TERM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder/commands.h"
#include "builder/jail.h"

#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void
free_words(char ***v)
{
	for (size_t i = 0; *v && (*v)[i]; i++)
		free((*v)[i]);
	free(*v);
}

static int
add(char **v, size_t *n, const char *name, const char *value)
{
	if (asprintf(&v[*n], "%s=%s", name, value) < 0) {
		v[*n] = NULL;
		return -ENOMEM;
	}
	(*n)++;
	return 0;
}

/* PATH and HOME unless the image says them, its variables, TERM. */
static char **
environment(const struct bd_build *b)
{
	const json_t *list = json_object_get(
	    json_object_get(b->manifest, "app"), "environment");
	_cleanup_(free_words) char **v = calloc(json_array_size(list) + 4,
	    sizeof(*v));
	bool has_path = false;
	size_t n = 0;

	for (size_t i = 0; v && i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *name = json_string_value(
		    json_object_get(one, "name"));
		const char *value = json_string_value(
		    json_object_get(one, "value"));

		if (!name || !value || add(v, &n, name, value) < 0)
			return NULL;
		has_path = has_path || strcmp(name, "PATH") == 0;
	}
	if (!v || (!has_path && add(v, &n, "PATH", PATH) < 0) ||
	    (bd_environ("TERM") &&
		add(v, &n, "TERM", bd_environ("TERM")) < 0))
		return NULL;
	return take_ptr(v);
}

/* execvpe looks in our own PATH: the command's is the image's. */
static int
set_path(char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return setenv("PATH", *envp + 5, 1);
	return 0;
}

int
bd_run(struct bd_build *b, const struct bd_call *c)
{
	_cleanup_(free_words) char **envp = NULL;
	struct bd_jail j = { .rootfs = b->rootfs, .net = c->o.net,
		.working_dir = c->o.working_dir ? c->o.working_dir : "/",
		.argv = c->v };
	int r;

	if (geteuid() == 0)
		return bd_fail("run: nothing of an image is run by root: "
			       "build as a plain user, or copy files instead");
	if (json_array_size(json_object_get(b->manifest, "dependencies")) > 0)
		return bd_fail("run: the image has dependencies, and their "
			       "files are not here: begin from an image that "
			       "rkt image render and export made");
	envp = environment(b);
	if (!envp || set_path(envp) < 0)
		return bd_fail("out of memory");
	j.envp = (const char *const *)envp;
	r = bd_jail_run(&j);
	if (r > 0)
		return bd_fail("run: %s ended with code %d", c->v[0], r);
	return r;
}
