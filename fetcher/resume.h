#pragma once
/*
 * Going on with a download that broke off: what of the first answer must be
 * there again in the second.  Pure, no allocation.  Input: hostile, the heads
 * of two answers; a wrong one costs the download, never more, for the bytes
 * are judged by their signature when they are all there.
 */
#include "fetcher/header.h"

#define FT_RESUMES_MAX 5u

struct ft_resume {
	char validator[FT_ETAG_MAX + 1]; /* goes into If-Range; "" none */
	bool is_etag;			 /* else it is a Last-Modified */
	uint64_t total;			 /* bytes of the whole body; 0 none */
	unsigned tries;
};

/* h is the head of an answer 200 to a request for all of it.  A weak ETag
 * says nothing of bytes, and is not used. */
void ft_resume_note(struct ft_resume *r, const struct ft_header *h);
/* May a body of which at bytes are there be asked to go on? */
bool ft_resume_may(const struct ft_resume *r, uint64_t at);
/* h is the head of an answer 206 to bytes=at-.  NULL, or what is wrong. */
const char *ft_resume_judge(
    const struct ft_resume *r, const struct ft_header *h, uint64_t at);
