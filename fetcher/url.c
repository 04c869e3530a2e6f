/*
 * Reading URLs.  Runs in the fetcher; a URL may have been written by any
 * server that was asked.  Letters outside printable ASCII, backslashes,
 * blanks, user names and percent signs in hosts never get as far as libcurl.
 */
#include "fetcher/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "privsep/attr.h"
#include "privsep/name.h"

static const struct {
	const char *prefix;
	bool https;
	uint16_t port;
} schemes[] = {
    {"https://", true, 443},
    {"http://", false, 80},
};

static bool
is_url_byte(unsigned char c)
{
	return c > 0x20 && c < 0x7f && strchr("\\\"<>^`{|}", c) == NULL;
}

static bool
is_host_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

/* Labels of 1 to 63 letters, digits, '-' and '_'. */
static bool
is_reg_name(const char *host)
{
	size_t label = 0;

	for (; *host != '\0'; host++) {
		if (*host == '.' && label > 0)
			label = 0;
		else if (is_host_byte((unsigned char)*host) && label < 63)
			label++;
		else
			return false;
	}
	return label > 0;
}

static bool
is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	size_t n = strlen(host);

	if (n < 4 || n > sizeof(address) || host[n - 1] != ']')
		return false;
	memcpy(address, host + 1, n - 2);
	address[n - 2] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* s[0..n): host or host:port. */
static int
parse_authority(const char *s, size_t n, struct ft_url *u)
{
	const char *colon, *end = s + n;
	uint64_t port;
	char digits[6];

	if (memchr(s, '@', n))
		return -EACCES;
	colon = s[0] == '[' ? memchr(s, ']', n) : memchr(s, ':', n);
	if (s[0] == '[')
		colon = colon == NULL || colon + 1 == end ? NULL : colon + 1;
	if (colon) {
		n = (size_t)(end - colon) - 1;
		if (*colon != ':' || n == 0 || n >= sizeof(digits))
			return -EINVAL;
		memcpy(digits, colon + 1, n);
		digits[n] = '\0';
		if (!ps_parse_u64(digits, UINT16_MAX, &port) || port == 0)
			return -EINVAL;
		u->port = (uint16_t)port;
		end = colon;
	}
	n = (size_t)(end - s);
	if (n == 0 || n > FT_HOST_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		u->host[i] =
		    (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	u->host[n] = '\0';
	return is_reg_name(u->host) || (s[0] == '[' && is_ipv6(u->host))
		   ? 0
		   : -EINVAL;
}

/* tail[0..n): path, query. */
static int
canonicalise(struct ft_url *u, size_t scheme, const char *tail, size_t n)
{
	bool usual = u->port == schemes[scheme].port;
	char port[8] = "";
	int len;

	if (!usual)
		(void)snprintf(port, sizeof(port), ":%u", (unsigned)u->port);
	len = snprintf(u->text, sizeof(u->text), "%s%s%s%s%.*s",
	    schemes[scheme].prefix, u->host, port,
	    n > 0 && tail[0] == '/' ? "" : "/", (int)n, tail);
	return len < 0 || (size_t)len >= sizeof(u->text) ? -EMSGSIZE : 0;
}

int
ft_url_parse(const char *s, struct ft_url *ret)
{
	struct ft_url u;
	size_t i, n;
	int r;

	if (strnlen(s, FT_URL_MAX + 1) > FT_URL_MAX)
		return -EMSGSIZE;
	for (const char *p = s; *p != '\0'; p++)
		if (!is_url_byte((unsigned char)*p))
			return -EINVAL;
	for (i = 0; i < PS_COUNT(schemes); i++)
		if (strncasecmp(
			s, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			break;
	if (i == PS_COUNT(schemes))
		return strstr(s, "://") ? -EPROTONOSUPPORT : -EINVAL;
	memset(&u, 0, sizeof(u));
	u.https = schemes[i].https;
	u.port = schemes[i].port;
	s += strlen(schemes[i].prefix);
	n = strcspn(s, "/?#");
	r = parse_authority(s, n, &u);
	if (r < 0)
		return r;
	s += n;
	r = canonicalise(&u, i, s, strcspn(s, "#"));
	if (r < 0)
		return r;
	*ret = u;
	return 0;
}

const char *
ft_url_why(int error)
{
	static const struct {
		int error;
		const char *why;
	} rows[] = {
	    {-EPROTONOSUPPORT, "neither http nor https"},
	    {-EACCES, "URLs with a user name are refused"},
	    {-EMSGSIZE, "URL is too long"},
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].error == error)
			return rows[i].why;
	return "not a valid URL";
}

bool
ft_url_same_origin(const struct ft_url *a, const struct ft_url *b)
{
	return a->https == b->https && a->port == b->port &&
	       strcmp(a->host, b->host) == 0;
}
