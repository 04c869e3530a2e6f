#pragma once
/*
 * What `rkt run` was asked for: pod flags, then images with their flags and
 * arguments.  The operator's voice.
 */
#include "appc/pod.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/pull.h"

struct cli_run_app {
	const char *image; /* the argument; NULL: said knows */
	const char *name, *signature, *exec, *working_dir, *user, *group;
	const char *memory, *cpu, *seccomp;
	const char *caps_retain, *caps_remove;
	struct cli_list environment, gids;
	struct cli_list annotations, user_annotations, user_labels; /* k=v */
	struct cli_list mounts;	   /* volume=NAME,target=PATH */
	struct cli_list mnt_volumes; /* app add: a volume with its target */
	uint64_t cpu_shares;
	int32_t oom_score_adj;
	bool has_oom, has_shares, readonly_rootfs;
	const char *stdio[3]; /* --stdin, --stdout, --stderr */
	struct cli_list arguments;
	const struct ac_pod_app *said; /* what a pod manifest says of it */
};

/* What the apps of a pod see of names and the world. */
struct cli_run_place {
	struct cli_list net;
	const char *hostname;
	struct cli_list dns, dns_search, dns_opt, hosts;
	const char *dns_domain;
	bool interactive;
};

struct cli_run_pod {
	struct cli_run_place place;
	struct cli_list set_env, set_env_files;
	struct cli_list volumes, mounts, ports; /* as they were written */
	const char *uuid_file; /* written by the launcher */
	const char *pod_manifest;
	enum cli_policy policy;
	bool has_policy, inherit_env, store_only, no_store, private_users;
	bool quiet; /* prepare */
	bool mutable; /* app sandbox */
	struct cli_list annotations, user_annotations, user_labels; /* its */
	size_t n_apps;
	struct cli_run_app *apps; /* PS_MAX_APPS */
	/* What the flags came to. */
	struct cli_env file_env, flag_env;
};

extern const struct cli_flag cli_run_pod_flags[], cli_prepare_pod_flags[],
    cli_run_app_flags[], cli_run_prepared_flags[], cli_sandbox_flags[],
    cli_add_app_flags[];

/* The command line behind "run" or "prepare"; pod_flags are that command's.
 * NULL, or what is wrong. */
const char *cli_run_parse(struct cli_run_pod *p,
    const struct cli_flag *pod_flags, struct cli_globals *g, char **argv);
/* That behind "app add": UUID, one image, its flags. */
const char *cli_add_parse(struct cli_run_pod *p, struct cli_globals *g,
    char **argv, const char **ret_uuid);
