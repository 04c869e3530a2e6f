/*
 * The flags that every command takes.  Conductor, user rkt; the operator's
 * words.
 */
#include "cli/cli.h"
#include "cli/insecure.h"

#define GLOBAL(n, m, v, h) \
	CLI_FLAG(n, cli_set_string, cli_globals, m, v, NULL, h)

const struct cli_flag cli_global_flags[] = {
	CLI_BOOL("debug", cli_globals, debug, "print more on stderr"),
	GLOBAL("dir", dir, "DIR", "data directory"),
	GLOBAL("system-config", system_config, "DIR", "vendor configuration"),
	GLOBAL("local-config", local_config, "DIR",
	    "administrator configuration"),
	GLOBAL("user-config", user_config, "DIR",
	    "a third configuration, over the other two; brings no trusted keys"),
	CLI_FLAG("insecure-options", cli_set_insecure, cli_globals, insecure,
	    "LIST", "none",
	    "comma list of what not to protect: none, image, tls, http, pubkey, "
	    "capabilities, paths, seccomp, all-fetch, all-run, all"),
	CLI_BOOL("trust-keys-from-https", cli_globals, trust_https,
	    "accept keys found by discovery over https without asking"),
	CLI_BOOL("help", cli_globals, help, "print what the command takes"),
	{ 0 }
};
