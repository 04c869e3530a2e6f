/* link: launcher/files.c launcher/sys.c @privsep -lkeyutils */
/* A host volume whose path is swapped for a link, ten thousand times, while it
 * is opened and mounted: what comes out is the directory or a refusal, never
 * what the link leads to.  The same source with the link's other spellings.
 * Real system calls, as root, in a mount namespace of the test's own. */
#include "launcher/volume.c"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define ROUNDS 10000
#define BASE 0x70000000u

static char top[] = "/tmp/rkt-race.XXXXXX";
static atomic_bool stop;
static atomic_uint swaps;
static int dir = -1;

/* Nobody is told here. */
int
ln_refuse(struct ln_session *s, uint32_t code, const char *format, ...)
{
	(void)s;
	(void)code;
	(void)format;
	return 1;
}

int
ln_refuse_error(struct ln_session *s, int r, const char *what)
{
	(void)s;
	(void)what;
	return r;
}

/* Who owns the directory above the volume. */
static void *
swap(void *arg)
{
	(void)arg;
	while (!stop) {
		if (syscall(SYS_renameat2, dir, "vol", dir, "link", 2u) == 0)
			swaps++;
	}
	return NULL;
}

static int
begin(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(top))
		return -1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || mkdirat(dir, "vol", 0755) < 0 ||
	    mkdirat(dir, "secret", 0700) < 0 || mkdirat(dir, "up", 0755) < 0 ||
	    mkdirat(dir, "up/vol", 0755) < 0 ||
	    symlinkat("secret", dir, "link") < 0 ||
	    symlinkat("secret", dir, "sly") < 0 || symlinkat("up", dir, "over") < 0;
}

static int
end(void **state)
{
	char line[64];

	(void)state;
	(void)snprintf(line, sizeof(line), "rm -rf %s", top);
	return system(line);
}

static ino_t
inode(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

/* 1 it was mounted, and is no other; 0 refused. */
static unsigned
once(const struct ps_msg_PLAN_VOLUME *v, ino_t good, int userns)
{
	_cleanup_fd_ int source = -1, mount = -1;
	struct stat st;

	if (open_source(v, &source, &st) < 0)
		return 0;
	assert_true(S_ISDIR(st.st_mode));
	mount = mount_host(v, source, userns);
	assert_true(mount >= 0);
	assert_int_equal(fstat(mount, &st), 0);
	assert_int_equal(st.st_ino, good);
	return 1;
}

static void
racing_link(void **state)
{
	const ino_t good = inode("vol");
	char source[64];
	struct ps_msg_PLAN_VOLUME v = { .name = "v", .kind = PS_VOLUME_HOST,
		.source = source, .idmap = PS_IDMAP_HOST };
	_cleanup_fd_ int userns = sys_userns(0, BASE, PS_RANGE);
	unsigned mounted = 0, n = 0;
	pthread_t thread;

	(void)state;
	assert_true(userns >= 0);
	(void)snprintf(source, sizeof(source), "%s/vol", top);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	for (; n < ROUNDS || (swaps < ROUNDS / 10 && n < 100 * ROUNDS); n++)
		mounted += once(&v, good, userns);
	stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Both were seen, and it was a race. */
	assert_in_range(mounted, 1, n - 1);
	assert_true(swaps >= ROUNDS / 10);
}

static void
links_refused(void **state)
{
	static const char *const bad[] = { "sly/..", "over/vol", "over",
		"up/../over/x" };
	char source[128];
	struct ps_msg_PLAN_VOLUME v = { .name = "v", .kind = PS_VOLUME_HOST,
		.source = source };
	struct stat st;
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		(void)snprintf(source, sizeof(source), "%s/%s", top, bad[i]);
		if (open_source(&v, &fd, &st) != -ELOOP)
			fail_msg("%s was opened", source);
		assert_non_null(strstr(trouble, "symbolic link"));
	}
	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d", dir);
	assert_int_equal(open_source(&v, &fd, &st), -ELOOP);
	(void)snprintf(source, sizeof(source), "%s/nothing", top);
	assert_int_equal(open_source(&v, &fd, &st), -ENOENT);
}

/* What is mounted can hold no set-user-ID file and no device, and is read-only
 * where it was asked. */
static void
restricted(void **state)
{
	char source[64];
	struct ps_msg_PLAN_VOLUME v = { .name = "v", .kind = PS_VOLUME_HOST,
		.source = source, .readonly = 1, .idmap = PS_IDMAP_POD };
	_cleanup_fd_ int from = -1, mount = -1, file = -1;
	struct stat st;
	struct statvfs sfs;

	(void)state;
	(void)snprintf(source, sizeof(source), "%s/up", top);
	assert_int_equal(open_source(&v, &from, &st), 0);
	mount = mount_host(&v, from, -1);
	assert_true(mount >= 0);
	assert_int_equal(fstatvfs(mount, &sfs), 0);
	assert_int_equal(sfs.f_flag & (ST_NOSUID | ST_NODEV | ST_RDONLY),
	    ST_NOSUID | ST_NODEV | ST_RDONLY);
	file = openat(mount, "x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file, -1);
	assert_int_equal(errno, EROFS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(racing_link),
		cmocka_unit_test(links_refused),
		cmocka_unit_test(restricted),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
