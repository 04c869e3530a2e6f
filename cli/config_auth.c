/*
 * Credentials for a URL.  Pure.  Conductor, user rkt; the URL may be a
 * stranger's word (discovery), so that it is its exact host that decides.
 */
#include <string.h>
#include <strings.h>

#include "cli/config.h"

static const char *
base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)text;
	size_t n = strlen(text);
	char *out = cli_alloc((n + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; i < n; i += 3, p += 4) {
		unsigned v = (unsigned)s[i] << 16;

		v |= i + 1 < n ? (unsigned)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? s[i + 2] : 0;
		p[0] = digits[v >> 18];
		p[1] = digits[v >> 12 & 63];
		p[2] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		p[3] = i + 2 < n ? digits[v & 63] : '=';
	}
	return out;
}

const char *
cli_config_authorization(const struct cli_config *cfg, const char *url,
    const char **ret)
{
	const struct cli_config_entry *e;
	const char *password;
	char *host;

	*ret = "";
	if (strncasecmp(url, "https://", 8) != 0)
		return NULL;
	host = cli_copy_n(url + 8, strcspn(url + 8, "/?#\\"));
	e = strchr(host, '@') ? NULL : cli_config_find(cfg, "auth", host);
	if (e == NULL)
		return NULL;
	if (strcmp(e->type, "basic") == 0) {
		password = cli_config_value(e, "password");
		*ret = cli_format("Basic %s",
		    base64(cli_format("%s:%s", cli_config_value(e, "user"),
			password ? password : "")));
	} else if (strcmp(e->type, "oauth") == 0) {
		*ret = cli_format("Bearer %s", cli_config_value(e, "token"));
	} else {
		return cli_format("%s: credentials of type %s are not supported "
				  "(for %s)", e->file, e->type, host);
	}
	return strlen(*ret) <= 4095 ? NULL :
				      cli_format("%s: credentials are too long",
					  e->file);
}
