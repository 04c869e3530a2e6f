#pragma once
/*
 * Where an address lies, as seen from this machine.  A server may send us on
 * to addresses of its own kind and to more public ones, not to more private
 * ones: what a stranger says must not reach what only this machine or its
 * network can reach.  Pure.  Input: hostile (DNS, redirects, discovery).
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* In order: each is more private than the one before. */
enum ft_space {
	FT_PUBLIC,
	FT_PRIVATE,  /* RFC 1918, unique local, carrier-grade NAT */
	FT_LOOPBACK, /* this machine */
	FT_NEVER     /* link-local, multicast, unspecified, metadata services */
};

/* v4 in host order. */
enum ft_space ft_space_v4(uint32_t v4);
enum ft_space ft_space_v6(const uint8_t v6[16]);
/* AF_INET or AF_INET6, else FT_NEVER.  sa has room for its family. */
enum ft_space ft_space_of(const struct sockaddr *sa);
/* host of a URL: is it an address, in any spelling that the C library knows
 * (with its brackets where it is of IPv6)? */
bool ft_space_literal(const char *host, enum ft_space *ret);
/* "public", ...: for the person. */
const char *ft_space_name(enum ft_space s);
