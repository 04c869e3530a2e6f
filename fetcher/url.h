#pragma once
/*
 * The one grammar of URLs that the fetcher knows, narrower than the world's:
 * what this reader and libcurl's could read differently is refused.  Pure, no
 * allocation.  Input: hostile (redirects, discovery documents).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FT_URL_MAX 2047u
#define FT_HOST_MAX 253u

struct ft_url {
	/* Canonical: scheme and host in lower case, default port left out, a
	 * path that begins with '/', no fragment.  What libcurl is given. */
	char text[FT_URL_MAX + 1];
	bool https;
	char host[FT_HOST_MAX + 1]; /* IPv6 addresses with their brackets */
	uint16_t port;
};

/* 0, or: -EINVAL not of the grammar, -EPROTONOSUPPORT neither http nor https,
 * -EACCES it carries a user name, -EMSGSIZE too long. */
int ft_url_parse(const char *s, struct ft_url *ret);

/* Why ft_url_parse said no, for the person. */
const char *ft_url_why(int error);

/* Scheme, host and port: who gets to see credentials. */
bool ft_url_same_origin(const struct ft_url *a, const struct ft_url *b);
