/*
 * rkt-build: makes app container images.  Runs as whoever calls it and gains
 * nothing; it refuses to be setuid.  HOSTILE: images and trees that a build
 * begins from or copies.  0: done; 1: not, and one line said why.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "builder/commands.h"
#include "builder/manifest.h"
#include "builder/tree.h"
#include "privsep/log.h"

static int
act(struct bd_build *b, const struct bd_call *c)
{
	const struct bd_command *command = c->command;
	int r = command->act(b, c);

	if (command->marks & BD_NO_EDIT)
		return r;
	if (r < 0) {
		/* What was copied so far stays; so do its owners. */
		if (b->attrs.is_changed)
			(void)bd_attrs_write(&b->attrs, b->dir, "attributes");
		return r;
	}
	if (!c->o.no_history)
		r = bd_note(b->manifest, command->words, c->v, c->n);
	return r < 0 ? bd_fail("out of memory") : bd_save(b);
}

/* One thing to an image file: a build of its own, beside it. */
static int
modify(const struct bd_call *c)
{
	_cleanup_(bd_close) struct bd_build b = BD_BUILD;
	_cleanup_free_ char *where = NULL;
	struct bd_call begin = { .n = 1, .v = (const char *[]){ c->o.modify } };
	struct bd_call write = begin;
	int r;

	if (c->command->marks & BD_NO_MODIFY)
		return bd_fail("%s and --modify do not go together",
		    c->command->words);
	if (asprintf(&where, "%s.XXXXXX", c->o.modify) < 0 || !mkdtemp(where))
		return bd_fail_error(errno, "cannot work beside %s",
		    c->o.modify);
	b.where = where;
	write.o.overwrite = true;
	r = bd_begin(&b, &begin);
	if (r == 0) {
		r = act(&b, c);
		if (r == 0 && !(c->command->marks & BD_NO_EDIT))
			r = bd_write(&b, &write);
		if (bd_remove(&b) < 0)
			r = -1;
	}
	(void)rmdir(where);
	return r;
}

static int
call(const struct bd_call *c)
{
	_cleanup_(bd_close) struct bd_build b = BD_BUILD;
	int r;

	if (c->o.modify)
		return modify(c);
	b.where = c->o.work_path ? c->o.work_path : ".";
	if (c->command->marks & BD_NO_BUILD)
		return c->command->act(&b, c);
	r = bd_open(&b);
	return r < 0 ? r : act(&b, c);
}

int
bd_one(int argc, char *const argv[], const struct bd_options *over)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1,
	    sizeof(*words));
	struct bd_call c = { .v = words };
	char error[BD_ERROR];

	if (!words)
		return bd_fail("out of memory");
	if (bd_parse(argc, argv, &c, error) < 0)
		return bd_fail("%s", error);
	if (over && c.command && c.command->act == bd_script)
		return bd_fail("a script runs no script");
	if (over && !c.o.work_path)
		c.o.work_path = over->work_path;
	c.o.debug = c.o.debug || (over && over->debug);
	c.o.no_history = c.o.no_history || (over && over->no_history);
	ps_log_debug(c.o.debug);
	if (!c.o.help)
		return call(&c);
	bd_help(c.command);
	return fflush(stdout) == 0 ? 0 : -1;
}

int
main(int argc, char *argv[])
{
	ps_log_name("rkt-build");
	if (getauxval(AT_SECURE) != 0)
		ps_die(1, "this program must not be setuid");
	bd_umask = umask(022);
	/* Names are UTF-8, wherever we are. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		ps_die(1, "the locale C.UTF-8 is missing");
	return bd_one(argc, argv, NULL) < 0;
}
