/*
 * The bytes of one download.  Runs in the fetcher; the bytes are hostile and
 * go, unread, into a write-only slot (or, for a discovery page, into memory).
 */
#include "fetcher/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fetcher/page.h"
#include "privsep/fds.h"
#include "privsep/limits.h"

#define SKIP_MAX 65536u	  /* bytes of error and redirect pages */
#define REPORT_EVERY 100u /* ms */

int
ft_transfer_fail(struct ft_transfer *t, uint32_t code, const char *format, ...)
{
	struct ft_answer *a = t->answer;
	char cause[600];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(cause, sizeof(cause), format, ap);
	va_end(ap);
	a->code = code;
	ft_text(a->text, sizeof(a->text), "%.400s: %s",
	    a->url.text[0] != '\0' ? a->url.text : t->request->url, cause);
	return -EREMOTEIO;
}

static int
disk_failed(struct ft_transfer *t, int error)
{
	return ft_transfer_fail(
	    t, PS_FETCH_DISK, "cannot store the download: %s", strerror(error));
}

static int
empty(struct ft_transfer *t)
{
	int fd = t->request->fd;

	if (fd >= 0 && (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		return disk_failed(t, errno);
	t->answer->size = 0;
	return 0;
}

int
ft_transfer_begin(struct ft_transfer *t)
{
	int fd = t->request->fd;

	if (fd >= 0)
		return empty(t);
	t->answer->page = malloc(FT_PAGE_MAX);
	if (t->answer->page == NULL)
		return ft_transfer_fail(t, PS_FETCH_NETWORK, "out of memory");
	return 0;
}

void
ft_transfer_again(struct ft_transfer *t)
{
	t->has_head = t->enough = t->broken = false;
	t->skipped = 0;
	t->answer->code = 0;
	t->answer->text[0] = '\0';
}

/* The head of an answer that has a body for the sink. */
static int
begin_body(struct ft_transfer *t)
{
	const struct ft_header *h = &t->answer->header;
	const char *wrong;
	int r = 0;

	/* TLS's own goodbye is not asked for by libcurl, so that a cut would
	 * look like the end. */
	if (!h->has_end)
		return ft_transfer_fail(t, PS_FETCH_HTTP,
		    "the server does not say where the body ends");
	if (h->status == 206) {
		wrong = ft_resume_judge(&t->resume, h, t->answer->size);
		return wrong ? ft_transfer_fail(t, PS_FETCH_HTTP,
				   "the download broke off and cannot go on: "
				   "the server offers other bytes (%s)",
				   wrong)
			     : 0;
	}
	if (t->ranged)
		r = empty(t);
	t->ranged = false;
	ft_resume_note(&t->resume, h);
	return r;
}

int
ft_transfer_header(struct ft_transfer *t, const char *line, size_t n)
{
	struct ft_header *h = &t->answer->header;
	int r = ft_header_line(h, line, n);

	/* Behind the head there may be trailers, which nobody believes. */
	if (r == 0 && h->complete && !t->has_head && h->status >= 200) {
		t->has_head = true;
		if (t->request->fd >= 0 &&
		    (h->status == 200 || (h->status == 206 && t->ranged)))
			return begin_body(t);
	}
	if (r == 0)
		return 0;
	return ft_transfer_fail(t, PS_FETCH_HTTP, "%s",
	    r == -EPROTO ? "answers in a transfer coding other than chunked"
			 : "too many header lines");
}

/* libcurl tells where a redirect leads once it has read its body; longer ones
 * than this, and error pages, are not read to their end. */
static int
skip(struct ft_transfer *t, size_t n)
{
	t->skipped += n;
	if (t->skipped <= SKIP_MAX)
		return 0;
	t->enough = true;
	return -ECANCELED;
}

int
ft_transfer_body(struct ft_transfer *t, const void *p, size_t n, int64_t total)
{
	const struct ft_request *q = t->request;
	struct ft_answer *a = t->answer;
	uint64_t max = q->fd < 0 && q->max > FT_PAGE_MAX ? FT_PAGE_MAX : q->max;
	int r;

	if (a->status != 200 && !(a->status == 206 && t->ranged))
		return skip(t, n);
	if (t->ranged && n > t->resume.total - a->size)
		return ft_transfer_fail(
		    t, PS_FETCH_HTTP, "the server sends more than it said");
	if (n > max - a->size || (total > 0 && (uint64_t)total > max))
		return ft_transfer_fail(t, PS_FETCH_SIZE,
		    "larger than the limit of %" PRIu64 " bytes", max);
	if (q->fd < 0) {
		memcpy(a->page + a->size, p, n);
	} else {
		r = ps_write_full(q->fd, p, n);
		if (r < 0)
			return disk_failed(t, -r);
	}
	a->size += n;
	return 0;
}

int
ft_transfer_progress(struct ft_transfer *t, uint64_t total)
{
	const struct ft_request *q = t->request;
	struct timespec ts;
	uint64_t now;
	int r;

	if (q->progress == NULL || clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		return 0;
	now = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (now - t->reported_at < REPORT_EVERY)
		return 0;
	t->reported_at = now;
	if (t->ranged)
		total = t->resume.total;
	else if (t->answer->status != 200)
		total = 0;
	r = q->progress(q->data, t->answer->size, total);
	if (r < 0)
		t->end = r;
	return r;
}
