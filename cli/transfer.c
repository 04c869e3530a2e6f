/*
 * Talking to the fetcher, conductor, user rkt.  HOSTILE: every answer.  It can
 * make a download fail, and nothing else.
 */
#include "cli/transfer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "cli/files.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "privsep/fds.h"
#include "privsep/log.h"

#define SILENCE (5 * 60 * 1000) /* ms that a fetcher may say nothing */
#define MAX_CA 1048576u		/* bytes of all certificates */

static struct ps_frame frame;

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && strcmp(s + n - m, suffix) == 0;
}

/* Appends every *.pem of <config>/ca.d. */
static int
add_certificates(int config, char *text, size_t *n)
{
	int fd = config < 0 ? -ENOENT : cli_open_below(config, "ca.d", O_DIRECTORY);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : cli_fail("cannot open ca.d: %s",
					       strerror(-fd));
	dir = fdopendir(fd);
	if (dir == NULL) {
		ps_close_fd(&fd);
		return cli_fail("cannot list ca.d");
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		char *pem;
		size_t size;

		if (!has_suffix(entry->d_name, ".pem"))
			continue;
		r = cli_read_below(fd, entry->d_name, MAX_CA - *n - 1, &pem, &size);
		if (r < 0) {
			r = cli_fail("cannot read ca.d/%s: %s", entry->d_name,
			    strerror(-r));
			break;
		}
		memcpy(text + *n, pem, size);
		*n += size;
		text[(*n)++] = '\n';
	}
	(void)closedir(dir);
	return r;
}

/* The value of a variable of the caller's, in upper or lower case. */
static const char *
environment(const char *upper, const char *lower)
{
	const char *names[] = { upper, lower };

	for (size_t k = 0; k < PS_COUNT(names); k++) {
		size_t n = strlen(names[k]);

		for (char **e = environ; *e; e++)
			if (strncmp(*e, names[k], n) == 0 && (*e)[n] == '=' &&
			    (*e)[n + 1] != '\0')
				return *e + n + 1;
	}
	return "";
}

static int
configure(struct cli *c, struct cli_fetcher *f)
{
	struct ps_msg_CONFIGURE m = { .insecure = c->g.insecure &
		    (PS_INSECURE_TLS | PS_INSECURE_HTTP | PS_INSECURE_PUBKEY),
		.max_image = c->welcome.max_image,
		.proxy = environment("HTTPS_PROXY", "https_proxy"),
		.no_proxy = environment("NO_PROXY", "no_proxy"),
		.discovery_private = c->welcome.discovery_private };
	char *text = cli_alloc(MAX_CA + 1);
	_cleanup_fd_ int ca = -1;
	size_t n = 0;
	int r = add_certificates(c->system, text, &n);

	if (r == 0)
		r = add_certificates(c->local, text, &n);
	if (r == 0)
		r = add_certificates(c->user, text, &n);
	if (r != 0)
		return r;
	if (*m.proxy == '\0')
		m.proxy = environment("HTTP_PROXY", "http_proxy");
	ca = ps_sealed("ca", text, n);
	if (ca < 0)
		return cli_fail("cannot hand over certificates: %s",
		    strerror(-ca));
	r = PS_SEND(&f->chan, CONFIGURE, &m, &ca, 1);
	if (r < 0)
		return cli_fail("cannot configure the fetcher: %s", strerror(-r));
	return 0;
}

int
cli_fetcher_start(struct cli *c, const uint8_t *kinds, uint16_t n,
    struct cli_fetcher *ret)
{
	struct ps_msg_START_FETCHER m = { .count = n, .n_kinds = n,
		.kinds = kinds };
	struct ps_msg_FETCHER answer;
	struct cli_config config;

	if ((c->g.insecure & PS_INSECURE_TLS) != 0)
		cli_image_log("warning: TLS verification has been disabled");
	if (cli_config_load(c, CLI_CONFIG_AUTH, &config) != 0)
		return CLI_FAILED;
	if (CLI_ASK(c, START_FETCHER, &m, NULL, 0, FETCHER, &answer) < 0)
		return CLI_FAILED;
	*ret = (struct cli_fetcher){ .chan = { .fd = cli_answer_fd(),
					 .peer = 'F' },
		.first = answer.first,
		.config = config };
	return configure(c, ret);
}

/* The next message; FETCH_FAILED is said.  0 or CLI_FAILED. */
static int
hear(struct cli_fetcher *f)
{
	struct ps_msg_FETCH_FAILED no;
	int r;

	ps_frame_close(&frame);
	r = ps_recv(&f->chan, &frame, SILENCE);
	if (r == -EPIPE)
		return cli_fail("the fetcher has gone");
	if (r == -ETIMEDOUT)
		return cli_fail("the fetcher said nothing for 5 minutes");
	if (r == 0 && frame.type == PS_FETCH_FAILED)
		r = ps_decode_FETCH_FAILED(frame.payload, frame.length, &no);
	if (r < 0)
		return cli_fail("the fetcher cannot be understood");
	if (frame.type != PS_FETCH_FAILED)
		return 0;
	if (f->may_miss && no.code == PS_FETCH_HTTP) {
		f->missing = cli_copy(no.text);
		return CLI_FAILED;
	}
	return cli_fail("%s%s", no.text,
	    no.code == PS_FETCH_TLS ?
		" (a private CA's certificate belongs in ca.d/NAME.pem of the "
		"configuration directory)" :
		no.code == PS_FETCH_INSECURE ?
		" (use https, or --insecure-options=http)" :
		"");
}

int
cli_fetcher_discover(struct cli_fetcher *f, const char *name,
    const char *const *label, uint16_t n_label, uint8_t want,
    struct cli_list *ret)
{
	static struct ps_msg_DISCOVER m;
	static struct ps_msg_ENDPOINTS found;
	const char *wrong;
	int r;

	/* From here on URLs are a stranger's word. */
	f->discovered = cli_copy_n(name, strcspn(name, "/"));
	m = (struct ps_msg_DISCOVER){ .name = name, .n_labels = n_label,
		.want = want };
	for (uint16_t i = 0; i < n_label && i < PS_COUNT(m.labels); i++)
		m.labels[i] = label[i];
	wrong = cli_config_authorization(&f->config,
	    cli_format("https://%s", name), &m.authorization);
	if (wrong)
		return cli_fail("%s", wrong);
	r = PS_SEND(&f->chan, DISCOVER, &m, NULL, 0);
	if (r < 0)
		return cli_fail("cannot ask the fetcher: %s", strerror(-r));
	if (hear(f) != 0)
		return CLI_FAILED;
	if (frame.type != PS_ENDPOINTS ||
	    ps_decode_ENDPOINTS(frame.payload, frame.length, &found) < 0)
		return cli_fail("the fetcher cannot be understood");
	for (uint16_t i = 0; i < found.n_urls; i++)
		cli_list_add(ret, cli_copy(found.urls[i]));
	if (ret->n == 0)
		return cli_fail("no endpoint for \"%s\" was discovered", name);
	return 0;
}

/* Progress until GOT. */
static int
follow(struct cli_fetcher *f, struct cli_progress *p, struct cli_got *ret)
{
	struct ps_msg_PROGRESS progress;
	struct ps_msg_GOT got;

	for (;;) {
		if (hear(f) != 0)
			return CLI_FAILED;
		if (frame.type == PS_GOT &&
		    ps_decode_GOT(frame.payload, frame.length, &got) == 0)
			break;
		if (frame.type != PS_PROGRESS ||
		    ps_decode_PROGRESS(frame.payload, frame.length, &progress) < 0)
			return cli_fail("the fetcher cannot be understood");
		cli_progress_show(p, progress.got, progress.total);
	}
	*ret = (struct cli_got){ .status = got.status, .size = got.size,
		.final_url = cli_copy(got.final_url),
		.etag = cli_copy(got.etag),
		.max_age = got.max_age };
	return 0;
}

/* The host that the operator named, or one below it. */
static bool
belongs(const char *url, const char *host)
{
	const char *at = strstr(url, "://");
	size_t n = strlen(host), m;

	at = at ? at + 3 : url;
	m = strcspn(at, ":/?#\\@");
	if (m == n)
		return strncasecmp(at, host, n) == 0;
	return m > n && strchr(host, '.') && at[m - n - 1] == '.' &&
	    strncasecmp(at + m - n, host, n) == 0;
}

/* HOSTILE: url, where discovery has led to it: a fetcher that was broken into,
 * or a page, may name any host that the operator has credentials for. */
static const char *
authorize(const struct cli_fetcher *f, const char *url, const char **ret)
{
	const char *wrong = cli_config_authorization(&f->config, url, ret);

	if (f->discovered == NULL || belongs(url, f->discovered) ||
	    (!wrong && (*ret)[0] == '\0'))
		return wrong;
	ps_log("%s: no credentials are sent, for it was discovery of a name of %s "
	       "that led there", url, f->discovered);
	*ret = "";
	return NULL;
}

int
cli_fetcher_get(struct cli_fetcher *f, uint16_t slot, const char *url,
    uint64_t max_size, const char *label, struct cli_got *ret)
{
	struct ps_msg_GET m = { .slot = slot, .url = url, .max_size = max_size,
		.etag = f->etag ? f->etag : "" };
	const char *wrong = authorize(f, url, &m.authorization);
	struct cli_progress p;
	struct cli_got got;
	int r;

	if (wrong)
		return cli_fail("%s", wrong);
	r = PS_SEND(&f->chan, GET, &m, NULL, 0);
	if (r < 0)
		return cli_fail("cannot ask the fetcher for %s: %s", url,
		    strerror(-r));
	cli_progress_begin(&p, label);
	r = follow(f, &p, &got);
	if (r == 0)
		p.got = got.size;
	cli_progress_end(&p, r == 0 && got.status == 200);
	if (r != 0)
		return r;
	if (got.status != 200 && got.status != 202 &&
	    (got.status != 304 || m.etag[0] == '\0'))
		return cli_fail("%s: bad HTTP status code: %u", url, got.status);
	*ret = got;
	return 0;
}

int
cli_fetcher_end(struct cli *c, struct cli_fetcher *f)
{
	struct ps_msg_FETCHED done;
	int r = PS_SEND(&f->chan, BYE, (&(struct ps_msg_BYE){ 0 }), NULL, 0);

	ps_close_fd(&f->chan.fd);
	if (r < 0)
		return cli_fail("the fetcher has gone");
	if (CLI_ASK(c, REAP_FETCHER, (&(struct ps_msg_REAP_FETCHER){ 0 }), NULL,
		0, FETCHED, &done) < 0)
		return CLI_FAILED;
	if (!done.ok)
		return cli_fail("the fetcher ended badly: what it wrote is thrown "
				"away");
	return 0;
}

const char *
cli_signature_url(const char *url)
{
	size_t n = strcspn(url, "?#");

	return cli_format("%.*s.asc%s", (int)n, url, url + n);
}
