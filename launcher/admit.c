/*
 * Verify, unpack, commit: how an image gets into the store.  Runs as root.
 * HOSTILE: the request, and both workers' answers.  Root compares digests and
 * names and moves files; it reads neither image nor signature.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/admit.h"
#include "launcher/argv.h"
#include "launcher/rollback.h"
#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/trust.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/name.h"

/* What is known of the image that is being admitted. */
struct admission {
	struct ps_msg_ADMIT_IMAGE m;
	struct ln_slot *image, *signature; /* signature NULL: unsigned */
	char signers[PS_MAX_SIGNERS][65];
	char staging[LN_TEMPORARY];
	int dir;
	char text[PS_MAX_RECORD]; /* that the record points into, once unpacked */
	struct ps_record record;
};

bool
ln_is_listed(uint8_t list[][PS_DIGEST], uint16_t n, const uint8_t image[PS_DIGEST])
{
	for (uint16_t i = 0; i < n; i++)
		if (memcmp(list[i], image, PS_DIGEST) == 0)
			return true;
	return false;
}

static int
untrusted(struct ln_session *s, const char *name, const char *key)
{
	return ln_refuse(s, PS_REFUSED_TRUST,
	    "key %s is not trusted for \"%s\" (see rkt trust)", key, name);
}

int
ln_judge_image(struct ln_session *s, const struct ps_record *r, bool unsigned_ok)
{
	struct ps_policy *p = &s->policy;

	if (ln_is_listed(p->deny, p->n_deny, r->image))
		return ln_refuse(s, PS_REFUSED_POLICY,
		    "site policy denies this image (deny-digest)");
	if (p->n_pin > 0 && !ln_is_listed(p->pin, p->n_pin, r->image))
		return ln_refuse(s, PS_REFUSED_POLICY,
		    "site policy pins images and this is not one of them (pin-digest)");
	if (r->n_signer == 0 && !unsigned_ok)
		return ln_refuse(s, PS_REFUSED_TRUST,
		    "image \"%s\" was admitted without a signature; it needs "
		    "--insecure-options=image", r->name);
	for (uint16_t i = 0; i < r->n_signer; i++)
		if (!ln_trust_holds(s, r->name, r->signer[i]))
			return untrusted(s, r->name, r->signer[i]);
	return ln_rollback_judge(s, r, false);
}

static bool
is_seconded(const struct admission *a, const struct ps_msg_VERDICT *v)
{
	bool same = v->n_signers == a->record.n_signer &&
	    memcmp(v->raw, a->record.raw, PS_DIGEST) == 0;

	for (uint16_t i = 0; same && i < a->record.n_signer; i++) {
		bool found = false;

		for (uint16_t j = 0; j < v->n_signers; j++)
			found = found || strcmp(v->signers[j], a->signers[i]) == 0;
		same = found;
	}
	return same;
}

/* Site policy wants two implementations to say the same of the same bytes. */
static int
second_opinion(struct ln_session *s, const struct admission *a)
{
	static struct ps_msg_VERDICT v;
	int r = ln_worker_check(s, a->image, a->signature, a->m.name, true, &v);

	if (r != 0 || is_seconded(a, &v))
		return r;
	return ln_refuse(s, PS_REFUSED_TRUST, "the two verifiers do not agree on "
	    "this image; nothing was admitted (verifiers 2)");
}

static int
verify(struct ln_session *s, struct admission *a)
{
	static struct ps_msg_VERDICT v;
	int r;

	if (a->signature == NULL)
		return 0;
	r = ln_worker_check(s, a->image, a->signature, a->m.name, false, &v);
	if (r != 0)
		return r;
	if (v.n_signers == 0)
		return ln_refuse(s, PS_REFUSED_TRUST, "no signature was found good");
	for (uint16_t i = 0; i < v.n_signers; i++) {
		(void)snprintf(a->signers[i], 65, "%s", v.signers[i]);
		a->record.signer[i] = a->signers[i];
		if (a->m.name[0] && !ln_trust_holds(s, a->m.name, a->signers[i]))
			return untrusted(s, a->m.name, a->signers[i]);
	}
	a->record.n_signer = v.n_signers;
	a->record.signed_at = v.signed_at;
	memcpy(a->record.raw, v.raw, PS_DIGEST);
	return s->policy.verifiers < 2 ? 0 : second_opinion(s, a);
}

/* The record, as it will be read: the worker's words are in a frame that the
 * next one's take.  A label or origin that ends in a blank is no line: not to
 * be found out only when someone runs it. */
static int
note(struct admission *a, const struct ps_msg_UNPACKED *u)
{
	struct ps_record r = a->record;
	int n;

	memcpy(r.image, u->image, PS_DIGEST);
	memcpy(r.tree, u->tree, PS_DIGEST);
	memcpy(r.raw, u->raw, PS_DIGEST);
	r.name = u->name;
	r.origin = a->m.origin[0] ? a->m.origin : "-";
	r.n_label = u->n_labels;
	memcpy(r.label, u->labels, sizeof(u->labels));
	r.raw_size = u->raw_size;
	r.tar_size = u->tar_size;
	r.tree_size = u->tree_size;
	r.entries = u->entries;
	r.n_dependency = u->n_dependencies;
	memcpy(r.dependency, u->dependencies, sizeof(u->dependencies));
	r.whitelist = u->whitelist;
	r.implicit = u->implicit;
	r.imported_at = sys_now();
	r.etag[0] = a->m.etag;
	r.n_etag = a->m.etag[0] != '\0';
	r.max_age = a->m.max_age;
	n = ps_record_format(&r, a->text, sizeof(a->text));
	if (n >= 0 && ps_record_parse(a->text, (size_t)n, &a->record) < 0)
		n = -EINVAL;
	return n < 0 ? n : 0;
}

static int
unpack(struct ln_session *s, struct admission *a)
{
	static struct ps_msg_UNPACKED u;
	_cleanup_fd_ int tree = -1, rootfs = -1, manifest = -1, writable = -1;
	struct stat st;
	int r;

	a->dir = ln_stage(s->image, a->staging);
	tree = a->dir < 0 ? a->dir : ln_make_dir(a->dir, "tree");
	rootfs = tree < 0 ? tree : ln_make_rootfs(tree);
	manifest = rootfs < 0 ? rootfs : sys_tmpfile(a->dir);
	writable = manifest < 0 ? manifest : sys_reopen(manifest, O_WRONLY);
	if (writable < 0)
		return ln_refuse_error(s, writable, "cannot make room in the store");
	r = ln_worker_unpack(s, a->image, rootfs, writable, &u);
	if (r != 0)
		return r;
	if (u.raw_size != a->image->size ||
	    (a->signature && memcmp(u.raw, a->record.raw, PS_DIGEST) != 0))
		return ln_refuse(s, PS_REFUSED_TRUST, "verify and unpack do not agree "
		    "on the image's digest; nothing was admitted");
	r = note(a, &u);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot commit the image to the store");
	if (a->m.name[0] && strcmp(a->m.name, a->record.name) != 0 &&
	    (a->m.insecure & PS_INSECURE_IMAGE) == 0)
		return ln_refuse(s, PS_REFUSED_TRUST, "asked for \"%s\", but the image "
		    "calls itself \"%s\"", a->m.name, a->record.name);
	/* It was told how long a manifest may be; who breaks it does not care. */
	r = fstat(manifest, &st) < 0 ? -errno :
	    st.st_size > (off_t)PS_MAX_MANIFEST ? -EFBIG : 0;
	if (r == 0)
		r = sys_own(manifest, 0, s->rkt.gid, 0640);
	if (r == 0)
		r = sys_link(manifest, a->dir, "manifest");
	if (r < 0)
		return ln_refuse_error(s, r, "cannot write the manifest");
	return ln_judge_image(s, &a->record, a->signature == NULL);
}

static int
link_slot(struct ln_session *s, struct ln_slot *slot, int dir, const char *name)
{
	int r = sys_own(slot->fd, 0, s->rkt.gid, 0640);

	return r < 0 ? r : sys_link(slot->fd, dir, name);
}

static int
write_record(struct ln_session *s, const struct ps_record *record, int dir,
    const char *name)
{
	static char text[PS_MAX_RECORD];
	int n = ps_record_format(record, text, sizeof(text));

	return n < 0 ? n : ln_write_file(s, dir, name, text, (size_t)n);
}

/* Everything on disk, then the one rename that makes it an image. */
static int
commit(struct ln_session *s, struct admission *a, bool *ret_existed)
{
	int r = link_slot(s, a->image, a->dir, "blob");

	if (r == 0 && a->signature)
		r = link_slot(s, a->signature, a->dir, "signature");
	if (r == 0)
		r = write_record(s, &a->record, a->dir, "record");
	if (r == 0)
		r = sys_own(a->dir, 0, s->rkt.gid, 0750);
	if (r == 0)
		r = sys_syncfs(a->dir);
	if (r < 0)
		return r;
	r = sys_rename(s->image, a->staging, s->image,
	    ln_image_id(a->record.image), false);
	*ret_existed = r == -EEXIST || r == -ENOTEMPTY;
	if (r == 0)
		a->staging[0] = '\0';
	return *ret_existed ? 0 : r < 0 ? r : sys_fsync(s->image);
}

static bool
same_manifest(int one, int other)
{
	static char a[PS_MAX_MANIFEST], b[PS_MAX_MANIFEST];
	uint64_t n, m;

	return ln_read_file(one, "manifest", a, sizeof(a), &n) == 0 &&
	    ln_read_file(other, "manifest", b, sizeof(b), &m) == 0 &&
	    n == m && memcmp(a, b, n) == 0;
}

static bool
same_list(const char *const *a, uint16_t n, const char *const *b, uint16_t m)
{
	bool same = n == m;

	for (uint16_t i = 0; same && i < n; i++)
		same = strcmp(a[i], b[i]) == 0;
	return same;
}

static bool
same_words(const struct ps_record *a, const struct ps_record *b)
{
	return strcmp(a->name, b->name) == 0 && a->whitelist == b->whitelist &&
	    a->implicit == b->implicit &&
	    same_list(a->label, a->n_label, b->label, b->n_label) &&
	    same_list(a->dependency, a->n_dependency, b->dependency,
		b->n_dependency);
}

/* What stands in the store under this id came by the word of another worker,
 * over an image that may have broken into it.  It is this image only if it
 * agrees with what was unpacked now: manifest, words, and the tree as it is
 * (G5).  old NULL: its record is damaged.  0, or 1 and REFUSED was sent. */
static int
agrees(struct ln_session *s, const struct admission *a, int dir,
    const struct ps_record *old)
{
	_cleanup_fd_ int rootfs = ln_open_dir(dir, "tree/rootfs");
	struct ps_msg_TREE tree = { 0 };
	bool good = rootfs >= 0 && same_manifest(dir, a->dir) &&
	    (!old || same_words(old, &a->record));
	int r = good ? ln_worker_digest(s, rootfs, &tree) : 0;

	if (r != 0)
		return r;
	if (good && memcmp(tree.tree, a->record.tree, PS_DIGEST) == 0)
		return 0;
	return ln_refuse(s, PS_REFUSED_IMAGE, "what the store has for \"%s\" is not "
	    "this image; remove it (rkt image rm) and fetch again", a->record.name);
}

/* The same image again, from there: what was signed, and who signed it, stays
 * as it is; where it came from, by which validators, is what holds now. */
static int
refresh(struct ln_session *s, const struct admission *a,
    const struct ps_record *old)
{
	_cleanup_fd_ int fd = -1;
	struct ps_record record = a->record;
	int r;

	memcpy(record.raw, old->raw, PS_DIGEST);
	record.raw_size = old->raw_size;
	record.n_signer = old->n_signer;
	memcpy(record.signer, old->signer, sizeof(old->signer));
	record.signed_at = old->signed_at;
	r = write_record(s, &record, a->dir, "renewed");
	fd = r < 0 ? r : ln_open_file(a->dir, "renewed");
	return fd < 0 ? fd : sys_fsync(fd);
}

/* The same image again: a better record (signed now) replaces the old one;
 * the record comes last, so that it never speaks of bytes not there. */
static int
renew(struct ln_session *s, struct admission *a)
{
	static char text[PS_MAX_RECORD + 1];
	_cleanup_fd_ int dir = ln_open_dir(s->image, ln_image_id(a->record.image));
	struct ps_record old;
	bool whole = ln_record_read(s, a->record.image, text, &old) == 0;
	bool keep = whole && (old.n_signer > 0 || a->record.n_signer == 0);
	int r;

	if (dir < 0)
		return dir;
	r = agrees(s, a, dir, whole ? &old : NULL);
	if (r != 0)
		return r;
	r = keep ? refresh(s, a, &old)
		 : sys_rename(a->dir, "blob", dir, "blob", true);
	if (r == 0 && !keep && a->signature)
		r = sys_rename(a->dir, "signature", dir, "signature", true);
	if (r == 0)
		r = sys_rename(a->dir, keep ? "renewed" : "record", dir, "record",
		    true);
	if (r == 0)
		r = sys_fsync(dir);
	return r < 0 ? r : ln_rollback_note(s, keep ? &old : &a->record);
}

static int
answer(struct ln_session *s, const struct admission *a, bool existed)
{
	struct ps_msg_ADMITTED m = { .name = a->record.name,
		.signer = a->record.n_signer ? a->record.signer[0] : "",
		.existed = existed };

	memcpy(m.image, a->record.image, PS_DIGEST);
	return PS_SEND(&s->control, ADMITTED, &m, NULL, 0);
}

static int
admit(struct ln_session *s, struct admission *a)
{
	bool existed = false;
	int r = verify(s, a);

	if (r == 0)
		r = unpack(s, a);
	if (r == 0)
		r = ln_rollback_judge(s, &a->record, true);
	if (r != 0)
		return r;
	r = commit(s, a, &existed);
	if (r == 0)
		r = existed ? renew(s, a) : ln_rollback_note(s, &a->record);
	r = ln_refuse_error(s, r, "cannot commit the image to the store");
	return r != 0 ? r : answer(s, a, existed);
}

int
ln_admit_image(struct ln_session *s, struct ps_frame *f)
{
	static struct admission admission;
	struct admission *a = &admission;
	int r;

	memset(a, 0, sizeof(*a));
	a->dir = -1;
	if (ps_decode_ADMIT_IMAGE(f->payload, f->length, &a->m) < 0)
		return -EPROTO;
	a->image = ln_slot_get(s, a->m.image, PS_SLOT_IMAGE);
	if (a->m.signature != PS_NO_SLOT)
		a->signature = ln_slot_get(s, a->m.signature, PS_SLOT_SIGNATURE);
	if (!a->image || (a->m.signature != PS_NO_SLOT && !a->signature) ||
	    (a->image->spooled && !a->signature) ||
	    (a->m.insecure & ~ln_argv_insecure(s->argv)) != 0)
		return -EPROTO;
	if ((a->m.insecure & ~s->policy.insecure) != 0)
		r = ln_refuse(s, PS_REFUSED_POLICY, "site policy does not allow these "
		    "--insecure-options (insecure-options)");
	else if (!a->signature && (a->m.insecure & PS_INSECURE_IMAGE) == 0)
		r = ln_refuse(s, PS_REFUSED_TRUST, "no signature was given");
	else {
		ln_sweep(s->image);
		r = admit(s, a);
	}
	if (a->staging[0])
		(void)ln_remove_tree(s->image, a->staging);
	ps_close_fd(&a->dir);
	ln_slot_free(a->image);
	if (a->signature)
		ln_slot_free(a->signature);
	return r;
}
