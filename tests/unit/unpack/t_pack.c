/* link: @unpack @appc @privsep */
/*
 * PACK, by the unpack program itself: what it packs it unpacks to the same, and
 * packs again to the same bytes; and a launcher that misbehaves.  Needs root;
 * skips without.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "tests/unit/unpack/make_tar.h"
#include "tests/unit/unpack/worker.h"

static char base[] = "/dev/shm/t_pack.XXXXXX";
static struct ps_frame frame;
static struct worker worker;
static unsigned serial;
static char path[256];

static const char *
name_of(const char *what)
{
	(void)snprintf(path, sizeof(path), "%s/%s.%u", base, what, serial);
	return path;
}

static int
file(const char *what)
{
	int fd = open(name_of(what), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int
again(int fd)
{
	char link[64];
	int r;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	r = open(link, O_RDONLY | O_CLOEXEC);
	assert_true(r >= 0);
	return r;
}

/* The image in file fd into a new directory. */
static int
unpack(int fd)
{
	struct ps_msg_UNPACK m = { .max_tar = 1u << 30, .max_ratio = 2000,
		.max_entries = 200000, .max_manifest = 65536 };
	_cleanup_fd_ int image = again(fd), manifest = -1;
	int root;

	serial++;
	root = worker_root(name_of("root"));
	assert_true(root >= 0);
	manifest = file("manifest");
	assert_int_equal(worker_unpack(&worker, image, root, manifest, &m, &frame),
	    0);
	if (frame.type != PS_UNPACKED) {
		struct ps_msg_UNPACK_FAILED no;

		assert_int_equal(ps_decode_UNPACK_FAILED(frame.payload,
		    frame.length, &no), 0);
		fail_msg("%s", no.text);
	}
	return root;
}

static int
ask(int tree, int output, int manifest, const struct ps_msg_PACK *with)
{
	const int fds[] = { tree, output, manifest };
	struct ps_msg_PACK m = *with;
	int r = worker_start(&worker);

	if (r == 0)
		r = PS_SEND(&worker.chan, PACK, &m, fds, 3);
	if (r == 0)
		r = ps_recv(&worker.chan, &frame, 60000);
	worker_end(&worker);
	return r;
}

static const struct ps_msg_PACK limits = { .max_tree = 1u << 20,
	.max_entries = 100 };

/* A file with the tree packed. */
static int
pack(int root, struct ps_msg_TREE *ret)
{
	int output, manifest = ps_sealed("m", MANIFEST, strlen(MANIFEST));

	serial++;
	output = file("packed");
	assert_int_equal(ask(root, output, manifest, &limits), 0);
	assert_int_equal(frame.type, PS_TREE);
	assert_int_equal(ps_decode_TREE(frame.payload, frame.length, ret), 0);
	assert_true(WIFEXITED(worker.status) && WEXITSTATUS(worker.status) == 0);
	(void)close(manifest);
	return output;
}

static int
sample(void)
{
	struct tar t = { 0 }, b = { 0 };
	int fd;

	tar_begin(&t);
	ADD(&t, .name = "rootfs/bin/", .type = '5', .mode = 0555, .uid = 3);
	ADD(&t, .name = "rootfs/bin/su", .body = "#!/bin/sh\n", .mode = 04755);
	ADD(&t, .name = "rootfs/bin/su2", .type = '1', .link = "rootfs/bin/su");
	ADD(&t, .name = "rootfs/a-b", .body = "x", .mode = 0400, .uid = 65534,
	    .gid = 7);
	ADD(&t, .name = "rootfs/a/b", .body = "y");
	ADD(&t, .name = "rootfs/a.b", .type = '2', .link = "/etc", .uid = 5);
	ADD(&t, .name = "rootfs/p", .type = '6', .mode = 0620, .gid = 9);
	ADD(&t, .name = "rootfs/tmp", .type = '5', .mode = 01777);
	ADD(&t, .name = "rootfs/\xc3\xa4", .body = "");
	pax_record(&b, "SCHILY.xattr.user.z", "v\0w", 3);
	pax_record(&b, "SCHILY.xattr.security.capability",
	    "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	ADD(&t, .name = "x", .type = 'x', .body = (char *)b.p, .n_body = b.n);
	ADD(&t, .name = "rootfs/ping", .body = "12", .uid = 1, .mode = 0755);
	tar_end(&t);
	serial++;
	fd = file("image");
	assert_int_equal(write(fd, t.p, t.n), (ssize_t)t.n);
	free(t.p);
	free(b.p);
	return fd;
}

static void
same_bytes(int a, int b)
{
	static char x[65536], y[65536];
	ssize_t n = pread(a, x, sizeof(x), 0);

	assert_true(n > 0);
	assert_int_equal(pread(b, y, sizeof(y), 0), n);
	assert_memory_equal(x, y, (size_t)n);
}

static void
look(const char *below, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	char full[600];

	(void)snprintf(full, sizeof(full), "%s%s", name_of("root"), below);
	assert_int_equal(lstat(full, &st), 0);
	if (st.st_mode != mode || st.st_uid != PS_FOREIGN_BASE + uid ||
	    st.st_gid != PS_FOREIGN_BASE + gid)
		fail_msg("%s: %o %u %u", below, st.st_mode,
		    st.st_uid - PS_FOREIGN_BASE, st.st_gid - PS_FOREIGN_BASE);
}

static void
round_trip(void **state)
{
	struct ps_msg_TREE first, second;
	_cleanup_fd_ int image = sample(), one = unpack(image);
	_cleanup_fd_ int a = pack(one, &first), two = unpack(a);
	char full[600], value[32];

	(void)state;
	look("/bin", S_IFDIR | 0555, 3, 0);
	look("/bin/su", S_IFREG | 04755, 0, 0);
	look("/a-b", S_IFREG | 0400, 65534, 7);
	look("/a.b", S_IFLNK | 0777, 5, 0);
	look("/p", S_IFIFO | 0620, 0, 9);
	look("/tmp", S_IFDIR | 01777, 0, 0);
	look("/ping", S_IFREG | 0755, 1, 0);
	(void)snprintf(full, sizeof(full), "%s/ping", name_of("root"));
	assert_int_equal(getxattr(full, "user.z", value, sizeof(value)), 3);
	assert_true(getxattr(full, "security.capability", value, sizeof(value)) > 0);
	_cleanup_fd_ int b = pack(two, &second);
	same_bytes(a, b);
	assert_int_equal(first.left_out, 0);
	assert_int_equal(first.entries, second.entries);
	assert_int_equal(first.tree_size, second.tree_size);
	assert_int_equal(first.entries, 11);
	assert_int_equal(first.tree_size, 10 + 1 + 1 + 2);
}

/* Sockets, devices and names for no person are counted. */
static void
left_out(void **state)
{
	struct ps_msg_TREE packed;
	_cleanup_fd_ int image = sample(), root = unpack(image), out = -1;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", name_of("root"));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	(void)close(fd);
	assert_int_equal(mknodat(root, "null", S_IFCHR | 0666, 0x103), 0);
	assert_int_equal(symlinkat("x\n", root, "odd"), 0);
	assert_int_equal(mkdirat(root, "esc\x1b", 0777), 0);
	out = pack(root, &packed);
	assert_int_equal(packed.left_out, 4);
	assert_int_equal(packed.entries, 11);
	(void)close(unpack(out));
}

static void
bounded(void **state)
{
	static const struct {
		struct ps_msg_PACK m;
		const char *says;
	} rows[] = { { { 13, 100, 0 }, "larger than site policy" },
		{ { 14, 10, 0 }, "more than 10 entries" } };
	_cleanup_fd_ int image = sample(), root = unpack(image);
	int manifest = ps_sealed("m", MANIFEST, strlen(MANIFEST));
	struct ps_msg_UNPACK_FAILED no;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		_cleanup_fd_ int out = file("packed");

		assert_int_equal(ask(root, out, manifest, &rows[i].m), 0);
		assert_int_equal(frame.type, PS_UNPACK_FAILED);
		assert_int_equal(ps_decode_UNPACK_FAILED(frame.payload,
		    frame.length, &no), 0);
		if (!strstr(no.text, rows[i].says))
			fail_msg("%s", no.text);
		assert_int_equal(WEXITSTATUS(worker.status), 1);
	}
	(void)close(manifest);
}

/* The manifest is a stranger's word too. */
static void
bad_manifest(void **state)
{
	static const char *const texts[] = { "{}", "x", "{\"acKind\":1}",
		"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"name\":\"a\"}" };
	_cleanup_fd_ int image = sample(), root = unpack(image);

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		int manifest = ps_sealed("m", texts[i], strlen(texts[i]));
		_cleanup_fd_ int out = file("packed");
		struct stat st;

		assert_int_equal(ask(root, out, manifest, &limits), 0);
		assert_int_equal(frame.type, PS_UNPACK_FAILED);
		assert_int_equal(fstat(out, &st), 0);
		assert_int_equal(st.st_size, 0);
		(void)close(manifest);
	}
}

/* What is not a request, or comes with the wrong descriptors: exit 120. */
static void
misled(void **state)
{
	_cleanup_fd_ int image = sample(), root = unpack(image);
	_cleanup_fd_ int out = file("packed"), plain = again(image);
	_cleanup_fd_ int open_file = memfd_create("m", MFD_ALLOW_SEALING);
	_cleanup_fd_ int manifest = ps_sealed("m", MANIFEST, strlen(MANIFEST));
	const int sets[][3] = { { plain, out, manifest }, { root, out, plain },
		{ root, out, open_file }, { out, out, manifest },
		{ root, out, root } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(sets); i++) {
		assert_int_equal(ask(sets[i][0], sets[i][1], sets[i][2], &limits),
		    -EPIPE);
		assert_true(WIFEXITED(worker.status));
		assert_int_equal(WEXITSTATUS(worker.status), 120);
	}
}

/* An output that is full, or that cannot be written at all. */
static void
no_output(void **state)
{
	_cleanup_fd_ int image = sample(), root = unpack(image);
	_cleanup_fd_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_cleanup_fd_ int manifest = ps_sealed("m", MANIFEST, strlen(MANIFEST));
	const int outputs[] = { full, manifest };
	struct ps_msg_UNPACK_FAILED no;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(outputs); i++) {
		assert_int_equal(ask(root, outputs[i], manifest, &limits), 0);
		assert_int_equal(frame.type, PS_UNPACK_FAILED);
		assert_int_equal(ps_decode_UNPACK_FAILED(frame.payload,
		    frame.length, &no), 0);
		assert_int_equal(no.code, PS_UNPACK_SYSTEM);
		assert_int_equal(WEXITSTATUS(worker.status), 1);
	}
}

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(base) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(left_out),
		cmocka_unit_test(bounded), cmocka_unit_test(bad_manifest),
		cmocka_unit_test(misled), cmocka_unit_test(no_output),
	};

	if (geteuid() != 0 || !worker_program()) {
		puts("skip: needs root and the unpack program in $RKT_BUILD");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
