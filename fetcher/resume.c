/*
 * What may be pasted together.  Runs in the fetcher; both answers are
 * hostile.  Only bytes of one and the same file: the server named it
 * by a strong validator and names it so again.
 */
#include "fetcher/resume.h"

#include <stdio.h>
#include <string.h>

/* "xyz", not W/"xyz" and no other words. */
static bool
is_strong(const char *etag)
{
	size_t n = strlen(etag);

	return n >= 2 && etag[0] == '"' && etag[n - 1] == '"';
}

/* "Sun, 06 Nov 1994 08:49:37 GMT": nothing that reads like an ETag. */
static bool
is_date(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strlen(s) == 29 && strspn(s, letters) == 3 && s[3] == ',' &&
	       strcmp(s + 25, " GMT") == 0;
}

void
ft_resume_note(struct ft_resume *r, const struct ft_header *h)
{
	unsigned tries = r->tries;

	*r = (struct ft_resume){.tries = tries, .total = h->length};
	r->is_etag = is_strong(h->etag);
	/* An ETag that is weak says that bytes may differ; then the date, which
	 * is coarser, is no better. */
	if (r->is_etag)
		(void)snprintf(
		    r->validator, sizeof(r->validator), "%s", h->etag);
	else if (h->etag[0] == '\0' && is_date(h->modified))
		(void)snprintf(
		    r->validator, sizeof(r->validator), "%s", h->modified);
}

bool
ft_resume_may(const struct ft_resume *r, uint64_t at)
{
	return r->validator[0] != '\0' && at > 0 && at < r->total &&
	       r->tries < FT_RESUMES_MAX;
}

const char *
ft_resume_judge(
    const struct ft_resume *r, const struct ft_header *h, uint64_t at)
{
	const struct ft_range *g = &h->range;

	if (!g->good)
		return "it does not say which bytes follow";
	if (g->first != at)
		return "it does not begin where the first part ended";
	if (g->total != r->total || g->last != r->total - 1)
		return "it says another length than before";
	if (strcmp(r->validator, r->is_etag ? h->etag : h->modified) != 0)
		return "the file has changed meanwhile";
	if (h->length != 0 && h->length != r->total - at)
		return "it says another length than its range has";
	return NULL;
}
