/*
 * Looks at /proc/PID of a waiting worker.  Runs as root; the worker is a probe
 * of ours, so nothing is hostile.
 */
#include "inspect.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privsep/attr.h"

static char text[65536], why[256];
static pid_t pid;

static const char *
proc(const char *what)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return path;
}

static size_t
slurp(const char *what)
{
	int fd = open(proc(what), O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;

	while (fd >= 0 && n < sizeof(text) - 1 &&
	       (r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return n;
}

static pid_t
find(const char *program)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = -1;

	while (d && (e = readdir(d)) != NULL) {
		char exe[512];
		ssize_t n;

		pid = atoi(e->d_name);
		n = pid > 0 ? readlink(proc("exe"), exe, sizeof(exe) - 1) : -1;
		if (n > 0) {
			exe[n] = '\0';
			if (strcmp(exe, program) == 0)
				found = pid;
		}
	}
	if (d)
		(void)closedir(d);
	return found;
}

/* The line "key:\t..." of the status that is in text. */
static const char *
line_of(const char *key)
{
	static char line[256];
	const char *p = strstr(text, key);

	(void)snprintf(line, sizeof(line), "%s", p ? p : "");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static const char *
same(const char *is, const char *must)
{
	if (strcmp(is, must) == 0)
		return NULL;
	(void)snprintf(
	    why, sizeof(why), "\"%.90s\" must be \"%.90s\"", is, must);
	return why;
}

static const char *
check_caps(unsigned long long caps)
{
	static const struct {
		const char *key;
		int kept;
	} sets[] = {{"CapInh", 0}, {"CapPrm", 1}, {"CapEff", 1}, {"CapBnd", 1},
	    {"CapAmb", 0}};

	for (size_t i = 0; i < PS_COUNT(sets); i++) {
		char must[64];

		(void)snprintf(must, sizeof(must), "%s:\t%016llx", sets[i].key,
		    sets[i].kept ? caps : 0);
		if (same(line_of(sets[i].key), must))
			return why;
	}
	return NULL;
}

static const char *
check_ids(const struct looks *l)
{
	char must[256];

	(void)snprintf(must, sizeof(must), "Uid:\t%u\t%u\t%u\t%u", l->uid,
	    l->uid, l->uid, l->uid);
	if (same(line_of("Uid:"), must))
		return why;
	(void)snprintf(must, sizeof(must), "Gid:\t%u\t%u\t%u\t%u", l->gid,
	    l->gid, l->gid, l->gid);
	if (same(line_of("Gid:"), must))
		return why;
	(void)snprintf(must, sizeof(must), "%s", line_of("Groups:"));
	must[strcspn(must, " ")] = '\0';
	return same(must, "Groups:\t");
}

static const char *
check_fds(const char *must)
{
	char is[256] = "";

	for (int fd = 0; fd < 1024; fd++) {
		char what[32];
		struct stat st;
		size_t n = strlen(is);

		(void)snprintf(what, sizeof(what), "fd/%d", fd);
		if (lstat(proc(what), &st) == 0)
			(void)snprintf(
			    is + n, sizeof(is) - n, "%s%d", n ? " " : "", fd);
	}
	return same(is, must);
}

static const char *
check_namespaces(const char *own)
{
	static const char *const all[] = {
	    "cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
	char is[128] = "";

	for (size_t i = 0; i < PS_COUNT(all); i++) {
		char what[32], ours[64] = "", theirs[64] = "", path[64];
		size_t n = strlen(is);

		(void)snprintf(what, sizeof(what), "ns/%s", all[i]);
		(void)snprintf(path, sizeof(path), "/proc/self/%s", what);
		if (readlink(path, ours, sizeof(ours) - 1) < 0 ||
		    readlink(proc(what), theirs, sizeof(theirs) - 1) < 0)
			return "a namespace cannot be read";
		if (strcmp(ours, theirs) != 0)
			(void)snprintf(is + n, sizeof(is) - n, "%s%s",
			    n ? " " : "", all[i]);
	}
	return same(is, own);
}

/* An empty network: nothing but a loopback that is down. */
static const char *
check_network(const char *own)
{
	size_t lines = 0;

	if (strstr(own, "net") == NULL)
		return NULL;
	(void)slurp("net/dev");
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	if (lines != 3 || strstr(text, "lo:") == NULL)
		return "there is more than a loopback";
	(void)slurp("net/fib_trie");
	return strstr(text, "127.0.0.1") ? "its loopback is up" : NULL;
}

static const char *
check_cwd(const char *must)
{
	char is[512] = "";

	if (must[0] == '\0')
		return NULL;
	if (readlink(proc("cwd"), is, sizeof(is) - 1) < 0)
		return "cannot be read";
	return same(is, must);
}

void
inspect(const struct looks *l, void (*verdict)(const char *, const char *))
{
	struct stat st;

	pid = find(l->program);
	if (pid < 0) {
		verdict("is_there", "no such process");
		return;
	}
	(void)slurp("status");
	verdict("is_its_own_user", check_ids(l));
	verdict("has_no_more_capabilities", check_caps(l->caps));
	verdict(
	    "has_no_new_privs", same(line_of("NoNewPrivs"), "NoNewPrivs:\t1"));
	verdict("has_seccomp", same(line_of("Seccomp:"), "Seccomp:\t2"));
	verdict("has_no_more_descriptors", check_fds(l->fds));
	verdict("has_its_namespaces", check_namespaces(l->own));
	verdict("has_no_network_of_ours", check_network(l->own));
	verdict("has_its_directory", check_cwd(l->cwd));
	verdict("has_no_environment",
	    slurp("environ") == 0 || l->environment ? NULL : text);
	(void)slurp("limits");
	verdict("leaves_no_core", strstr(text, "Max core file size        0 ")
				      ? NULL
				      : "core dumps are not off");
	/* In a user namespace the owner of /proc/PID says nothing. */
	verdict("is_not_dumpable",
	    l->caps != 0 ||
		    (stat(proc("status"), &st) == 0 && st.st_uid != l->uid)
		? NULL
		: "it is");
}
