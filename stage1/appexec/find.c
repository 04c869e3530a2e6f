/*
 * Where the program is, by rkt's rules: an absolute path is itself; a path
 * with a slash is below the working directory; a bare name is sought in the
 * app's PATH, or, without one, in the working directory, /bin and /usr/bin.
 * Runs as the app, inside its root, in its working directory.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

/* dir[0..n)/name; an empty directory is the working one. */
static int
join(const char *dir, size_t n, const char *name, char ret[4096])
{
	int m = snprintf(ret, 4096, "%.*s/%s", (int)n, n ? dir : ".", name);

	if (n == 0)
		m = snprintf(ret, 4096, "./%s", name);
	return m < 0 || m >= 4096 ? -ENAMETOOLONG : 0;
}

static const char *
path_of(const char *const *env, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(env[i], "PATH=", 5) == 0)
			return env[i] + 5;
	return ":/bin:/usr/bin";
}

int
s1_find_program(
    const char *name, const char *const *env, size_t n_env, char ret[4096])
{
	const char *p = path_of(env, n_env);

	if (name[0] == '\0')
		return -ENOENT;
	if (strchr(name, '/')) {
		int n = snprintf(ret, 4096, "%s", name);

		if (n >= 4096)
			return -ENAMETOOLONG;
		return access(ret, F_OK) < 0 ? -errno : 0;
	}
	for (;;) {
		size_t n = strcspn(p, ":");

		if (join(p, n, name, ret) == 0 && is_program(ret))
			return 0;
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	(void)snprintf(ret, 4096, "%s", name);
	return -ENOENT;
}
