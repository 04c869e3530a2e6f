/*
 * fetcher: the one room with a network.  Runs as rkt-fetch, without files:
 * its only outputs are the edge to the conductor and write-only slots that it
 * was born with.  The conductor's requests are data; what servers answer is
 * hostile and is never believed, only bounded, written and reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "fetcher/discover.h"
#include "fetcher/http.h"
#include "policies/fetcher.h"
#include "privsep/chan.h"
#include "privsep/fds.h"
#include "privsep/log.h"
#include "privsep/worker.h"

#define CA_MAX 1048576u /* bytes of extra certificates */

/* What TLS and name resolution read.  No NSS module: with the C library's own
 * "files" and "dns" the resolver talks to no daemon of the host. */
static const struct ps_reach reach[] = {
    {.path = "/etc/ssl"},
    {.path = "/usr/lib/ssl"},
    {.path = "/usr/share/ca-certificates"},
    {.path = "/usr/local/share/ca-certificates"},
    {.path = "/etc/resolv.conf"},
    {.path = "/run/systemd/resolve"},
    {.path = "/etc/hosts"},
    {.path = "/etc/host.conf"},
    {.path = "/etc/nsswitch.conf"},
    {.path = "/etc/gai.conf"},
    {.path = NULL},
};

static struct {
	struct ps_chan chan;
	struct ps_frame frame;
	struct ft_http *http; /* NULL until CONFIGURE */
	uint32_t insecure;
	uint64_t max_image;
	int slots;
	/* What the operator typed may lead anywhere; once pages have been read,
	 * URLs are strangers' words, and go as far in as those pages were. */
	enum ft_space reach;
} self = {.reach = FT_LOOPBACK};

/* Also the place where a long wait notices that no one waits for it. */
static int
report(void *data _unused_, uint64_t got, uint64_t total)
{
	struct pollfd p = {.fd = self.chan.fd};

	if (poll(&p, 1, 0) > 0)
		return -EPIPE;
	return PS_SEND(&self.chan, PROGRESS,
	    (&(struct ps_msg_PROGRESS){.got = got, .total = total}), NULL, 0);
}

/* The same, for discovery: nothing to report, but still someone to miss. */
static int
still_there(void *data _unused_, uint64_t got _unused_, uint64_t total _unused_)
{
	struct pollfd p = {.fd = self.chan.fd};

	return poll(&p, 1, 0) > 0 ? -EPIPE : 0;
}

static void
tell(const char *text)
{
	ps_log("%s", text);
}

static int
send_failed(uint32_t code, uint32_t status, const char *text)
{
	return PS_SEND(&self.chan, FETCH_FAILED,
	    (&(struct ps_msg_FETCH_FAILED){
		.code = code, .status = status, .text = text}),
	    NULL, 0);
}

static int
read_ca(struct ft_settings *s)
{
	uint64_t size;
	int r = ps_check_sealed(self.frame.fds[0], CA_MAX, &size);

	if (r < 0)
		return -EPROTO;
	s->ca = malloc(size + 1);
	s->ca_size = size;
	return s->ca ? ps_pread_full(self.frame.fds[0], s->ca, size, 0)
		     : -ENOMEM;
}

static int
on_configure(void)
{
	struct ft_settings s = {0};
	struct ps_msg_CONFIGURE m;
	int r;

	if (ps_decode_CONFIGURE(self.frame.payload, self.frame.length, &m) < 0)
		return -EPROTO;
	r = read_ca(&s);
	if (r < 0)
		return r;
	s.may_http = (m.insecure & PS_INSECURE_HTTP) != 0;
	s.unchecked_tls = (m.insecure & PS_INSECURE_TLS) != 0;
	s.may_private = m.discovery_private != 0;
	s.proxy = m.proxy;
	s.no_proxy = m.no_proxy;
	self.insecure = m.insecure;
	self.max_image = m.max_image;
	self.http = ft_http_new(&s);
	return self.http ? 0 : -ENOMEM;
}

static int
send_endpoints(const struct ft_list *list)
{
	struct ps_msg_ENDPOINTS m = {.n_urls = (uint16_t)list->n};

	for (size_t i = 0; i < list->n; i++)
		m.urls[i] = list->row[i].url;
	return PS_SEND(&self.chan, ENDPOINTS, &m, NULL, 0);
}

static int
on_discover(void)
{
	_cleanup_(ft_list_done) struct ft_list list = {0};
	struct ps_msg_DISCOVER m;
	struct ft_request pattern = {.progress = still_there};
	struct ft_want want = {0};
	char text[FT_TEXT_MAX + 1];
	int r = ps_decode_DISCOVER(self.frame.payload, self.frame.length, &m);

	if (r < 0 ||
	    (m.want != PS_DISCOVER_IMAGE && m.want != PS_DISCOVER_KEYS))
		return -EPROTO;
	want.query = (struct ft_query){
	    .name = m.name, .labels = m.labels, .n_labels = m.n_labels};
	want.keys = m.want == PS_DISCOVER_KEYS;
	/* Keys decide whom to trust: loosening their way takes its own option.
	 */
	pattern.authorization = m.authorization;
	pattern.https_only = pattern.checked_tls =
	    want.keys && (self.insecure & PS_INSECURE_PUBKEY) == 0;
	want.may_http =
	    (self.insecure & PS_INSECURE_HTTP) != 0 && !pattern.https_only;
	r = ft_discover(self.http, &want, &pattern, &list, text, sizeof(text));
	if (r == 0 && list.reach < self.reach)
		self.reach = list.reach;
	if (r == -ENOENT)
		return send_failed(PS_FETCH_DISCOVERY, 0, text);
	return r < 0 ? r : send_endpoints(&list);
}

static int
on_get(void)
{
	struct ft_request q = {.progress = report};
	struct ft_answer a;
	struct ps_msg_GET m;
	int r = ps_decode_GET(self.frame.payload, self.frame.length, &m);

	if (r < 0 || m.slot >= self.slots)
		return -EPROTO;
	q.url = m.url;
	q.etag = m.etag;
	q.authorization = m.authorization;
	q.fd = PS_SLOT_FD + m.slot;
	q.reach = self.reach;
	q.notice = tell;
	q.max = m.max_size < self.max_image ? m.max_size : self.max_image;
	r = ft_get(self.http, &q, &a);
	if (r == -EREMOTEIO)
		r = send_failed(a.code, a.status, a.text);
	else if (r == 0)
		r = PS_SEND(&self.chan, GOT,
		    (&(struct ps_msg_GOT){.status = a.status,
			.final_url = a.url.text,
			.etag = a.header.etag,
			.max_age = ft_header_max_age(&a.header),
			.size = a.size}),
		    NULL, 0);
	ft_answer_done(&a);
	return r;
}

static int
on_bye(void)
{
	_exit(PS_EXIT_OK);
}

static const struct {
	uint16_t type;
	bool configured; /* the state in which it may come */
	int (*handle)(void);
} rows[] = {
    {PS_CONFIGURE, false, on_configure},
    {PS_DISCOVER, true, on_discover},
    {PS_GET, true, on_get},
    {PS_BYE, false, on_bye},
    {PS_BYE, true, on_bye},
};

static int
serve_one(void)
{
	int r = ps_recv(&self.chan, &self.frame, -1);

	if (r < 0)
		return r;
	r = -EPROTO;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].type == self.frame.type &&
		    rows[i].configured == (self.http != NULL)) {
			r = rows[i].handle();
			break;
		}
	ps_frame_close(&self.frame);
	return r;
}

/* The slots follow each other; the first gap ends them. */
static int
count_slots(void)
{
	int n = 0;

	while (n < (int)PS_FETCH_SLOTS && fcntl(PS_SLOT_FD + n, F_GETFD) >= 0)
		n++;
	return n;
}

static void
ignore(int number)
{
	struct sigaction a = {.sa_handler = SIG_IGN};

	if (sigaction(number, &a, NULL) < 0)
		ps_die(PS_EXIT_SYSTEM, "cannot ignore signal %d", number);
}

int
main(void)
{
	struct ps_worker w = {.name = "fetcher",
	    .peer = 'C',
	    .reach = reach,
	    .filter = policy_fetcher,
	    .filter_length = PS_COUNT(policy_fetcher)};
	int r;

	ps_log_name("fetcher");
	self.slots = w.more_fds = count_slots();
	/* A server that hangs up, a slot at its size limit: errors, not deaths.
	 */
	ignore(SIGPIPE);
	ignore(SIGXFSZ);
	ps_worker_enter(&w, &self.chan);
	do {
		r = serve_one();
	} while (r == 0);
	/* The conductor has gone, and said why: nobody wants a second word. */
	if (r == -EPIPE)
		return PS_EXIT_SYSTEM;
	if (r == -EPROTO)
		ps_die(PS_EXIT_PROTOCOL, "the conductor broke the protocol");
	ps_log_error(r, "cannot go on");
	return PS_EXIT_SYSTEM;
}
