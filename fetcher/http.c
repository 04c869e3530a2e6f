/*
 * HTTP by libcurl, one request at a time.  Runs in the fetcher, behind its
 * sandbox; whatever comes back over the wire is hostile.  libcurl follows no
 * redirect, keeps no cookie, reads no .netrc and no environment, and undoes no
 * content coding: where a request goes next is decided in follow.c, which
 * addresses it may reach, and what it carries, here.
 */
#include "fetcher/ask.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/limits.h"
#include "privsep/name.h"
#include "privsep/paths.h"

#define CONNECT_TIMEOUT 20L /* seconds; rkt's dial timeout */
#define SLOW_BYTES 100L	    /* a second, on average over ... */
#define SLOW_TIME 20L	    /* seconds: slower is given up */
#define CA_DIR "/etc/ssl/certs"

struct ft_http {
	CURL *curl;
	struct ft_settings s;
	char product[64];
	char error[CURL_ERROR_SIZE];
};

/* The port of a proxy says that it is the proxy we talk to: what lies behind
 * it is not seen here.  Where the URL's port is the same, nothing is known, and
 * nothing forgiven. */
static bool
is_proxied(const struct ft_transfer *t, long port)
{
	return t->proxy_port != 0 && port == t->proxy_port &&
	       t->answer->url.port != t->proxy_port;
}

int
ft_refuse_address(struct ft_transfer *t, enum ft_space space)
{
	return ft_transfer_fail(t, PS_FETCH_NETWORK,
	    "its address is %s, which is refused%s", ft_space_name(space),
	    space == FT_NEVER
		? ""
		: ": a server that is not has led there (site policy line "
		  "\"discovery any\" would allow it)");
}

/* Asked for the very address that is connected to: another answer of the DNS,
 * a moment later, changes nothing. */
static curl_socket_t
open_socket(void *data, curlsocktype purpose _unused_, struct curl_sockaddr *a)
{
	/* libcurl keeps room for any family behind addr. */
	const char *sa = (const char *)a + offsetof(struct curl_sockaddr, addr);
	struct sockaddr_storage to = {0};
	struct ft_transfer *t = data;
	enum ft_space space;
	uint16_t port;

	if (a->family != AF_INET && a->family != AF_INET6)
		return CURL_SOCKET_BAD;
	memcpy(&to, sa, a->addrlen < sizeof(to) ? a->addrlen : sizeof(to));
	/* At the same place for both. */
	port = ntohs(((const struct sockaddr_in *)&to)->sin_port);
	space = ft_space_of((const struct sockaddr *)&to);
	if (space > t->reach && !is_proxied(t, port)) {
		(void)ft_refuse_address(t, space);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
on_header(char *p, size_t size, size_t n, void *data)
{
	struct ft_transfer *t = data;

	return ft_transfer_header(t, p, size * n) < 0 ? 0 : size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *data)
{
	struct ft_transfer *t = data;
	curl_off_t total = -1;
	long status = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(
	    t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	t->answer->status = (uint32_t)status;
	return ft_transfer_body(t, p, size * n, total) < 0 ? 0 : size * n;
}

static int
on_progress(void *data, curl_off_t total, curl_off_t got _unused_,
    curl_off_t up_total _unused_, curl_off_t up _unused_)
{
	struct ft_transfer *t = data;

	return ft_transfer_progress(t, total > 0 ? (uint64_t)total : 0) < 0;
}

/* The operator's words: [SCHEME://][USER@]HOST[:PORT][/]; libcurl's default
 * port where it is not there. */
static uint16_t
port_of(const char *proxy)
{
	const char *host = strstr(proxy, "://");
	char authority[FT_HOST_MAX + 8];
	const char *colon;
	uint64_t port;

	if (proxy[0] == '\0')
		return 0;
	(void)snprintf(authority, sizeof(authority), "%s",
	    host ? host + 3 : proxy);
	authority[strcspn(authority, "/?#")] = '\0';
	colon = strrchr(authority, ':');
	if (colon && strchr(colon, ']') == NULL &&
	    ps_parse_u64(colon + 1, UINT16_MAX, &port))
		return (uint16_t)port;
	return strncmp(proxy, "https://", 8) == 0 ? 443 : 1080;
}

struct ft_http *
ft_http_new(const struct ft_settings *s)
{
	_cleanup_free_ struct ft_http *h = calloc(1, sizeof(*h));

	if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	h->curl = curl_easy_init();
	h->s = *s;
	h->s.proxy = strdup(s->proxy);
	h->s.no_proxy = strdup(s->no_proxy);
	h->s.proxy_port = port_of(s->proxy);
	if (h->curl == NULL || h->s.proxy == NULL || h->s.no_proxy == NULL)
		return NULL;
	(void)snprintf(h->product, sizeof(h->product), "rkt/%s", ps_version);
	return take_ptr(h);
}

/* Remembers the first option that libcurl refused. */
#define SET(option, value)                                                     \
	do {                                                                   \
		CURLcode set_ = curl_easy_setopt(h->curl, (option), (value));  \
		if (r == CURLE_OK)                                             \
			r = set_;                                              \
	} while (0)

static CURLcode
set_tls(struct ft_http *h, bool checked)
{
	struct curl_blob ca = {
	    .data = h->s.ca, .len = h->s.ca_size, .flags = CURL_BLOB_NOCOPY};
	long tls = CURL_SSLVERSION_TLSv1_2;
	CURLcode r = CURLE_OK;

	SET(CURLOPT_SSLVERSION, tls);
	SET(CURLOPT_PROXY_SSLVERSION, tls);
	SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, checked ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, checked ? 2L : 0L);
	/* The system's authorities by their hashes; the operator's own stand in
	 * for the CAfile.  Both hold. */
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, CA_DIR);
	SET(CURLOPT_PROXY_CAINFO, NULL);
	SET(CURLOPT_PROXY_CAPATH, CA_DIR);
	if (h->s.ca_size > 0) {
		SET(CURLOPT_CAINFO_BLOB, &ca);
		SET(CURLOPT_PROXY_CAINFO_BLOB, &ca);
	}
	return r;
}

static CURLcode
set_manners(struct ft_http *h, const struct ft_request *q, bool may_http)
{
	CURLcode r = CURLE_OK;

	SET(CURLOPT_ERRORBUFFER, h->error);
	SET(CURLOPT_PROTOCOLS_STR, may_http ? "http,https" : "https");
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	/* Bytes behind one answer must not be taken for the next one. */
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_NETRC, CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, h->s.proxy);
	SET(CURLOPT_NOPROXY, h->s.no_proxy);
	SET(CURLOPT_USERAGENT, h->product);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, SLOW_TIME);
	SET(CURLOPT_TIMEOUT, q->deadline);
	return r;
}

static CURLcode
set_callbacks(struct ft_http *h, struct ft_transfer *t)
{
	CURLcode r = CURLE_OK;

	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_NOPROGRESS, 0L);
	return r;
}

static void
free_list(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static int
add_line(struct curl_slist **list, const char *name, const char *value)
{
	char line[4352];
	struct curl_slist *longer;
	int n = snprintf(line, sizeof(line), "%s: %s", name, value);

	if (n < 0 || (size_t)n >= sizeof(line))
		return -ENOMEM;
	longer = curl_slist_append(*list, line);
	explicit_bzero(line, sizeof(line));
	if (longer == NULL)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static const struct {
	CURLcode curl;
	uint32_t code;
} codes[] = {
    {CURLE_SSL_CONNECT_ERROR, PS_FETCH_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, PS_FETCH_TLS},
    {CURLE_SSL_CERTPROBLEM, PS_FETCH_TLS},
    {CURLE_SSL_CIPHER, PS_FETCH_TLS},
    {CURLE_SSL_CACERT_BADFILE, PS_FETCH_TLS},
    {CURLE_SSL_ISSUER_ERROR, PS_FETCH_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, PS_FETCH_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, PS_FETCH_TLS},
    {CURLE_URL_MALFORMAT, PS_FETCH_URL},
};

/* The connection, or what is on its other end, has gone. */
static const CURLcode breaks[] = {CURLE_PARTIAL_FILE, CURLE_RECV_ERROR,
    CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_OPERATION_TIMEDOUT,
    CURLE_COULDNT_CONNECT};

static int
explain(struct ft_http *h, struct ft_transfer *t, CURLcode r)
{
	uint32_t code = PS_FETCH_NETWORK;

	if (t->end < 0)
		return t->end;
	for (size_t i = 0; i < PS_COUNT(codes); i++)
		if (codes[i].curl == r)
			code = codes[i].code;
	if (t->answer->code != 0)
		return -EREMOTEIO;
	for (size_t i = 0; i < PS_COUNT(breaks); i++)
		t->broken |= breaks[i] == r;
	return ft_transfer_fail(t, code, "%s",
	    h->error[0] != '\0' ? h->error : curl_easy_strerror(r));
}

static int
add_lines(
    struct curl_slist **list, const struct ft_transfer *t, bool credentials)
{
	const struct ft_request *q = t->request;
	char range[40];
	int r = 0;

	if (credentials)
		r = add_line(list, "Authorization", q->authorization);
	if (t->ranged) {
		(void)snprintf(range, sizeof(range), "bytes=%" PRIu64 "-",
		    t->answer->size);
		if (r == 0)
			r = add_line(list, "Range", range);
		if (r == 0)
			r = add_line(list, "If-Range", t->resume.validator);
	} else if (r == 0 && q->etag[0] != '\0') {
		r = add_line(list, "If-None-Match", q->etag);
	}
	return r;
}

/* What was talked to: a stranger's words from there lead no further in. */
static void
note_space(struct ft_http *h, struct ft_transfer *t)
{
	const char *ip = NULL;
	char host[64];
	enum ft_space space = FT_PUBLIC;
	long port = 0;

	(void)curl_easy_getinfo(h->curl, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(h->curl, CURLINFO_PRIMARY_PORT, &port);
	if (ip != NULL && ip[0] != '\0' && port != t->proxy_port) {
		(void)snprintf(host, sizeof(host),
		    strchr(ip, ':') ? "[%s]" : "%s", ip);
		if (!ft_space_literal(host, &space))
			space = FT_PUBLIC;
	}
	if (space < t->answer->space)
		t->answer->space = space;
}

int
ft_ask(struct ft_http *h, struct ft_transfer *t, bool credentials)
{
	_cleanup_(free_list) struct curl_slist *lines = NULL;
	const struct ft_request *q = t->request;
	long status = 0;
	CURLcode r;

	/* Options go, TLS sessions stay. */
	curl_easy_reset(h->curl);
	t->curl = h->curl;
	h->error[0] = '\0';
	ft_transfer_again(t);
	if (add_lines(&lines, t, credentials) < 0)
		return ft_transfer_fail(t, PS_FETCH_NETWORK, "out of memory");
	r = set_manners(h, q, t->may_http);
	if (r == CURLE_OK)
		r = set_tls(h, q->checked_tls || !h->s.unchecked_tls);
	if (r == CURLE_OK)
		r = set_callbacks(h, t);
	SET(CURLOPT_HTTPHEADER, lines);
	SET(CURLOPT_URL, t->answer->url.text);
	if (r == CURLE_OK)
		r = curl_easy_perform(h->curl);
	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	t->answer->status = (uint32_t)status;
	note_space(h, t);
	if (r != CURLE_OK && !(r == CURLE_WRITE_ERROR && t->enough))
		return explain(h, t, r);
	return 0;
}

const char *
ft_location(struct ft_http *h)
{
	const char *location = NULL;

	if (curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &location) !=
	    CURLE_OK)
		return NULL;
	return location;
}

const struct ft_settings *
ft_settings_of(const struct ft_http *h)
{
	return &h->s;
}
