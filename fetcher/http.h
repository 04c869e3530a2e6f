#pragma once
/*
 * One download over HTTP(S), redirects included.  The only file of this room
 * that knows libcurl is http.c.  Everything that comes back is hostile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetcher/address.h"
#include "fetcher/header.h"
#include "fetcher/text.h"
#include "fetcher/url.h"

#define FT_REDIRECTS_MAX 10

struct ft_http; /* libcurl's handle and what CONFIGURE said */

struct ft_settings {
	bool may_http;	    /* PS_INSECURE_HTTP */
	bool unchecked_tls; /* PS_INSECURE_TLS */
	bool may_private;   /* servers may lead to more private addresses */
	const char *proxy;  /* "" none */
	const char *no_proxy;
	uint16_t proxy_port; /* ft_http_new finds it; 0 no proxy */
	void *ca; /* PEM, may be empty; ft_http_new takes it */
	size_t ca_size;
};

struct ft_request {
	const char *url, *etag, *authorization; /* "" none */
	int fd;	       /* where the body goes; -1: into ft_answer.page */
	uint64_t max;  /* bytes of body */
	long deadline; /* seconds for each hop, 0 none */
	bool https_only, checked_tls; /* stricter than the settings */
	/* The most private address that url may lead to: FT_LOOPBACK where the
	 * operator named its host. */
	enum ft_space reach;
	/* Called at most ten times a second; negative ends the program's
	 * interest.  total 0: unknown. */
	int (*progress)(void *data, uint64_t got, uint64_t total);
	/* A line for the person, or NULL: the download goes on all the same. */
	void (*notice)(const char *text);
	void *data;
};

struct ft_answer {
	uint32_t status;   /* 200, 202 or 304 when ft_get returned 0 */
	struct ft_url url; /* of the last hop */
	struct ft_header header;
	uint64_t size; /* bytes of body written; 0 unless status is 200 */
	char *page;    /* body when fd is -1; ft_answer_done frees it */
	uint32_t code; /* PS_FETCH_*: why ft_get returned -EREMOTEIO */
	unsigned hops; /* redirects followed */
	/* The most public address on the way: who told us what is in it can
	 * have us go no further in. */
	enum ft_space space;
	char text[FT_TEXT_MAX + 1]; /* URL and cause */
};

/* NULL: no memory.  Copies proxy and no_proxy. */
struct ft_http *ft_http_new(const struct ft_settings *s);

/* 0, -EREMOTEIO (see ret->code, ret->text), or what progress returned.
 * *ret is always filled and must be given to ft_answer_done. */
int ft_get(
    struct ft_http *http, const struct ft_request *r, struct ft_answer *ret);
void ft_answer_done(struct ft_answer *a);
