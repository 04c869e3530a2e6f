#pragma once
/*
 * What `rkt run` was asked for: pod flags, then images with their flags and
 * arguments.  The operator's voice.
 */
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/pull.h"

struct cli_run_app {
	const char *image; /* the argument */
	const char *name, *signature, *exec, *working_dir, *user, *group;
	const char *memory, *cpu, *seccomp;
	const char *caps_retain, *caps_remove;
	struct cli_list environment, gids;
	struct cli_list annotations, user_annotations, user_labels; /* k=v */
	uint64_t cpu_shares;
	int32_t oom_score_adj;
	bool has_oom, has_shares, readonly_rootfs;
	struct cli_list arguments;
};

struct cli_run_pod {
	struct cli_list net, set_env, set_env_files;
	const char *hostname;
	const char *uuid_file; /* written by the launcher */
	enum cli_policy policy;
	bool inherit_env, interactive, store_only, no_store, private_users;
	size_t n_apps;
	struct cli_run_app *apps; /* PS_MAX_APPS */
	/* What the flags came to. */
	struct cli_env file_env, flag_env;
};

extern const struct cli_flag cli_run_pod_flags[], cli_run_app_flags[];

/* The command line behind "run".  NULL, or what is wrong. */
const char *cli_run_parse(struct cli_run_pod *p, struct cli_globals *g,
    char **argv);
