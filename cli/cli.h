#pragma once
/*
 * The conductor: what every command has at hand.  Runs as user rkt under the
 * launcher (control edge on descriptor 3), or as whoever called it, with what
 * that person may read.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/flags.h"
#include "privsep/chan.h"

#define CLI_FAILED 254	/* every error of our own */
#define CLI_MISSING 2	/* no command at all */

struct cli_globals {
	bool debug, help, trust_https;
	const char *dir, *system_config, *local_config, *user_config;
	uint32_t insecure; /* PS_INSECURE_* */
};

struct cli {
	const struct cli_command *command;
	struct cli_globals g;
	int argc;    /* words behind the flags */
	char **argv; /* of which argv[argc] is NULL */
	bool launched; /* control is the launcher's */
	bool alone;    /* control is that of a process of ours, without root */
	uid_t uid;
	char **words; /* the command line as it came */
	struct ps_chan control;		/* to the launcher */
	struct ps_msg_WELCOME welcome;	/* zero without launcher */
	int data, system, local, user; /* directories; -1 absent */
	uint32_t refused;		/* code of the last REFUSED */
	const char *missing; /* its text, where it was kept */
	unsigned keeps;	     /* 1 << PS_REFUSED_*: what is kept, not said */
	const char *about;		/* what a REFUSED is of; NULL */
};

enum {
	CLI_ALONE = 1,	 /* works without the launcher */
	CLI_NO_DATA = 2, /* needs no directory, hence no launcher either */
	CLI_OWN_ARGS = 4, /* prepare() parses the flags behind the command */
	CLI_SPOOL = 8 /* with ALONE: asks for what the launcher would do */
};

struct cli_command {
	const char *parent; /* NULL: under rkt itself */
	const char *name;
	const char *arguments; /* as the usage line shows them */
	const char *summary;   /* one line, lower case, no full stop */
	unsigned needs;
	const struct cli_flag *flags;
	const struct cli_flag *more_flags; /* run: flags behind an image */
	void *options; /* what flags point into */
	/* Before the sandbox closes: may open what the operator named. */
	int (*prepare)(struct cli *c);
	int (*run)(struct cli *c); /* both: the exit code */
};

extern const struct cli_flag cli_global_flags[];

/* The table of commands; NULL behind the last. */
const struct cli_command *cli_command_at(size_t i);
/* Finds the command that words name, by unambiguous prefixes; *at moves behind
 * it.  NULL, or what is wrong.  *ret is NULL for a parent ("image") alone. */
const char *cli_find_command(char **words, int *at,
    const struct cli_flagset *globals, const struct cli_command **ret,
    const char **ret_parent);
/* "image list" */
const char *cli_full_name(const struct cli_command *command);

/* Help, made from the tables. */
void cli_print_usage(FILE *out);
void cli_print_parent_usage(const char *parent, FILE *out);
void cli_print_help(const struct cli_command *command, FILE *out);

/* The command that speaks. */
void cli_say_as(const char *name);
/* "COMMAND: text" on stderr; CLI_FAILED. */
int cli_fail(const char *format, ...) _printf_(1, 2);
/* "image: text" on stderr; quiet leaves out all but warnings. */
void cli_quiet(bool on);
void cli_image_log(const char *format, ...) _printf_(1, 2);
/* Flushes stdout: the exit code, CLI_FAILED if something was lost. */
int cli_finish(int code);
