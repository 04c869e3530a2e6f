/*
 * URLs.  What our grammar accepts is canonical at once, has no user name, and
 * libcurl, which connects, reads the same scheme, host and port in it.
 */
/* link: fetcher/url.c fetcher/address.c privsep/name.c -lcurl */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetcher/address.h"
#include "fetcher/url.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

/* libcurl writes numeric addresses ("0x7f.1") in its own way. */
static int
is_address(const char *host)
{
	unsigned char ignored[4];

	return host[0] == '[' || inet_pton(AF_INET, host, ignored) == 1;
}

static void
check_curl(const struct ft_url *u)
{
	char *host = NULL, *scheme = NULL, *port = NULL, *user = NULL, text[8];
	enum ft_space space;
	CURLU *c = curl_url();

	(void)snprintf(text, sizeof(text), "%u", (unsigned)u->port);
	HOLDS(curl_url_set(c, CURLUPART_URL, u->text, 0) == CURLUE_OK);
	HOLDS(curl_url_get(c, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
	(void)curl_url_get(c, CURLUPART_HOST, &host, 0);
	(void)curl_url_get(c, CURLUPART_SCHEME, &scheme, 0);
	(void)curl_url_get(c, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	HOLDS(host && scheme && port);
	HOLDS(strcmp(scheme, u->https ? "https" : "http") == 0);
	HOLDS(strcmp(port, text) == 0);
	HOLDS(strcasecmp(host, u->host) == 0 || is_address(host));
	/* What libcurl takes for an address, and a proxy would, is one for us. */
	if (is_address(host))
		HOLDS(ft_space_literal(u->host, &space));
	curl_free(host);
	curl_free(scheme);
	curl_free(port);
	curl_url_cleanup(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096];
	struct ft_url u, again;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ft_url_parse(text, &u) < 0)
		return 0;
	HOLDS(ps_is_print(u.text, strlen(u.text)) && u.port != 0);
	HOLDS(ft_url_parse(u.text, &again) == 0);
	HOLDS(strcmp(u.text, again.text) == 0);
	HOLDS(ft_url_same_origin(&u, &again));
	check_curl(&u);
	return 0;
}
