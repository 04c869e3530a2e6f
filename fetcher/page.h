#pragma once
/*
 * Discovery documents: HTML in, endpoints out.  libxml2 reads the page, no
 * tree is built, nothing outside the <head> is looked at, nothing is loaded.
 * No I/O.  The page is hostile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetcher/address.h"
#include "fetcher/template.h"

#define FT_PAGE_MAX 1048576u /* bytes of one document */
#define FT_TAGS_MAX 256u     /* meta tags looked at in one document */
#define FT_URLS_MAX 32u	     /* ENDPOINTS.urls */
#define FT_LIST_MAX 60000u   /* bytes of all URLs: one message */

/* What was found.  Each URL is of the grammar of url.h; the prefix of the tag
 * it came from speaks for the name. */
struct ft_list {
	size_t n, bytes;
	enum ft_space reach; /* the most private address they may lead to */
	struct {
		char *url, *prefix;
	} row[FT_URLS_MAX];
};

struct ft_want {
	struct ft_query query;
	bool keys;     /* ac-discovery-pubkeys, else pairs: image, signature */
	bool may_http; /* plain http URLs are listed, too */
};

/* Adds to list what page[0..n) offers.  0 or -ENOMEM. */
int ft_read_page(const char *page, size_t n, const struct ft_want *want,
    struct ft_list *list);
/* Adds the endpoints of simple discovery, if os and arch are known. */
int ft_simple_discovery(const struct ft_want *want, struct ft_list *list);
void ft_list_done(struct ft_list *list);
