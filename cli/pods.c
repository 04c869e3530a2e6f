/*
 * Reading pod directories, conductor, user rkt.  HOSTILE: what lies below
 * overlay/ was written by the pod; all else by the launcher.
 */
#include "cli/pods.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "cli/human.h"
#include "cli/session.h"
#include "privsep/name.h"

#define MAX_STATUS 16

static int
visit_one(int parent, size_t place, const char *uuid, cli_pod_visit *visit,
    void *arg)
{
	_cleanup_fd_ int dir = cli_open_below(parent, uuid, O_DIRECTORY);
	struct cli_pod pod = { .dir = dir };
	struct stat st;

	/* Gone meanwhile, or not ours to read: then it is not listed.  But gc
	 * takes what a launcher that was killed left root's alone. */
	if (dir < 0 && (dir != -EACCES || (1u << place & CLI_MOST_PLACES) != 0))
		return 0;
	memcpy(pod.uuid, uuid, sizeof(pod.uuid) - 1);
	pod.state = cli_pod_state(place, dir);
	if (pod.state == CLI_EXITED && dir >= 0 && cli_pod_is_alive(&pod)) {
		pod.state = CLI_RUNNING;
		pod.orphan = true;
	}
	if (fstatat(parent, uuid, &st, AT_SYMLINK_NOFOLLOW) == 0)
		pod.mtime = st.st_mtim.tv_sec;
	return visit(&pod, arg);
}

static int
visit_place(int pods, size_t place, cli_pod_visit *visit, void *arg)
{
	int fd = cli_open_below(pods, cli_places[place], O_DIRECTORY), r = 0;
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return fd == -ENOENT ? 0 :
				       cli_fail("cannot open pods/%s: %s",
					   cli_places[place], strerror(-fd));
	dir = fdopendir(fd);
	if (dir == NULL) {
		ps_close_fd(&fd);
		return cli_fail("cannot list pods/%s", cli_places[place]);
	}
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (ps_is_uuid(entry->d_name, strlen(entry->d_name)))
			r = visit_one(fd, place, entry->d_name, visit, arg);
	(void)closedir(dir);
	return r;
}

int
cli_each_pod(struct cli *c, unsigned places, cli_pod_visit *visit, void *arg)
{
	_cleanup_fd_ int pods = cli_open_below(c->data, "pods", O_DIRECTORY);
	int r = 0;

	if (pods < 0)
		return pods == -ENOENT ? 0 :
					 cli_fail("cannot open pods: %s",
					     strerror(-pods));
	for (size_t i = 0; r == 0 && i < CLI_PLACES; i++)
		if ((places & 1u << i) != 0)
			r = visit_place(pods, i, visit, arg);
	return r;
}

struct search {
	const char *prefix;
	struct cli_pod found;
	size_t n;
};

static int
match_pod(const struct cli_pod *pod, void *arg)
{
	struct search *s = arg;

	if (strncmp(pod->uuid, s->prefix, strlen(s->prefix)) != 0)
		return 0;
	/* A rename between two places shows the same pod twice. */
	if (s->n > 0 && strcmp(s->found.uuid, pod->uuid) == 0)
		return 0;
	if (s->n++ == 0) {
		s->found = *pod;
		s->found.dir = fcntl(pod->dir, F_DUPFD_CLOEXEC, 3);
	}
	return 0;
}

int
cli_find_pod(struct cli *c, const char *uuid, struct cli_pod *ret)
{
	struct search s = { .prefix = uuid, .found = { .dir = -1 } };
	size_t n = strlen(uuid);
	int r;

	if (n == 0 || n > 36 || strspn(uuid, "0123456789abcdef-") != n)
		return cli_fail("no matches found for \"%s\"", uuid);
	r = cli_each_pod(c, CLI_MOST_PLACES, match_pod, &s);
	if (r != 0)
		return r;
	if (s.n == 0)
		return cli_fail("no matches found for \"%s\"", uuid);
	if (s.n > 1)
		return cli_fail("ambiguous uuid, %zu matches", s.n);
	*ret = s.found;
	return 0;
}

int
cli_read_uuid_file(struct cli *c, const char *path, const char **ret)
{
	char *text = NULL;
	size_t n;
	int r = cli_read_named(c, path, 64, &text, &n);

	if (r != 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!ps_is_uuid(text, strlen(text)))
		return cli_fail("%s does not hold a UUID", path);
	*ret = text;
	return 0;
}

int
cli_check_uuids(const struct cli *c, const char *file)
{
	if (file && c->argc > 0)
		return cli_fail("takes UUIDs or --uuid-file, not both");
	if (!file && c->argc == 0)
		return cli_fail("takes one or more UUIDs");
	return 0;
}

int
cli_each_uuid(struct cli *c, const char *file,
    int (*act)(struct cli *c, const char *uuid))
{
	const char *uuid;
	int failed = 0;

	if (file) {
		if (cli_read_uuid_file(c, file, &uuid) != 0)
			return -1;
		failed += act(c, uuid) != 0;
	}
	for (int i = 0; i < c->argc; i++)
		failed += act(c, c->argv[i]) != 0;
	return failed;
}

int
cli_pod_manifest(const struct cli_pod *pod, char **ret, size_t *ret_n)
{
	return cli_read_below(pod->dir, "pod", PS_MAX_MANIFEST, ret, ret_n);
}

int
cli_pod_parse(const struct cli_pod *pod, struct ac_pod **ret)
{
	char error[AC_ERROR], *text;
	size_t n;
	int r = cli_pod_manifest(pod, &text, &n);

	return r < 0 ? r : ac_pod_parse(text, n, ret, error);
}

/* HOSTILE: the pod wrote this. */
int
cli_app_status(const struct cli_pod *pod, const char *app, int *ret)
{
	char *text;
	size_t n;
	uint64_t code;
	int r;

	if (!ps_is_acname(app, strlen(app)))
		return -EINVAL;
	r = cli_read_below(pod->dir,
	    cli_format("overlay/stage1/upper/rkt/status/%s", app), MAX_STATUS,
	    &text, &n);
	if (r < 0)
		return r;
	if (n < 2 || text[n - 1] != '\n')
		return -EBADMSG;
	text[n - 1] = '\0';
	if (strlen(text) != n - 1 || !ps_parse_u64(text, 255, &code))
		return -EBADMSG;
	*ret = (int)code;
	return 0;
}

/* HOSTILE: a link that the pod makes; it is read, not followed. */
bool
cli_pod_ready(const struct cli_pod *pod)
{
	_cleanup_fd_ int fd = cli_open_below(pod->dir,
	    "overlay/stage1/upper/rkt/supervisor-status", O_PATH | O_NOFOLLOW);
	char text[8];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", text, sizeof(text));

	return n == 5 && memcmp(text, "ready", 5) == 0;
}

static int64_t
time_of(const struct cli_pod *pod, const char *path)
{
	_cleanup_fd_ int fd = cli_open_below(pod->dir, path, 0);
	struct stat st;
	int64_t ns;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    __builtin_mul_overflow(st.st_mtim.tv_sec, CLI_SECOND, &ns) ||
	    __builtin_add_overflow(ns, st.st_mtim.tv_nsec, &ns))
		return 0;
	return ns;
}

int64_t
cli_pod_created(const struct cli_pod *pod)
{
	return time_of(pod, "pod-created");
}

int64_t
cli_pod_started(const struct cli_pod *pod)
{
	return time_of(pod, "ppid");
}

/* HOSTILE: the pod's clock, or whatever time it gave its file. */
static int64_t
time_of_app(const struct cli_pod *pod, const char *app, const char *what)
{
	if (!ps_is_acname(app, strlen(app)))
		return 0;
	return time_of(pod,
	    cli_format("overlay/stage1/upper/rkt/status/%s%s", app, what));
}

int64_t
cli_app_created(const struct cli_pod *pod, const char *app)
{
	return time_of_app(pod, app, "-created");
}

int64_t
cli_app_started(const struct cli_pod *pod, const char *app)
{
	return time_of_app(pod, app, "-started");
}

int64_t
cli_app_finished(const struct cli_pod *pod, const char *app)
{
	return time_of_app(pod, app, "");
}

int
cli_pod_pid(const struct cli_pod *pod)
{
	char *text;
	size_t n;
	uint64_t pid;

	if (cli_read_below(pod->dir, "ppid", MAX_STATUS, &text, &n) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return ps_parse_u64(text, INT32_MAX, &pid) ? (int)pid : 0;
}
