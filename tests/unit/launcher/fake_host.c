/*
 * The host of fake_sys.h: what a test puts there, looks at, and clears up.
 */
#include "tests/unit/launcher/fake_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

static const char *
host(const char *path)
{
	static char text[4400];

	/* Without a root of its own this would be the machine's. */
	if (!strstr(fake.root, "/rkt-fake."))
		abort();
	(void)snprintf(text, sizeof(text), "%s%s", fake.root, path);
	return text;
}

static void
make_parents(char *path)
{
	char *last = strrchr(path, '/');

	*last = '\0'; /* mostly it is there */
	if (mkdir(path, 0755) == 0 || errno == EEXIST) {
		*last = '/';
		return;
	}
	*last = '/';
	for (char *p = strchr(path + strlen(fake.root) + 1, '/'); p;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
}

void
fake_mkdir(const char *path)
{
	char text[4400];

	fake.cgroups_used |= fake_below(path, "/sys/fs/cgroup");
	(void)snprintf(text, sizeof(text), "%s/", host(path));
	make_parents(text);
}

void
fake_put(const char *path, const char *text)
{
	char full[4400];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s", host(path));
	make_parents(full);
	f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	if (chmod(full, 0644) < 0)
		abort();
}

void
fake_own(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	if (stat(host(path), &st) < 0)
		abort();
	fake_remember(&st, uid, gid, mode);
}

int
fake_open(const char *path, int flags)
{
	return open(host(path), flags | O_CLOEXEC);
}

bool
fake_exists(const char *path)
{
	return faccessat(AT_FDCWD, host(path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
take_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (!strstr(path, "/rkt-fake."))
		abort();
	return ftw->level == 0 ? 0 : remove(path);
}

void
fake_clear(const char *path)
{
	(void)nftw(host(path), take_away, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A descriptor of a process of the host: path is what it has open. */
void
fake_hold(pid_t pid, int fd, const char *path)
{
	char link[4500], to[4400];

	(void)snprintf(to, sizeof(to), "%s", host(path));
	(void)snprintf(link, sizeof(link), "%s/proc/%d/fd/%d", fake.root, pid, fd);
	make_parents(link);
	(void)unlink(link);
	if (symlink(to, link) < 0)
		abort();
}

bool
fake_begin(void)
{
	const char *base = getenv("TMPDIR");
	struct stat st;

	if (!base)
		base = "/tmp";
	if (!getenv("TMPDIR") && stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode))
		base = "/dev/shm";
	(void)snprintf(fake.root, sizeof(fake.root), "%.40s/rkt-fake.XXXXXX", base);
	return mkdtemp(fake.root) != NULL;
}

void
fake_reset(void)
{
	for (size_t i = 0; i < fake.n_workers; i++)
		fake_gone(&fake.workers[i]);
	fake_no_dir();
	fake.n_workers = 0;
	fake.at = 0;
	fake.trace[0] = '\0';
	fake.verbs = fake.fail_at = 0;
	fake.random = 0;
	fake.executed = false;
	fake.jump = NULL;
	fake.act = NULL;
	fake.committed = NULL;
	fake.stage1 = fake.init = 0;
	fake.stubborn = fake.joined = false;
	memset(fake.may_open, 0, sizeof(fake.may_open));
	fake.age = 0;
	fake_forget();
}

void
fake_end(void)
{
	fake_reset();
	if (!fake.root[0])
		return;
	fake_clear("/");
	(void)rmdir(fake.root);
	fake.root[0] = '\0';
}

/* O_PATH ones too, of which poll(2) says nothing. */
unsigned
fake_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		abort();
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}
