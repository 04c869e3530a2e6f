#pragma once
/* The caller's terminal: questions, and a bar that shows a download. */
#include <stdbool.h>
#include <stdint.h>

/* May a person be asked?  (stdin and stderr are terminals) */
bool cli_is_interactive(void);
/* Prints question on stdout, reads yes or no.  1, 0, or -1 at end of input. */
int cli_ask_yes(const char *question);

struct cli_progress {
	const char *label; /* "Downloading ACI" */
	bool tty, drawn;
	int64_t begun, shown; /* ns, monotonic */
	uint64_t got, total;  /* bytes */
};

void cli_progress_begin(struct cli_progress *p, const char *label);
void cli_progress_show(struct cli_progress *p, uint64_t got, uint64_t total);
void cli_progress_end(struct cli_progress *p, bool good);

/* The line itself, without control characters: pure.  ns since it began. */
const char *cli_progress_line(const struct cli_progress *p, int64_t ns,
    unsigned columns);
