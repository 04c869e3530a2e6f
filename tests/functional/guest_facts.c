/* What the guest is, and what it sees: lines for a test to compare. */
#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void
lines_of(const char *key, const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		printf("%s!%s\n", key, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s=%s\n", key, line);
	}
	(void)fclose(f);
}

static void
ids(void)
{
	gid_t groups[64];
	uid_t r, e, s;
	int n = getgroups(64, groups);

	(void)getresuid(&r, &e, &s);
	printf("uid=%u\neuid=%u\nsuid=%u\n", r, e, s);
	(void)getresgid(&r, &e, &s);
	printf("gid=%u\negid=%u\nsgid=%u\ngroups=", r, e, s);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	printf("\n");
}

static void
descriptors(void)
{
	char path[64], to[512];

	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		printf("fd=%d %s\n", fd, to);
	}
}

static void
namespaces(void)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"user", "uts" };
	char path[64], to[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		printf("ns=%s\n", to);
	}
}

static void
facts(char **words)
{
	char text[4096];
	struct rlimit core;

	(void)words;
	ids();
	printf("cwd=%s\n", getcwd(text, sizeof(text)) ? text : "?");
	(void)gethostname(text, sizeof(text));
	printf("hostname=%s\npid=%d\nppid=%d\nsid=%d\n", text, getpid(), getppid(),
	    getsid(0));
	for (int i = 0; i < guest_argc; i++)
		printf("arg=%s\n", guest_argv[i]);
	for (char **e = environ; *e; e++)
		printf("env=%s\n", *e);
	(void)getrlimit(RLIMIT_CORE, &core);
	printf("core=%llu\n", (unsigned long long)core.rlim_max);
	printf("tty=%d%d%d\n", isatty(0), isatty(1), isatty(2));
	lines_of("status", "/proc/self/status");
	lines_of("uid_map", "/proc/self/uid_map");
	lines_of("gid_map", "/proc/self/gid_map");
	lines_of("cgroup", "/proc/self/cgroup");
	lines_of("oom", "/proc/self/oom_score_adj");
	lines_of("mount", "/proc/self/mountinfo");
	descriptors();
	namespaces();
}

/* --- files ----------------------------------------------------------------- */

static void
read_file(char **words)
{
	lines_of("read", words[0]);
}

static void
write_file(char **words)
{
	int fd = open(words[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	size_t n = strlen(words[1]);
	ssize_t done = fd < 0 ? -1 : write(fd, words[1], n);

	printf("write=%s %s\n", words[0], done == (ssize_t)n ? "ok" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void
list(char **words)
{
	DIR *d = opendir(words[0]);
	struct dirent *e;

	if (d == NULL)
		printf("list!%s\n", strerror(errno));
	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			printf("list=%s\n", e->d_name);
	if (d)
		(void)closedir(d);
}

static void
stat_file(char **words)
{
	struct stat st;

	if (lstat(words[0], &st) < 0)
		printf("stat=%s %s\n", words[0], strerror(errno));
	else
		printf("stat=%s %o %u:%u %lld\n", words[0], st.st_mode, st.st_uid,
		    st.st_gid, (long long)st.st_size);
}

const struct word guest_facts[] = {
	{ "facts", 0, facts },
	{ "list", 1, list },
	{ "read", 1, read_file },
	{ "stat", 1, stat_file },
	{ "write", 2, write_file },
	{ NULL, 0, NULL },
};
