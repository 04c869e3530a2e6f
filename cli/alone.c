/*
 * The stand-in for the launcher, for rkt without root: a process with the
 * rights of whoever called.  It reads no foreign byte itself; it copies them
 * into unnamed files, and starts who reads them.  HOSTILE: the conductor's
 * requests, once the conductor has heard a fetcher: it opens no file that the
 * command line does not name.
 */
#include "cli/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/files.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/paths.h"

static struct cli_alone self = { .spool = -1, .stores = { -1, -1 },
	.fetcher = -1 };

int
cli_alone_refuse(struct cli_alone *a, uint32_t code, const char *format, ...)
{
	struct ps_msg_REFUSED m = { .code = code };
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *p = text; !ps_is_print(text, strlen(text)) && *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	m.text = text;
	return PS_SEND(&a->chan, REFUSED, &m, NULL, 0);
}

/* --- slots ----------------------------------------------------------------- */

void
cli_slot_free(struct cli_slot *slot)
{
	ps_close_fd(&slot->fd);
	ps_close_fd(&slot->pending);
	slot->kind = 0;
}

struct cli_slot *
cli_alone_slot(struct cli_alone *a, uint16_t n, uint8_t kind)
{
	if (n >= PS_MAX_SLOTS || a->slots[n].kind != kind ||
	    a->slots[n].fd < 0)
		return NULL;
	return &a->slots[n];
}

static uint64_t
max_of(const struct cli_alone *a, uint8_t kind)
{
	return kind == PS_SLOT_IMAGE	 ? a->policy.max_image :
	    kind == PS_SLOT_SIGNATURE ? PS_MAX_SIGNATURE :
					PS_MAX_KEY;
}

static int
new_slot(struct cli_alone *a, uint8_t kind, uint16_t *ret)
{
	for (uint16_t i = 0; i < PS_MAX_SLOTS; i++) {
		struct cli_slot *slot = &a->slots[i];

		if (slot->kind != 0)
			continue;
		slot->pending = openat(a->spool, ".",
		    O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
		if (slot->pending < 0)
			return -errno;
		slot->kind = kind;
		slot->fd = -1;
		*ret = i;
		return 0;
	}
	return -EMFILE;
}

static int
reopen(int fd, int flags)
{
	int r = open(cli_format("/proc/self/fd/%d", fd), flags | O_CLOEXEC);

	return r < 0 ? -errno : r;
}

/* No one writes it any more. */
static int
settle(const struct cli_alone *a, struct cli_slot *slot)
{
	struct stat st;

	if (fstat(slot->pending, &st) < 0)
		return -errno;
	slot->fd = reopen(slot->pending, O_RDONLY);
	ps_close_fd(&slot->pending);
	slot->size = (uint64_t)st.st_size;
	if (slot->fd < 0)
		return slot->fd;
	return slot->size <= max_of(a, slot->kind) ? 0 : -EFBIG;
}

static int
no_room(struct cli_alone *a, int error)
{
	return cli_alone_refuse(a, PS_REFUSED_SYSTEM, "cannot use the spool: %s",
	    error == -ENOENT || error == -EBADF ?
		"there is none in the data directory yet (any command of "
		"root's makes it)" :
		error == -EACCES ?
		"permission denied (members of group rkt may fetch)" :
		strerror(-error));
}

/* --- files of the caller's ------------------------------------------------- */

/* path stands on the command line, alone or behind a '=', or PATH.asc. */
static bool
is_named(char *const *argv, const char *path)
{
	size_t n = strlen(path);

	for (; n > 0 && *argv; argv++) {
		const char *eq = strchr(*argv, '='), *word = *argv;

		if (strncmp(word, "--", 2) == 0 && eq)
			word = eq + 1;
		if (strncmp(word, "file://", 7) == 0)
			word += 7;
		if (strcmp(word, path) == 0 ||
		    (strncmp(word, path, strlen(word)) == 0 && *word != '\0' &&
			strcmp(path + strlen(word), ".asc") == 0))
			return true;
	}
	return false;
}

static int
copy(int from, int to, uint64_t max)
{
	static char buffer[65536];
	uint64_t at = 0;
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) != 0) {
		int r = n < 0 ? -errno : ps_write_full(to, buffer, (size_t)n);

		if (r < 0 && r != -EINTR)
			return r;
		at += n > 0 ? (uint64_t)n : 0;
		if (at > max)
			return -EFBIG;
	}
	return 0;
}

static int
get_file(struct cli_alone *a, struct ps_frame *f)
{
	struct ps_msg_SLOT answer = { 0 };
	_cleanup_fd_ int fd = -1;
	struct ps_msg_GET_FILE m;
	struct stat st;
	int r;

	if (ps_decode_GET_FILE(f->payload, f->length, &m) < 0)
		return -EPROTO;
	if (m.kind == PS_SLOT_OUTPUT)
		return -ENOSYS; /* who is not root writes where he can */
	if ((m.kind != PS_SLOT_IMAGE && m.kind != PS_SLOT_SIGNATURE) ||
	    !is_named(a->argv, m.path))
		return -EPROTO;
	fd = open(m.path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return cli_alone_refuse(a, PS_REFUSED_NOTFOUND,
		    "cannot open \"%s\": %s", m.path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cli_alone_refuse(a, PS_REFUSED_IMAGE,
		    "\"%s\" is not a regular file", m.path);
	r = new_slot(a, m.kind, &answer.slot);
	if (r < 0)
		return no_room(a, r);
	r = copy(fd, a->slots[answer.slot].pending, max_of(a, m.kind));
	if (r == 0)
		r = settle(a, &a->slots[answer.slot]);
	if (r < 0) {
		cli_slot_free(&a->slots[answer.slot]);
		return cli_alone_refuse(a, PS_REFUSED_SYSTEM,
		    "cannot copy \"%s\" into the spool: %s", m.path,
		    strerror(-r));
	}
	answer.size = a->slots[answer.slot].size;
	return PS_SEND(&a->chan, SLOT, &answer, NULL, 0);
}

/* --- the fetcher ----------------------------------------------------------- */

static void
drop_slots(struct cli_alone *a)
{
	for (uint16_t i = 0; i < a->count; i++)
		cli_slot_free(&a->slots[a->first + i]);
	a->count = 0;
}

static int
fetch_slots(struct cli_alone *a, const struct ps_msg_START_FETCHER *m, int *fds)
{
	for (uint16_t i = 0; i < m->count; i++) {
		uint16_t n;
		int r = new_slot(a, m->kinds[i], &n);

		if (r < 0)
			return r;
		if (i == 0)
			a->first = n;
		if (n != a->first + i) {
			cli_slot_free(&a->slots[n]);
			return -EMFILE;
		}
		a->count = (uint16_t)(i + 1);
		fds[i] = reopen(a->slots[n].pending, O_WRONLY);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

static int
start_fetcher(struct cli_alone *a, struct ps_frame *f)
{
	struct ps_msg_START_FETCHER m;
	struct cli_worker w = { .program = "fetcher",
		.max_file = a->policy.max_image };
	_cleanup_fd_ int chan = -1;
	int fds[PS_FETCH_SLOTS], r;

	if (ps_decode_START_FETCHER(f->payload, f->length, &m) < 0 ||
	    a->fetcher >= 0 || m.count < 1 || m.count > PS_FETCH_SLOTS ||
	    m.n_kinds != m.count)
		return -EPROTO;
	for (uint16_t i = 0; i < m.count; i++) {
		if (m.kinds[i] < PS_SLOT_IMAGE || m.kinds[i] > PS_SLOT_KEY)
			return -EPROTO;
		fds[i] = -1;
	}
	a->count = 0;
	r = fetch_slots(a, &m, fds);
	w.fds = fds;
	w.nfds = m.count;
	if (r == 0)
		r = cli_worker_start(&w, &chan);
	for (uint16_t i = 0; i < m.count; i++)
		ps_close_fd(&fds[i]);
	if (r < 0) {
		drop_slots(a);
		return no_room(a, r);
	}
	a->fetcher = w.pid;
	return PS_SEND(&a->chan, FETCHER,
	    (&(struct ps_msg_FETCHER){ .first = a->first }), &chan, 1);
}

static int
reap_fetcher(struct cli_alone *a, struct ps_frame *f)
{
	struct ps_msg_FETCHED answer = { 0 };
	struct ps_msg_REAP_FETCHER m;

	if (ps_decode_REAP_FETCHER(f->payload, f->length, &m) < 0 ||
	    a->fetcher < 0)
		return -EPROTO;
	answer.ok = cli_worker_end(a->fetcher, 10000) == 0;
	a->fetcher = -1;
	for (uint16_t i = 0; answer.ok && i < a->count; i++)
		answer.ok = settle(a, &a->slots[a->first + i]) == 0;
	if (!answer.ok)
		drop_slots(a);
	a->count = 0;
	return PS_SEND(&a->chan, FETCHED, &answer, NULL, 0);
}

/* --- its life -------------------------------------------------------------- */

static const struct {
	uint16_t type;
	int (*handle)(struct cli_alone *a, struct ps_frame *f);
} rows[] = {
	{ PS_GET_FILE, get_file },
	{ PS_START_FETCHER, start_fetcher },
	{ PS_REAP_FETCHER, reap_fetcher },
	{ PS_ADMIT_IMAGE, cli_alone_admit },
	{ PS_CHECK_IMAGE, cli_alone_check },
};

static int
serve_one(struct cli_alone *a)
{
	static struct ps_frame frame;
	int r = ps_recv(&a->chan, &frame, -1);

	if (r < 0)
		return r;
	r = -ENOSYS;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].type == frame.type)
			r = rows[i].handle(a, &frame);
	if (r == -ENOSYS)
		r = cli_alone_refuse(a, PS_REFUSED_POLICY,
		    "cannot do that as unprivileged user");
	ps_frame_close(&frame);
	return r;
}

static _noreturn_ void
serve(struct cli_alone *a)
{
	int r;

	do {
		r = serve_one(a);
	} while (r == 0);
	if (a->fetcher >= 0)
		(void)kill(a->fetcher, SIGKILL);
	if (r != -EPIPE)
		ps_log_error(r, "cannot serve the conductor");
	_exit(r == -EPIPE ? PS_EXIT_OK : PS_EXIT_PROTOCOL);
}

/* Site policy as root would read it; its bounds hold here too. */
static int
load_policy(struct ps_policy *ret)
{
	const char *const dirs[] = { ps_vendor_dir, ps_conf_dir };

	ps_policy_default(ret);
	for (size_t i = 0; i < PS_COUNT(dirs); i++) {
		const char *path = cli_format("%s/policy", dirs[i]);
		_cleanup_fd_ int fd =
		    open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		char error[256], *text;
		size_t n;
		int r = fd < 0 ? -errno : cli_read_all(fd, PS_MAX_POLICY, &text, &n);

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return cli_fail("site policy %s cannot be read: %s",
			    path, strerror(-r));
		if (ps_policy_apply(ret, text, n, error) < 0)
			return cli_fail("site policy %s: %s", path, error);
	}
	return 0;
}

static int
open_trust(int config)
{
	return config < 0 ? -1 : cli_open_below(config, "trustedkeys", O_DIRECTORY);
}

static void
welcome(struct cli *c, const struct ps_policy *p)
{
	c->welcome = (struct ps_msg_WELCOME){ .insecure_allowed = p->insecure,
		.max_image = p->max_image, .caps_image = p->caps_image,
		.caps_operator = p->caps_operator,
		.seccomp_wide = p->seccomp_wide,
		.discovery_private = p->discovery_private };
}

int
cli_alone_start(struct cli *c)
{
	struct cli_alone *a = &self;
	pid_t conductor = getpid(), pid;
	int p[2];

	if ((c->g.insecure & PS_INSECURE_IMAGE) != 0)
		return cli_fail("--insecure-options=image needs root: what is "
				"spooled is verified again");
	if (load_policy(&a->policy) != 0)
		return CLI_FAILED;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return cli_fail("cannot make a socket: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return cli_fail("cannot start a process: %s", strerror(errno));
	if (pid > 0) {
		(void)close(p[1]);
		welcome(c, &a->policy);
		c->control = (struct ps_chan){ .fd = p[0], .peer = 'L' };
		c->alone = true;
		return 0;
	}
	(void)close(p[0]);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || getppid() != conductor)
		_exit(PS_EXIT_SYSTEM);
	a->c = c;
	a->argv = c->words;
	a->chan = (struct ps_chan){ .fd = p[1], .peer = 'C' };
	a->spool = openat(c->data, "spool",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	a->stores[0] = open_trust(c->system);
	a->stores[1] = open_trust(c->local);
	serve(a);
}
