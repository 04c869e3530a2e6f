/*
 * rkt trust --list.  Conductor, user rkt; user ids are a
 * stranger's words, in the class of printable text.
 */
#include "cli/trust_print.h"

#include <string.h>

#include "cli/human.h"
#include "cli/json.h"
#include "cli/keys.h"
#include "cli/table.h"

static const char *
show_state(const struct cli_trusted *k)
{
	return k->mask ? "mask" : k->masked ? "yes" : "no";
}

static const char *
show_expiry(const struct cli_key_facts *f)
{
	int64_t ns;

	if (!f->known || __builtin_mul_overflow(f->expires, CLI_SECOND, &ns))
		return "-";
	return f->expires == 0 ? "never" : cli_format_time(ns);
}

/* A mask is no key. */
static struct cli_key_facts
facts(struct cli *c, const struct cli_trusted *k)
{
	return k->mask ? (struct cli_key_facts){ 0 } : cli_key_facts(c, k);
}

static void
print_json(struct cli *c, const struct cli_trust *t, bool pretty)
{
	struct cli_json j = { .out = stdout, .pretty = pretty };

	cli_json_open(&j, '[');
	for (size_t i = 0; i < t->n; i++) {
		const struct cli_trusted *k = &t->v[i];
		struct cli_key_facts f = facts(c, k);

		cli_json_open(&j, '{');
		cli_json_key(&j, "prefix");
		cli_json_string(&j, k->prefix);
		cli_json_key(&j, "fingerprint");
		cli_json_string(&j, k->fingerprint);
		if (f.known) {
			cli_json_key(&j, "user_id");
			cli_json_string(&j, f.uid ? f.uid : "");
			cli_json_key(&j, "expires");
			cli_json_int(&j, (int64_t)f.expires);
		}
		cli_json_key(&j, "mask");
		cli_json_bool(&j, k->mask);
		cli_json_key(&j, "masked");
		cli_json_bool(&j, k->masked);
		cli_json_key(&j, "file");
		cli_json_string(&j, k->file);
		cli_json_close(&j, '}');
	}
	cli_json_close(&j, ']');
	(void)fputc('\n', stdout);
}

int
cli_trust_print(struct cli *c, const struct cli_trust *t, const char *format,
    bool legend)
{
	static const char *const headers[] = { "PREFIX", "FINGERPRINT", "USER ID",
		"EXPIRES", "MASKED", "FILE" };
	struct cli_table table = { .columns = PS_COUNT(headers) };

	if (format) {
		print_json(c, t, strcmp(format, "json-pretty") == 0);
		return 0;
	}
	for (size_t i = 0; legend && i < PS_COUNT(headers); i++)
		cli_table_add(&table, headers[i]);
	for (size_t i = 0; i < t->n; i++) {
		const struct cli_trusted *k = &t->v[i];
		struct cli_key_facts f = facts(c, k);

		cli_table_add(&table, *k->prefix ? k->prefix : "(root)");
		cli_table_add(&table, k->fingerprint);
		cli_table_add(&table, f.uid ? f.uid : "-");
		cli_table_add(&table, show_expiry(&f));
		cli_table_add(&table, show_state(k));
		cli_table_add(&table, k->file);
	}
	cli_table_print(&table, stdout);
	return 0;
}
