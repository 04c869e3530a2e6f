/*
 * From a URL to an answer: redirects, and what is done about a connection that
 * broke off.  Runs in the fetcher; each answer is hostile, and decides nothing
 * but within these rules: at most ten redirects, none to a place more
 * private than the one that sends us there, credentials for the first origin
 * alone, and nothing pasted together but bytes of one file (resume.h).
 */
#include "fetcher/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/limits.h"

#define RESUME_WAIT 100 /* ms, some at first, doubled by each try */

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
	const char *location = ft_location(h);
	struct ft_url url;
	int r;

	if (location == NULL)
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
	struct ft_answer *a = t->answer;

	if (t->ranged && a->status == 206 && a->size == t->resume.total)
		a->status = 200; /* as a whole */
	else if (t->ranged)
		return ft_transfer_fail(t, PS_FETCH_HTTP,
		    "the download broke off and the server does not go on with "
		    "it: HTTP status code %u", a->status);
	if (a->status == 200 || a->status == 202 ||
	    (a->status == 304 && t->request->etag[0] != '\0'))
		return 0;
	return ft_transfer_fail(
	    t, PS_FETCH_HTTP, "bad HTTP status code: %u", a->status);
}

/* After a break: the rest, a little later.  0, -EREMOTEIO: no, or what
 * progress returned. */
static int
go_on(struct ft_transfer *t)
{
	const struct ft_request *q = t->request;
	char text[FT_TEXT_MAX + 1];

	if (!t->broken || q->fd < 0 ||
	    !ft_resume_may(&t->resume, t->answer->size))
		return -EREMOTEIO;
	t->resume.tries++;
	t->ranged = true;
	ft_text(text, sizeof(text),
	    "%.400s; asking for the rest, behind %" PRIu64 " bytes",
	    t->answer->text, t->answer->size);
	if (q->notice)
		q->notice(text);
	for (unsigned i = 0; i < 2u << t->resume.tries; i++) {
		(void)poll(NULL, 0, RESUME_WAIT);
		if (ft_transfer_progress(t, 0) < 0)
			return t->end;
	}
	return 0;
}

/* An address in the URL itself; a proxy would go there unseen. */
static int
check_literal(struct ft_transfer *t)
{
	enum ft_space space;

	return ft_space_literal(t->answer->url.host, &space) &&
		       space > t->reach
		   ? ft_refuse_address(t, space)
		   : 0;
}

/* Ask, and ask again where the answers point.  Who was redirected away from
 * the first origin never sees the credentials, nor does that origin again. */
static int
follow(struct ft_http *h, struct ft_transfer *t)
{
	bool credentials =
	    t->request->authorization[0] != '\0' && t->answer->url.https;
	const struct ft_settings *s = ft_settings_of(h);
	struct ft_url first = t->answer->url;

	for (;;) {
		int r = check_literal(t);

		if (r == 0)
			r = ft_ask(h, t, credentials);
		if (r == -EREMOTEIO && t->broken) {
			r = go_on(t);
			if (r == 0)
				continue;
		}
		if (r == 0 && (t->ranged || !is_redirect(t->answer->status)))
			return judge(t);
		if (r == 0)
			r = next_hop(h, t);
		if (r < 0)
			return r;
		if (!s->may_private && t->answer->space < t->reach)
			t->reach = t->answer->space;
		if (!ft_url_same_origin(&first, &t->answer->url))
			credentials = false;
	}
}

int
ft_get(struct ft_http *h, const struct ft_request *q, struct ft_answer *ret)
{
	const struct ft_settings *s = ft_settings_of(h);
	struct ft_transfer t = {.request = q,
	    .answer = ret,
	    .may_http = s->may_http && !q->https_only,
	    .reach = s->may_private ? FT_LOOPBACK : q->reach,
	    .proxy_port = s->proxy_port};
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->space = FT_LOOPBACK;
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
