/*
 * The unit of an app.  Pure.  HOSTILE: names and texts that an image chose.
 * A unit file is a language; only the app's name and a description go into
 * it, and what was written is read back and compared before anyone uses it.
 * Arguments, environment and paths never come here: appexec reads the plan.
 */
#include "stage1/nspawn/nspawn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/name.h"
#include "stage1/common/contract.h"

/* %s in value is the app's name.  A row without key begins a section. */
struct row {
	const char *key, *value;
	bool interactive, plain; /* only for one kind of pod */
};

static const char description[] = "Description";

static const struct row rows[] = {
    {.value = "[Unit]"},
    {description, NULL, false, false},
    {"DefaultDependencies", "no", false, false},
    {"Wants", "systemd-journald.service", false, false},
    {"Requires", "systemd-journald.socket", false, false},
    {"After", "systemd-journald.socket", false, false},
    {"Conflicts", "shutdown.target", false, false},
    {"Before", "shutdown.target", false, false},
    /* ExecStopPost= ends the pod; these are for when it could not, and for
     * when the app could not even be started. */
    {"OnFailure", "halt.target", false, false},
    {"FailureAction", "exit-force", false, false},
    {.value = "[Service]"},
    {"Type", "simple", false, false},
    {"Restart", "no", false, false},
    {"SyslogIdentifier", "%s", false, false},
    {"ExecStart", S1_APPEXEC " %s", false, false},
    {"ExecStopPost", S1_APPEXEC " --reap %s", false, false},
    {"StandardInput", "null", false, true},
    {"StandardOutput", "journal", false, true},
    {"StandardError", "journal", false, true},
    {"StandardInput", "tty-force", true, false},
    {"StandardOutput", "tty", true, false},
    {"StandardError", "tty", true, false},
    {"TTYPath", "/dev/console", true, false},
    {"KeyringMode", "inherit", false, false},
    {"IgnoreSIGPIPE", "no", false, false},
    {"OOMPolicy", "continue", false, false},
};

struct out {
	char *p;
	size_t size, at;
	int error;
};

static void
put(struct out *o, char c)
{
	if (o->at + 1 >= o->size)
		o->error = -EMSGSIZE;
	else
		o->p[o->at++] = c;
}

/* A value as systemd reads it back unchanged: specifiers doubled; what would
 * end the line, continue it, or be trimmed is refused. */
static void
put_value(struct out *o, const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || !ps_is_print(s, n) || s[0] == ' ' || s[n - 1] == ' ' ||
	    strpbrk(s, "\\\"'$;") != NULL)
		o->error = -EINVAL;
	for (; *s; s++) {
		if (*s == '%')
			put(o, '%');
		put(o, *s);
	}
	put(o, '\n');
}

static void
put_text(struct out *o, const char *s)
{
	for (; *s; s++)
		put(o, *s);
}

/* Text without specifiers, quotes and the like: for people only. */
static void
describe(const struct ps_msg_PLAN_APP *a, char ret[1024])
{
	int n = snprintf(
	    ret, 1024, "Application=%s Image=%s", a->name, a->image_name);

	for (int i = 0; i < n && i < 1023; i++)
		if (strchr("\\\"'$;", ret[i]))
			ret[i] = '_';
	while (n > 0 && n < 1024 && ret[n - 1] == ' ')
		ret[--n] = '\0';
}

static bool
is_in(const struct row *row, bool interactive)
{
	return interactive ? !row->plain : !row->interactive;
}

static void
expand(const struct row *row, const struct ps_msg_PLAN_APP *a, char ret[1024])
{
	const char *at = row->value ? strstr(row->value, "%s") : NULL;

	if (row->value == NULL)
		describe(a, ret);
	else if (at == NULL)
		(void)snprintf(ret, 1024, "%s", row->value);
	else
		(void)snprintf(ret, 1024, "%.*s%s%s", (int)(at - row->value),
		    row->value, a->name, at + 2);
}

/* The value of the line at *p, specifiers undone; *p moves behind it. */
static int
read_value(const char **p, char ret[1024])
{
	size_t n = 0;

	for (; **p && **p != '\n'; (*p)++) {
		if (**p == '%' && *++*p != '%')
			return -EINVAL;
		if (n + 1 >= 1024)
			return -EMSGSIZE;
		ret[n++] = **p;
	}
	ret[n] = '\0';
	if (**p != '\n')
		return -EINVAL;
	(*p)++;
	return 0;
}

/* Does the text say the rows, all of them, in order, and nothing else? */
static int
check(const char *text, const struct ps_msg_PLAN_APP *a, bool interactive)
{
	char want[1024], got[1024];

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		size_t n = rows[i].key ? strlen(rows[i].key) : 0;

		if (!is_in(&rows[i], interactive))
			continue;
		if (strncmp(text, rows[i].key ? rows[i].key : "", n) != 0)
			return -EINVAL;
		text += n;
		if (rows[i].key && *text++ != '=')
			return -EINVAL;
		expand(&rows[i], a, want);
		if (read_value(&text, got) < 0 || strcmp(want, got) != 0)
			return -EINVAL;
	}
	return *text == '\0' ? 0 : -EINVAL;
}

int
s1_format_unit(
    const struct ps_msg_PLAN_APP *a, bool interactive, char *ret, size_t size)
{
	struct out o = {.p = ret, .size = size};
	char value[1024];
	int r;

	if (!ps_is_acname(a->name, strlen(a->name)))
		return -EINVAL;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (!is_in(&rows[i], interactive))
			continue;
		if (rows[i].key) {
			put_text(&o, rows[i].key);
			put(&o, '=');
		}
		expand(&rows[i], a, value);
		put_value(&o, value);
	}
	if (o.error < 0)
		return o.error;
	ret[o.at] = '\0';
	r = check(ret, a, interactive);
	return r < 0 ? r : (int)o.at;
}
