/*
 * The log of a pod, conductor, user rkt or whoever called.  HOSTILE: names,
 * number, size and bytes of these files are the pod's.
 */
#include "cli/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/files.h"

#define JOURNAL "overlay/stage1/upper/var/log/journal/"

/* The machine id that stage1 gives a pod: its UUID without dashes. */
static const char *
directory_of(const struct cli_pod *pod)
{
	char id[33];
	size_t n = 0;

	for (const char *p = pod->uuid; *p && n < sizeof(id) - 1; p++)
		if (*p != '-')
			id[n++] = *p;
	id[n] = '\0';
	return cli_format(JOURNAL "%s", id);
}

static bool
is_journal(const char *name)
{
	size_t n = strlen(name);

	return strncmp(name, "system", 6) == 0 &&
	    ((n > 8 && strcmp(name + n - 8, ".journal") == 0) ||
		(n > 9 && strcmp(name + n - 9, ".journal~") == 0));
}

static bool
is_known(const struct cli_log *log, const struct cli_journal *j)
{
	for (size_t i = 0; i < log->n; i++)
		if (memcmp(log->files[i].j.id, j->id, sizeof(j->id)) == 0)
			return true;
	return false;
}

/* Into its place by age: what is new is younger than what was read. */
static void
insert(struct cli_log *log, size_t old, const struct cli_journal *j)
{
	size_t at = log->n++;

	for (; at > old && log->files[at - 1].j.head > j->head; at--)
		log->files[at] = log->files[at - 1];
	log->files[at] = (struct cli_log_file){ .j = *j };
}

/* 1: taken.  What is no journal, or has nothing in it yet, is not. */
static int
take_file(struct cli_log *log, size_t old, int dir, const char *name)
{
	_cleanup_fd_ int fd = cli_open_below(dir, name, 0);
	struct cli_journal j;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    cli_journal_open(fd, &j) < 0 || is_known(log, &j))
		return 0;
	if (log->n == CLI_LOG_FILES)
		return -E2BIG;
	insert(log, old, &j);
	(void)take_fd(fd);
	return 1;
}

static int
say_error(const struct cli_log *log, int r)
{
	return cli_fail("cannot read the log of pod \"%s\": %s", log->pod->uuid,
	    r == -EACCES ? "permission denied (members of group rkt may)" :
	    r == -E2BIG	 ? "it has too many files" :
			   strerror(-r));
}

int
cli_log_scan(struct cli_log *log)
{
	void *mark = cli_mark();
	int fd = cli_open_below(log->pod->dir, directory_of(log->pod),
	    O_DIRECTORY);
	size_t old = log->n;
	struct dirent *e;
	int r = 0;
	DIR *d;

	cli_release(mark);
	if (fd < 0)
		return fd == -ENOENT ? 0 : say_error(log, fd);
	d = fdopendir(fd);
	if (d == NULL) {
		ps_close_fd(&fd);
		return say_error(log, -ENOMEM);
	}
	while (r >= 0 && (e = readdir(d)) != NULL)
		if (is_journal(e->d_name))
			r = take_file(log, old, fd, e->d_name);
	(void)closedir(d);
	return r < 0 ? say_error(log, r) : 0;
}

enum { UNIT, IDENTIFIER, PID, PRIORITY, TRANSPORT, MESSAGE, FIELDS };

static char texts[MESSAGE][128], message[CLI_MAX_LINE];

static int
read_fields(const struct cli_journal *j, const struct cli_entry *e,
    struct cli_field f[FIELDS])
{
	static const char *const names[FIELDS] = { "_SYSTEMD_UNIT=",
		"SYSLOG_IDENTIFIER=", "_PID=", "PRIORITY=", "_TRANSPORT=",
		"MESSAGE=" };
	int r;

	for (size_t i = 0; i < FIELDS; i++)
		f[i] = (struct cli_field){ .name = names[i],
			.value = i == MESSAGE ? message : texts[i],
			.size = i == MESSAGE ? sizeof(message) :
					       sizeof(texts[i]) - 1 };
	r = cli_journal_fields(j, e, f, FIELDS);
	for (size_t i = 0; r == 0 && i < MESSAGE; i++) {
		size_t n = f[i].length < 0 ? 0 : (size_t)f[i].length;

		texts[i][n < f[i].size ? n : f[i].size] = '\0';
	}
	return r;
}

/* The app whose unit this is. */
static const char *
app_of(const struct cli_log *log, const char *unit)
{
	for (size_t i = 0; i < log->manifest->n_apps; i++) {
		const char *name = log->manifest->apps[i].name;
		size_t n = strlen(name);

		if (strncmp(unit, name, n) == 0 &&
		    strcmp(unit + n, ".service") == 0)
			return name;
	}
	return NULL;
}

/* Lines of a process that was gone before journald looked have no unit: they
 * are shown, as no app's.  What journald and systemd say of themselves is not. */
static bool
is_wanted(const struct cli_log *log, const char *app)
{
	if (log->app)
		return app && strcmp(app, log->app) == 0;
	return app || (texts[UNIT][0] == '\0' &&
			  (strcmp(texts[TRANSPORT], "syslog") == 0 ||
			      strcmp(texts[TRANSPORT], "journal") == 0 ||
			      strcmp(texts[TRANSPORT], "stdout") == 0));
}

static int
show(const struct cli_log *log, size_t file, const struct cli_entry *e,
    cli_log_visit *visit, void *arg)
{
	struct cli_field f[FIELDS];
	struct cli_line line = { .file = file, .at = e->at,
		.realtime = e->realtime, .unit = texts[UNIT],
		.identifier = texts[IDENTIFIER], .pid = texts[PID],
		.priority = texts[PRIORITY], .message = message };
	int r = read_fields(&log->files[file].j, e, f);

	if (r < 0)
		return r;
	line.app = app_of(log, texts[UNIT]);
	if (!is_wanted(log, line.app) || f[MESSAGE].length < 0)
		return 0;
	if (line.app == NULL)
		line.app = texts[IDENTIFIER][0] ? texts[IDENTIFIER] : "-";
	line.n = (size_t)f[MESSAGE].length;
	if (line.n > sizeof(message)) {
		line.more = line.n - sizeof(message);
		line.n = sizeof(message);
	}
	return visit(&line, arg);
}

static int
read_file(struct cli_log *log, size_t i, cli_log_visit *visit, void *arg)
{
	struct cli_log_file *f = &log->files[i];
	struct cli_entry e;
	int r = 0;

	while (r == 0 && !f->damaged) {
		r = cli_journal_next(&f->j, &e);
		if (r == 0)
			break;
		if (r > 0)
			r = show(log, i, &e, visit, arg);
		if (r < 0) {
			f->damaged = true;
			(void)cli_fail("a file of the log cannot be read to its "
				       "end: %s", strerror(-r));
			r = 0;
		}
	}
	return r;
}

int
cli_log_read(struct cli_log *log, cli_log_visit *visit, void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < log->n; i++)
		r = read_file(log, i, visit, arg);
	return r;
}

int
cli_log_again(struct cli_log *log, size_t file, uint64_t at,
    cli_log_visit *visit, void *arg)
{
	struct cli_entry e;
	int r = cli_journal_entry(&log->files[file].j, at, &e);

	return r < 0 ? 0 : show(log, file, &e, visit, arg);
}
