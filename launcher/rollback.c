/*
 * Roll-back protection.  Runs as root over root's own files: one for each
 * name, key, os and arch, a number that is only raised.  HOSTILE: the words of
 * an image (name, labels, the time in its signature); they were signed, and
 * only reach what stands under their own name and key.
 */
#include "launcher/rollback.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/name.h"

/* os and arch are any text; what is not a plain word shares one file. */
static const char *
word(const struct ps_record *r, const char *key)
{
	size_t n = strlen(key);

	for (uint16_t i = 0; i < r->n_label; i++) {
		const char *value = r->label[i] + n;

		if (strncmp(r->label[i], key, n) != 0)
			continue;
		n = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_");
		return value[n] == '\0' && n > 0 && n <= 32 ? value : "";
	}
	return "";
}

void
ln_rollback_path(const struct ps_record *r, const char *key,
    char ret[LN_ROLLBACK_PATH])
{
	size_t n = strlen(r->name);

	(void)snprintf(ret, LN_ROLLBACK_PATH, "%s/%s-%s-%s", r->name, key,
	    word(r, "os="), word(r, "arch="));
	for (char *p = ret; p < ret + n; p++)
		if (*p == '/')
			*p = ','; /* not a letter of names */
}

/* 0 and the time (0: never seen); -EBADMSG: not a file as we write them. */
static int
load(int dir, const char *path, uint64_t *ret)
{
	char text[24];
	int r = ln_read_words(dir, path, text, sizeof(text));
	size_t n = strcspn(text, "\n");

	*ret = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0 || strcmp(text + n, "\n") != 0)
		return -EBADMSG;
	text[n] = '\0';
	return ps_parse_u64(text, UINT64_MAX, ret) && *ret > 0 ? 0 : -EBADMSG;
}

/* The newest of that path in the store itself: there may be one that was not
 * noted, for its launcher was killed, or is older than rollback/. */
static uint64_t
newest_stored(struct ln_session *s, const char *path)
{
	static char text[PS_MAX_RECORD + 1];
	char theirs[LN_ROLLBACK_PATH];
	uint8_t image[PS_DIGEST];
	struct ps_record record;
	uint64_t newest = 0;
	_cleanup_list_ DIR *list = NULL;
	const char *name;

	(void)ln_list(s->image, ".", &list);
	while ((name = ln_next(list)) != NULL) {
		if (!ps_parse_image_id(name, image) ||
		    ln_record_read(s, image, text, &record) < 0)
			continue;
		for (uint16_t i = 0; i < record.n_signer; i++) {
			ln_rollback_path(&record, record.signer[i], theirs);
			if (strcmp(theirs, path) == 0 && record.signed_at > newest)
				newest = record.signed_at;
		}
	}
	return newest;
}

static int
open_states(struct ln_session *s)
{
	return ln_make_path(s->data, "rollback", SYS_CROSS, 0, 0700);
}

static int
damaged(struct ln_session *s, const struct ps_record *r, const char *path)
{
	return ln_refuse(s, PS_REFUSED_POLICY, "how old \"%s\" may be cannot be "
	    "told: rollback/%s in the data directory is damaged; look who wrote to "
	    "it, then remove it (site policy: rollback refuse)", r->name, path);
}

int
ln_rollback_judge(struct ln_session *s, const struct ps_record *r, bool store)
{
	char path[LN_ROLLBACK_PATH];
	_cleanup_fd_ int dir = -1;
	int e = 0;

	if (!s->policy.no_rollback || r->n_signer == 0)
		return 0;
	dir = open_states(s);
	for (uint16_t i = 0; e == 0 && i < r->n_signer; i++) {
		uint64_t seen, stored;

		ln_rollback_path(r, r->signer[i], path);
		if (dir < 0 || load(dir, path, &seen) < 0)
			return damaged(s, r, path);
		stored = store ? newest_stored(s, path) : 0;
		seen = stored > seen ? stored : seen;
		if (seen <= r->signed_at)
			continue;
		seen -= r->signed_at;
		e = ln_refuse(s, PS_REFUSED_POLICY, "image \"%s\" was signed %llu "
		    "days (%llu seconds) before one that was admitted already, and "
		    "site policy refuses that (rollback refuse): fetch a newer one; or, "
		    "to go back, remove rollback/%s in the data directory, and the "
		    "newer images", r->name, (unsigned long long)seen / 86400,
		    (unsigned long long)seen, path);
	}
	return e;
}

static int
raise_state(int states, char *path, uint64_t at)
{
	char *file = strchr(path, '/') + 1;
	const char *text = ln_path("%llu\n", (unsigned long long)at);
	_cleanup_fd_ int dir = -1;
	uint64_t seen;
	int r;

	file[-1] = '\0';
	dir = ln_make_path(states, path, SYS_BENEATH, 0, 0700);
	r = dir < 0 ? dir : ln_lock_wait(dir);
	if (r == 0)
		r = load(dir, file, &seen);
	file[-1] = '/';
	if (r < 0 || seen >= at)
		return r;
	r = ln_replace_file(NULL, dir, file, text, strlen(text));
	if (r == 0)
		r = sys_fsync(dir);
	return r < 0 ? r : sys_fsync(states);
}

int
ln_rollback_note(struct ln_session *s, const struct ps_record *r)
{
	_cleanup_fd_ int states = r->n_signer > 0 ? open_states(s) : -1;
	char path[LN_ROLLBACK_PATH] = "";
	int e = r->n_signer > 0 && states < 0 ? states : 0;

	for (uint16_t i = 0; e == 0 && i < r->n_signer; i++) {
		ln_rollback_path(r, r->signer[i], path);
		e = raise_state(states, path, r->signed_at);
	}
	if (e < 0 && !s->policy.no_rollback) {
		ps_log("warning: rollback/%s cannot be written: %s", path,
		    strerror(-e));
		return 0;
	}
	if (e == -EBADMSG)
		return damaged(s, r, path);
	if (e == 0)
		return 0;
	return ln_refuse_error(s, e, "the image is stored, but not that it was seen");
}
