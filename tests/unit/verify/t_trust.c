/* link: verifier/openpgp/trust.c privsep/fds.c privsep/name.c */
/* The trust store: by path element, and a mask at any level wins. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "privsep/limits.h"
#include "verifier/openpgp/trust.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static char top[64];
static int stores[2];

static void
path_of(char *ret, size_t n, const char *path)
{
	(void)snprintf(ret, n, "%s/%s", top, path);
}

/* Makes the directories above, then the file. */
static void
put(const char *path, const char *text)
{
	char full[512];
	int fd;

	path_of(full, sizeof(full), path);
	for (char *p = full + strlen(top) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0755);
		*p = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static int
setup(void **state)
{
	char path[512];

	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/t_trust-XXXXXX");
	if (mkdtemp(top) == NULL)
		return -1;
	for (int i = 0; i < 2; i++) {
		path_of(path, sizeof(path), i == 0 ? "sys" : "loc");
		(void)mkdir(path, 0755);
		stores[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(stores[0]);
	(void)close(stores[1]);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Keys that may be used for that name, in the order found: "A B". */
static int
usable(const char *name, char *ret)
{
	struct vf_trust t;
	int r = vf_trust_load(stores, name, &t);

	*ret = '\0';
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++)
		if (!t.v[i].mask && !t.v[i].masked) {
			assert_true(t.v[i].n > 0);
			(void)strncat(ret, t.v[i].fpr, 1);
		}
	vf_trust_done(&t);
	return 0;
}

static void
expect(const char *name, const char *want)
{
	char got[600];

	assert_int_equal(usable(name, got), 0);
	assert_string_equal(got, want);
}

static void
elements(void **state)
{
	(void)state;
	expect("a.com/et", "");
	put("sys/prefix.d/a.com/et/" A, "key");
	expect("a.com/et", "a");
	expect("a.com/et/x/y", "a");
	expect("a.com/etcd", "");
	expect("a.com/e", "");
	expect("a.com", "");
	expect("a.com.evil/et", "");
	expect("b.com/a.com/et", "");
	expect("", "a");
	put("loc/prefix.d/a.com/" B, "key");
	put("loc/root.d/" C64, "key");
	expect("a.com/et", "acb");
	expect("a.com/etcd", "cb");
	expect("z.org", "c");
}

static void
masks(void **state)
{
	(void)state;
	put("sys/prefix.d/a.com/" A, "key");
	put("sys/root.d/" B, "key");
	put("loc/prefix.d/a.com/x/" A, "");
	expect("a.com", "ba");
	expect("a.com/y", "ba");
	expect("a.com/x", "b");
	expect("a.com/x/z", "b");
	expect("", "ba");
	put("loc/prefix.d/a.com/" B, "");
	expect("a.com", "a");
	expect("b.com", "b");
	put("loc/root.d/" A, "");
	expect("a.com", "");
	expect("", "b");
	put("sys/root.d/" B, "");
	expect("b.com", "");
	expect("", "");
}

/* Masks stand before, beside and behind the key, in either store. */
static void
mask_order(void **state)
{
	(void)state;
	put("loc/prefix.d/a.com/" A, "key");
	put("sys/prefix.d/a.com/" A, "");
	expect("a.com", "");
	put("loc/prefix.d/a.com/" B, "");
	put("sys/prefix.d/a.com/" B, "key");
	expect("a.com/x", "");
}

static void
odd_files(void **state)
{
	char path[512], big[PS_MAX_KEY + 2];
	struct vf_trust t;

	(void)state;
	put("sys/root.d/README", "text");
	put("sys/root.d/" A ".bak", "key");
	put("sys/root.d/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "key");
	put("sys/root.d/.hidden", "key");
	put("sys/root.d/" B, "key");
	expect("a.com", "b");

	/* Each of these masks: a link, too large, others may write it. */
	put("loc/root.d/.keep", "");
	path_of(path, sizeof(path), "loc/root.d/" B);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(vf_trust_load(stores, "a.com", &t), 0);
	assert_int_equal(t.odd, 1);
	vf_trust_done(&t);
	expect("a.com", "");
	assert_int_equal(unlink(path), 0);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	put("loc/root.d/" B, big);
	expect("a.com", "");
	big[PS_MAX_KEY] = '\0';
	put("loc/root.d/" B, big);
	expect("a.com", "bb");
	assert_int_equal(chmod(path, 0646), 0);
	expect("a.com", "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	expect("a.com", "");
	/* A directory is a prefix element that looks like a fingerprint. */
	assert_int_equal(unlink(path), 0);
	put("loc/prefix.d/a.com/" B "/" A, "key");
	expect("a.com", "b");
	expect("a.com/" B, "ba");
}

/* What could hide a mask is an error, not an empty store. */
static void
odd_directories(void **state)
{
	char path[512], got[64];

	(void)state;
	put("sys/root.d/" A, "key");
	put("loc/prefix.d/a.com/" A, "");
	path_of(path, sizeof(path), "loc/prefix.d/a.com");
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(usable("a.com", got), -EPERM);
	assert_int_equal(chmod(path, 0755), 0);
	expect("a.com", "");
	path_of(path, sizeof(path), "loc/prefix.d/b.com");
	assert_int_equal(symlink("a.com", path), 0);
	assert_int_equal(usable("b.com", got), -ELOOP);
	assert_int_equal(usable("", got), -ELOOP);
	path_of(path, sizeof(path), "loc/root.d");
	assert_int_equal(symlink("../sys/root.d", path), 0);
	assert_int_equal(usable("z.com", got), -ELOOP);
}

static void
limits(void **state)
{
	char path[128], got[VF_MAX_ENTRIES + 8];

	(void)state;
	for (unsigned i = 0; i <= VF_MAX_ENTRIES; i++) {
		if (i == VF_MAX_ENTRIES)
			assert_int_equal(usable("a.com", got), 0);
		(void)snprintf(path, sizeof(path), "sys/root.d/%040x", i);
		put(path, "key");
	}
	assert_int_equal(usable("a.com", got), -E2BIG);
}

static void
absent(void **state)
{
	const int none[2] = { -1, -1 };
	struct vf_trust t;

	(void)state;
	assert_int_equal(vf_trust_load(none, "a.com", &t), 0);
	assert_int_equal(t.n, 0);
	vf_trust_done(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(elements), TEST(masks), TEST(mask_order), TEST(odd_files),
		TEST(odd_directories), TEST(limits), TEST(absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
