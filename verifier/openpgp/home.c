/*
 * gpg's home and its options (verify room, user rkt-verify).  The home holds
 * keys that root's trust store names, or one key under review; everything by
 * which gpg would reach out (its daemons, key servers) is off, and what
 * it may reach is for the sandbox to say.
 *
 * Trust is not gpg's to decide here: "trust-model always" and a decision from
 * status and pinned fingerprint (check.c), never from validity.
 */
#include "verifier/openpgp/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "privsep/attr.h"
#include "privsep/fds.h"

#define GPG "/usr/bin/gpg"

static const char options[] = "no-greeting\n"
			      "no-autostart\n"
			      "disable-dirmngr\n"
			      "no-auto-key-locate\n"
			      "no-auto-key-retrieve\n"
			      "no-auto-key-import\n"
			      "no-auto-check-trustdb\n"
			      "no-random-seed-file\n"
			      "no-secmem-warning\n"
			      "lock-never\n"
			      "trust-model always\n"
			      "require-cross-certification\n"
			      "weak-digest SHA1\n"
			      "weak-digest RIPEMD160\n"
			      "import-options no-keep-ownertrust,import-minimal\n"
			      "export-options export-minimal,no-export-attributes\n"
			      "no-emit-version\n"
			      "no-comments\n";

static int
write_file(int dir, const char *name, const char *text, size_t n)
{
	_cleanup_fd_ int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : ps_write_full(fd, text, n);
}

static int
write_options(const char *path, uint64_t now)
{
	_cleanup_fd_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[sizeof(options) + 64];
	int n = snprintf(text, sizeof(text), "%s", options);
	int r;

	if (dir < 0)
		return -errno;
	if (now != 0)
		n = snprintf(text, sizeof(text),
		    "%sfaked-system-time %" PRIu64 "!\n", options, now);
	r = write_file(dir, "gpg.conf", text, (size_t)n);
	return r < 0 ? r : write_file(dir, "common.conf", "no-autostart\n", 13);
}

static int
make_context(const char *path, gpgme_ctx_t *ret)
{
	gpgme_ctx_t ctx = NULL;

	/* Without it gpgme runs gpgconf, gpgsm and others to look around. */
	if (gpgme_set_global_flag("disable-gpgconf", "1") != 0 ||
	    gpgme_check_version("1.16.0") == NULL || gpgme_new(&ctx) != 0)
		return -ENOSYS;
	if (gpgme_ctx_set_engine_info(ctx, GPGME_PROTOCOL_OpenPGP, GPG, path) !=
		0 ||
	    gpgme_set_protocol(ctx, GPGME_PROTOCOL_OpenPGP) != 0) {
		gpgme_release(ctx);
		return -ENOSYS;
	}
	gpgme_set_offline(ctx, 1);
	*ret = ctx;
	return 0;
}

int
vf_home_open(uint64_t now, struct vf_home *ret)
{
	struct vf_home h = { .path = "/tmp/gpg-XXXXXX" };
	int r;

	if (mkdtemp(h.path) == NULL)
		return -errno;
	r = write_options(h.path, now);
	if (r == 0)
		r = make_context(h.path, &h.ctx);
	if (r < 0) {
		vf_home_close(&h);
		return r;
	}
	*ret = h;
	return 0;
}

static void
close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

void
vf_home_close(struct vf_home *h)
{
	_cleanup_(close_dir) DIR *d = opendir(h->path);
	struct dirent *e;

	if (h->ctx)
		gpgme_release(h->ctx);
	h->ctx = NULL;
	/* One level: gpg makes directories for secret keys only. */
	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' || e->d_name[1] == '#')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)rmdir(h->path);
}

int
vf_home_import(struct vf_home *h, const uint8_t *p, size_t n)
{
	gpgme_import_result_t result;
	gpgme_data_t data = NULL;
	int r = -EINVAL;

	if (gpgme_data_new_from_mem(&data, (const char *)p, n, 0) != 0)
		return -ENOMEM;
	if (gpgme_op_import(h->ctx, data) == 0) {
		result = gpgme_op_import_result(h->ctx);
		if (result && result->imports)
			r = 0;
	}
	gpgme_data_release(data);
	return r;
}
