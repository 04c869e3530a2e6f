/*
 * Words to a call.  Runs as whoever typed them; nothing here touches a file.
 * Arguments are checked by kind before a command sees them, so that a mistake
 * is named by its place on the command line, not by its place in a manifest.
 */
#include "builder/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"

enum kind { IS_BOOL, IS_TEXT, IS_NUMBER, IS_LABEL };

static const struct flag {
	const char *name;
	enum kind kind;
	unsigned bit; /* 0: global */
	size_t offset;
	const char *value, *help;
} flags[] = {
#define AT(member) offsetof(struct bd_options, member)
	{ "help", IS_BOOL, 0, AT(help), NULL, "show this text" },
	{ "debug", IS_BOOL, 0, AT(debug), NULL, "say what is done" },
	{ "work-path", IS_TEXT, 0, AT(work_path), "DIR",
	    "directory that holds .acbuild (default: this one)" },
	{ "modify", IS_TEXT, 0, AT(modify), "FILE.aci",
	    "do this one thing to an image file, in place" },
	{ "no-history", IS_BOOL, 0, AT(no_history), NULL,
	    "do not note the command in an annotation" },
	{ "read-only", IS_BOOL, BD_F_READ_ONLY, AT(read_only), NULL,
	    "the mount point is read-only" },
	{ "count", IS_NUMBER, BD_F_COUNT, AT(count), "N",
	    "a range of N ports" },
	{ "socket-activated", IS_BOOL, BD_F_SOCKET, AT(socket_activated), NULL,
	    "the app takes the port's socket from its caller" },
	{ "pretty-print", IS_BOOL, BD_F_PRETTY, AT(pretty), NULL,
	    "print with line breaks" },
	{ "overwrite", IS_BOOL, BD_F_OVERWRITE, AT(overwrite), NULL,
	    "replace the file if it is there" },
	{ "to-dir", IS_BOOL, BD_F_TO_DIR, AT(to_dir), NULL,
	    "the last argument is a directory: see copy-to-dir" },
	{ "image-id", IS_TEXT, BD_F_IMAGE_ID, AT(image_id), "sha512-...",
	    "the dependency must have this id" },
	{ "label", IS_LABEL, BD_F_LABEL, AT(labels), "NAME=VALUE",
	    "the dependency must have this label (may be repeated)" },
	{ "size", IS_NUMBER, BD_F_SIZE, AT(size), "BYTES",
	    "the dependency must have this size" },
	{ "key", IS_TEXT, BD_F_KEY, AT(key), "ID",
	    "the key to sign with (default: gpg's)" },
	{ "working-dir", IS_TEXT, BD_F_WORKING_DIR, AT(working_dir), "DIR",
	    "directory in the image to run in" },
	{ "engine", IS_TEXT, BD_F_ENGINE, AT(engine), "NAME",
	    "taken for acbuild's sake, and ignored: there is one" },
	{ "net", IS_BOOL, BD_F_NET, AT(net), NULL,
	    "share this machine's network" },
	{ "insecure", IS_BOOL, BD_F_INSECURE, AT(insecure), NULL,
	    "taken for acbuild's sake, and ignored: nothing is fetched" },
	{ "build-mode", IS_TEXT, BD_F_BUILD_MODE, AT(build_mode), "appc",
	    "the image's format: appc alone" },
};

static const struct {
	const char *alias, *word;
} aliases[] = {
	{ "env", "environment" }, { "dep", "dependency" }, { "rm", "remove" },
};

static bool
is_env_name(const char *s, size_t n)
{
	char text[256];

	if (n > sizeof(text) - 2 || memchr(s, '=', n))
		return false;
	(void)snprintf(text, sizeof(text), "%s=", s);
	return ps_is_env(text, n + 1);
}

static bool
is_absolute(const char *s, size_t n)
{
	return n > 0 && s[0] == '/' && ps_is_path(s, n);
}

static bool
is_file(const char *s, size_t n)
{
	(void)s;
	return n > 0;
}

/* JSON holds nothing else. */
static bool
is_utf8(const char *s, size_t n)
{
	(void)n;
	return mbstowcs(NULL, s, 0) != (size_t)-1;
}

static bool
is_port(const char *s, size_t n)
{
	uint64_t port;

	(void)n;
	return ps_parse_u64(s, 65535, &port) && port > 0;
}

static bool
is_event(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "pre-start") == 0 || strcmp(s, "post-stop") == 0;
}

static const struct {
	char letter;
	bool (*is)(const char *s, size_t n);
	const char *what;
} kinds[] = {
	{ 'i', ps_is_acid,
	    "an identifier: lower-case letters and digits, one of -._~/ "
	    "between them" },
	{ 'n', ps_is_acname,
	    "a name: lower-case letters and digits, single dashes between" },
	{ 'e', is_env_name,
	    "a variable's name: letters, digits and _.- after a letter or _" },
	{ 'a', is_absolute, "an absolute path" },
	{ 'f', is_file, "a path" },
	{ '#', is_port, "a port: 1 to 65535" },
	{ 'x', is_event, "an event: pre-start or post-stop" },
	{ 't', is_utf8, "UTF-8" },
};

static int
check_argument(char letter, const char *s, char *error)
{
	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		if (kinds[i].letter != letter ||
		    kinds[i].is(s, strlen(s)))
			continue;
		(void)snprintf(error, BD_ERROR, "\"%.100s\" is not %s", s,
		    kinds[i].what);
		return -EINVAL;
	}
	return 0;
}

static const char *
plain_word(const char *word)
{
	for (size_t i = 0; i < PS_COUNT(aliases); i++)
		if (strcmp(word, aliases[i].alias) == 0)
			return aliases[i].word;
	return word;
}

/* Two words where the table has two, else one; returns how many. */
static size_t
find_command(const char *const *v, size_t n, const struct bd_command **ret)
{
	char two[64] = "";

	if (n > 1)
		(void)snprintf(two, sizeof(two), "%s %s", plain_word(v[0]),
		    plain_word(v[1]));
	for (const struct bd_command *c = bd_commands; n > 0 && c->words; c++) {
		size_t words = strcmp(c->words, two) == 0 ? 2 :
		    strcmp(c->words, plain_word(v[0])) == 0 ? 1 :
							      0;

		if (words == 0)
			continue;
		*ret = c;
		return words;
	}
	return 0;
}

static int
set_bool(bool *out, const char *value)
{
	if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return -EINVAL;
	*out = !value || strcmp(value, "true") == 0;
	return 0;
}

static int
set_flag(const struct flag *f, struct bd_options *o, const char *value)
{
	void *out = (char *)o + f->offset;

	switch (f->kind) {
	case IS_BOOL:
		return set_bool(out, value);
	case IS_NUMBER:
		return ps_parse_u64(value, INT64_MAX, out) &&
			*(uint64_t *)out > 0 ? 0 : -EINVAL;
	case IS_LABEL:
		if (o->n_labels == BD_MAX_LABELS || !strchr(value, '='))
			return -EINVAL;
		o->labels[o->n_labels++] = value;
		return 0;
	case IS_TEXT:
	default:
		memcpy(out, &value, sizeof(value));
		return value[0] != '\0' ? 0 : -EINVAL;
	}
}

/* "--name", "--name=value" or "--name" and next; 1 if next was used. */
static int
take_flag(const char *word, const char *next, unsigned *seen,
    struct bd_options *o, char *error)
{
	const char *name = strcmp(word, "-h") == 0 ? "help" : word + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] == '=' ? name + n + 1 : NULL;
	const struct flag *f = NULL;
	int used = 0;

	for (size_t i = 0; i < PS_COUNT(flags); i++)
		if (strlen(flags[i].name) == n &&
		    memcmp(flags[i].name, name, n) == 0)
			f = &flags[i];
	if (!f || (word[1] != '-' && word != name && strcmp(word, "-h") != 0)) {
		(void)snprintf(error, BD_ERROR, "unknown flag %.100s", word);
		return -EINVAL;
	}
	if (!value && f->kind != IS_BOOL) {
		value = next;
		used = 1;
	}
	*seen |= f->bit;
	if ((f->kind == IS_BOOL || value) && set_flag(f, o, value) == 0)
		return used;
	(void)snprintf(error, BD_ERROR, "--%s wants %s", f->name,
	    f->value ? f->value : "true or false");
	return -EINVAL;
}

static int
check_flags(const struct bd_command *command, unsigned seen, char *error)
{
	for (size_t i = 0; i < PS_COUNT(flags); i++) {
		if ((flags[i].bit & seen & ~command->flags) == 0)
			continue;
		(void)snprintf(error, BD_ERROR, "%s has no flag --%s",
		    command->words, flags[i].name);
		return -EINVAL;
	}
	return 0;
}

static int
check_call(struct bd_call *c, unsigned seen, char *error)
{
	const struct bd_command *command = c->command;
	const char *kind = command->kinds;
	int r;

	r = check_flags(command, seen, error);
	if (r < 0 || c->o.help)
		return r;
	if (c->n < (size_t)command->least ||
	    (command->most >= 0 && c->n > (size_t)command->most)) {
		(void)snprintf(error, BD_ERROR,
		    "wrong number of arguments: rkt-build %s %s",
		    command->words, command->usage);
		return -EINVAL;
	}
	for (size_t i = 0; i < c->n && r == 0; i++) {
		r = check_argument(*kind, c->v[i], error);
		if (kind[1] != '\0')
			kind++;
	}
	return r;
}

/* From here on stands another command, and its flags are its own. */
static bool
is_rest(const char *const *v, size_t n)
{
	const struct bd_command *command;
	size_t words = find_command(v, n, &command);

	return words > 0 && (command->marks & BD_REST) &&
	    n >= words + strlen(command->kinds);
}

int
bd_parse(int argc, char *const argv[], struct bd_call *c, char *error)
{
	unsigned seen = 0;
	size_t words;
	bool rest = false;

	c->command = NULL;
	c->n = 0;
	c->o = (struct bd_options){ .help = false };
	for (int i = 1; i < argc; i++) {
		int r;

		if (!rest && strcmp(argv[i], "--") == 0) {
			rest = true;
			continue;
		}
		if (rest || argv[i][0] != '-' || argv[i][1] == '\0') {
			c->v[c->n++] = argv[i];
			rest = rest || is_rest(c->v, c->n);
			continue;
		}
		r = take_flag(argv[i], i + 1 < argc ? argv[i + 1] : NULL,
		    &seen, &c->o, error);
		if (r < 0)
			return r;
		i += r;
	}
	if (c->n > 0 && strcmp(c->v[0], "help") == 0) {
		c->o.help = true;
		c->n--;
		memmove(c->v, c->v + 1, c->n * sizeof(*c->v));
	}
	words = find_command(c->v, c->n, &c->command);
	if (words == 0 && c->o.help)
		return 0;
	if (words == 0) {
		(void)snprintf(error, BD_ERROR,
		    c->n == 0 ? "which command? See rkt-build --help" :
				"unknown command \"%.100s\": see rkt-build "
				"--help",
		    c->n == 0 ? "" : c->v[0]);
		return -EINVAL;
	}
	c->n -= words;
	memmove(c->v, c->v + words, c->n * sizeof(*c->v));
	c->v[c->n] = NULL;
	return check_call(c, seen, error);
}

static void
help_flags(const char *title, unsigned bits, bool global)
{
	bool any = false;

	for (size_t i = 0; i < PS_COUNT(flags); i++) {
		const struct flag *f = &flags[i];

		if (global ? f->bit != 0 : (f->bit & bits) == 0)
			continue;
		if (!any)
			printf("\n%s:\n", title);
		any = true;
		printf("  --%s%s%s\t%s\n", f->name, f->value ? "=" : "",
		    f->value ? f->value : "", f->help);
	}
}

void
bd_help(const struct bd_command *command)
{
	if (command) {
		printf("rkt-build %s: %s\n\nUsage:\n  rkt-build [flags] %s %s\n",
		    command->words, command->summary, command->words,
		    command->usage);
		help_flags("Flags", command->flags, false);
	} else {
		printf("rkt-build: make app container images, as a plain "
		       "user\n\nUsage:\n  rkt-build [flags] COMMAND "
		       "[arguments]\n\nCommands:\n");
		for (const struct bd_command *c = bd_commands; c->words; c++)
			printf("  %s\t%s\n", c->words, c->summary);
	}
	help_flags("Global flags", 0, true);
}
