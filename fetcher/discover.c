/*
 * Walking up a name.  Runs in the fetcher; the name is the operator's, every
 * page is hostile.  One request for each element of the name, https; plain
 * http after it only where the operator allowed that.
 */
#include "fetcher/discover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"

#define PAGE_DEADLINE 60L /* seconds */

struct walk {
	struct ft_http *http;
	const struct ft_want *want;
	const struct ft_request *pattern;
	struct ft_list *list;
	char *text;
	size_t size;
	bool answered; /* some server did speak HTTP with us */
	bool dead;     /* the name's own host cannot be spoken with */
};

static void
note(struct walk *w, const char *what)
{
	ft_text_add(w->text, w->size, "; %.300s", what);
}

/* One page.  0 looked at (perhaps in vain), or negative: stop altogether. */
static int
try_page(struct walk *w, const char *scheme, const char *name, size_t n)
{
	struct ft_request q = *w->pattern;
	struct ft_answer a;
	char url[FT_URL_MAX + 1];
	size_t before = w->list->n;
	int r;

	(void)snprintf(
	    url, sizeof(url), "%s://%.*s?ac-discovery=1", scheme, (int)n, name);
	q.url = url;
	q.etag = "";
	if (q.authorization == NULL)
		q.authorization = "";
	q.fd = -1;
	q.max = FT_PAGE_MAX;
	q.deadline = PAGE_DEADLINE;
	q.reach = FT_LOOPBACK; /* the name's own host: the operator's word */
	r = ft_get(w->http, &q, &a);
	w->dead = r == -EREMOTEIO && a.status == 0 && a.hops == 0;
	w->answered |= !w->dead;
	if (r == -EREMOTEIO) {
		note(w, a.text);
		r = 0;
	} else if (r == 0) {
		r = ft_read_page(a.page, a.size, w->want, w->list);
		w->list->reach = a.space;
		if (r == 0 && w->list->n == before) {
			ft_text(a.text, sizeof(a.text),
			    "%.400s: no usable %s tag", a.url.text,
			    w->want->keys ? "ac-discovery-pubkeys"
					  : "ac-discovery");
			note(w, a.text);
		}
	}
	ft_answer_done(&a);
	return r;
}

/* Each element's page, the whole name first; all are on the same host. */
static int
walk_up(struct walk *w, const char *scheme)
{
	const char *name = w->want->query.name;
	size_t n = strlen(name);

	w->dead = false;
	while (n > 0 && w->list->n == 0 && !w->dead) {
		int r = try_page(w, scheme, name, n);

		if (r < 0)
			return r;
		while (--n > 0 && name[n] != '/')
			;
	}
	return 0;
}

int
ft_discover(struct ft_http *http, const struct ft_want *want,
    const struct ft_request *pattern, struct ft_list *ret, char *text,
    size_t size)
{
	struct walk w = {.http = http,
	    .want = want,
	    .pattern = pattern,
	    .list = ret,
	    .text = text,
	    .size = size};
	int r;

	ft_text(text, size, "discovery of %s failed", want->query.name);
	r = walk_up(&w, "https");
	if (r == 0 && ret->n == 0 && want->may_http)
		r = walk_up(&w, "http");
	if (r == 0 && ret->n == 0 && w.answered) {
		ret->reach = FT_LOOPBACK;
		r = ft_simple_discovery(want, ret);
	}
	if (r == 0 && ret->n == 0)
		r = -ENOENT;
	return r;
}
