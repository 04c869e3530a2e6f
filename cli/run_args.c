/*
 * The grammar of `rkt run [pod flags] IMAGE [app flags] [-- args [---]]...`,
 * conductor, user rkt.  Input: the operator's words.
 */
#include <string.h>

#include "cli/run.h"

/* The flag of a table that s is, if help names it. */
static const struct cli_flag *
named(const struct cli_flag *f, const char *s)
{
	for (; f && f->name; f++) {
		size_t n = strlen(f->name);

		if (strncmp(s, "--", 2) == 0 && f->help &&
		    strncmp(s + 2, f->name, n) == 0 && strchr("=", s[2 + n]))
			return f;
	}
	return NULL;
}

/* The flags in front of the first image. */
static const char *
parse_pod(struct cli_run_pod *p, const struct cli_flag *pod_flags,
    struct cli_globals *g, char **argv, int *at)
{
	const struct cli_flagset sets[] = {
		{ .flags = pod_flags, .options = p },
		{ .flags = cli_global_flags, .options = g },
	};
	const char *wrong = cli_parse_flags(sets, PS_COUNT(sets), argv, at);
	const struct cli_flag *f;

	if (wrong == NULL || argv[*at] == NULL ||
	    strncmp(wrong, "unknown flag", 12) != 0)
		return wrong;
	f = named(cli_run_app_flags, argv[*at]);
	return f ? cli_format("--%s must follow an image", f->name) : wrong;
}

/* The flag of s is one of the pod's, or the global --help. */
static const char *
misplaced(const struct cli_flag *pod_flags, struct cli_globals *g,
    const char *s, const char *wrong)
{
	const struct cli_flag *f;

	if (s == NULL || strncmp(wrong, "unknown flag", 12) != 0)
		return wrong;
	if (strcmp(s, "--help") == 0) {
		g->help = true;
		return NULL;
	}
	f = named(pod_flags, s);
	if (f)
		return cli_format("--%s is the pod's: it stands before the first "
				  "image", f->name);
	f = named(cli_global_flags, s);
	if (f)
		return cli_format("--%s is rkt's: it stands before the first image",
		    f->name);
	return wrong;
}

/* One image with its flags; at is its word. */
static const char *
parse_app(struct cli_run_pod *p, const struct cli_flag *pod_flags,
    struct cli_globals *g, char **argv, int *at)
{
	struct cli_run_app *a = &p->apps[p->n_apps];
	const struct cli_flagset set = { .flags = pod_flags ? cli_run_app_flags :
							      cli_add_app_flags,
		.options = a };
	const char *wrong;

	if (p->n_apps == PS_MAX_APPS)
		return cli_format("a pod has at most %u apps", PS_MAX_APPS);
	p->n_apps++;
	a->image = argv[(*at)++];
	wrong = cli_parse_flags(&set, 1, argv, at);
	if (wrong)
		return misplaced(pod_flags, g, argv[*at], wrong);
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

/* A pod manifest says all that these say. */
static const char *
excluded(const struct cli_run_pod *p)
{
	const struct {
		bool said;
		const char *what;
	} rows[] = { { p->n_apps > 0, "an image" },
		{ p->volumes.n > 0, "--volume" }, { p->mounts.n > 0, "--mount" },
		{ p->ports.n > 0, "--port" },
		{ p->has_policy && p->policy == CLI_PULL_NEVER,
		    "--pull-policy=never" },
		{ p->has_policy && p->policy == CLI_PULL_UPDATE,
		    "--pull-policy=update" },
		{ p->store_only, "--store-only" }, { p->no_store, "--no-store" },
		{ p->inherit_env, "--inherit-env" },
		{ p->set_env.n > 0, "--set-env" },
		{ p->set_env_files.n > 0, "--set-env-file" } };

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].said)
			return cli_format("%s does not go with --pod-manifest, "
					  "which says all of a pod", rows[i].what);
	return NULL;
}

const char *
cli_run_parse(struct cli_run_pod *p, const struct cli_flag *pod_flags,
    struct cli_globals *g, char **argv)
{
	const char *wrong;
	int at = 0;

	p->apps = cli_alloc(PS_MAX_APPS * sizeof(*p->apps));
	wrong = parse_pod(p, pod_flags, g, argv, &at);
	while (wrong == NULL && argv[at] && !g->help) {
		if (strcmp(argv[at], "---") == 0)
			at++;
		else if (strcmp(argv[at], "--") == 0)
			return "an image is required before any app arguments";
		else
			wrong = parse_app(p, pod_flags, g, argv, &at);
	}
	if (wrong || g->help)
		return wrong;
	if (p->pod_manifest)
		return excluded(p);
	if (p->n_apps == 0)
		return "takes one or more images";
	if (p->place.interactive && p->n_apps > 1)
		return "interactive option only supports one image";
	if (p->store_only && p->no_store)
		return "--store-only and --no-store exclude each other";
	if (p->store_only || p->no_store)
		p->policy = p->store_only ? CLI_PULL_NEVER : CLI_PULL_UPDATE;
	return NULL;
}

const char *
cli_add_parse(struct cli_run_pod *p, struct cli_globals *g, char **argv,
    const char **ret_uuid)
{
	const struct cli_flagset set = { .flags = cli_global_flags,
		.options = g };
	const char *wrong;
	int at = 0;

	p->apps = cli_alloc(sizeof(*p->apps));
	wrong = cli_parse_flags(&set, 1, argv, &at);
	if (wrong && argv[at] && named(cli_add_app_flags, argv[at]))
		return "flags of the app follow its image";
	if (wrong || g->help)
		return wrong;
	if (argv[at] == NULL || argv[at + 1] == NULL)
		return "takes the UUID of a pod, and an image";
	if (argv[at + 1][0] == '-')
		return "flags of the app follow its image";
	*ret_uuid = argv[at++];
	wrong = parse_app(p, NULL, g, argv, &at);
	if (wrong == NULL && argv[at] && !g->help)
		return "takes one image";
	return wrong;
}
