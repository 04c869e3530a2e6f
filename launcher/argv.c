/*
 * The operator's own words.  Pure; used by the plan's proof and by whatever
 * opens a path or widens a limit on the conductor's word.
 */
#include "launcher/argv.h"

#include <stdio.h>
#include <string.h>

#include "privsep/policy.h"

/* Flags that take no word behind them; cli/run_flags.c, cli/globals.c and
 * cli/cmd_export.c have the same ones without a value, which a test compares. */
static const char *const bare_flags[] = { "--debug", "--help", "--inherit-env",
	"--interactive", "--mds-register", "--net", "--no-overlay", "--no-store",
	"--overwrite", "--private-users", "--quiet", "--readonly-rootfs", "--store-only",
	"--trust-keys-from-https" };

static bool
takes_next(const char *word)
{
	if (strncmp(word, "--", 2) != 0 || strchr(word, '=') ||
	    strcmp(word, "--") == 0 || strcmp(word, "---") == 0)
		return false;
	for (size_t i = 0; i < sizeof(bare_flags) / sizeof(bare_flags[0]); i++)
		if (strcmp(bare_flags[i], word) == 0)
			return false;
	return true;
}

/* Behind "--" an app speaks; but not where it is the value of a flag: there an
 * odd number of words in a row could have one, and the last of them has. */
static bool
is_separator(struct ln_argv a, int at)
{
	bool value = false;

	if (strcmp(a.argv[at], "--") != 0)
		return false;
	for (int i = at - 1; i > 0 && takes_next(a.argv[i]); i--)
		value = !value;
	return !value;
}

const char *
ln_argv_next(struct ln_argv a, int *at)
{
	while (++*at < a.argc) {
		if (!is_separator(a, *at))
			return a.argv[*at];
		while (*at < a.argc && strcmp(a.argv[*at], "---") != 0)
			++*at;
	}
	return NULL;
}

bool
ln_argv_names(struct ln_argv a, const char *value)
{
	const char *word;

	for (int at = 0; (word = ln_argv_next(a, &at)) != NULL;) {
		const char *eq = strchr(word, '=');

		if (strcmp(word, value) == 0)
			return true;
		if (strncmp(word, "--", 2) == 0 && eq && strcmp(eq + 1, value) == 0)
			return true;
	}
	return false;
}

bool
ln_argv_file(struct ln_argv a, const char *path)
{
	char bare[4200];
	size_t n = strlen(path);

	if (n == 0 || n > 4095)
		return false;
	(void)snprintf(bare, sizeof(bare), "file://%s", path);
	if (ln_argv_names(a, path) || ln_argv_names(a, bare))
		return true;
	if (n < 5 || strcmp(path + n - 4, ".asc") != 0)
		return false;
	memcpy(bare, path, n - 4);
	bare[n - 4] = '\0';
	return ln_argv_file(a, bare);
}

bool
ln_argv_has(struct ln_argv a, const char *flag)
{
	size_t n = strlen(flag);
	const char *word;

	for (int at = 0; (word = ln_argv_next(a, &at)) != NULL;)
		if (strncmp(word, flag, n) == 0 && (word[n] == '\0' || word[n] == '='))
			return true;
	return false;
}

bool
ln_argv_flag(struct ln_argv a, const char *flag)
{
	static const char *const yes[] = { "", "=true", "=1", "=t", "=T", "=TRUE",
		"=True" };
	size_t n = strlen(flag);
	const char *word;

	for (int at = 0; (word = ln_argv_next(a, &at)) != NULL;) {
		if (strncmp(word, flag, n) != 0)
			continue;
		for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
			if (strcmp(word + n, yes[i]) == 0)
				return true;
	}
	return false;
}

const char *
ln_argv_value(struct ln_argv a, const char *flag, int *at)
{
	size_t n = strlen(flag);
	const char *word;

	while ((word = ln_argv_next(a, at)) != NULL) {
		if (strncmp(word, flag, n) != 0)
			continue;
		if (word[n] == '=')
			return word + n + 1;
		if (word[n] == '\0' && takes_next(word) && *at + 1 < a.argc)
			return a.argv[*at + 1];
	}
	return NULL;
}

bool
ln_argv_option(struct ln_argv a, const char *flag, const char *value)
{
	const char *v;

	for (int at = 0; (v = ln_argv_value(a, flag, &at)) != NULL;)
		if (strcmp(v, value) == 0)
			return true;
	return false;
}

uint32_t
ln_argv_insecure(struct ln_argv a)
{
	uint32_t all = 0, bits;
	const char *list, *word;
	char lower[256];
	size_t n;

	for (int at = 0; (list = ln_argv_value(a, "--insecure-options", &at));) {
		for (n = 0; list[n] != '\0' && n < sizeof(lower) - 1; n++)
			lower[n] = (char)(list[n] >= 'A' && list[n] <= 'Z' ? list[n] | 32
									   : list[n]);
		lower[n] = '\0';
		if (ps_parse_insecure(lower, &bits, &word, &n))
			all |= bits;
	}
	return all;
}

uint64_t
ln_argv_caps(struct ln_argv a, const char *what)
{
	static const char *const begins[] = { "--caps-", "--cap-" };
	uint64_t all = 0, caps;
	const char *list;
	char flag[32];

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		(void)snprintf(flag, sizeof(flag), "%s%s", begins[i], what);
		for (int at = 0; (list = ln_argv_value(a, flag, &at));)
			if (ps_parse_caps(list, &caps))
				all |= caps;
	}
	return all;
}

/* The next word that is neither flag nor a flag's value nor an argument of an
 * app, behind at; argc if there is none. */
static int
next_plain(struct ln_argv a, int at)
{
	while (++at < a.argc) {
		if (strcmp(a.argv[at], "--") == 0)
			while (at + 1 < a.argc && strcmp(a.argv[at], "---") != 0)
				at++;
		else if (takes_next(a.argv[at]))
			at++;
		else if (a.argv[at][0] != '-')
			return at;
	}
	return a.argc;
}

bool
ln_argv_app(struct ln_argv a, unsigned image, struct ln_argv *ret)
{
	int at = next_plain(a, 0), end; /* the command */

	for (unsigned i = 0; i <= image && at < a.argc; i++)
		at = next_plain(a, at);
	if (at >= a.argc)
		return false;
	end = next_plain(a, at);
	*ret = (struct ln_argv){ end - at, a.argv + at };
	return true;
}

bool
ln_argv_command(struct ln_argv a, const char *group, const char *name,
    struct ln_argv *ret)
{
	int at = next_plain(a, 0), next = next_plain(a, at);

	if (next >= a.argc || strcmp(a.argv[at], group) != 0 ||
	    strcmp(a.argv[next], name) != 0)
		return false;
	*ret = (struct ln_argv){ a.argc - next + 1, a.argv + next - 1 };
	return true;
}
