/* link: @unpack @appc @privsep */
/*
 * Each rule of the unpack worker, broken once, in a rehearsal that writes
 * nothing: the image is refused, and the reason names the rule.  Then what
 * must be accepted.  Every tar is read whole and in odd pieces.
 */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/unpack/make_tar.h"
#include "privsep/attr.h"
#include "privsep/limits.h"
#include "verifier/unpack/extract.h"

struct memory {
	const uint8_t *p;
	size_t n, at, piece;
	uint8_t *copy; /* a piece of its own, so that overreads show */
};

static int
next_piece(void *arg, const uint8_t **ret, size_t *ret_n)
{
	struct memory *m = arg;
	size_t n = m->n - m->at < m->piece ? m->n - m->at : m->piece;

	free(m->copy);
	m->copy = NULL;
	if (n == 0)
		return 0;
	m->copy = malloc(n);
	memcpy(m->copy, m->p + m->at, n);
	*ret = m->copy;
	*ret_n = n;
	m->at += n;
	return 1;
}

static int
rehearse(const struct tar *t, size_t piece, struct vf_failure *f,
    struct vf_extract *x)
{
	struct memory m = { .p = t->p, .n = t->n, .piece = piece };
	int r;

	*f = (struct vf_failure){ 0 };
	*x = (struct vf_extract){ .failure = f, .next = next_piece, .arg = &m,
		.root = -1, .max_entries = 40, .max_manifest = 4096 };
	r = vf_extract(x);
	free(m.copy);
	return r;
}

#define LONG200                                                              \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void absolute(struct tar *t) { ADD(t, .name = "/etc/x"); }
static void dotdot(struct tar *t) { ADD(t, .name = "rootfs/../../x"); }
static void dotdot_end(struct tar *t) { ADD(t, .name = "rootfs/a/..", .type = '5'); }
static void outside(struct tar *t) { ADD(t, .name = "other"); }
static void capital(struct tar *t) { ADD(t, .name = "Manifest"); }
static void sibling(struct tar *t) { ADD(t, .name = "rootfs2/x"); }
static void dot_link(struct tar *t) { ADD(t, .name = ".", .type = '2', .link = "/"); }
static void dot_file(struct tar *t) { ADD(t, .name = "."); }
static void dot_twice(struct tar *t)
{
	ADD(t, .name = "./", .type = '5');
	ADD(t, .name = "./", .type = '5');
}
static void root_link(struct tar *t) { ADD(t, .name = "rootfs", .type = '2', .link = "/"); }
static void root_file(struct tar *t) { ADD(t, .name = "rootfs"); }
static void root_twice(struct tar *t) { ADD(t, .name = "rootfs", .type = '5'); }
static void manifest_twice(struct tar *t) { ADD(t, .name = "manifest", .body = "{}"); }
static void manifest_dot(struct tar *t) { ADD(t, .name = "./manifest", .body = "{}"); }
static void manifest_back(struct tar *t) { ADD(t, .name = "rootfs/../manifest", .body = "{}"); }
static void twice(struct tar *t)
{
	ADD(t, .name = "rootfs/a");
	ADD(t, .name = "rootfs//./a");
}
static void dir_twice(struct tar *t)
{
	ADD(t, .name = "rootfs/a/", .type = '5');
	ADD(t, .name = "rootfs/a", .type = '5');
}
static void file_for_dir(struct tar *t)
{
	ADD(t, .name = "rootfs/a/b");
	ADD(t, .name = "rootfs/a");
}
static void through_link(struct tar *t)
{
	ADD(t, .name = "rootfs/a", .type = '2', .link = "/etc");
	ADD(t, .name = "rootfs/a/passwd");
}
static void through_link_deep(struct tar *t)
{
	ADD(t, .name = "rootfs/a", .type = '2', .link = ".");
	ADD(t, .name = "rootfs/a/b/c/d");
}
static void through_file(struct tar *t)
{
	ADD(t, .name = "rootfs/a");
	ADD(t, .name = "rootfs/a/b");
}
static void link_for_dir(struct tar *t)
{
	ADD(t, .name = "rootfs/a/b");
	ADD(t, .name = "rootfs/a", .type = '2', .link = "/");
}
static void hard_absolute(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "/etc/passwd"); }
static void hard_dotdot(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/../../x"); }
static void hard_outside(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "manifest"); }
static void hard_missing(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/b"); }
static void hard_self(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/a"); }
static void hard_dir(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs"); }
static void hard_symlink(struct tar *t)
{
	ADD(t, .name = "rootfs/l", .type = '2', .link = "/etc/passwd");
	ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/l");
}
static void hard_data(struct tar *t)
{
	ADD(t, .name = "rootfs/b", .body = "b");
	ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/b", .body = "xx");
}
static void hard_later(struct tar *t)
{
	ADD(t, .name = "rootfs/a", .type = '1', .link = "rootfs/b");
	ADD(t, .name = "rootfs/b");
}
static void hard_none(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '1'); }
static void sym_none(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '2'); }
static void char_device(struct tar *t) { ADD(t, .name = "rootfs/dev/null", .type = '3'); }
static void block_device(struct tar *t) { ADD(t, .name = "rootfs/dev/sda", .type = '4'); }
static void sparse(struct tar *t) { ADD(t, .name = "rootfs/a", .type = 'S', .magic = "ustar  "); }
static void contiguous(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '7'); }
static void unknown(struct tar *t) { ADD(t, .name = "rootfs/a", .type = 'Z'); }
static void dump(struct tar *t) { ADD(t, .name = "rootfs/a", .type = 'D', .magic = "ustar  "); }
static void control(struct tar *t) { ADD(t, .name = "rootfs/a\nb"); }
static void escape(struct tar *t) { ADD(t, .name = "rootfs/\033[31m"); }
static void latin1(struct tar *t) { ADD(t, .name = "rootfs/\xe9"); }
static void overlong(struct tar *t) { ADD(t, .name = "rootfs/\xc0\xaf"); }
static void slash_file(struct tar *t) { ADD(t, .name = "rootfs/a/"); }
static void empty_name(struct tar *t) { ADD(t, .name = ""); }
static void link_control(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '2', .link = "a\tb"); }
static void uid_high(struct tar *t) { ADD(t, .name = "rootfs/a", .uid = 65536); }
static void gid_high(struct tar *t) { ADD(t, .name = "rootfs/a", .gid = 65536); }
static void fifo_setuid(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '6', .mode = 04755); }
static void dir_size(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '5', .body = "x"); }
static void sym_size(struct tar *t) { ADD(t, .name = "rootfs/a", .type = '2', .link = "b", .body = "x"); }
static void bad_octal(struct tar *t) { ADD(t, .name = "rootfs/a", .size = "0000000001x"); }
static void minus_size(struct tar *t) { ADD(t, .name = "rootfs/a", .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"); }
static void bad_sum(struct tar *t) { ADD(t, .name = "rootfs/a", .bad_checksum = 1); }
static void old_form(struct tar *t) { ADD(t, .name = "rootfs/a", .magic = "\0\0\0\0\0\0\0\0"); }
static void star_form(struct tar *t)
{
	ADD(t, .name = "rootfs/a");
	memcpy(t->p + t->n - 4, "tar", 4);
	tar_sum(t->p + t->n - 512, 0);
}
static void time_far(struct tar *t) { ADD(t, .name = "rootfs/a", .mtime = "777777777777"); }
static void part_long(struct tar *t)
{
	tar_pax(t, "path", "rootfs/" LONG200 LONG200, NULL, NULL);
	ADD(t, .name = "x");
}
static void path_long(struct tar *t)
{
	char name[5000] = "rootfs";

	while (strlen(name) < 4100)
		strcat(name, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	tar_pax(t, "path", name, NULL, NULL);
	ADD(t, .name = "x");
}
static void too_deep(struct tar *t)
{
	char name[2000] = "rootfs";

	for (int i = 0; i < 300; i++)
		strcat(name, "/a");
	tar_pax(t, "path", name, NULL, NULL);
	ADD(t, .name = "x");
}
static void pax_nul(struct tar *t)
{
	struct tar b = { 0 };

	pax_record(&b, "path", "rootfs/a\0b", 10);
	ADD(t, .name = "x", .type = 'x', .body = (char *)b.p, .n_body = b.n);
	ADD(t, .name = "rootfs/a");
	free(b.p);
}
static void pax(struct tar *t, const char *k, const char *v, const char *k2, const char *v2)
{
	tar_pax(t, k, v, k2, v2);
	ADD(t, .name = "rootfs/a", .body = "abc");
}
static void pax_newline(struct tar *t) { pax(t, "path", "rootfs/a\nb", NULL, NULL); }
static void pax_utf8(struct tar *t) { pax(t, "path", "rootfs/\xff", NULL, NULL); }
static void pax_dotdot(struct tar *t) { pax(t, "path", "../x", NULL, NULL); }
static void pax_absolute(struct tar *t) { pax(t, "path", "/x", NULL, NULL); }
static void pax_empty(struct tar *t) { pax(t, "path", "", NULL, NULL); }
static void pax_size(struct tar *t) { pax(t, "size", "1024", NULL, NULL); }
static void pax_size_zero(struct tar *t) { pax(t, "size", "0", NULL, NULL); }
static void pax_size_hidden(struct tar *t)
{
	tar_pax(t, "size", "512", NULL, NULL);
	ADD(t, .name = "rootfs/a");
	ADD(t, .name = "rootfs/b");
}
static void pax_size_text(struct tar *t) { pax(t, "size", "3 ", NULL, NULL); }
static void pax_uid(struct tar *t) { pax(t, "uid", "4294967295", NULL, NULL); }
static void pax_gid_minus(struct tar *t) { pax(t, "gid", "-1", NULL, NULL); }
static void pax_twice(struct tar *t) { pax(t, "path", "rootfs/a", "path", "rootfs/b"); }
static void pax_unknown(struct tar *t) { pax(t, "x", "y", NULL, NULL); }
static void pax_charset(struct tar *t) { pax(t, "hdrcharset", "BINARY", NULL, NULL); }
static void pax_sparse(struct tar *t) { pax(t, "GNU.sparse.major", "1", NULL, NULL); }
static void pax_acl(struct tar *t) { pax(t, "SCHILY.acl.access", "user::rwx", NULL, NULL); }
static void pax_fflags(struct tar *t) { pax(t, "SCHILY.fflags", "immutable", NULL, NULL); }
static void pax_time(struct tar *t) { pax(t, "mtime", "-1", NULL, NULL); }
static void pax_link_file(struct tar *t) { pax(t, "linkpath", "x", NULL, NULL); }
static void xattr_trusted(struct tar *t) { pax(t, "SCHILY.xattr.trusted.x", "y", NULL, NULL); }
static void xattr_selinux(struct tar *t) { pax(t, "SCHILY.xattr.security.selinux", "y", NULL, NULL); }
static void xattr_system(struct tar *t) { pax(t, "SCHILY.xattr.system.posix_acl_access", "y", NULL, NULL); }
static void xattr_overlay(struct tar *t) { pax(t, "SCHILY.xattr.user.overlay.opaque", "y", NULL, NULL); }
static void xattr_trusted_overlay(struct tar *t) { pax(t, "SCHILY.xattr.trusted.overlay.opaque", "y", NULL, NULL); }
static void xattr_capability(struct tar *t) { pax(t, "SCHILY.xattr.security.capability", "y", NULL, NULL); }
static void xattr_other_form(struct tar *t) { pax(t, "LIBARCHIVE.xattr.user.x", "YWJj", NULL, NULL); }
static void xattr_two_values(struct tar *t) { pax(t, "SCHILY.xattr.user.x", "abd", "LIBARCHIVE.xattr.user.x", "YWJj"); }
static void xattr_on_link(struct tar *t)
{
	tar_pax(t, "SCHILY.xattr.user.x", "y", NULL, NULL);
	ADD(t, .name = "rootfs/a", .type = '2', .link = "b");
}
static void raw_pax(struct tar *t, const char *body)
{
	ADD(t, .name = "x", .type = 'x', .body = body);
	ADD(t, .name = "rootfs/a");
}
static void pax_short(struct tar *t) { raw_pax(t, "99 path=rootfs/b\n"); }
static void pax_no_newline(struct tar *t) { raw_pax(t, "16 path=rootfs/bb"); }
static void pax_no_length(struct tar *t) { raw_pax(t, "path=rootfs/b\n"); }
static void pax_zero_length(struct tar *t) { raw_pax(t, "0 path=rootfs/b\n"); }
static void pax_no_key(struct tar *t) { raw_pax(t, "6 =ab\n"); }
static void pax_pax(struct tar *t)
{
	tar_pax(t, "path", "rootfs/b", NULL, NULL);
	tar_pax(t, "path", "rootfs/c", NULL, NULL);
	ADD(t, .name = "rootfs/a");
}
static void pax_then_long(struct tar *t)
{
	tar_pax(t, "path", "rootfs/b", NULL, NULL);
	ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/c", .n_body = 9, .magic = "ustar  ");
	ADD(t, .name = "rootfs/a");
}
static void long_then_pax(struct tar *t)
{
	ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/c", .n_body = 9, .magic = "ustar  ");
	tar_pax(t, "path", "rootfs/b", NULL, NULL);
	ADD(t, .name = "rootfs/a");
}
static void long_twice(struct tar *t)
{
	for (int i = 0; i < 2; i++)
		ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/c", .n_body = 9, .magic = "ustar  ");
	ADD(t, .name = "rootfs/a");
}
static void long_nul(struct tar *t)
{
	ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/c\0d", .n_body = 11, .magic = "ustar  ");
	ADD(t, .name = "rootfs/a");
}
static void long_open(struct tar *t)
{
	ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/c", .n_body = 8, .magic = "ustar  ");
	ADD(t, .name = "rootfs/a");
}
static void long_link_file(struct tar *t)
{
	ADD(t, .name = "././@LongLink", .type = 'K', .body = "target", .n_body = 7, .magic = "ustar  ");
	ADD(t, .name = "rootfs/a");
}
static void global_path(struct tar *t)
{
	ADD(t, .name = "g", .type = 'g', .body = "17 path=rootfs/b\n");
	ADD(t, .name = "rootfs/a");
}
static void pax_alone(struct tar *t) { tar_pax(t, "path", "rootfs/b", NULL, NULL); }
static void pax_huge(struct tar *t)
{
	ADD(t, .name = "x", .type = 'x', .size = "10000000000");
}
static void many(struct tar *t)
{
	for (int i = 0; i < 50; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "rootfs/%d", i);
		ADD(t, .name = name);
	}
}
static void many_implied(struct tar *t)
{
	char name[200] = "rootfs";

	for (int i = 0; i < 45; i++)
		strcat(name, "/a");
	tar_pax(t, "path", name, NULL, NULL);
	ADD(t, .name = "x");
}
static void zero_block(struct tar *t)
{
	static const uint8_t zeros[512];

	tar_bytes(t, zeros, 512);
	ADD(t, .name = "rootfs/a");
}

static const struct {
	const char *name;
	void (*make)(struct tar *t);
	const char *says;
} hostile[] = {
#define ROW(f, says) { #f, f, says }
	ROW(absolute, "absolute"), ROW(dotdot, "\"..\""), ROW(dotdot_end, "\"..\""),
	ROW(outside, "neither"), ROW(capital, "neither"), ROW(sibling, "neither"),
	ROW(dot_link, "top"), ROW(dot_file, "top"), ROW(dot_twice, "top"),
	ROW(root_link, "second member"), ROW(root_file, "second member"),
	ROW(root_twice, "second member"), ROW(manifest_twice, "second manifest"),
	ROW(manifest_dot, "second manifest"), ROW(manifest_back, "\"..\""),
	ROW(twice, "second member"), ROW(dir_twice, "second member"),
	ROW(file_for_dir, "place of a directory"),
	ROW(link_for_dir, "place of a directory"),
	ROW(through_link, "through a symbolic link"),
	ROW(through_link_deep, "through a symbolic link"),
	ROW(through_file, "through a file"), ROW(hard_absolute, "absolute"),
	ROW(hard_dotdot, "\"..\""), ROW(hard_outside, "outside rootfs"),
	ROW(hard_missing, "not there"), ROW(hard_self, "not a regular file"),
	ROW(hard_dir, "not a regular file"), ROW(hard_symlink, "not a regular file"),
	ROW(hard_data, "has content"), ROW(hard_later, "not there"),
	ROW(hard_none, "without a target"), ROW(sym_none, "without a target"),
	ROW(char_device, "character devices"), ROW(block_device, "block devices"),
	ROW(sparse, "sparse"), ROW(contiguous, "0x37"), ROW(unknown, "0x5a"),
	ROW(dump, "dumps"), ROW(control, "printable"), ROW(escape, "printable"),
	ROW(latin1, "printable"), ROW(overlong, "printable"),
	ROW(slash_file, "ends in '/'"), ROW(empty_name, "empty"),
	ROW(link_control, "printable"), ROW(uid_high, "owner"), ROW(gid_high, "owner"),
	ROW(fifo_setuid, "fifo"), ROW(dir_size, "has content"),
	ROW(sym_size, "has content"), ROW(bad_octal, "number"),
	ROW(minus_size, "number"), ROW(bad_sum, "checksum"), ROW(old_form, "ustar"),
	ROW(star_form, "star"), ROW(time_far, "time"), ROW(part_long, "part"),
	ROW(path_long, "bad value of path"), ROW(too_deep, "deep"),
	ROW(pax_nul, "bad value of path"), ROW(pax_newline, "bad value of path"),
	ROW(pax_utf8, "bad value of path"), ROW(pax_dotdot, "\"..\""),
	ROW(pax_absolute, "absolute"), ROW(pax_empty, "bad value of path"),
	ROW(pax_size, "bad value of size"), ROW(pax_size_zero, "bad value of size"),
	ROW(pax_size_hidden, "bad value of size"),
	ROW(pax_size_text, "bad value of size"), ROW(pax_uid, "owner"),
	ROW(pax_gid_minus, "bad value of gid"), ROW(pax_twice, "twice"),
	ROW(pax_unknown, "key x "), ROW(pax_charset, "hdrcharset"),
	ROW(pax_sparse, "GNU.sparse"), ROW(pax_acl, "SCHILY.acl"),
	ROW(pax_fflags, "SCHILY.fflags"), ROW(pax_time, "mtime"),
	ROW(pax_link_file, "linkpath"), ROW(xattr_trusted, "trusted.x"),
	ROW(xattr_selinux, "security.selinux"), ROW(xattr_system, "system."),
	ROW(xattr_overlay, "user.overlay"),
	ROW(xattr_trusted_overlay, "trusted.overlay"),
	ROW(xattr_capability, "capabilities"), ROW(xattr_other_form, "differ"),
	ROW(xattr_two_values, "differ"), ROW(xattr_on_link, "on a link"),
	ROW(pax_short, "list of records"), ROW(pax_no_newline, "list of records"),
	ROW(pax_no_length, "list of records"), ROW(pax_zero_length, "list of records"),
	ROW(pax_no_key, "list of records"), ROW(pax_pax, "behind the other"),
	ROW(pax_then_long, "behind the other"), ROW(long_then_pax, "behind the other"),
	ROW(long_twice, "behind the other"), ROW(long_nul, "NUL"),
	ROW(long_open, "NUL"), ROW(long_link_file, "no link"),
	ROW(global_path, "global"), ROW(pax_alone, "without a member"),
	ROW(pax_huge, "too large"), ROW(many, "more than 40"),
	ROW(many_implied, "more than 40"), ROW(zero_block, "lone zero block"),
};

static const size_t pieces[] = { 1 << 20, 512, 513, 100, 7 };

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(hostile); i++) {
		struct tar t = { 0 };

		tar_begin(&t);
		hostile[i].make(&t);
		tar_end(&t);
		for (size_t k = 0; k < PS_COUNT(pieces); k++) {
			struct vf_failure f;
			struct vf_extract x;
			int r = rehearse(&t, pieces[k], &f, &x);

			vf_extract_free(&x);
			if (r != -EBADMSG || !strstr(f.text, hostile[i].says))
				fail_msg("%s in pieces of %zu: %d \"%s\", not \"%s\"",
				    hostile[i].name, pieces[k], r, f.text,
				    hostile[i].says);
		}
		free(t.p);
	}
}

static void
good_all(struct tar *t)
{
	struct tar b = { 0 };

	ADD(t, .name = "./", .type = '5');
	ADD(t, .name = "./rootfs/d/", .type = '5', .mode = 01777);
	ADD(t, .name = "rootfs/d/f", .body = "hello", .mode = 06755, .uid = 65535);
	ADD(t, .name = "rootfs/h", .type = '1', .link = "./rootfs/d/f");
	ADD(t, .name = "rootfs/h2", .type = '1', .link = "rootfs/h");
	ADD(t, .name = "rootfs/l", .type = '2', .link = "/../../etc/passwd");
	ADD(t, .name = "rootfs/p", .type = '6');
	ADD(t, .name = "rootfs/im/plied/f", .prefix = NULL);
	ADD(t, .name = "rootfs/im", .type = '5');
	ADD(t, .name = "f", .prefix = "rootfs/im/plied/too");
	ADD(t, .name = "rootfs/\xc3\xa9");
	pax_record(&b, "path", "rootfs/pax", 10);
	pax_record(&b, "mtime", "1600000000.25", 13);
	pax_record(&b, "SCHILY.xattr.user.b", "v\0w", 3);
	pax_record(&b, "SCHILY.xattr.user.a", "abc", 3);
	pax_record(&b, "LIBARCHIVE.xattr.user.a", "YWJj", 4);
	pax_record(&b, "SCHILY.xattr.security.capability",
	    "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	ADD(t, .name = "x", .type = 'x', .body = (char *)b.p, .n_body = b.n);
	ADD(t, .name = "rootfs/short", .body = "12");
	free(b.p);
	ADD(t, .name = "g", .type = 'g', .body = "17 comment=hello\n");
	ADD(t, .name = "././@LongLink", .type = 'L', .body = "rootfs/" LONG200, .n_body = 8 + strlen(LONG200), .magic = "ustar  ");
	ADD(t, .name = "rootfs/aaa", .magic = "ustar  ");
	ADD(t, .name = "././@LongLink", .type = 'K', .body = LONG200, .n_body = 1 + strlen(LONG200), .magic = "ustar  ");
	ADD(t, .name = "rootfs/ll", .type = '2', .link = "aaa", .magic = "ustar  ");
}

/* Accepted, in pieces of every kind, with the same tree digest. */
static void
accepted(void **state)
{
	uint8_t first[VF_TREE_DIGEST];
	struct tar t = { 0 };

	(void)state;
	ADD(&t, .name = "manifest", .body = MANIFEST);
	good_all(&t);
	tar_end(&t);
	for (size_t k = 0; k < PS_COUNT(pieces); k++) {
		struct vf_failure f;
		struct vf_extract x;

		if (rehearse(&t, pieces[k], &f, &x) != 0)
			fail_msg("pieces of %zu: %s", pieces[k], f.text);
		assert_int_equal(x.n_manifest, strlen(MANIFEST));
		assert_string_equal(x.manifest, MANIFEST);
		assert_int_equal(x.plan->n_nodes, 16);
		assert_true(x.plan->tree_size == 7);
		if (k == 0)
			memcpy(first, x.tree, sizeof(first));
		assert_memory_equal(first, x.tree, sizeof(first));
		vf_extract_free(&x);
	}
	free(t.p);
}

static void
expect(struct tar *t, const char *says)
{
	struct vf_failure f;
	struct vf_extract x;
	int r = rehearse(t, 1000, &f, &x);

	vf_extract_free(&x);
	free(t->p);
	*t = (struct tar){ 0 };
	if (r != -EBADMSG || !strstr(f.text, says))
		fail_msg("%d \"%s\", not \"%s\"", r, f.text, says);
}

static void
incomplete(void **state)
{
	static const uint8_t zeros[512];
	struct tar t = { 0 };

	(void)state;
	tar_bytes(&t, zeros, 0);
	expect(&t, "");
	tar_end(&t);
	expect(&t, "no manifest");
	ADD(&t, .name = "manifest", .body = MANIFEST);
	tar_end(&t);
	expect(&t, "no rootfs");
	ADD(&t, .name = "rootfs", .type = '5');
	tar_end(&t);
	expect(&t, "no manifest");
	ADD(&t, .name = "manifest", .type = '2', .link = "rootfs/x");
	tar_end(&t);
	expect(&t, "manifest is not a regular file");
	ADD(&t, .name = "manifest", .type = '5');
	tar_end(&t);
	expect(&t, "manifest is not a regular file");
	ADD(&t, .name = "manifest/x");
	tar_end(&t);
	expect(&t, "neither");
	ADD(&t, .name = "manifest", .size = "00000010001", .body = MANIFEST);
	tar_end(&t);
	expect(&t, "larger than 4096");
	tar_begin(&t);
	tar_bytes(&t, zeros, 512);
	expect(&t, "truncated");
	tar_begin(&t);
	tar_end(&t);
	tar_bytes(&t, "x", 1);
	tar_pad(&t);
	expect(&t, "behind the end");
	tar_begin(&t);
	tar_end(&t);
	tar_begin(&t);
	tar_end(&t);
	expect(&t, "behind the end");
	tar_begin(&t);
	tar_end(&t);
	tar_bytes(&t, zeros, 100);
	expect(&t, "truncated");
}

/* Cut at every 512 bytes, and one off: refused, up to the end's zeros. */
static void
truncated(void **state)
{
	struct tar t = { 0 };
	size_t whole;

	(void)state;
	tar_begin(&t);
	ADD(&t, .name = "rootfs/f", .body = "hello");
	tar_pax(&t, "path", "rootfs/g", NULL, NULL);
	ADD(&t, .name = "x", .body = "there");
	tar_end(&t);
	whole = t.n;
	for (size_t n = 0; n < whole; n += (n % 512) ? 511 : 1) {
		struct vf_failure f;
		struct vf_extract x;
		struct tar cut = { .p = t.p, .n = n };

		assert_int_equal(rehearse(&cut, 700, &f, &x), -EBADMSG);
		vf_extract_free(&x);
	}
	free(t.p);
}

static int
set_up(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? vf_hash_init() : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused), cmocka_unit_test(accepted),
		cmocka_unit_test(incomplete), cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
