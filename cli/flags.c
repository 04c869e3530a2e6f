/*
 * The flag parser of the conductor, user rkt.  Input: the operator's argv.
 * Nothing here is trusted with more than filling an options struct.
 */
#include "cli/flags.h"

#include <stdio.h>
#include <string.h>

#include "cli/human.h"
#include "privsep/attr.h"
#include "privsep/name.h"

const char *
cli_set_bool(void *dest, const char *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true }, { "false", false }, { "1", true },
		{ "0", false }, { "t", true }, { "f", false }, { "T", true },
		{ "F", false }, { "TRUE", true }, { "FALSE", false },
		{ "True", true }, { "False", false } };

	for (size_t i = 0; i < PS_COUNT(words); i++) {
		if (strcmp(value, words[i].word) == 0) {
			*(bool *)dest = words[i].value;
			return NULL;
		}
	}
	return "must be true or false";
}

const char *
cli_set_string(void *dest, const char *value)
{
	*(const char **)dest = value;
	return NULL;
}

const char *
cli_set_list(void *dest, const char *value)
{
	cli_list_add(dest, value);
	return NULL;
}

const char *
cli_set_commas(void *dest, const char *value)
{
	for (;;) {
		const char *comma = strchrnul(value, ',');

		if (comma == value)
			return "has an empty element";
		cli_list_add(dest, cli_copy_n(value, (size_t)(comma - value)));
		if (*comma == '\0')
			return NULL;
		value = comma + 1;
	}
}

const char *
cli_set_duration(void *dest, const char *value)
{
	if (cli_parse_duration(value, dest) < 0)
		return "must be a duration such as 30m or 1h30m";
	return NULL;
}

const char *
cli_set_u64(void *dest, const char *value)
{
	if (!ps_parse_u64(value, UINT64_MAX, dest))
		return "must be a decimal number";
	return NULL;
}

const char *
cli_set_unsupported(void *dest, const char *value)
{
	(void)dest;
	(void)value;
	return "is not supported yet";
}

static const struct cli_flag *
find_flag(const struct cli_flagset *sets, size_t n, const char *name,
    size_t length, void **ret_options)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_flag *f = sets[i].flags;

		for (; f && f->name; f++) {
			if (strlen(f->name) != length ||
			    memcmp(f->name, name, length) != 0)
				continue;
			*ret_options = sets[i].options;
			return f;
		}
	}
	return NULL;
}

static const char *
parse_flag(const struct cli_flagset *sets, size_t n, char **argv, int *at)
{
	const char *name = argv[*at] + 2;
	const char *value = strchrnul(name, '=');
	size_t length = (size_t)(value - name);
	void *options = NULL;
	const struct cli_flag *f = find_flag(sets, n, name, length, &options);
	const char *wrong;

	if (f == NULL)
		return cli_format("unknown flag: --%.*s", (int)length, name);
	if (*value == '=')
		value++;
	else if (f->bare)
		value = f->bare;
	else if (argv[*at + 1])
		value = argv[++*at];
	else
		return cli_format("flag needs an argument: --%s", f->name);
	++*at;
	wrong = f->set((char *)options + f->offset, value);
	if (wrong == NULL)
		return NULL;
	/* Not the value is wrong, but the flag. */
	if (strncmp(wrong, "is not ", 7) == 0)
		return cli_format("--%s %s", f->name, wrong);
	return cli_format("invalid argument \"%s\" for --%s: %s", value,
	    f->name, wrong);
}

const char *
cli_parse_flags(const struct cli_flagset *sets, size_t n, char **argv, int *at)
{
	static char help[] = "--help";

	while (argv[*at]) {
		const char *s = argv[*at];
		const char *wrong;

		if (s[0] != '-' || s[1] == '\0' || strcmp(s, "--") == 0 ||
		    strcmp(s, "---") == 0)
			break;
		if (strcmp(s, "-h") == 0)
			argv[*at] = help;
		else if (s[1] != '-')
			return cli_format("unknown shorthand flag: '%c' in %s",
			    s[1], s);
		wrong = parse_flag(sets, n, argv, at);
		if (wrong)
			return wrong;
	}
	return NULL;
}
