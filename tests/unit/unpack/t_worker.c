/* link: @unpack @appc @privsep */
/*
 * The unpack program itself, in its own user namespace, under its own policy:
 * images good and bad, trees at rest, and a launcher that misbehaves.  Needs
 * root; skips without.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "tests/unit/unpack/make_packed.h"
#include "tests/unit/unpack/make_tar.h"
#include "privsep/attr.h"
#include "tests/unit/unpack/worker.h"

static char base[] = "/dev/shm/t_worker.XXXXXX";
static struct ps_frame frame;
static struct worker worker;
static struct ps_msg_UNPACKED unpacked;
static struct ps_msg_UNPACK_FAILED failed;
static unsigned serial;
static char root_path[128];
static int root = -1, manifest = -1;

static const struct ps_msg_UNPACK limits = { .max_tar = 1u << 30,
	.max_ratio = 200, .max_entries = 200000, .max_manifest = 65536 };

static int
memory_file(const void *p, size_t n)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/image.%u", base, serial);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, p, n) == (ssize_t)n);
	(void)close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)unlink(path);
	return fd;
}

/* Unpacks into a new root; the answer is in unpacked or failed. */
static void
run(const void *p, size_t n, const struct ps_msg_UNPACK *with)
{
	struct ps_msg_UNPACK m = *with;
	char path[160];
	int image, r;

	if (root >= 0)
		(void)close(root);
	if (manifest >= 0)
		(void)close(manifest);
	serial++;
	(void)snprintf(root_path, sizeof(root_path), "%s/root.%u", base, serial);
	root = worker_root(root_path);
	(void)snprintf(path, sizeof(path), "%s/manifest.%u", base, serial);
	manifest = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	image = memory_file(p, n);
	r = worker_unpack(&worker, image, root, manifest, &m, &frame);
	(void)close(image);
	if (r != 0)
		fail_msg("no answer: %d, status %x", r, (unsigned)worker.status);
	memset(&unpacked, 0, sizeof(unpacked));
	memset(&failed, 0, sizeof(failed));
	if (frame.type == PS_UNPACKED)
		assert_int_equal(ps_decode_UNPACKED(frame.payload, frame.length,
		    &unpacked), 0);
	else
		assert_int_equal(ps_decode_UNPACK_FAILED(frame.payload,
		    frame.length, &failed), 0);
	assert_true(WIFEXITED(worker.status));
	assert_int_equal(WEXITSTATUS(worker.status),
	    frame.type == PS_UNPACKED ? 0 : 1);
}

static void
expect_failure(uint32_t code, const char *says)
{
	if (failed.code != code || !strstr(failed.text, says))
		fail_msg("%u \"%s\", not %u \"%s\"", failed.code,
		    failed.text ? failed.text : "", code, says);
}

static void
digest(uint8_t ret[64])
{
	struct ps_msg_TREE tree;

	assert_int_equal(worker_digest(&worker, root, &frame), 0);
	assert_int_equal(frame.type, PS_TREE);
	assert_int_equal(ps_decode_TREE(frame.payload, frame.length, &tree), 0);
	memcpy(ret, tree.tree, 64);
}

static void
sample(struct tar *t)
{
	struct tar b = { 0 };

	tar_begin(t);
	ADD(t, .name = "rootfs/bin/", .type = '5', .mode = 0555, .uid = 3);
	ADD(t, .name = "rootfs/bin/su", .body = "#!/bin/sh\n", .mode = 04755);
	ADD(t, .name = "rootfs/bin/su2", .type = '1', .link = "rootfs/bin/su");
	ADD(t, .name = "rootfs/a-b", .body = "x", .mode = 0400, .uid = 65535, .gid = 7);
	ADD(t, .name = "rootfs/a/b", .body = "y");
	ADD(t, .name = "rootfs/a.b", .type = '2', .link = "/etc", .uid = 5);
	ADD(t, .name = "rootfs/a/link", .type = '1', .link = "rootfs/a-b");
	ADD(t, .name = "rootfs/p", .type = '6', .mode = 0620, .gid = 9);
	ADD(t, .name = "rootfs/tmp", .type = '5', .mode = 01777);
	ADD(t, .name = "rootfs/sgid", .type = '5', .mode = 02755, .gid = 8);
	ADD(t, .name = "rootfs/sgid/f", .body = "");
	pax_record(&b, "mtime", "1600000000.123456789", 20);
	pax_record(&b, "SCHILY.xattr.user.z", "v\0w", 3);
	pax_record(&b, "SCHILY.xattr.user.a", "", 0);
	pax_record(&b, "SCHILY.xattr.security.capability",
	    "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	ADD(t, .name = "x", .type = 'x', .body = (char *)b.p, .n_body = b.n);
	ADD(t, .name = "rootfs/ping", .body = "12", .uid = 1, .mode = 0755);
	free(b.p);
	tar_end(t);
}

static void
good(void **state)
{
	struct tar t = { 0 };
	uint8_t first[64] = { 0 }, again[64];

	(void)state;
	sample(&t);
	for (size_t i = 0; i <= PS_COUNT(packers); i++) {
		struct packed o = { 0 };
		struct stat st;
		char path[200];

		if (i == PS_COUNT(packers))
			pack_raw(&o, t.p, t.n);
		else
			packers[i].pack(&o, t.p, t.n);
		run(o.p, o.n, &limits);
		free(o.p);
		if (frame.type != PS_UNPACKED)
			fail_msg("%s", failed.text);
		assert_string_equal(unpacked.name, "example.com/a");
		assert_int_equal(unpacked.n_labels, 2);
		assert_string_equal(unpacked.labels[0], "arch=amd64");
		assert_int_equal(unpacked.entries, 13);
		assert_true(unpacked.tar_size == t.n);
		assert_true(unpacked.tree_size == 14);
		if (i == 0)
			memcpy(first, unpacked.tree, 64);
		assert_memory_equal(first, unpacked.tree, 64);
		digest(again);
		assert_memory_equal(first, again, 64);
		(void)snprintf(path, sizeof(path), "%s/bin/su", root_path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, PS_FOREIGN_BASE);
		assert_int_equal(st.st_mode & 07777, 04755);
		assert_int_equal(st.st_nlink, 2);
		(void)snprintf(path, sizeof(path), "%s/sgid/f", root_path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_gid, PS_FOREIGN_BASE);
		assert_int_equal(fstat(manifest, &st), 0);
		assert_int_equal(st.st_size, strlen(MANIFEST));
	}
	free(t.p);
}

/* Whatever is changed in a tree at rest, its digest is another. */
static void
spoiled(void **state)
{
	static const char *const commands[] = {
		"echo z > a-b", "chmod 600 a-b", "chown 2147352577 a-b",
		"chgrp 2147352577 tmp", "touch new", "mkdir new", "rm p",
		"touch -d 2001-01-01 a/b", "touch -h -d 2001-01-01 a.b",
		"ln -sfn /other a.b", "setfattr -n user.q -v 1 ping",
		"setfattr -x user.a ping", "setfattr -x security.capability ping",
		"mv a/b a/c", "cp --preserve=all bin/su c; mv -f c bin/su2; touch -r tmp bin",
		"ln a-b c", "rm p; mknod p b 1 1",
	};
	struct tar t = { 0 };

	(void)state;
	sample(&t);
	for (size_t i = 0; i < PS_COUNT(commands); i++) {
		char line[400];
		struct ps_msg_TREE tree = { 0 };

		run(t.p, t.n, &limits);
		assert_int_equal(frame.type, PS_UNPACKED);
		memcpy(line, unpacked.tree, 64);
		memcpy(unpacked.tree, line, 64);
		(void)snprintf(line, sizeof(line),
		    "cd %s && touch -r . ../stamp && { %s; }; touch -r ../stamp .",
		    root_path, commands[i]);
		if (system(line) != 0)
			fail_msg("cannot do: %s", commands[i]);
		assert_int_equal(worker_digest(&worker, root, &frame), 0);
		if (frame.type == PS_UNPACK_FAILED)
			continue;
		assert_int_equal(ps_decode_TREE(frame.payload, frame.length,
		    &tree), 0);
		if (memcmp(tree.tree, unpacked.tree, 64) == 0)
			fail_msg("not seen: %s", commands[i]);
	}
	free(t.p);
}

static void
refused(void **state)
{
	struct tar t = { 0 };
	struct packed o = { 0 };

	(void)state;
	run("hello", 5, &limits);
	expect_failure(PS_UNPACK_FORMAT, "not a tar");
	run("", 0, &limits);
	expect_failure(PS_UNPACK_FORMAT, "not a tar");
	tar_begin(&t);
	ADD(&t, .name = "rootfs/dev/null", .type = '3');
	tar_end(&t);
	run(t.p, t.n, &limits);
	expect_failure(PS_UNPACK_MEMBER, "rootfs/dev/null: character devices");
	t.n = 0;
	sample(&t);
	pack_gzip(&o, t.p, t.n);
	run(o.p, o.n - 9, &limits);
	expect_failure(PS_UNPACK_FORMAT, "too early");
	pack_raw(&o, "\0", 1);
	run(o.p, o.n, &limits);
	expect_failure(PS_UNPACK_FORMAT, "behind the end");
	o.p[o.n - 7] ^= 1; /* the checksum */
	run(o.p, o.n - 1, &limits);
	expect_failure(PS_UNPACK_FORMAT, "damaged");
	t.n = 0;
	ADD(&t, .name = "manifest", .body = "{\"acKind\":\"ImageManifest\"}");
	ADD(&t, .name = "rootfs", .type = '5');
	tar_end(&t);
	run(t.p, t.n, &limits);
	expect_failure(PS_UNPACK_MANIFEST, "acVersion: missing");
	free(t.p);
	free(o.p);
}

/* Zeros without end: the limits stop it, within the worker's 64 MiB. */
static void
bombs(void **state)
{
	size_t n = 8u << 20;
	uint8_t *zeros = calloc(1, n);
	struct ps_msg_UNPACK m = limits;

	(void)state;
	m.max_tar = 128u << 20;
	for (size_t i = 0; i < PS_COUNT(packers); i++) {
		struct packed o = { 0 }, once = { 0 };
		struct tar t = { 0 };

		tar_begin(&t);
		tar_header(&t, &(struct member){ .name = "rootfs/f",
			.size = "77777777777" });
		packers[i].pack(&o, t.p, t.n);
		packers[i].pack(&once, zeros, n);
		for (unsigned k = 0; k < 20; k++)
			pack_raw(&o, once.p, once.n);
		free(once.p);
		m.max_ratio = 20;
		run(o.p, o.n, &m);
		expect_failure(PS_UNPACK_LIMIT, "proportion");
		m.max_ratio = 1u << 30;
		run(o.p, o.n, &m);
		expect_failure(PS_UNPACK_LIMIT, "larger than allowed");
		free(o.p);
		free(t.p);
	}
	free(zeros);
}

/* Files, links and directories in turn: both digests, whoever was faster. */
static void
mixed(void **state)
{
	static char body[20000] = "#!";
	struct tar t = { 0 };
	uint8_t again[64];

	(void)state;
	tar_begin(&t);
	for (unsigned i = 0; i < 3000; i++) {
		char name[64], target[64];

		(void)snprintf(name, sizeof(name), "rootfs/%u/%u", i % 7, i);
		(void)snprintf(target, sizeof(target), "rootfs/%u/%u",
		    (i - 4) % 7, i - 4);
		if (i % 5 == 0)
			ADD(&t, .name = name, .body = body,
			    .n_body = 1 + (i * 7919) % sizeof(body));
		else if (i % 5 == 4)
			ADD(&t, .name = name, .type = '1', .link = target);
		else
			ADD(&t, .name = name, .type = "x265"[i % 5], .link = "x");
	}
	tar_end(&t);
	run(t.p, t.n, &limits);
	if (frame.type != PS_UNPACKED)
		fail_msg("%s", failed.text);
	for (int i = 0; i < 5; i++) {
		digest(again);
		assert_memory_equal(again, unpacked.tree, 64);
	}
	free(t.p);
}

static void
many_entries(void **state)
{
	struct ps_msg_UNPACK m = limits;
	struct tar t = { 0 };
	struct packed o = { 0 };

	(void)state;
	tar_begin(&t);
	for (unsigned i = 0; i < 120000; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "rootfs/%u/%u", i % 300, i);
		ADD(&t, .name = name);
	}
	tar_end(&t);
	pack_gzip(&o, t.p, t.n);
	run(o.p, o.n, &m);
	if (frame.type != PS_UNPACKED)
		fail_msg("%s", failed.text);
	assert_int_equal(unpacked.entries, 120300);
	m.max_entries = 120299;
	run(o.p, o.n, &m);
	expect_failure(PS_UNPACK_LIMIT, "more than 120299");
	free(t.p);
	free(o.p);
}

/* 250 directories deep, with 64 descriptors. */
static void
deep(void **state)
{
	struct tar t = { 0 };
	char name[2000] = "rootfs";
	uint8_t again[64];

	(void)state;
	tar_begin(&t);
	for (int i = 0; i < 250; i++)
		strcat(name, i % 50 == 0 ? "/long" : "/d");
	tar_pax(&t, "path", name, NULL, NULL);
	ADD(&t, .name = "x", .body = "deep");
	strcat(name, "2");
	tar_pax(&t, "path", name, NULL, NULL);
	ADD(&t, .name = "x", .body = "deep");
	ADD(&t, .name = "rootfs/long/e", .body = "shallow");
	tar_end(&t);
	run(t.p, t.n, &limits);
	if (frame.type != PS_UNPACKED)
		fail_msg("%s", failed.text);
	digest(again);
	assert_memory_equal(again, unpacked.tree, 64);
	free(t.p);
}

/* ENOSPC is the machine's fault, and is said so. */
static void
full_disk(void **state)
{
	struct tar t = { 0 };
	struct ps_msg_UNPACK m = limits;
	char body[65536] = "x", path[128];
	int image, dir;

	(void)state;
	tar_begin(&t);
	for (int i = 0; i < 20; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "rootfs/%d", i);
		ADD(&t, .name = name, .body = body, .n_body = sizeof(body));
	}
	tar_end(&t);
	(void)snprintf(path, sizeof(path), "%s/small", base);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0,
	    "size=512k,uid=2147352576,gid=2147352576,mode=0700"), 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	image = memory_file(t.p, t.n);
	assert_int_equal(worker_unpack(&worker, image, dir, manifest, &m, &frame), 0);
	assert_int_equal(frame.type, PS_UNPACK_FAILED);
	assert_int_equal(ps_decode_UNPACK_FAILED(frame.payload, frame.length,
	    &failed), 0);
	expect_failure(PS_UNPACK_SYSTEM, "No space left");
	(void)close(image);
	(void)close(dir);
	assert_int_equal(umount(path), 0);
	free(t.p);
}

/* With /dev/null for a directory all is read and judged, and nothing made. */
static void
rehearsal(void **state)
{
	struct ps_msg_UNPACKED said;
	struct ps_msg_UNPACK m = limits;
	char id[PS_DIGEST], path[160];
	struct stat st;
	struct tar t = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int image;

	(void)state;
	sample(&t);
	run(t.p, t.n, &limits);
	memcpy(id, unpacked.image, sizeof(id));
	image = memory_file(t.p, t.n);
	assert_int_equal(worker_unpack(&worker, image, null, null, &m, &frame), 0);
	assert_int_equal(frame.type, PS_UNPACKED);
	assert_int_equal(ps_decode_UNPACKED(frame.payload, frame.length, &said), 0);
	assert_memory_equal(said.image, id, sizeof(id));
	assert_int_equal(said.raw_size, t.n);
	(void)close(image);
	/* What would be refused is refused. */
	image = memory_file(t.p, t.n - 700);
	assert_int_equal(worker_unpack(&worker, image, null, null, &m, &frame), 0);
	assert_int_equal(frame.type, PS_UNPACK_FAILED);
	(void)close(image);
	(void)snprintf(path, sizeof(path), "%s/root.%u", base, serial + 1);
	assert_int_equal(stat(path, &st), -1);
	(void)close(null);
	free(t.p);
}

/* What is not a request, or comes with the wrong descriptors: exit 120. */
static void
misled(void **state)
{
	struct ps_msg_UNPACK m = limits;
	int image = memory_file("x", 1), dir = open("/", O_RDONLY | O_DIRECTORY);
	int null = open("/dev/null", O_RDWR);
	const int sets[][3] = { { dir, root, manifest }, { image, image, manifest },
		{ null, root, manifest }, { manifest, root, manifest } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(sets); i++) {
		assert_int_equal(worker_unpack(&worker, sets[i][0], sets[i][1],
		    sets[i][2], &m, &frame), -EPIPE);
		assert_true(WIFEXITED(worker.status));
		assert_int_equal(WEXITSTATUS(worker.status), 120);
	}
	assert_int_equal(worker_digest(&worker, image, &frame), -EPIPE);
	assert_int_equal(WEXITSTATUS(worker.status), 120);
	(void)close(image);
	(void)close(dir);
	(void)close(null);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
set_up(void **state)
{
	(void)state;
	/* Mounts of these tests are theirs alone. */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
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
		cmocka_unit_test(good), cmocka_unit_test(spoiled),
		cmocka_unit_test(refused), cmocka_unit_test(bombs),
		cmocka_unit_test(mixed), cmocka_unit_test(many_entries),
		cmocka_unit_test(deep),
		cmocka_unit_test(full_disk), cmocka_unit_test(misled), cmocka_unit_test(rehearsal),
	};

	if (geteuid() != 0 || !worker_program()) {
		puts("skip: needs root and the unpack program in $RKT_BUILD");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
