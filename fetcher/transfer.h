#pragma once
/*
 * What happens to the bytes of one download: bounds, sink, progress.  No
 * libcurl in here.  Functions return 0 or a negative number to stop it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetcher/address.h"
#include "fetcher/http.h"
#include "fetcher/resume.h"

struct ft_transfer {
	const struct ft_request *request;
	struct ft_answer *answer;
	void *curl; /* the handle, for http.c */
	bool may_http;
	bool enough;	      /* stopped on purpose: body of no interest */
	bool has_head;	      /* this answer's head is complete */
	bool ranged;	      /* the rest of a body was asked for */
	bool broken;	      /* the connection's fault, not the answer's */
	struct ft_resume resume;
	enum ft_space reach;  /* how private an address may be */
	uint16_t proxy_port;  /* 0: no proxy */
	uint64_t skipped;     /* bytes of bodies thrown away */
	int end;	      /* what progress said, when it was negative */
	uint64_t reported_at; /* ms */
	uint64_t reported;    /* bytes */
};

/* Make the sink empty. */
int ft_transfer_begin(struct ft_transfer *t);
/* Another request of the same transfer is about to be sent. */
void ft_transfer_again(struct ft_transfer *t);
int ft_transfer_header(struct ft_transfer *t, const char *line, size_t n);
/* answer->status is set; total: Content-Length or -1. */
int ft_transfer_body(
    struct ft_transfer *t, const void *p, size_t n, int64_t total);
int ft_transfer_progress(struct ft_transfer *t, uint64_t total);
/* Why it failed: "URL: cause".  Returns -EREMOTEIO. */
int ft_transfer_fail(struct ft_transfer *t, uint32_t code, const char *format,
    ...) _printf_(3, 4);
