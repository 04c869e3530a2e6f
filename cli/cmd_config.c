/*
 * rkt config: what the configuration directories say, merged.  Conductor, user
 * rkt.  rkt printed passwords; here they are masked unless asked for.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/json.h"

static struct options {
	bool pretty, secrets;
} o = { .pretty = true };

static const struct cli_flag flags[] = {
	{ .name = "pretty-print", .set = cli_set_bool,
	    .offset = offsetof(struct options, pretty), .bare = "true",
	    .initial = "true", .help = "indent" },
	CLI_BOOL("show-secrets", options, secrets,
	    "print passwords and tokens, not ***"),
	{ 0 }
};

static void
print_text(struct cli_json *j, const char *key, const char *value)
{
	cli_json_key(j, key);
	cli_json_string(j, value);
}

static void
print_fields(struct cli_json *j, const struct cli_config_entry *e)
{
	for (size_t i = 0; i < e->n_field; i++)
		print_text(j, e->field[i].name,
		    e->field[i].secret && !o.secrets ? "***" :
						       e->field[i].value);
}

static void
open_entry(struct cli_json *j, const char *kind)
{
	cli_json_open(j, '{');
	print_text(j, "rktKind", kind);
	print_text(j, "rktVersion", "v1");
}

/* One entry a domain or registry. */
static void
print_names(struct cli_json *j, const struct cli_config *cfg, const char *kind,
    const char *list)
{
	for (size_t i = 0; i < cfg->n; i++) {
		const struct cli_config_entry *e = &cfg->v[i];

		if (strcmp(e->kind, kind) != 0)
			continue;
		open_entry(j, kind);
		cli_json_key(j, list);
		cli_json_open(j, '[');
		cli_json_string(j, e->key);
		cli_json_close(j, ']');
		if (e->type)
			print_text(j, "type", e->type);
		cli_json_key(j, "credentials");
		cli_json_open(j, '{');
		print_fields(j, e);
		cli_json_close(j, '}');
		cli_json_close(j, '}');
	}
}

/* All fields in one entry. */
static void
print_one(struct cli_json *j, const struct cli_config *cfg, const char *kind)
{
	if (cli_config_find(cfg, kind, NULL) == NULL)
		return;
	open_entry(j, kind);
	for (size_t i = 0; i < cfg->n; i++)
		if (strcmp(cfg->v[i].kind, kind) == 0)
			print_fields(j, &cfg->v[i]);
	cli_json_close(j, '}');
}

static int
run(struct cli *c)
{
	struct cli_json j = { .out = stdout, .pretty = o.pretty };
	struct cli_config cfg;
	int r;

	if (c->argc > 0)
		return cli_fail("takes no arguments");
	r = cli_config_load(c, CLI_CONFIG_ALL, &cfg);
	if (r != 0)
		return r;
	cli_json_open(&j, '{');
	cli_json_key(&j, "stage0");
	cli_json_open(&j, '[');
	print_names(&j, &cfg, "auth", "domains");
	print_names(&j, &cfg, "dockerAuth", "registries");
	print_one(&j, &cfg, "paths");
	print_one(&j, &cfg, "stage1");
	cli_json_close(&j, ']');
	cli_json_close(&j, '}');
	(void)fputc('\n', stdout);
	return 0;
}

const struct cli_command cli_cmd_config = {
	.name = "config",
	.summary = "print the configuration, merged",
	.needs = CLI_ALONE,
	.flags = flags,
	.options = &o,
	.run = run,
};
