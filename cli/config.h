#pragma once
/*
 * rkt's configuration files: auth.d, paths.d and stage1.d below the system, the
 * local, and the user configuration directory.  Within one directory nothing is
 * said twice; a later one overrides, domain by domain and field by field.
 */
#include "cli/cli.h"

#define CLI_MAX_CONFIG_FIELDS 3

struct cli_config_field {
	const char *name, *value;
	bool secret;
};

/* What is said of one domain, registry or field. */
struct cli_config_entry {
	const char *kind; /* auth, dockerAuth, paths, stage1 */
	const char *key;  /* the domain, registry or field */
	const char *type; /* auth: basic, oauth, aws; else NULL */
	const char *file; /* FILE:LINE that says so */
	unsigned level;	  /* which base directory */
	size_t n_field;
	struct cli_config_field field[CLI_MAX_CONFIG_FIELDS];
};

struct cli_config {
	size_t n, room;
	struct cli_config_entry *v;
};

enum {
	CLI_CONFIG_AUTH = 1, /* auth and dockerAuth */
	CLI_CONFIG_PATHS = 2,
	CLI_CONFIG_STAGE1 = 4,
	CLI_CONFIG_ALL = 7
};

/* Those kinds.  0 or CLI_FAILED: said, by file, line and field. */
int cli_config_load(struct cli *c, unsigned kinds, struct cli_config *ret);
/* key NULL: any.  NULL: nothing is said of it. */
const struct cli_config_entry *cli_config_find(const struct cli_config *cfg,
    const char *kind, const char *key);
const char *cli_config_value(const struct cli_config_entry *e,
    const char *field);

/* One file's text, for tests: a level is overridden by a higher one.  NULL, or what is
 * wrong, with name:line. */
const char *cli_config_parse(struct cli_config *cfg, unsigned level,
    unsigned kinds, const char *name, const char *text, size_t n);

/* The header's value for url by its exact host, https alone; "" none.  NULL,
 * or what is wrong. */
const char *cli_config_authorization(const struct cli_config *cfg,
    const char *url, const char **ret);
