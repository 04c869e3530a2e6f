/*
 * The flags of run, prepare and run-prepared: three tables of the same rows.
 * Conductor, user rkt.  Input: the operator's words.
 */
#include <string.h>

#include "appc/image.h"
#include "cli/run.h"
#include "cli/stdio.h"
#include "cli/volumes.h"
#include "privsep/name.h"
#include "privsep/volume.h"

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

/* Looked at here, so that the person hears of it before anything happens. */
static const char *
set_volume(void *dest, const char *value)
{
	struct ps_volume v;
	const char *wrong = NULL;

	if (ps_volume_parse(value, &v, &wrong) < 0)
		return wrong;
	if (v.target[0] != '\0')
		return "target is said by --mount";
	cli_list_add(dest, value);
	return NULL;
}

static const char *
set_mnt_volume(void *dest, const char *value)
{
	struct ps_volume v;
	const char *wrong = NULL;

	if (ps_volume_parse(value, &v, &wrong) < 0)
		return wrong;
	if (v.target[0] == '\0')
		return "target is missing: target=PATH";
	cli_list_add(dest, value);
	return NULL;
}

static const char *
set_mount(void *dest, const char *value)
{
	struct ac_mount m;
	const char *wrong = cli_parse_mount(value, &m);

	if (wrong == NULL)
		cli_list_add(dest, value);
	return wrong;
}

static const char *
set_policy(void *dest, const char *value)
{
	struct cli_run_pod *p = dest;

	p->has_policy = true;
	return cli_set_pull_policy(&p->policy, value);
}

static const char *
set_ipc(void *dest, const char *value)
{
	(void)dest;
	if (strcmp(value, "parent") == 0)
		return "must be auto or private: with the host's IPC namespace "
		       "the pod would reach the shared memory of the host, and "
		       "its user namespace owns none of it";
	if (*value != '\0' && strcmp(value, "auto") != 0 &&
	    strcmp(value, "private") != 0)
		return "must be auto or private";
	return NULL;
}

/* Switches of rkt's that can only be off. */
static const char *
refuse(const char *value, const char *why)
{
	bool on;
	const char *wrong = cli_set_bool(&on, value);

	return wrong ? wrong : on ? why : NULL;
}

static const char *
set_no_overlay(void *dest, const char *value)
{
	(void)dest;
	return refuse(value, "is not possible: the roots of apps are overlays "
	    "over the store, which nothing copies; leave it out");
}

static const char *
set_stage1(void *dest, const char *value)
{
	(void)dest;
	(void)value;
	return "is not possible: stage1 is made of this machine's own systemd "
	       "where rkt is installed; leave it out";
}

static const char *
set_mds(void *dest, const char *value)
{
	(void)dest;
	return refuse(value, "is not possible: there is no metadata service");
}

static const char *
set_stdin(void *dest, const char *value)
{
	return cli_stdio_wrong(0, value) ? cli_stdio_wrong(0, value) :
					   cli_set_string(dest, value);
}

static const char *
set_stdout(void *dest, const char *value)
{
	return cli_stdio_wrong(1, value) ? cli_stdio_wrong(1, value) :
					   cli_set_string(dest, value);
}

#define POD(n, setter, m, v, i, h) \
	CLI_FLAG(n, setter, cli_run_pod, m, v, i, h)
#define POD_BOOL(n, m, h) CLI_BOOL(n, cli_run_pod, m, h)
#define APP(n, setter, m, v, h) CLI_FLAG(n, setter, cli_run_app, m, v, NULL, h)
#define PLACE(n, setter, m, v, i, h) \
	CLI_FLAG(n, setter, cli_run_place, m, v, i, h)
#define LATER(n)                                               \
	{                                                      \
		.name = (n), .set = cli_set_unsupported,       \
		.bare = ""                                     \
	}
#define STAGE1(n)                                              \
	{                                                      \
		.name = (n), .set = set_stage1, .bare = ""     \
	}
#define REFUSED(n, setter)                                     \
	{                                                      \
		.name = (n), .set = (setter), .bare = "true"   \
	}

/* Where the pod is: run, run-prepared and app sandbox.  The struct
 * cli_run_place is the first member of struct cli_run_pod. */
#define NAMES_ROWS                                                           \
	{ .name = "net", .set = cli_set_commas, .bare = "default",           \
	    .offset = offsetof(struct cli_run_place, net),                   \
	    .value = "NETWORK", .initial = "none",                           \
	    .help = "none, or host" },                                       \
	PLACE("hostname", cli_set_string, hostname, "NAME", "rkt-UUID",      \
	    "host name of the pod"),                                         \
	PLACE("dns", cli_set_list, dns, "IP", NULL,                          \
	    "name server (repeatable); or host, the host's resolv.conf; or " \
	    "none"),                                                         \
	PLACE("dns-search", cli_set_list, dns_search, "DOMAIN", NULL,        \
	    "domain in which to look for names (repeatable)"),               \
	PLACE("dns-opt", cli_set_list, dns_opt, "OPTION", NULL,              \
	    "option of the resolver (repeatable)"),                          \
	PLACE("dns-domain", cli_set_string, dns_domain, "DOMAIN", NULL,      \
	    "domain of the pod, as resolv.conf says it"),                    \
	PLACE("hosts-entry", cli_set_commas, hosts, "IP=HOST,...", NULL,     \
	    "line of /etc/hosts (repeatable); or host, the host's file")
#define PLACE_ROWS                                                           \
	NAMES_ROWS,                                                          \
	CLI_BOOL("interactive", cli_run_place, interactive,                  \
	    "give the terminal to the app; for one app"),                    \
	{ .name = "ipc", .set = set_ipc, .value = "MODE", .initial = "auto", \
	    .help = "auto or private, which are the same: the pod's own" },  \
	REFUSED("mds-register", set_mds)

#define STAGE1_ROWS                                                          \
	REFUSED("no-overlay", set_no_overlay), STAGE1("stage1-url"),         \
	STAGE1("stage1-path"), STAGE1("stage1-name"), STAGE1("stage1-hash"), \
	STAGE1("stage1-from-dir")

/* What the pod is made of: run and prepare. */
#define POD_ROWS                                                             \
	POD_BOOL("inherit-env", inherit_env,                                 \
	    "hand the caller's environment on, where the image sets "        \
	    "nothing"),                                                      \
	POD("set-env", cli_set_list, set_env, "NAME=VALUE", NULL,            \
	    "set a variable of all apps (repeatable)"),                      \
	POD("set-env-file", cli_set_list, set_env_files, "FILE", NULL,       \
	    "set variables of all apps from FILE (repeatable)"),             \
	POD("volume", set_volume, volumes, "NAME,kind=KIND,...", NULL,       \
	    "volume of the pod: kind=host,source=PATH, kind=empty, or "      \
	    "kind=tmpfs (repeatable)"),                                      \
	POD("mount", set_mount, mounts, "volume=NAME,target=PATH", NULL,     \
	    "mount a volume in all apps (repeatable)"),                      \
	POD("port", cli_set_list, ports, "NAME:[HOSTIP:]HOSTPORT", NULL,     \
	    "the host's port of a socket-activated port (repeatable)"),      \
	POD("pod-manifest", cli_set_string, pod_manifest, "FILE", NULL,      \
	    "make the pod of this manifest, instead of images"),             \
	{ .name = "pull-policy", .set = set_policy, .value = "POLICY",       \
	    .initial = "new",                                                \
	    .help = "when to ask the network for images: never, new, "       \
		    "update" },                                              \
	POD_BOOL("store-only", store_only,                                   \
	    "old name of --pull-policy=never"),                              \
	POD_BOOL("no-store", no_store,                                       \
	    "old name of --pull-policy=update"),                             \
	POD_BOOL("private-users", private_users,                             \
	    "accepted: every pod has a user namespace"),                     \
	STAGE1_ROWS

const struct cli_flag cli_run_pod_flags[] = {
	PLACE_ROWS, POD_ROWS,
	POD("uuid-file-save", cli_set_string, uuid_file, "FILE", NULL,
	    "write the pod's UUID to FILE"),
	{ 0 }
};

const struct cli_flag cli_prepare_pod_flags[] = {
	POD_BOOL("quiet", quiet, "say nothing but the pod's UUID"),
	POD_ROWS, { 0 }
};

const struct cli_flag cli_run_prepared_flags[] = { PLACE_ROWS, { 0 } };

const struct cli_flag cli_sandbox_flags[] = {
	NAMES_ROWS,
	POD("uuid-file-save", cli_set_string, uuid_file, "FILE", NULL,
	    "write the pod's UUID to FILE"),
	POD("annotation", cli_set_list, annotations, "NAME=VALUE", NULL,
	    "annotation of the pod (repeatable)"),
	POD("user-annotation", cli_set_list, user_annotations, "KEY=VALUE",
	    NULL, "free annotation (repeatable)"),
	POD("user-label", cli_set_list, user_labels, "KEY=VALUE", NULL,
	    "free label (repeatable)"),
	LATER("port"), STAGE1_ROWS,
	{ 0 }
};

#define APP_ROWS                                                             \
	APP("name", cli_set_string, name, "NAME", "name of the app"),        \
	APP("signature", cli_set_string, signature, "FILE",                  \
	    "detached signature of the image"),                              \
	APP("exec", cli_set_string, exec, "PATH",                            \
	    "run PATH instead of what the image says"),                      \
	APP("working-dir", cli_set_string, working_dir, "PATH",              \
	    "working directory"),                                            \
	APP("user", cli_set_string, user, "USER",                            \
	    "name, number, or a path in the image whose owner it is"),       \
	APP("group", cli_set_string, group, "GROUP", "the same for the group"),\
	APP("supplementary-gids", cli_set_commas, gids, "GID,...",           \
	    "further groups, numbers"),                                      \
	APP("environment", cli_set_list, environment, "NAME=VALUE",          \
	    "set a variable of this app (repeatable)"),                      \
	CLI_BOOL("readonly-rootfs", cli_run_app, readonly_rootfs,            \
	    "mount the root file system read-only"),                         \
	APP("mount", set_mount, mounts, "volume=NAME,target=PATH",           \
	    "mount a volume in this app (repeatable)"),                      \
	APP("memory", cli_set_string, memory, "QUANTITY",                    \
	    "memory limit, as 512Mi"),                                       \
	APP("cpu", cli_set_string, cpu, "QUANTITY", "CPU limit, as 500m"),   \
	APP("cpu-shares", set_shares, cpu_shares, "N",                       \
	    "CPU weight, 2 to 262144"),                                      \
	{ .name = "oom-score-adj", .set = set_oom, .value = "N",             \
	    .help = "-1000 (killed last) to 1000 (killed first)" },          \
	APP("caps-retain", cli_set_string, caps_retain, "CAP,...",           \
	    "these capabilities, and no others"),                            \
	APP("caps-remove", cli_set_string, caps_remove, "CAP,...",           \
	    "the default capabilities without these"),                       \
	APP("cap-retain", cli_set_string, caps_retain, "CAP,...", NULL),     \
	APP("cap-remove", cli_set_string, caps_remove, "CAP,...", NULL),     \
	APP("seccomp", cli_set_string, seccomp,                              \
	    "mode=retain|remove[,errno=E],NAME,...",                         \
	    "system calls to allow, or to deny"),                            \
	APP("annotation", cli_set_list, annotations, "NAME=VALUE",           \
	    "annotation of the app (repeatable)"),                           \
	APP("user-annotation", cli_set_list, user_annotations, "KEY=VALUE",  \
	    "free annotation (repeatable)"),                                 \
	APP("user-label", cli_set_list, user_labels, "KEY=VALUE",            \
	    "free label (repeatable)"),                                      \
	APP("stdin", set_stdin, stdio[0], "null|stream|tty|interactive",     \
	    "what the app reads (experiment: attach)"),                      \
	APP("stdout", set_stdout, stdio[1], "log|null|stream|tty",           \
	    "where it writes (experiment: attach)"),                         \
	APP("stderr", set_stdout, stdio[2], "log|null|stream|tty",           \
	    "the same of its errors (experiment: attach)")

const struct cli_flag cli_run_app_flags[] = { APP_ROWS, { 0 } };

const struct cli_flag cli_add_app_flags[] = {
	APP_ROWS,
	APP("mnt-volume", set_mnt_volume, mnt_volumes,
	    "NAME,kind=KIND,...,target=PATH",
	    "a volume of the app's own, as --volume of run, and where it is "
	    "mounted (repeatable)"),
	{ 0 }
};
