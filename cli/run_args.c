/*
 * The grammar of `rkt run [pod flags] IMAGE [app flags] [-- args [---]]...`,
 * conductor, user rkt.  Input: the operator's words.
 */
#include <string.h>

#include "appc/image.h"
#include "cli/run.h"
#include "privsep/name.h"

static const char *
set_shares(void *dest, const char *value)
{
	uint64_t *shares = dest;

	if (!ps_parse_u64(value, 262144, shares) || *shares < 2)
		return "must be a number from 2 to 262144";
	return NULL;
}

static const char *
set_oom(void *dest, const char *value)
{
	struct cli_run_app *a = dest;
	bool minus = *value == '-';
	uint64_t n;

	if (!ps_parse_u64(value + minus, 1000, &n))
		return "must be a number from -1000 to 1000";
	a->oom_score_adj = minus ? -(int32_t)n : (int32_t)n;
	a->has_oom = true;
	return NULL;
}

#define POD(n, setter, m, v, i, h) \
	CLI_FLAG(n, setter, cli_run_pod, m, v, i, h)
#define APP(n, setter, m, v, h) CLI_FLAG(n, setter, cli_run_app, m, v, NULL, h)
#define LATER(n)                                               \
	{                                                      \
		.name = (n), .set = cli_set_unsupported,       \
		.bare = ""                                     \
	}

const struct cli_flag cli_run_pod_flags[] = {
	{ .name = "net", .set = cli_set_commas, .bare = "default",
	    .offset = offsetof(struct cli_run_pod, net), .value = "NETWORK",
	    .initial = "none", .help = "none, or host" },
	POD("hostname", cli_set_string, hostname, "NAME", "rkt-UUID",
	    "host name of the pod"),
	CLI_BOOL("interactive", cli_run_pod, interactive,
	    "give the terminal to the app; for one app"),
	CLI_BOOL("inherit-env", cli_run_pod, inherit_env,
	    "hand the caller's environment on, where the image sets nothing"),
	POD("set-env", cli_set_list, set_env, "NAME=VALUE", NULL,
	    "set a variable of all apps (repeatable)"),
	POD("set-env-file", cli_set_list, set_env_files, "FILE", NULL,
	    "set variables of all apps from FILE (repeatable)"),
	POD("pull-policy", cli_set_pull_policy, policy, "POLICY", "new",
	    "when to ask the network for images: never, new, update"),
	POD("uuid-file-save", cli_set_string, uuid_file, "FILE", NULL,
	    "write the pod's UUID to FILE"),
	CLI_BOOL("store-only", cli_run_pod, store_only,
	    "old name of --pull-policy=never"),
	CLI_BOOL("no-store", cli_run_pod, no_store,
	    "old name of --pull-policy=update"),
	CLI_BOOL("private-users", cli_run_pod, private_users,
	    "accepted: every pod has a user namespace"),
	LATER("port"), LATER("dns"), LATER("dns-search"), LATER("dns-opt"),
	LATER("dns-domain"), LATER("hosts-entry"), LATER("no-overlay"),
	LATER("volume"), LATER("mount"), LATER("ipc"), LATER("pod-manifest"),
	LATER("mds-register"), LATER("stage1-url"), LATER("stage1-path"),
	LATER("stage1-name"), LATER("stage1-hash"), LATER("stage1-from-dir"),
	{ 0 }
};

const struct cli_flag cli_run_app_flags[] = {
	APP("name", cli_set_string, name, "NAME", "name of the app"),
	APP("signature", cli_set_string, signature, "FILE",
	    "detached signature of the image"),
	APP("exec", cli_set_string, exec, "PATH",
	    "run PATH instead of what the image says"),
	APP("working-dir", cli_set_string, working_dir, "PATH",
	    "working directory"),
	APP("user", cli_set_string, user, "USER",
	    "name, number, or a path in the image whose owner it is"),
	APP("group", cli_set_string, group, "GROUP", "the same for the group"),
	APP("supplementary-gids", cli_set_commas, gids, "GID,...",
	    "further groups, numbers"),
	APP("environment", cli_set_list, environment, "NAME=VALUE",
	    "set a variable of this app (repeatable)"),
	CLI_BOOL("readonly-rootfs", cli_run_app, readonly_rootfs,
	    "mount the root file system read-only"),
	APP("memory", cli_set_string, memory, "QUANTITY",
	    "memory limit, as 512Mi"),
	APP("cpu", cli_set_string, cpu, "QUANTITY", "CPU limit, as 500m"),
	APP("cpu-shares", set_shares, cpu_shares, "N",
	    "CPU weight, 2 to 262144"),
	{ .name = "oom-score-adj", .set = set_oom, .value = "N",
	    .help = "-1000 (killed last) to 1000 (killed first)" },
	APP("caps-retain", cli_set_string, caps_retain, "CAP,...",
	    "these capabilities, and no others"),
	APP("caps-remove", cli_set_string, caps_remove, "CAP,...",
	    "the default capabilities without these"),
	APP("cap-retain", cli_set_string, caps_retain, "CAP,...", NULL),
	APP("cap-remove", cli_set_string, caps_remove, "CAP,...", NULL),
	APP("seccomp", cli_set_string, seccomp,
	    "mode=retain|remove[,errno=E],NAME,...",
	    "system calls to allow, or to deny"),
	APP("annotation", cli_set_list, annotations, "NAME=VALUE",
	    "annotation of the app (repeatable)"),
	APP("user-annotation", cli_set_list, user_annotations, "KEY=VALUE",
	    "free annotation (repeatable)"),
	APP("user-label", cli_set_list, user_labels, "KEY=VALUE",
	    "free label (repeatable)"),
	LATER("mount"), LATER("stdin"), LATER("stdout"), LATER("stderr"),
	{ 0 }
};

/* The flags in front of the first image. */
static const char *
parse_pod(struct cli_run_pod *p, struct cli_globals *g, char **argv, int *at)
{
	const struct cli_flagset sets[] = {
		{ .flags = cli_run_pod_flags, .options = p },
		{ .flags = cli_global_flags, .options = g },
	};
	const char *wrong = cli_parse_flags(sets, PS_COUNT(sets), argv, at);

	if (wrong == NULL || argv[*at] == NULL ||
	    strncmp(wrong, "unknown flag", 12) != 0)
		return wrong;
	for (const struct cli_flag *f = cli_run_app_flags; f->name; f++) {
		size_t n = strlen(f->name);

		if (strncmp(argv[*at], "--", 2) == 0 && f->help &&
		    strncmp(argv[*at] + 2, f->name, n) == 0 &&
		    strchr("=", argv[*at][2 + n]))
			return cli_format("--%s must follow an image", f->name);
	}
	return wrong;
}

/* The flag of s is one of the pod's, or the global --help. */
static const char *
misplaced(struct cli_globals *g, const char *s, const char *wrong)
{
	if (s == NULL || strncmp(wrong, "unknown flag", 12) != 0)
		return wrong;
	if (strcmp(s, "--help") == 0) {
		g->help = true;
		return NULL;
	}
	for (const struct cli_flag *f = cli_run_pod_flags; f->name; f++) {
		size_t n = strlen(f->name);

		if (strncmp(s, "--", 2) == 0 && f->help &&
		    strncmp(s + 2, f->name, n) == 0 && strchr("=", s[2 + n]))
			return cli_format("--%s is the pod's: it stands before the "
					  "first image", f->name);
	}
	return wrong;
}

/* One image with its flags; at is its word. */
static const char *
parse_app(struct cli_run_pod *p, struct cli_globals *g, char **argv, int *at)
{
	struct cli_run_app *a = &p->apps[p->n_apps];
	const struct cli_flagset set = { .flags = cli_run_app_flags,
		.options = a };
	const char *wrong;

	if (p->n_apps == PS_MAX_APPS)
		return cli_format("a pod has at most %u apps", PS_MAX_APPS);
	p->n_apps++;
	a->image = argv[(*at)++];
	wrong = cli_parse_flags(&set, 1, argv, at);
	if (wrong)
		return misplaced(g, argv[*at], wrong);
	if (argv[*at] == NULL || strcmp(argv[*at], "--") != 0)
		return NULL;
	while (argv[++*at] && strcmp(argv[*at], "---") != 0)
		cli_list_add(&a->arguments, argv[*at]);
	if (argv[*at])
		++*at;
	if (argv[*at] && strcmp(argv[*at], "--") == 0)
		return "only one set of app arguments allowed per image";
	return NULL;
}

const char *
cli_run_parse(struct cli_run_pod *p, struct cli_globals *g, char **argv)
{
	const char *wrong;
	int at = 0;

	p->apps = cli_alloc(PS_MAX_APPS * sizeof(*p->apps));
	wrong = parse_pod(p, g, argv, &at);
	while (wrong == NULL && argv[at] && !g->help) {
		if (strcmp(argv[at], "---") == 0)
			at++;
		else if (strcmp(argv[at], "--") == 0)
			return "an image is required before any app arguments";
		else
			wrong = parse_app(p, g, argv, &at);
	}
	if (wrong || g->help)
		return wrong;
	if (p->n_apps == 0)
		return "takes one or more images";
	if (p->interactive && p->n_apps > 1)
		return "interactive option only supports one image";
	if (p->store_only && p->no_store)
		return "--store-only and --no-store exclude each other";
	if (p->store_only || p->no_store)
		p->policy = p->store_only ? CLI_PULL_NEVER : CLI_PULL_UPDATE;
	return NULL;
}
