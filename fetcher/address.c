/*
 * Kinds of addresses.  Runs in the fetcher; addresses come from DNS, from
 * redirects and from pages, all of them hostile.  Two tables, and the forms of
 * IPv6 that carry an IPv4 address, which counts.
 */
#include "fetcher/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "privsep/attr.h"

/* First match.  What is not listed is public. */
static const struct {
	uint32_t net;
	unsigned bits;
	enum ft_space space;
} v4_rows[] = {
    {0x00000000, 8, FT_NEVER},	   /* 0.0.0.0/8: "this host" */
    {0x7f000000, 8, FT_LOOPBACK},  /* 127.0.0.0/8 */
    {0x0a000000, 8, FT_PRIVATE},   /* 10.0.0.0/8 */
    {0xac100000, 12, FT_PRIVATE},  /* 172.16.0.0/12 */
    {0xc0a80000, 16, FT_PRIVATE},  /* 192.168.0.0/16 */
    {0x646464c8, 32, FT_NEVER},	   /* 100.100.100.200: metadata, Alibaba */
    {0x64400000, 10, FT_PRIVATE},  /* 100.64.0.0/10: carrier-grade NAT */
    {0xa9fe0000, 16, FT_NEVER},	   /* 169.254.0.0/16: link-local, metadata */
    {0xa83f8110, 32, FT_NEVER},	   /* 168.63.129.16: metadata, Azure */
    {0xc00000c0, 32, FT_NEVER},	   /* 192.0.0.192: metadata, Oracle */
    {0xc0000000, 24, FT_PRIVATE},  /* 192.0.0.0/24: protocol assignments */
    {0xc6120000, 15, FT_PRIVATE},  /* 198.18.0.0/15: benchmarks */
    {0xe0000000, 4, FT_NEVER},	   /* multicast */
    {0xf0000000, 4, FT_NEVER},	   /* reserved, broadcast */
};

static const struct {
	uint8_t net[16];
	unsigned bytes;
	enum ft_space space;
} v6_rows[] = {
    /* fd00:ec2::254: metadata, Amazon */
    {{0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 16, FT_NEVER},
    {{0xfc}, 1, FT_PRIVATE}, /* fc00::/7: unique local */
    {{0xfd}, 1, FT_PRIVATE},
    {{0xff}, 1, FT_NEVER},			   /* multicast */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 6, FT_PRIVATE}, /* NAT64, local use */
    {{0x20, 0x01, 0, 0}, 4, FT_NEVER},		   /* Teredo */
};

/* Where an IPv4 address sits in one of IPv6. */
static const struct {
	uint8_t net[12];
	unsigned bytes, at;
} carriers[] = {
    {{[10] = 0xff, [11] = 0xff}, 12, 12},  /* ::ffff:a.b.c.d */
    {{0}, 12, 12},			    /* ::a.b.c.d */
    {{0, 0x64, 0xff, 0x9b}, 12, 12},	    /* NAT64 */
    {{0x20, 0x02}, 2, 2},		    /* 6to4 */
    {{[8] = 0xff, [9] = 0xff}, 12, 12},    /* ::ffff:0:a.b.c.d, SIIT */
};

enum ft_space
ft_space_v4(uint32_t v4)
{
	for (size_t i = 0; i < PS_COUNT(v4_rows); i++)
		if ((v4 ^ v4_rows[i].net) >> (32 - v4_rows[i].bits) == 0)
			return v4_rows[i].space;
	return FT_PUBLIC;
}

enum ft_space
ft_space_v6(const uint8_t v6[16])
{
	static const uint8_t one[16] = {[15] = 1};
	uint32_t v4;

	if (memcmp(v6, one, sizeof(one)) == 0)
		return FT_LOOPBACK;
	/* fe80::/10, and fec0::/10 that it was once beside */
	if (v6[0] == 0xfe && (v6[1] & 0x80) != 0)
		return (v6[1] & 0x40) != 0 ? FT_PRIVATE : FT_NEVER;
	for (size_t i = 0; i < PS_COUNT(v6_rows); i++)
		if (memcmp(v6, v6_rows[i].net, v6_rows[i].bytes) == 0)
			return v6_rows[i].space;
	for (size_t i = 0; i < PS_COUNT(carriers); i++)
		if (memcmp(v6, carriers[i].net, carriers[i].bytes) == 0) {
			memcpy(&v4, v6 + carriers[i].at, sizeof(v4));
			return ft_space_v4(ntohl(v4));
		}
	return FT_PUBLIC;
}

enum ft_space
ft_space_of(const struct sockaddr *sa)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return ft_space_v4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family != AF_INET6)
		return FT_NEVER;
	memcpy(&in6, sa, sizeof(in6));
	return ft_space_v6(in6.sin6_addr.s6_addr);
}

bool
ft_space_literal(const char *host, enum ft_space *ret)
{
	char text[INET6_ADDRSTRLEN];
	size_t n = strlen(host);
	struct in6_addr v6;
	struct in_addr v4;

	/* Also "127.1", "0x7f000001", "2130706433". */
	if (inet_aton(host, &v4) != 0) {
		*ret = ft_space_v4(ntohl(v4.s_addr));
		return true;
	}
	if (n < 3 || n - 2 >= sizeof(text) || host[0] != '[' ||
	    host[n - 1] != ']')
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	*ret = ft_space_v6(v6.s6_addr);
	return true;
}

const char *
ft_space_name(enum ft_space s)
{
	static const char *const names[] = {
	    [FT_PUBLIC] = "public",
	    [FT_PRIVATE] = "private",
	    [FT_LOOPBACK] = "this machine's own",
	    [FT_NEVER] = "link-local, multicast or a metadata service's",
	};

	return names[s];
}
