#pragma once
/*
 * Meta discovery: from a name to endpoints, asking the servers that the name
 * names.
 */
#include "fetcher/http.h"
#include "fetcher/page.h"

/* 0: *ret lists at least one endpoint.  -ENOENT: none; text says what was
 * tried.  Else what progress returned, or -ENOMEM.  progress is asked as in
 * ft_request, and may be NULL.  pattern's authorization goes to the name's own
 * host, by https alone; NULL none. */
int ft_discover(struct ft_http *http, const struct ft_want *want,
    const struct ft_request *pattern, struct ft_list *ret, char *text,
    size_t size);
