/*
 * HELLO, and how files come in: operator-named files and the fetcher's slots.
 * Runs as root.  HOSTILE: every path; it must stand in argv.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/argv.h"
#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/paths.h"

/* "" is the default; the default said aloud is as good; else argv. */
static bool
may_use(const struct ln_session *s, const char *flag, const char *path,
    const char *fallback)
{

	return path[0] == '\0' || strcmp(path, fallback) == 0 ||
	    (path[0] == '/' && ln_argv_option(s->argv, flag, path));
}

static int
open_config(const char *path, int *ret, int *ret_trust)
{
	int fd = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, SYS_HOST);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	*ret = fd;
	*ret_trust = ln_open_dir(fd, "trustedkeys");
	return *ret_trust < 0 && *ret_trust != -ENOENT ? *ret_trust : 0;
}

static int
welcome(struct ln_session *s)
{
	struct ps_msg_WELCOME m = { .insecure_allowed = s->policy.insecure,
		.max_image = s->policy.max_image,
		.caps_image = s->policy.caps_image,
		.caps_operator = s->policy.caps_operator,
		.seccomp_wide = s->policy.seccomp_wide,
		.discovery_private = s->policy.discovery_private };
	_cleanup_fd_ int null =
	    sys_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, SYS_HOST);
	const int fds[] = { s->data,
		s->system_config >= 0 ? s->system_config : null,
		s->local_config >= 0 ? s->local_config : null,
		s->user_config >= 0 ? s->user_config : null };

	return PS_SEND(&s->control, WELCOME, &m, fds, 4);
}

int
ln_hello(struct ln_session *s, struct ps_frame *f)
{
	const char *data = s->policy.data_dir ? s->policy.data_dir : ps_data_dir;
	struct ps_msg_HELLO m;
	int r;

	if (ps_decode_HELLO(f->payload, f->length, &m) < 0 ||
	    !may_use(s, "--dir", m.dir, data) ||
	    !may_use(s, "--system-config", m.system_config, ps_vendor_dir) ||
	    !may_use(s, "--local-config", m.local_config, ps_conf_dir) ||
	    !may_use(s, "--user-config", m.user_config, ""))
		return -EPROTO;
	(void)snprintf(s->local_name, sizeof(s->local_name), "%s",
	    m.local_config[0] ? m.local_config : ps_conf_dir);
	r = open_config(m.system_config[0] ? m.system_config : ps_vendor_dir,
	    &s->system_config, &s->system_trust);
	if (r == 0)
		r = open_config(s->local_name, &s->local_config, &s->local_trust);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot open the configuration");
	/* Named, it must be there.  Never its trustedkeys: keys are the site's. */
	if (m.user_config[0])
		r = s->user_config = sys_open(AT_FDCWD, m.user_config,
		    O_RDONLY | O_DIRECTORY, 0, SYS_HOST);
	if (r < 0)
		return ln_refuse(s, PS_REFUSED_NOTFOUND,
		    "cannot open user configuration %s: %s", m.user_config,
		    strerror(-r));
	r = ln_store_open(s, m.dir[0] ? m.dir : data);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot open the data directory");
	if (ln_argv_names(s->argv, "gc"))
		ln_spool_sweep(s);
	s->state = LN_READY;
	return welcome(s);
}

/* The conductor may read only what a flag says is for it. */
static bool
may_copy(const struct ln_session *s, const struct ps_msg_GET_FILE *m)
{
	static const char *const text_flags[] = { "--set-env-file", "--uuid-file",
		"--pod-manifest" };

	if (m->kind != PS_SLOT_TEXT)
		return m->kind >= PS_SLOT_IMAGE && m->kind <= PS_SLOT_KEY &&
		    ln_argv_file(s->argv, m->path);
	for (size_t i = 0; i < PS_COUNT(text_flags); i++)
		if (ln_argv_option(s->argv, text_flags[i], m->path))
			return true;
	return false;
}

static int
send_slot(struct ln_session *s, struct ps_msg_SLOT *answer)
{
	struct ln_slot *slot = &s->slots[answer->slot];
	bool text = slot->kind == PS_SLOT_TEXT;
	int r;

	answer->size = slot->size;
	if (text)
		answer->slot = PS_NO_SLOT;
	r = PS_SEND(&s->control, SLOT, answer, &slot->fd, text);
	if (text)
		ln_slot_free(slot);
	return r;
}

/* -EPROTO: it is for no one to open. */
static int
open_asked(const struct ln_session *s, const struct ps_msg_GET_FILE *m,
    bool *ret_spooled)
{
	int fd = ln_spool_open(s, m->path, m->kind);

	*ret_spooled = fd != -EPROTO;
	if (*ret_spooled || !may_copy(s, m))
		return fd;
	return sys_open(AT_FDCWD, m->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
	    SYS_HOST);
}

int
ln_get_file(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_GET_FILE m;
	struct ps_msg_SLOT answer = { 0 };
	_cleanup_fd_ int fd = -1;
	struct ln_slot *slot;
	uint64_t size;
	bool spooled = false;
	int r;

	if (ps_decode_GET_FILE(f->payload, f->length, &m) < 0)
		return -EPROTO;
	if (m.kind == PS_SLOT_OUTPUT)
		return ln_put_file(s, m.path);
	fd = open_asked(s, &m, &spooled);
	if (fd == -EPROTO)
		return -EPROTO;
	if (fd < 0)
		return ln_refuse(s, PS_REFUSED_NOTFOUND, "cannot open \"%s\": %s",
		    m.path, fd == -EMEDIUMTYPE ? "it is not a regular file of one name"
					       : strerror(-fd));
	r = ps_check_file(fd, ln_slot_max(s, m.kind), &size);
	if (r < 0)
		return ln_refuse(s, PS_REFUSED_IMAGE, "\"%s\" %s", m.path,
		    r == -EFBIG ? "is too large" : "is not a regular file");
	r = ln_slot_new(s, m.kind, &answer.slot);
	if (r < 0)
		return ln_refuse_error(s, r, "cannot make a quarantine file");
	slot = &s->slots[answer.slot];
	slot->spooled = spooled;
	r = sys_copy(fd, slot->pending, size);
	if (r == 0)
		r = ln_slot_settle(slot);
	if (r < 0) {
		ln_slot_free(slot);
		return ln_refuse(s, PS_REFUSED_SYSTEM,
		    "cannot copy \"%s\" into the quarantine: %s", m.path,
		    strerror(-r));
	}
	return send_slot(s, &answer);
}

/* Slots first..first+n-1 in a row, or none. */
static int
fetch_slots(struct ln_session *s, const struct ps_msg_START_FETCHER *m, int *fds)
{
	for (uint16_t i = 0; i < m->count; i++) {
		uint16_t n;
		int r = ln_slot_new(s, m->kinds[i], &n);

		if (r < 0)
			return r;
		if (i == 0)
			s->fetch_first = n;
		if (n != s->fetch_first + i) {
			ln_slot_free(&s->slots[n]);
			return -EMFILE;
		}
		s->fetch_count = (uint16_t)(i + 1);
		fds[i] = sys_reopen(s->slots[n].pending, O_WRONLY);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

static void
drop_fetch_slots(struct ln_session *s)
{
	for (uint16_t i = 0; i < s->fetch_count; i++)
		ln_slot_free(&s->slots[s->fetch_first + i]);
	s->fetch_count = 0;
}

int
ln_start_fetcher(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_START_FETCHER m;
	struct ps_msg_FETCHER answer = { 0 };
	int fds[PS_FETCH_SLOTS];
	_cleanup_fd_ int chan = -1;
	int r;

	if (ps_decode_START_FETCHER(f->payload, f->length, &m) < 0 ||
	    m.count < 1 || m.count > PS_FETCH_SLOTS || m.n_kinds != m.count)
		return -EPROTO;
	for (uint16_t i = 0; i < m.count; i++) {
		if (m.kinds[i] < PS_SLOT_IMAGE || m.kinds[i] > PS_SLOT_KEY)
			return -EPROTO;
		fds[i] = -1;
	}
	s->fetch_count = 0;
	r = fetch_slots(s, &m, fds);
	if (r == 0)
		r = ln_worker_fetcher(s, fds, m.count, &chan);
	for (uint16_t i = 0; i < m.count; i++)
		ps_close_fd(&fds[i]);
	if (r < 0) {
		drop_fetch_slots(s);
		return ln_refuse_error(s, r, "cannot start the fetcher");
	}
	s->state = LN_FETCHING;
	answer.first = s->fetch_first;
	return PS_SEND(&s->control, FETCHER, &answer, &chan, 1);
}

/* What it may have written is looked at only now that it is gone. */
static bool
settle_all(struct ln_session *s)
{
	for (uint16_t i = 0; i < s->fetch_count; i++) {
		struct ln_slot *slot = &s->slots[s->fetch_first + i];

		if (ln_slot_settle(slot) < 0 ||
		    slot->size > ln_slot_max(s, slot->kind))
			return false;
	}
	return true;
}

int
ln_reap_fetcher(struct ln_session *s, struct ps_frame *f)
{
	struct ps_msg_REAP_FETCHER m;
	struct ps_msg_FETCHED answer = { 0 };
	int status = -1;

	if (ps_decode_REAP_FETCHER(f->payload, f->length, &m) < 0)
		return -EPROTO;
	if (sys_wait(s->fetcher, 10000, &status) < 0)
		(void)sys_kill(s->fetcher);
	ps_close_fd(&s->fetcher);
	ln_words_say(s, "fetcher");
	answer.ok = status == 0 && settle_all(s);
	if (!answer.ok)
		drop_fetch_slots(s);
	s->fetch_count = 0;
	s->state = LN_READY;
	return PS_SEND(&s->control, FETCHED, &answer, NULL, 0);
}
