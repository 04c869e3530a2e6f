/*
 * --insecure-options of the conductor, user rkt.  What it yields is a wish:
 * the launcher reads its own argv and the site policy.
 */
#include "cli/insecure.h"

#include <ctype.h>
#include <string.h>

#include "privsep/policy.h"

static bool
is_repeated(const struct cli_list *words, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(words->v[i], words->v[at]) == 0)
			return true;
	return false;
}

const char *
cli_set_insecure(void *dest, const char *value)
{
	char *lower = cli_copy(value);
	struct cli_list words = { 0 };
	const char *wrong;
	uint32_t all = 0;
	size_t n;

	for (char *p = lower; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (cli_set_commas(&words, lower) != NULL)
		return "unknown option \"\"";
	for (size_t i = 0; i < words.n; i++) {
		uint32_t bits;

		if (!ps_parse_insecure(words.v[i], &bits, &wrong, &n))
			return cli_format("unknown option \"%s\"", words.v[i]);
		if (is_repeated(&words, i))
			return cli_format("duplicated option \"%s\"", words.v[i]);
		all |= bits;
	}
	*(uint32_t *)dest = all;
	return NULL;
}

const char *
cli_insecure_excess(uint32_t bits, uint32_t allowed)
{
	static const char *const words[] = { "image", "tls", "ondisk", "http",
		"pubkey", "capabilities", "paths", "seccomp" };

	for (size_t i = 0; i < PS_COUNT(words); i++) {
		uint32_t bit;
		const char *wrong;
		size_t n;

		if (ps_parse_insecure(words[i], &bit, &wrong, &n) &&
		    (bits & ~allowed & bit) != 0)
			return words[i];
	}
	return NULL;
}
