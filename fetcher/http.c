/*
 * HTTP by libcurl.  Runs in the fetcher, behind its sandbox; whatever comes
 * back over the wire is hostile.  libcurl follows no redirect, keeps no
 * cookie, reads no .netrc and no environment, and undoes no content coding:
 * where a request goes next, and what it carries, is decided here.
 */
#include "fetcher/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fetcher/transfer.h"
#include "privsep/attr.h"
#include "privsep/limits.h"
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

/* Metadata services of clouds live on link-local addresses; no registry does.
 * A name that a stranger chose must not lead there. */
static bool
is_link_local(const struct curl_sockaddr *a)
{
	/* libcurl keeps room for any family behind addr. */
	const char *sa = (const char *)a + offsetof(struct curl_sockaddr, addr);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	uint32_t v4;

	if (a->family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		v4 = ntohl(in.sin_addr.s_addr);
	} else {
		memcpy(&in6, sa, sizeof(in6));
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			return true;
		if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			return false;
		memcpy(&v4, in6.sin6_addr.s6_addr + 12, sizeof(v4));
		v4 = ntohl(v4);
	}
	return v4 >> 16 == 0xa9fe;
}

static curl_socket_t
open_socket(void *data, curlsocktype purpose _unused_, struct curl_sockaddr *a)
{
	struct ft_transfer *t = data;

	if (a->family != AF_INET && a->family != AF_INET6)
		return CURL_SOCKET_BAD;
	if (is_link_local(a)) {
		ft_transfer_fail(t, PS_FETCH_NETWORK,
		    "its address is link-local, which is refused");
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

static int
explain(struct ft_http *h, struct ft_transfer *t, CURLcode r)
{
	uint32_t code = PS_FETCH_NETWORK;

	if (t->end < 0)
		return t->end;
	for (size_t i = 0; i < PS_COUNT(codes); i++)
		if (codes[i].curl == r)
			code = codes[i].code;
	if (t->answer->code == 0)
		ft_transfer_fail(t, code, "%s",
		    h->error[0] != '\0' ? h->error : curl_easy_strerror(r));
	return -EREMOTEIO;
}

/* One request and its answer; no redirect. */
static int
ask(struct ft_http *h, struct ft_transfer *t, bool credentials)
{
	_cleanup_(free_list) struct curl_slist *lines = NULL;
	const struct ft_request *q = t->request;
	long status = 0;
	CURLcode r;

	/* Options go, TLS sessions stay. */
	curl_easy_reset(h->curl);
	t->curl = h->curl;
	h->error[0] = '\0';
	if ((credentials &&
		add_line(&lines, "Authorization", q->authorization) < 0) ||
	    (q->etag[0] != '\0' &&
		add_line(&lines, "If-None-Match", q->etag) < 0))
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
	if (r != CURLE_OK && !(r == CURLE_WRITE_ERROR && t->enough))
		return explain(h, t, r);
	return 0;
}

static bool
is_redirect(uint32_t status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* HOSTILE: where the server says to go next. */
static int
next_hop(struct ft_http *h, struct ft_transfer *t)
{
	struct ft_answer *a = t->answer;
	const char *location = NULL;
	struct ft_url url;
	int r;

	if (curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &location) !=
		CURLE_OK ||
	    location == NULL)
		return ft_transfer_fail(
		    t, PS_FETCH_REDIRECT, "redirect without a usable location");
	r = ft_url_parse(location, &url);
	if (r < 0)
		return ft_transfer_fail(t, PS_FETCH_REDIRECT,
		    "redirect to \"%.200s\" refused: %s", location,
		    ft_url_why(r));
	if (!url.https && !t->may_http)
		return ft_transfer_fail(t, PS_FETCH_INSECURE,
		    "redirect to plain http \"%.200s\" refused", url.text);
	if (++a->hops > FT_REDIRECTS_MAX)
		return ft_transfer_fail(t, PS_FETCH_REDIRECT,
		    "stopped after %d redirects", FT_REDIRECTS_MAX);
	a->url = url;
	return 0;
}

static int
judge(struct ft_transfer *t)
{
	uint32_t status = t->answer->status;

	if (status == 200 || status == 202 ||
	    (status == 304 && t->request->etag[0] != '\0'))
		return 0;
	return ft_transfer_fail(
	    t, PS_FETCH_HTTP, "bad HTTP status code: %u", status);
}

/* Ask, and ask again where the answers point.  Who was redirected away from
 * the first origin never sees the credentials, nor does that origin again. */
static int
follow(struct ft_http *h, struct ft_transfer *t)
{
	bool credentials =
	    t->request->authorization[0] != '\0' && t->answer->url.https;
	struct ft_url first = t->answer->url;

	for (;;) {
		int r = ask(h, t, credentials);

		if (r == 0 && !is_redirect(t->answer->status))
			return judge(t);
		if (r == 0)
			r = next_hop(h, t);
		if (r < 0)
			return r;
		if (!ft_url_same_origin(&first, &t->answer->url))
			credentials = false;
	}
}

int
ft_get(struct ft_http *h, const struct ft_request *q, struct ft_answer *ret)
{
	struct ft_transfer t = {.request = q,
	    .answer = ret,
	    .may_http = h->s.may_http && !q->https_only};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = ft_url_parse(q->url, &ret->url);
	if (r < 0)
		return ft_transfer_fail(&t, PS_FETCH_URL, "%s", ft_url_why(r));
	if (!ret->url.https && !t.may_http)
		return ft_transfer_fail(
		    &t, PS_FETCH_INSECURE, "plain http is refused");
	r = ft_transfer_begin(&t);
	if (r == 0)
		r = follow(h, &t);
	return r;
}

void
ft_answer_done(struct ft_answer *a)
{
	free(a->page);
	a->page = NULL;
}
