/*
 * Does this key speak for this name?  Runs as root over root's own
 * directories; the name and fingerprint come from a worker and are only used
 * after their class was checked by the codec (an AC identifier has no "..").
 */
#include "launcher/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "launcher/argv.h"
#include "privsep/attr.h"

struct finding {
	bool stands, masked;
};

static void
look(int trust, const char *path, struct finding *found)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (trust < 0)
		return;
	fd = sys_open(trust, path, O_PATH | O_NOFOLLOW, 0, SYS_BENEATH);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return;
	/* As verify has it: what stands here and is no key of root's, or cannot
	 * be looked at, is a mask. */
	if (fd < 0 || fstat(fd, &st) < 0)
		found->masked = true;
	else if (S_ISDIR(st.st_mode))
		return;
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & 022) != 0 || st.st_size == 0)
		found->masked = true;
	else
		found->stands = true;
}

static bool
is_denied(const struct ps_policy *p, const char *fingerprint)
{
	for (uint16_t i = 0; i < p->n_deny_key; i++)
		if (strcmp(p->deny_key[i], fingerprint) == 0)
			return true;
	return false;
}

bool
ln_trust_holds(struct ln_session *s, const char *name, const char *fingerprint)
{
	const int stores[] = { s->system_trust, s->local_trust };
	struct finding found = { false, false };
	size_t n = strlen(name);

	if (is_denied(&s->policy, fingerprint))
		return false;
	for (size_t i = 0; i < PS_COUNT(stores); i++) {
		look(stores[i], ln_path("root.d/%s", fingerprint), &found);
		for (size_t end = 1; end <= n; end++)
			if (end == n || name[end] == '/')
				look(stores[i], ln_path("prefix.d/%.*s/%s", (int)end,
				    name, fingerprint), &found);
	}
	return found.stands && !found.masked;
}

/* key -1: an empty file, the mask. */
static int
write_key(int dir, const char *fingerprint, int key, uint64_t size)
{
	_cleanup_fd_ int file = sys_tmpfile(dir);
	const char *temporary = ln_path(".new-%s", fingerprint);
	int r;

	if (file < 0)
		return file;
	r = key < 0 ? 0 : sys_copy(key, file, size);
	if (r == 0)
		r = sys_own(file, 0, 0, 0644);
	if (r == 0)
		r = sys_fsync(file);
	(void)sys_unlink(dir, temporary, false);
	if (r == 0)
		r = sys_link(file, dir, temporary);
	if (r == 0)
		r = sys_rename(dir, temporary, dir, fingerprint, true);
	if (r == 0)
		r = sys_fsync(dir);
	return r;
}

/* --trust-keys-from-https speaks for the names of the images on the command
 * line, and for nothing above them. */
static bool
is_image(struct ln_argv a, const char *name)
{
	size_t n = strlen(name);
	const char *word;
	bool found = false;

	for (int at = 0; (word = ln_argv_next(a, &at)) != NULL;)
		found = found || (strcspn(word, ":,") == n &&
		    memcmp(word, name, n) == 0);
	return n > 0 && found && ln_argv_flag(a, "--trust-keys-from-https");
}

/* The operator's words: --prefix=P or --root, and a whole fingerprint. */
static bool
is_asked(const struct ln_session *s, const char *prefix, const char *fingerprint)
{
	size_t n = strlen(fingerprint);

	return (n == 40 || n == 64) &&
	    (prefix[0] ? ln_argv_option(s->argv, "--prefix", prefix)
		       : ln_argv_flag(s->argv, "--root"));
}

static int
put_key(struct ln_session *s, const char *prefix, const char *fingerprint,
    int key, uint64_t size)
{
	_cleanup_fd_ int top = ln_make_path(AT_FDCWD, s->local_name, SYS_HOST, 0, 0755);
	_cleanup_fd_ int dir = -1;
	const char *below = ln_path("trustedkeys/%s%s",
	    prefix[0] ? "prefix.d/" : "root.d", prefix), *path;
	int r;

	dir = top < 0 ? top : ln_make_path(top, below, SYS_BENEATH, 0, 0755);
	r = dir < 0 ? dir : write_key(dir, fingerprint, key, size);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot write to the trust store");
	/* The store may be there only now; what comes next sees it. */
	if (s->local_trust < 0)
		s->local_trust = ln_open_dir(top, "trustedkeys");
	path = ln_path("%s/%s/%s", s->local_name, below, fingerprint);
	return PS_SEND(&s->control, TRUSTED, (&(struct ps_msg_TRUSTED){ .path = path }),
	    NULL, 0);
}

static int
mask_key(struct ln_session *s, const struct ps_msg_TRUST_KEY *m)
{

	if (m->slot != PS_NO_SLOT || !is_asked(s, m->prefix, m->fingerprint) ||
	    !ln_argv_flag(s->argv, "--remove") ||
	    !ln_argv_names(s->argv, m->fingerprint))
		return -EPROTO;
	return put_key(s, m->prefix, m->fingerprint, -1, 0);
}

int
ln_trust_key(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_TRUST_KEY m;
	_cleanup_fd_ int key = -1;
	struct ln_slot *slot;
	uint64_t size;
	bool asked;
	size_t n;
	int r;

	if (ps_decode_TRUST_KEY(f->payload, f->length, &m) < 0 || m.mask > 1)
		return -EPROTO;
	if (m.mask)
		return mask_key(s, &m);
	slot = ln_slot_get(s, m.slot, PS_SLOT_KEY);
	n = strlen(m.fingerprint);
	asked = is_asked(s, m.prefix, m.fingerprint);
	if (!slot || (n != 40 && n != 64) ||
	    (!asked && !is_image(s->argv, m.prefix)))
		return -EPROTO;
	if (!asked && !s->policy.trust_from_https)
		return ln_refuse(s, PS_REFUSED_POLICY, "no key was trusted for "
		    "\"%s\": site policy says \"trust-keys-from-https no\"; review "
		    "the key and run rkt trust --prefix %s", m.prefix, m.prefix);
	r = ln_worker_export(s, slot, m.fingerprint, &key, &size);
	return r != 0 ? r : put_key(s, m.prefix, m.fingerprint, key, size);
}
