#pragma once
/*
 * What the operator said: the launcher's own argv, without a parser.  Words
 * between "--" and "---" are an app's and are not looked at.  Pure.
 */
#include <stdbool.h>
#include <stdint.h>

struct ln_argv {
	int argc;
	char *const *argv;
};

/* The words of the image'th image (from 0) of `rkt run` or `rkt prepare`: the
 * image, then its flags.  false: there is no such image. */
bool ln_argv_app(struct ln_argv a, unsigned image, struct ln_argv *ret);
/* The command is GROUP NAME, as `rkt app add`, both in full: *ret is the line
 * from there on, NAME its command. */
bool ln_argv_command(struct ln_argv a, const char *group, const char *name,
    struct ln_argv *ret);
/* value stands as a word of its own, or behind the '=' of "--flag=value". */
bool ln_argv_names(struct ln_argv a, const char *value);
/* path may be opened as a file: it is named, or it is NAMED.asc. */
bool ln_argv_file(struct ln_argv a, const char *path);
/* "--flag", "--flag=true" or "--flag=1". */
bool ln_argv_flag(struct ln_argv a, const char *flag);
/* The flag stands there at all, with or without a value. */
bool ln_argv_has(struct ln_argv a, const char *flag);
/* "--flag=value" or "--flag value" with exactly this value. */
bool ln_argv_option(struct ln_argv a, const char *flag, const char *value);
/* The next value of flag behind word *at (0 at first); NULL: no more. */
const char *ln_argv_value(struct ln_argv a, const char *flag, int *at);
/* All words of all --insecure-options, unknown ones ignored. */
uint32_t ln_argv_insecure(struct ln_argv a);
/* All CAP_* named in --caps-WHAT and --cap-WHAT: retain, or remove. */
uint64_t ln_argv_caps(struct ln_argv a, const char *what);
/* The next operator's word behind *at (0 at first), an app's arguments skipped;
 * NULL: no more. */
const char *ln_argv_next(struct ln_argv a, int *at);
