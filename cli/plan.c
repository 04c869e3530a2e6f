/*
 * An app's part of a plan, conductor, user rkt.  Two voices meet here: the
 * operator's flags (or pod manifest), and a manifest that was verified but may
 * ask for anything.
 */
#include "cli/plan.h"

#include <inttypes.h>
#include <string.h>

#include "cli/stdio.h"
#include "privsep/name.h"

#define MAX_NAME 200u /* bytes of an app's: files of its name end in more */

const char *
cli_app_name_of(const char *image_name)
{
	const char *slash = strrchr(image_name, '/');
	char *name = cli_copy(slash ? slash + 1 : image_name), *to = name;

	for (char *p = name; *p != '\0'; p++) {
		bool word = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');

		if (word)
			*to++ = *p;
		else if (to > name && to[-1] != '-')
			*to++ = '-';
	}
	while (to > name && to[-1] == '-')
		to--;
	*to = '\0';
	return name;
}

const char *
cli_pairs(const char *flag, const struct cli_list *flags, struct ac_pairs *ret)
{
	struct ac_pairs p = { .v = cli_alloc((flags->n + 1) * sizeof(*p.v)) };

	for (size_t i = 0; i < flags->n; i++) {
		const char *text = flags->v[i], *eq = strchr(text, '=');
		const char *name;

		if (eq == NULL || eq == text || !ps_is_print(text, strlen(text)))
			return cli_format("%s: \"%s\" is not NAME=VALUE", flag, text);
		name = cli_copy_n(text, (size_t)(eq - text));
		if (strcmp(flag, "--annotation") == 0 &&
		    !ps_is_acid(name, strlen(name)))
			return cli_format("%s: \"%s\" is not a name of a-z, 0-9, "
					  "\"-\", \".\", \"_\", \"~\" and \"/\"",
			    flag, name);
		if (ac_find(&p, name))
			return cli_format("%s: \"%s\" is given twice", flag, name);
		p.v[p.n++] = (struct ac_pair){ .name = name, .value = eq + 1 };
	}
	*ret = p;
	return NULL;
}

static const char *
set_exec(const struct cli_run_app *f, const struct ac_image *image,
    struct ps_msg_PLAN_APP *ret)
{
	const struct ac_strs *exec = &image->app.exec;
	uint16_t n = 0;

	if (f->exec)
		ret->exec[n++] = f->exec;
	else if (image->has_app)
		while (n < exec->n && n < PS_COUNT(ret->exec)) {
			ret->exec[n] = exec->v[n];
			n++;
		}
	if (n == 0)
		return "has an empty \"exec\" (try --exec=BINARY)";
	for (size_t i = 0; i < f->arguments.n; i++) {
		if (n == PS_COUNT(ret->exec))
			return cli_format("has more than %zu arguments",
			    PS_COUNT(ret->exec) - 1);
		ret->exec[n++] = f->arguments.v[i];
	}
	for (uint16_t i = 0; i < n; i++)
		if (strlen(ret->exec[i]) > AC_MAX_ARG)
			return cli_format("has an argument, number %u, of %zu bytes: "
					  "%u are the most (put it in a file of a "
					  "volume)", i, strlen(ret->exec[i]),
			    AC_MAX_ARG);
	ret->n_exec = n;
	return NULL;
}

/* A name, a number below 2^32-1 in plain decimal, or a path in the image: what
 * looks like a number is one, or nothing. */
static bool
is_user(const char *s)
{
	bool digits = true;
	uint64_t n;

	for (const char *p = s; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == ':')
			return false;
		digits = digits && *p >= '0' && *p <= '9';
	}
	if (*s == '\0' || *s == '-' || *s == '+' || strlen(s) > 255)
		return false;
	if (*s == '/')
		return ps_is_abspath(s, strlen(s));
	if (*s >= '0' && *s <= '9')
		return digits && ps_parse_u64(s, PS_RANGE - 1, &n);
	return true;
}

static const char *
set_user(const struct cli_run_app *f, const struct ac_image *image,
    struct ps_msg_PLAN_APP *ret)
{
	const struct ac_app *app = &image->app;

	ret->user = f->user ? f->user : image->has_app ? app->user : "0";
	ret->group = f->group ? f->group : image->has_app ? app->group : "0";
	if (!is_user(ret->user))
		return cli_format("bad user \"%s\": want a name, a number below "
				  "65536, or a path in the image", ret->user);
	if (!is_user(ret->group))
		return cli_format("bad group \"%s\": want a name, a number below "
				  "65536, or a path in the image", ret->group);
	for (size_t i = 0; i < (f->gids.n ? f->gids.n : app->n_gids); i++) {
		uint64_t gid = f->gids.n ? 0 : app->gids[i];

		if (i == PS_COUNT(ret->supplementary_gids))
			return cli_format("has more than %zu supplementary groups",
			    PS_COUNT(ret->supplementary_gids));
		if (f->gids.n && !ps_parse_u64(f->gids.v[i], PS_RANGE - 1, &gid))
			return cli_format("--supplementary-gids: \"%s\" is not a "
					  "number below %u", f->gids.v[i], PS_RANGE);
		if (gid >= PS_RANGE)
			return cli_format("supplementary group %" PRIu64 " is not "
					  "below %u", gid, PS_RANGE);
		ret->supplementary_gids[i] = (uint32_t)gid;
		ret->n_supplementary_gids = (uint16_t)(i + 1);
	}
	return NULL;
}

static struct ac_pairs
env_pairs(const struct cli_env *e)
{
	struct ac_pairs p = { .n = e->list.n,
		.v = cli_alloc((e->list.n + 1) * sizeof(*p.v)) };

	for (size_t i = 0; i < p.n; i++) {
		const char *eq = strchr(e->list.v[i], '=');

		p.v[i] = (struct ac_pair){ .value = eq + 1,
			.name = cli_copy_n(e->list.v[i],
			    (size_t)(eq - e->list.v[i])) };
	}
	return p;
}

/* What systemd said to rkt, or to whoever started it, is not for an app. */
static bool
is_systemds(const char *text)
{
	static const char *const names[] = { "LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID",
		"WATCHDOG_USEC", "JOURNAL_STREAM", "INVOCATION_ID", "MAINPID" };

	for (size_t i = 0; i < PS_COUNT(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(text, names[i], n) == 0 && text[n] == '=')
			return true;
	}
	return false;
}

/* Low to high: the caller's, the image's, --environment, --set-env-file,
 * --set-env; all over the base. */
static const char *
set_environment(const struct cli_plan *plan, const struct cli_run_app *f,
    const struct ac_image *image, struct cli_planned *ret)
{
	const struct cli_run_pod *pod = plan->said;
	char *const *outer = plan->outer;
	const struct ac_pairs *own = &image->app.environment;
	struct cli_env said = { 0 }, flags = { 0 }, all = { 0 };

	for (size_t i = 0; outer && outer[i]; i++)
		if (ps_is_env(outer[i], strlen(outer[i])) &&
		    !is_systemds(outer[i]))
			cli_env_add(&said, outer[i]);
	for (size_t i = 0; image->has_app && i < own->n; i++)
		cli_env_set(&said,
		    cli_format("%s=%s", own->v[i].name, own->v[i].value));
	for (size_t i = 0; i < f->environment.n; i++) {
		const char *wrong = cli_env_once(&flags, f->environment.v[i]);

		if (wrong)
			return cli_format("--environment: %s", wrong);
	}
	cli_env_merge(&said, &flags);
	cli_env_merge(&said, &pod->file_env);
	cli_env_merge(&said, &pod->flag_env);
	cli_env_base(&all, ret->app.name);
	cli_env_merge(&all, &said);
	if (all.list.n > PS_COUNT(ret->app.env))
		return cli_format("has more than %zu environment variables",
		    PS_COUNT(ret->app.env));
	for (size_t i = 0; i < all.list.n; i++) {
		const char *text = all.list.v[i];

		if (strlen(text) > AC_MAX_ARG)
			return cli_format("has a variable, \"%.*s\", of %zu bytes: "
					  "%u are the most (put it in a file of a "
					  "volume)", (int)strcspn(text, "="), text,
			    strlen(text), AC_MAX_ARG);
		ret->app.env[i] = text;
	}
	ret->app.n_env = (uint16_t)all.list.n;
	ret->manifest.app.environment = env_pairs(&said);
	return NULL;
}

static const char *
set_names(const struct cli_run_app *f, const struct ac_image *image,
    struct ps_msg_PLAN_APP *ret)
{
	const char *version = ac_find(&image->labels, "version");
	const struct ac_app *app = &image->app;

	ret->name = f->name ? f->name :
	    f->said	    ? f->said->name :
			      cli_app_name_of(image->name);
	if (!ps_is_acname(ret->name, strlen(ret->name)) ||
	    strlen(ret->name) > MAX_NAME)
		return cli_format("\"%s\" cannot name an app: want up to %u of "
				  "a-z, 0-9 and single dashes (try --name)",
		    ret->name, MAX_NAME);
	ret->image_name = version ?
	    cli_format("%s:%s", image->name, version) :
	    image->name;
	ret->working_dir = f->working_dir ? f->working_dir :
	    image->has_app && app->working_dir ? app->working_dir : "/";
	if (!ps_is_abspath(ret->working_dir, strlen(ret->working_dir)))
		return cli_format("working directory \"%s\" is not an absolute "
				  "path", ret->working_dir);
	ret->readonly_rootfs =
	    f->readonly_rootfs || (f->said && f->said->readonly_rootfs);
	return NULL;
}

/* What runs before and behind the app, confined as it; and whether it says
 * itself that it is ready. */
static const char *
set_events(const struct ac_image *image, struct ps_msg_PLAN_APP *ret)
{
	const char *notify = ac_find(&image->annotations,
	    "appc.io/executor/supports-systemd-notify");

	ret->notify = notify && strcmp(notify, "true") == 0;
	for (size_t i = 0; i < image->app.n_events; i++) {
		const struct ac_event *e = &image->app.events[i];
		bool before = strcmp(e->name, "pre-start") == 0;
		const char **to = before ? ret->pre_start : ret->post_stop;

		if (e->exec.n > PS_COUNT(ret->pre_start))
			return cli_format("has a %s event handler of more than %zu "
					  "words", e->name,
			    PS_COUNT(ret->pre_start));
		memcpy(to, e->exec.v, e->exec.n * sizeof(*to));
		*(before ? &ret->n_pre_start : &ret->n_post_stop) =
		    (uint16_t)e->exec.n;
	}
	return NULL;
}

/* The app's own mounts, then those of the pod. */
static const char *
set_mounts(struct cli_plan *p, const struct cli_run_app *f,
    const struct ac_image *image, struct cli_planned *ret)
{
	size_t more = f->said ? f->said->n_mounts : f->mounts.n, n = 0;
	struct ac_mount *m = cli_alloc((more + p->n_mounts + 1) * sizeof(*m));
	const char *wrong = NULL;

	for (; wrong == NULL && !f->said && n < more; n++)
		wrong = cli_parse_mount(f->mounts.v[n], &m[n]);
	for (; wrong == NULL && f->said && n < more; n++) {
		m[n] = f->said->mounts[n];
		if (m[n].own)
			wrong = cli_volume_add_told(&p->volumes, m[n].own);
	}
	if (wrong)
		return wrong;
	if (p->n_mounts > 0)
		memcpy(m + n, p->mounts, p->n_mounts * sizeof(*m));
	return cli_plan_mounts(&p->volumes,
	    &(struct cli_mounts){ .n = n + p->n_mounts, .v = m }, &image->app,
	    &ret->app, &ret->manifest);
}

/* The app as it will run, for the pod manifest. */
static const char *
describe(const struct cli_run_app *f, const struct ac_image *image,
    struct cli_planned *p)
{
	struct ac_pod_app *m = &p->manifest;
	struct ac_app *app = &m->app;
	const char *wrong;

	m->name = p->app.name;
	m->image_name = image->name;
	m->image_labels = image->labels;
	m->has_app = true;
	m->readonly_rootfs = p->app.readonly_rootfs;
	if (f->said)
		m->annotations = f->said->annotations;
	app->exec.n = p->app.n_exec;
	app->exec.v = cli_alloc(app->exec.n * sizeof(*app->exec.v));
	memcpy(app->exec.v, p->app.exec, app->exec.n * sizeof(*app->exec.v));
	app->user = p->app.user;
	app->group = p->app.group;
	app->n_gids = p->app.n_supplementary_gids;
	app->gids = cli_alloc((app->n_gids + 1) * sizeof(*app->gids));
	memcpy(app->gids, p->app.supplementary_gids,
	    app->n_gids * sizeof(*app->gids));
	app->working_dir = p->app.working_dir;
	wrong = cli_tell_isolators(f, &p->app, &app->isolators);
	if (wrong == NULL && f->annotations.n > 0)
		wrong = cli_pairs("--annotation", &f->annotations,
		    &m->annotations);
	if (wrong == NULL && f->user_annotations.n > 0)
		wrong = cli_pairs("--user-annotation", &f->user_annotations,
		    &app->user_annotations);
	if (wrong == NULL && f->user_labels.n > 0)
		wrong = cli_pairs("--user-label", &f->user_labels,
		    &app->user_labels);
	return wrong;
}

const char *
cli_plan_app(struct cli_plan *p, const struct cli_run_app *flags,
    const struct ac_image *image, struct cli_planned *ret)
{
	struct ac_image said = *image;
	const char *wrong;

	memset(ret, 0, sizeof(*ret));
	/* A section of a pod manifest stands for the whole of the image's. */
	if (flags->said && flags->said->has_app) {
		said.has_app = true;
		said.app = flags->said->app;
	}
	if (said.has_app)
		ret->manifest.app = said.app;
	wrong = set_names(flags, &said, &ret->app);
	if (wrong == NULL)
		wrong = set_exec(flags, &said, &ret->app);
	if (wrong == NULL)
		wrong = set_events(&said, &ret->app);
	if (wrong == NULL)
		wrong = set_user(flags, &said, &ret->app);
	if (wrong == NULL)
		wrong = set_environment(p, flags, &said, ret);
	if (wrong == NULL)
		wrong = set_mounts(p, flags, &said, ret);
	if (wrong == NULL)
		wrong = cli_plan_ports(&p->ports, &said.app, p->pod.net, &ret->app);
	if (wrong == NULL)
		wrong = cli_plan_isolators(flags, &said.app, &p->limits, &ret->app);
	if (wrong == NULL)
		wrong = cli_plan_sysctls(p, &said.app.isolators, ret->app.name,
		    flags->said && flags->said->has_app);
	if (wrong == NULL)
		wrong = describe(flags, &said, ret);
	return wrong ? wrong : cli_plan_stdio(p, flags, ret);
}
