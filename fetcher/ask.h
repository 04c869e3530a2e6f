#pragma once
/*
 * One request and its answer, for follow.c: http.c's side of libcurl.
 */
#include "fetcher/transfer.h"

/* t->answer->url, with credentials or without; no redirect is followed.  0,
 * -EREMOTEIO (said; t->broken: it broke off), or what progress returned. */
int ft_ask(struct ft_http *h, struct ft_transfer *t, bool credentials);
/* Where the last answer points, or NULL. */
const char *ft_location(struct ft_http *h);
const struct ft_settings *ft_settings_of(const struct ft_http *h);
/* Says that an address of this kind is refused.  Returns -EREMOTEIO. */
int ft_refuse_address(struct ft_transfer *t, enum ft_space space);
