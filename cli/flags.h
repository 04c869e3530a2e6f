#pragma once
/*
 * Command line flags as tables.  GNU-like: --flag=value, --flag value,
 * switches --flag[=true|false].  Input is what the operator typed; errors are
 * texts for the operator.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/mem.h"

/* Sets *dest from value.  NULL, or what is wrong with the value. */
typedef const char *cli_setter(void *dest, const char *value);

struct cli_flag {
	const char *name; /* without dashes; NULL ends a table */
	cli_setter *set;
	size_t offset;	     /* of the destination in the options struct */
	const char *bare;    /* value of --name alone; NULL: one is required */
	const char *value;   /* what the help calls the value */
	const char *initial; /* the default, as the help shows it */
	const char *help;    /* NULL: hidden */
};

/* A table and the struct that its offsets are in. */
struct cli_flagset {
	const struct cli_flag *flags;
	void *options;
};

cli_setter cli_set_bool;     /* bool */
cli_setter cli_set_string;   /* const char * */
cli_setter cli_set_list;     /* struct cli_list */
cli_setter cli_set_commas;   /* struct cli_list, split at commas */
cli_setter cli_set_duration; /* int64_t, nanoseconds */
cli_setter cli_set_u64;	     /* uint64_t, decimal */
/* A flag of rkt's that there is not yet: always an error that says so. */
cli_setter cli_set_unsupported;

#define CLI_BOOL(n, s, m, h)                                             \
	{                                                                \
		.name = (n), .set = cli_set_bool, .bare = "true",        \
		.offset = offsetof(struct s, m), .help = (h),            \
		.initial = "false"                                       \
	}
#define CLI_FLAG(n, setter, s, m, v, i, h)                               \
	{                                                                \
		.name = (n), .set = (setter), .value = (v),              \
		.offset = offsetof(struct s, m), .initial = (i),         \
		.help = (h)                                              \
	}

/*
 * Consume flags from argv[*at] on, up to the first word that is not one, and
 * "--" or "---" (not consumed).  NULL, or what is wrong.
 */
const char *cli_parse_flags(const struct cli_flagset *sets, size_t n,
    char **argv, int *at);
