/*
 * The configuration kinds and how they merge.  Pure.  Conductor, user rkt;
 * files are the administrator's, mistakes are named by file, line and field.
 */
#include "cli/config.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "privsep/name.h"

struct file {
	struct cli_config *cfg;
	const char *name, *text;
	unsigned level;
	const char *wrong;
};

/* --- where a field stands -------------------------------------------------- */

static const char *
skip_string(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '"' ? p + 1 : p;
}

static const char *
skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* p: at a value that the JSON parser has taken. */
static const char *
skip_value(const char *p)
{
	unsigned depth = 0;

	do {
		p = skip_space(p);
		if (*p == '"') {
			p = skip_string(p);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
		} else {
			p += strcspn(p, ",:]} \t\r\n");
		}
	} while (depth > 0 && *p != '\0');
	return p;
}

/* The member called name[0..n) of the object at p; p if there is none. */
static const char *
find_member(const char *p, const char *name, size_t n)
{
	const char *at = p;

	if (*at != '{')
		return p;
	for (at = skip_space(at + 1); *at == '"';) {
		const char *end = skip_string(at);
		bool same = (size_t)(end - at) == n + 2 &&
		    memcmp(at + 1, name, n) == 0;

		at = skip_space(skip_space(end) + 1);
		if (same)
			return at;
		at = skip_space(skip_value(at));
		if (*at == ',')
			at = skip_space(at + 1);
	}
	return p;
}

/* field: "credentials.user" */
static unsigned
line_of(const char *text, const char *field)
{
	const char *at = skip_space(text);
	unsigned line = 1;

	while (*field != '\0') {
		size_t n = strcspn(field, ".[");
		const char *next = find_member(at, field, n);

		if (next == at || field[n] != '.') {
			at = next;
			break;
		}
		at = next;
		field += n + 1;
	}
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return line;
}

static const char *
place(const struct file *f, const char *field)
{
	return cli_format("%s:%u", f->name, line_of(f->text, field));
}

/* The first mistake counts. */
static bool
bad(struct file *f, const char *field, const char *text)
{
	if (f->wrong == NULL)
		f->wrong = cli_format("%s: %s: %s", place(f, field), field, text);
	return false;
}

/* --- fields ---------------------------------------------------------------- */

static bool
is_plain(const char *s)
{
	return *s != '\0' && ps_is_print(s, strlen(s));
}

static bool
is_any(const char *s)
{
	return ps_is_print(s, strlen(s));
}

static bool
is_user(const char *s)
{
	return is_plain(s) && strchr(s, ':') == NULL;
}

static bool
is_absolute(const char *s)
{
	return ps_is_abspath(s, strlen(s));
}

static bool
is_image_name(const char *s)
{
	return strlen(s) <= 255 && ps_is_acid(s, strlen(s));
}

static bool
is_location(const char *s)
{
	static const char *const schemes[] = { "file:", "docker:", "http:",
		"https:" };

	if (!is_plain(s))
		return false;
	for (size_t i = 0; i < PS_COUNT(schemes); i++)
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return is_absolute(s);
}

struct rule {
	const char *name;
	bool (*good)(const char *s);
	const char *what;
	bool required, secret;
};

#define TEXT "must be a text that is not empty"
#define USER "must be a text that is not empty, without a colon"

static const struct rule basic[] = { { "user", is_user, USER, true, false },
	{ "password", is_any, "must be a text", true, true }, { 0 } };
static const struct rule oauth[] = { { "token", is_plain, TEXT, true, true },
	{ 0 } };
static const struct rule aws[] = {
	{ "accessKeyID", is_plain, TEXT, true, false },
	{ "secretAccessKey", is_plain, TEXT, true, true },
	{ "awsRegion", is_any, "must be a text", false, false }, { 0 }
};
static const struct rule paths[] = {
	{ "data", is_absolute, "must be an absolute path", false, false },
	{ "stage1-images", is_absolute, "must be an absolute path", false, false },
	{ 0 }
};
static const struct rule stage1[] = {
	{ "name", is_image_name, "must be an image name", false, false },
	{ "version", is_plain, TEXT, false, false },
	{ "location", is_location,
	    "must be an absolute path, or a URL of scheme file, docker, http or "
	    "https", false, false }, { 0 }
};

/* The text at field, or NULL; f->wrong is set where there is another thing. */
static const char *
get_text(struct file *f, json_t *object, const char *field, const struct rule *r)
{
	json_t *v = json_object_get(object, r->name);
	const char *s = json_string_value(v);

	if (v == NULL && !r->required)
		return NULL;
	if (v == NULL)
		(void)bad(f, field, "is missing");
	else if (s == NULL || strlen(s) != json_string_length(v) || !r->good(s))
		(void)bad(f, field, r->what);
	else
		return cli_copy(s);
	return NULL;
}

static void
add(struct file *f, const struct cli_config_entry *e, const char *field)
{
	struct cli_config *cfg = f->cfg;

	for (size_t i = 0; i < cfg->n; i++) {
		struct cli_config_entry *old = &cfg->v[i];

		if (strcmp(old->kind, e->kind) != 0 ||
		    strcasecmp(old->key, e->key) != 0)
			continue;
		if (old->level == e->level)
			(void)bad(f, field, cli_format("\"%s\" is configured in %s "
						       "already", e->key,
						old->file));
		else
			*old = *e;
		return;
	}
	if (cfg->n == cfg->room) {
		size_t room = cfg->room > 0 ? 2 * cfg->room : 16;
		struct cli_config_entry *v = cli_alloc(room * sizeof(*v));

		if (cfg->n > 0)
			memcpy(v, cfg->v, cfg->n * sizeof(*v));
		cfg->v = v;
		cfg->room = room;
	}
	cfg->v[cfg->n++] = *e;
}

/* --- kinds ----------------------------------------------------------------- */

/* auth and dockerAuth: the same credentials for each name of a list. */
static void
add_names(struct file *f, json_t *top, const char *list,
    struct cli_config_entry *e, const struct rule *rules)
{
	json_t *names = json_object_get(top, list), *v;
	json_t *credentials = json_object_get(top, "credentials");
	size_t i;

	if (!json_is_array(names) || json_array_size(names) == 0)
		(void)bad(f, list, "must be an array of texts that is not empty");
	if (!json_is_object(credentials))
		(void)bad(f, "credentials", "must be an object");
	for (; f->wrong == NULL && rules->name; rules++) {
		const char *field = cli_format("credentials.%s", rules->name);
		const char *value = get_text(f, credentials, field, rules);

		if (value && *value != '\0')
			e->field[e->n_field++] = (struct cli_config_field){
				.name = rules->name, .value = value,
				.secret = rules->secret };
	}
	e->file = place(f, list);
	for (i = 0; f->wrong == NULL && (v = json_array_get(names, i)); i++) {
		const char *field = cli_format("%s[%zu]", list, i);
		const char *s = json_string_value(v);

		if (s == NULL || strlen(s) != json_string_length(v) ||
		    !is_plain(s) || strchr(s, '/') || strchr(s, '@'))
			(void)bad(f, field, "must be a host name, with its port if "
					    "it has one");
		else
			e->key = cli_copy(s);
		if (f->wrong == NULL)
			add(f, e, field);
	}
}

static void
parse_auth(struct file *f, json_t *top, struct cli_config_entry *e)
{
	static const struct {
		const char *type;
		const struct rule *rules;
	} types[] = { { "basic", basic }, { "oauth", oauth }, { "aws", aws } };
	const char *type = json_string_value(json_object_get(top, "type"));

	for (size_t i = 0; type && i < PS_COUNT(types); i++) {
		if (strcmp(types[i].type, type) == 0) {
			e->type = types[i].type;
			add_names(f, top, "domains", e, types[i].rules);
			return;
		}
	}
	(void)bad(f, "type", "must be basic, oauth or aws");
}

static void
parse_docker_auth(struct file *f, json_t *top, struct cli_config_entry *e)
{
	add_names(f, top, "registries", e, basic);
}

static void
parse_fields(struct file *f, json_t *top, struct cli_config_entry *e,
    const struct rule *rules)
{
	for (; f->wrong == NULL && rules->name; rules++) {
		const char *value = get_text(f, top, rules->name, rules);

		if (value == NULL)
			continue;
		e->key = rules->name;
		e->file = place(f, rules->name);
		e->n_field = 1;
		e->field[0] = (struct cli_config_field){ .name = rules->name,
			.value = value };
		add(f, e, rules->name);
	}
}

static void
parse_paths(struct file *f, json_t *top, struct cli_config_entry *e)
{
	parse_fields(f, top, e, paths);
}

static void
parse_stage1(struct file *f, json_t *top, struct cli_config_entry *e)
{
	bool name = json_object_get(top, "name") != NULL;

	if (name != (json_object_get(top, "version") != NULL))
		(void)bad(f, name ? "name" : "version",
		    "name and version go together");
	else
		parse_fields(f, top, e, stage1);
}

static const struct {
	const char *name;
	unsigned kind;
	void (*parse)(struct file *f, json_t *top, struct cli_config_entry *e);
} kinds_known[] = {
	{ "auth", CLI_CONFIG_AUTH, parse_auth },
	{ "dockerAuth", CLI_CONFIG_AUTH, parse_docker_auth },
	{ "paths", CLI_CONFIG_PATHS, parse_paths },
	{ "stage1", CLI_CONFIG_STAGE1, parse_stage1 },
};

static void
parse_top(struct file *f, json_t *top, unsigned kinds)
{
	static const struct rule kind = { "rktKind", is_plain, TEXT, true, false };
	static const struct rule version = { "rktVersion", is_plain, TEXT, true,
		false };
	struct cli_config_entry e = { .level = f->level };
	const char *name = get_text(f, top, "rktKind", &kind);
	const char *v = get_text(f, top, "rktVersion", &version);

	if (f->wrong)
		return;
	for (size_t i = 0; i < PS_COUNT(kinds_known); i++) {
		if (strcmp(kinds_known[i].name, name) != 0 ||
		    (kinds_known[i].kind & kinds) == 0)
			continue;
		e.kind = kinds_known[i].name;
		if (strcmp(v, "v1") != 0)
			(void)bad(f, "rktVersion",
			    cli_format("\"%s\" is not known: want v1", v));
		else
			kinds_known[i].parse(f, top, &e);
		return;
	}
	(void)bad(f, "rktKind",
	    cli_format("\"%s\" is not for this directory", name));
}

const char *
cli_config_parse(struct cli_config *cfg, unsigned level, unsigned kinds,
    const char *name, const char *text, size_t n)
{
	struct file f = { .cfg = cfg, .name = name, .level = level };
	json_error_t error;
	json_t *top = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);

	if (top == NULL)
		return cli_format("%s:%d: not JSON: %s", name, error.line,
		    error.text);
	f.text = cli_copy_n(text, n);
	if (!json_is_object(top))
		f.wrong = cli_format("%s:1: must be a JSON object", name);
	else
		parse_top(&f, top, kinds);
	json_decref(top);
	return f.wrong;
}

const struct cli_config_entry *
cli_config_find(const struct cli_config *cfg, const char *kind, const char *key)
{
	for (size_t i = 0; i < cfg->n; i++)
		if (strcmp(cfg->v[i].kind, kind) == 0 &&
		    (key == NULL || strcasecmp(cfg->v[i].key, key) == 0))
			return &cfg->v[i];
	return NULL;
}

const char *
cli_config_value(const struct cli_config_entry *e, const char *field)
{
	for (size_t i = 0; i < e->n_field; i++)
		if (strcmp(e->field[i].name, field) == 0)
			return e->field[i].value;
	return NULL;
}
