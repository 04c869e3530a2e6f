/*
 * The table of acbuild's words, and the commands that work on the build as a
 * whole.  Run as whoever builds.
 */
#include "builder/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "builder/copy.h"
#include "builder/image.h"
#include "builder/manifest.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/paths.h"

mode_t bd_umask = 022;

extern char **environ;

const char *
bd_environ(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

int
bd_spawn(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return bd_fail_error(errno, "cannot start %s", argv[0]);
	if (pid == 0) {
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		(void)bd_fail_error(errno, "cannot execute %s", argv[0]);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return bd_fail_error(errno, "waiting for %s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static int
load_start(struct bd_build *b, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ?
		    bd_fail("begin: there is no %s; rkt-build fetches nothing: "
			    "rkt fetch and rkt image export do", path) :
		    bd_fail_error(errno, "begin: %s", path);
	if (!S_ISDIR(st.st_mode))
		return bd_load_image(b, path);
	b->manifest = bd_manifest_new();
	return bd_copy_to(b, path, "/");
}

int
bd_begin(struct bd_build *b, const struct bd_call *c)
{
	int r;

	if (c->o.build_mode && strcmp(c->o.build_mode, "appc") != 0)
		return bd_fail("begin: --build-mode=%s: appc images alone are "
			       "built", c->o.build_mode);
	r = bd_create(b);
	if (r < 0)
		return r;
	if (c->n > 0)
		r = load_start(b, c->v[0]);
	else
		b->manifest = bd_manifest_new();
	if (r == 0 && !b->manifest)
		r = bd_fail("out of memory");
	if (r == 0)
		r = bd_save(b);
	if (r < 0)
		(void)bd_remove(b);
	return r;
}

int
bd_copy_to_dir(struct bd_build *b, const struct bd_call *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i + 1 < c->n; i++) {
		ps_debug("copying %s into %s", c->v[i], c->v[c->n - 1]);
		r = bd_copy_into(b, c->v[i], c->v[c->n - 1]);
	}
	return r;
}

int
bd_copy(struct bd_build *b, const struct bd_call *c)
{
	if (c->o.to_dir)
		return bd_copy_to_dir(b, c);
	if (c->n != 2)
		return bd_fail("copy: one thing to one path: rkt-build copy "
			       "%s; copy-to-dir takes many",
		    c->command->usage);
	ps_debug("copying %s to %s", c->v[0], c->v[1]);
	return bd_copy_to(b, c->v[0], c->v[1]);
}

static int
get_time(int64_t *ret)
{
	const char *text = bd_environ("SOURCE_DATE_EPOCH");
	uint64_t n = 0;

	/* Later than this, ext4 cannot keep it, and unpack refuses it. */
	if (text && !ps_parse_u64(text, UINT64_C(0x37fffffff), &n))
		return bd_fail("SOURCE_DATE_EPOCH is not a number of seconds: "
			       "\"%s\"", text);
	*ret = (int64_t)n;
	return 0;
}

int
bd_write(struct bd_build *b, const struct bd_call *c)
{
	struct bd_write w = { .path = c->v[0], .overwrite = c->o.overwrite,
		.umask = bd_umask };
	const char *name = json_string_value(
	    json_object_get(b->manifest, "name"));
	const json_t *app = json_object_get(b->manifest, "app");

	if (get_time(&w.time) < 0)
		return -1;
	if (!name || strcmp(name, BD_UNNAMED) == 0)
		return bd_fail("write: the image has no name: rkt-build "
			       "set-name gives it one");
	if (app && json_array_size(json_object_get(app, "exec")) == 0)
		ps_log("write: warning: no command was set: rkt-build "
		       "set-exec sets one");
	ps_debug("writing %s", w.path);
	return bd_write_image(b, &w);
}

int
bd_end(struct bd_build *b, const struct bd_call *c)
{
	(void)c;
	return bd_remove(b);
}

int
bd_version(struct bd_build *b, const struct bd_call *c)
{
	(void)b;
	(void)c;
	printf("rkt-build version %s\nappc version 0.8.11\n", ps_version);
	return 0;
}

#define ONE 1, 1
#define TWO 2, 2

const struct bd_command bd_commands[] = {
	{ "annotation add", "NAME VALUE", "add or change an annotation", "it",
	    TWO, 0, 0, bd_annotation_add },
	{ "annotation remove", "NAME", "remove an annotation", "t", ONE, 0, 0,
	    bd_annotation_remove },
	{ "begin", "[IMAGE.aci | DIRECTORY]", "start a build", "f", 0, 1,
	    BD_F_INSECURE | BD_F_BUILD_MODE,
	    BD_NO_BUILD | BD_NO_EDIT | BD_NO_MODIFY, bd_begin },
	{ "cat-manifest", "", "print the manifest", "", 0, 0, BD_F_PRETTY,
	    BD_NO_EDIT, bd_cat_manifest },
	{ "copy", "PATH-ON-HOST PATH-IN-IMAGE",
	    "copy a file or a directory into the image", "ff", 2, -1,
	    BD_F_TO_DIR, 0, bd_copy },
	{ "copy-to-dir", "PATH-ON-HOST ... DIRECTORY-IN-IMAGE",
	    "copy files and directories into a directory of the image", "f", 2,
	    -1, 0, 0, bd_copy_to_dir },
	{ "dependency add", "IMAGE-NAME", "add or change a dependency", "i",
	    ONE, BD_F_IMAGE_ID | BD_F_LABEL | BD_F_SIZE, 0,
	    bd_dependency_add },
	{ "dependency remove", "IMAGE-NAME", "remove a dependency", "t", ONE,
	    0, 0, bd_dependency_remove },
	{ "end", "", "end the build, and remove what it kept", "", 0, 0, 0,
	    BD_NO_BUILD | BD_NO_EDIT | BD_NO_MODIFY, bd_end },
	{ "environment add", "NAME VALUE", "add or change a variable", "et",
	    TWO, 0, 0, bd_environment_add },
	{ "environment remove", "NAME", "remove a variable", "t", ONE, 0, 0,
	    bd_environment_remove },
	{ "isolator add", "NAME FILE|-", "add or change an isolator: a file "
	    "of JSON", "if", TWO, 0, 0, bd_isolator_add },
	{ "isolator remove", "NAME", "remove an isolator", "t", ONE, 0, 0,
	    bd_isolator_remove },
	{ "label add", "NAME VALUE", "add or change a label", "it", TWO, 0, 0,
	    bd_label_add },
	{ "label remove", "NAME", "remove a label", "t", ONE, 0, 0,
	    bd_label_remove },
	{ "mount add", "NAME PATH", "add or change a mount point", "na", TWO,
	    BD_F_READ_ONLY, 0, bd_mount_add },
	{ "mount remove", "NAME|PATH", "remove a mount point", "t", ONE, 0, 0,
	    bd_mount_remove },
	{ "port add", "NAME PROTOCOL PORT", "add or change a port", "nn#", 3,
	    3, BD_F_COUNT | BD_F_SOCKET, 0, bd_port_add },
	{ "port remove", "NAME|PORT", "remove a port", "t", ONE, 0, 0,
	    bd_port_remove },
	{ "replace-manifest", "FILE|-", "take another manifest", "f", ONE, 0,
	    0, bd_replace_manifest },
	{ "run", "-- COMMAND [ARGUMENT ...]", "run a command in the image",
	    "t", 1, -1, BD_F_WORKING_DIR | BD_F_ENGINE | BD_F_NET |
	    BD_F_INSECURE, BD_REST, bd_run },
	{ "script", "FILE|-", "run a file of commands, one a line", "f", ONE,
	    0, BD_NO_BUILD | BD_NO_EDIT | BD_NO_MODIFY, bd_script },
	{ "set-event-handler", "pre-start|post-stop -- COMMAND "
	    "[ARGUMENT ...]", "set what runs before or after the app", "xt", 2,
	    -1, 0, BD_REST, bd_set_event },
	{ "set-exec", "-- COMMAND [ARGUMENT ...]", "set the app's command",
	    "t", 1, -1, 0, BD_REST, bd_set_exec },
	{ "set-group", "GROUP", "set the app's group", "t", ONE, 0, 0,
	    bd_set_group },
	{ "set-name", "IMAGE-NAME", "set the image's name", "i", ONE, 0, 0,
	    bd_set_name_act },
	{ "set-supp-groups", "NUMBER ...", "set the app's other groups", "t",
	    1, -1, 0, 0, bd_set_groups },
	{ "set-user", "USER", "set the app's user", "t", ONE, 0, 0,
	    bd_set_user },
	{ "set-working-directory", "PATH", "set the app's working directory",
	    "a", ONE, 0, 0, bd_set_working_dir },
	{ "sign", "FILE.aci", "sign an image file by gpg, into FILE.aci.asc",
	    "f", ONE, BD_F_KEY | BD_F_OVERWRITE,
	    BD_NO_BUILD | BD_NO_EDIT | BD_NO_MODIFY, bd_sign },
	{ "version", "", "print versions", "", 0, 0, 0,
	    BD_NO_BUILD | BD_NO_EDIT | BD_NO_MODIFY, bd_version },
	{ "write", "FILE.aci", "write the image to a file", "f", ONE,
	    BD_F_OVERWRITE, BD_NO_EDIT | BD_NO_MODIFY, bd_write },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL },
};
