#pragma once
/*
 * The log of a pod: its journal files, one behind the other, and the lines in
 * them that are its apps'.  HOSTILE: all of it is the pod's word but which app
 * a line is of, which journald of the pod wrote down.
 */
#include "appc/pod.h"
#include "cli/journal.h"
#include "cli/pods.h"

/* journald keeps 64 MiB in files of 4. */
#define CLI_LOG_FILES 64

struct cli_log {
	const struct cli_pod *pod;
	const struct ac_pod *manifest;
	const char *app; /* only its lines; NULL: of all apps */
	struct cli_log_file {
		struct cli_journal j;
		bool damaged;
	} files[CLI_LOG_FILES];
	size_t n;
};

struct cli_line {
	size_t file; /* of files, for cli_log_again */
	uint64_t at, realtime;
	const char *app; /* the app's name, or what it calls itself */
	const char *pid, *priority, *unit, *identifier;
	const char *message;
	size_t n;	/* bytes of it that are here */
	uint64_t more;	/* bytes that are not */
};

/* Shows a line; its texts are good until the next.  0 to go on. */
typedef int cli_log_visit(const struct cli_line *line, void *arg);

/* Looks which files there are now.  0 or CLI_FAILED (said). */
int cli_log_scan(struct cli_log *log);
/* All lines since the last call, oldest file first; stops at the first answer
 * that is not 0 and returns it. */
int cli_log_read(struct cli_log *log, cli_log_visit *visit, void *arg);
/* One line again. */
int cli_log_again(struct cli_log *log, size_t file, uint64_t at,
    cli_log_visit *visit, void *arg);

/* Is there an output of that name ("short", "cat", "json")? */
cli_log_visit *cli_log_printer(const char *output);
