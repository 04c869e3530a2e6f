/*
 * rkt export: an app of a pod that has ended, as an image.  Conductor, user rkt:
 * it says what the image is called and runs; the launcher has a worker pack the
 * tree, and no byte of it comes here.  HOSTILE: the manifests, which are parsed
 * again before they are believed.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pods.h"
#include "cli/session.h"
#include "cli/store.h"
#include "privsep/fds.h"

static struct options {
	const char *app;
	bool overwrite;
} o;

static const struct cli_flag flags[] = {
	CLI_FLAG("app", cli_set_string, options, app, "NAME", NULL,
	    "the app, of a pod of several"),
	CLI_BOOL("overwrite", options, overwrite, "write over a file"),
	{ 0 }
};

static int
prepare(struct cli *c)
{
	size_t n;

	if (c->g.help)
		return 0;
	if (c->argc != 2)
		return cli_fail("takes a UUID and a file");
	n = strlen(c->argv[1]);
	return n > 4 && strcmp(c->argv[1] + n - 4, ".aci") == 0 ? 0 :
	    cli_fail("\"%s\" does not end with .aci", c->argv[1]);
}

static const char *
names_of(const struct ac_pod *pod)
{
	const char *all = "";

	for (size_t i = 0; i < pod->n_apps; i++)
		all = cli_format("%s%s%s", all, i ? ", " : "", pod->apps[i].name);
	return all;
}

static int
pick(const struct cli_pod *pod, const struct ac_pod *m, size_t *ret)
{
	if (o.app == NULL && m->n_apps == 1) {
		*ret = 0;
		return 0;
	}
	for (size_t i = 0; o.app && i < m->n_apps; i++)
		if (strcmp(m->apps[i].name, o.app) == 0) {
			*ret = i;
			return 0;
		}
	if (m->n_apps == 0)
		return cli_fail("pod \"%s\" has no apps", pod->uuid);
	return o.app ? cli_fail("pod \"%s\" has no app \"%s\"; its apps: %s",
			   pod->uuid, o.app, names_of(m)) :
		       cli_fail("pod \"%s\" has several apps: choose one with "
				"--app: %s", pod->uuid, names_of(m));
}

/* The image's manifest with the app as it ran; all of it is in the tree, so
 * that it is laid over nothing. */
static json_t *
compose(const char *image, size_t n_image, const char *pod, size_t n_pod,
    size_t app)
{
	json_t *m = json_loadb(image, n_image, JSON_REJECT_DUPLICATES, NULL);
	json_t *p = json_loadb(pod, n_pod, JSON_REJECT_DUPLICATES, NULL);
	json_t *ran = json_object_get(
	    json_array_get(json_object_get(p, "apps"), app), "app");

	if (json_is_object(m) && p) {
		(void)json_object_del(m, "dependencies");
		(void)json_object_del(m, "pathWhitelist");
		if (json_is_object(ran))
			(void)json_object_set(m, "app", ran);
	} else {
		json_decref(m);
		m = NULL;
	}
	json_decref(p);
	return m;
}

/* A sealed descriptor, or -1 (said). */
static int
seal(const struct cli_pod *pod, json_t *m)
{
	char *text = json_dumps(m, JSON_COMPACT), error[AC_ERROR];
	struct ac_image *image;
	int fd = -1;

	if (text == NULL || ac_image_parse(text, strlen(text), &image, error) < 0)
		(void)cli_fail("the app of pod \"%s\" makes no image manifest: %s",
		    pod->uuid, text ? error : "not UTF-8");
	else if ((fd = ps_sealed("manifest", text, strlen(text))) < 0)
		(void)cli_fail("cannot hand over the manifest: %s",
		    strerror(-fd));
	free(text);
	return fd < 0 ? -1 : fd;
}

/* -1: said. */
static int
make_manifest(struct cli *c, const struct cli_pod *pod, const struct ac_pod *m,
    size_t app)
{
	const char *id = m->apps[app].image_id;
	char *image = NULL, *text = NULL;
	size_t n_image = 0, n_text = 0;
	int fd, r = id ? cli_store_manifest(c, id, &image, &n_image) : -ENOENT;
	json_t *whole;

	if (r == 0)
		r = cli_pod_manifest(pod, &text, &n_text);
	if (r < 0) {
		(void)cli_fail("cannot read the manifest of the app's image (%s): "
			       "%s", id ? id : "which is not named", strerror(-r));
		return -1;
	}
	whole = compose(image, n_image, text, n_text, app);
	if (whole == NULL) {
		(void)cli_fail("the manifests of pod \"%s\" are invalid",
		    pod->uuid);
		return -1;
	}
	fd = seal(pod, whole);
	json_decref(whole);
	return fd;
}

static int
export(struct cli *c, const struct cli_pod *pod)
{
	struct ps_msg_EXPORT_APP m = { .uuid = pod->uuid, .path = c->argv[1] };
	_cleanup_fd_ int manifest = -1;
	struct ps_msg_DONE done;
	struct ac_pod *parsed;
	size_t app = 0;
	int r;

	if (pod->state != CLI_EXITED && pod->state != CLI_EXITED_GARBAGE)
		return cli_fail("pod \"%s\" is %s: only one that has exited can be "
				"exported", pod->uuid, cli_state_name(pod->state));
	if (cli_pod_parse(pod, &parsed) < 0)
		return cli_fail("the manifest of pod \"%s\" cannot be read",
		    pod->uuid);
	r = pick(pod, parsed, &app);
	if (r != 0)
		return r;
	m.app = parsed->apps[app].name;
	manifest = make_manifest(c, pod, parsed, app);
	if (manifest < 0)
		return CLI_FAILED;
	return CLI_ASK(c, EXPORT_APP, &m, &manifest, 1, DONE, &done) < 0 ?
	    CLI_FAILED :
	    0;
}

static int
run(struct cli *c)
{
	struct cli_pod pod;
	int r = cli_find_pod(c, c->argv[0], &pod);

	if (r != 0)
		return r;
	r = export(c, &pod);
	ps_close_fd(&pod.dir);
	return r;
}

const struct cli_command cli_cmd_export = {
	.name = "export",
	.arguments = "UUID FILE",
	.summary = "write an app of a pod that has exited to an image",
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
