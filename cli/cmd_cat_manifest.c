/*
 * rkt cat-manifest: the pod manifest as the launcher stored it.  Conductor,
 * user rkt; parsed as hostile before it is printed.
 */
#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pod_print.h"

static struct options {
	bool pretty;
	const char *uuid_file;
} o = { .pretty = true };

static const struct cli_flag flags[] = {
	{ .name = "pretty-print", .set = cli_set_bool,
	    .offset = offsetof(struct options, pretty), .bare = "true",
	    .initial = "true", .help = "indent" },
	CLI_FLAG("uuid-file", cli_set_string, options, uuid_file, "FILE", NULL,
	    "read the pod's UUID from FILE"),
	{ 0 }
};

static const char *uuid;

static int
prepare(struct cli *c)
{
	if (o.uuid_file && c->argc > 0)
		return cli_fail("takes a UUID or --uuid-file, not both");
	if (o.uuid_file)
		return c->launched ? 0 :
				     cli_read_uuid_file(c, o.uuid_file, &uuid);
	if (c->argc != 1)
		return cli_fail("takes one UUID");
	uuid = c->argv[0];
	return 0;
}

static int
run(struct cli *c)
{
	struct cli_json j = { .out = stdout, .pretty = o.pretty };
	char error[AC_ERROR], *text;
	struct ac_pod *m;
	struct cli_pod pod;
	size_t n;
	int r = uuid ? 0 : cli_read_uuid_file(c, o.uuid_file, &uuid);

	if (r == 0)
		r = cli_find_pod(c, uuid, &pod);
	if (r != 0)
		return r;
	r = cli_pod_manifest(&pod, &text, &n);
	ps_close_fd(&pod.dir);
	if (r == -ENOENT)
		return cli_fail("pod \"%s\" has no manifest: it is %s",
		    pod.uuid, cli_state_name(pod.state));
	if (r < 0)
		return cli_fail("cannot read the manifest of pod \"%s\": %s",
		    pod.uuid, strerror(-r));
	if (ac_pod_parse(text, n, &m, error) < 0)
		return cli_fail("the manifest of pod \"%s\" is invalid: %s",
		    pod.uuid, error);
	ac_pod_free(m);
	cli_json_print(&j, text, n);
	(void)fputc('\n', stdout);
	return 0;
}

const struct cli_command cli_cmd_cat_manifest = {
	.name = "cat-manifest",
	.arguments = "UUID",
	.summary = "print the manifest of a pod",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.prepare = prepare,
	.run = run,
};
