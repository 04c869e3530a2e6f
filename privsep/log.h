#pragma once
/*
 * Programs log, libraries do not (style A2).  ps_die is for a world or a peer
 * that failed.
 */
#include "privsep/attr.h"

/* Exit codes between our own programs. */
enum {
	PS_EXIT_OK = 0,
	PS_EXIT_REFUSED = 1,
	PS_EXIT_USAGE = 100,
	PS_EXIT_SYSTEM = 111,
	PS_EXIT_PROTOCOL = 120
};

/* Set once at the start of main; room must outlive the program. */
void ps_log_name(const char *room);
void ps_log_debug(int on);

/* One line "room: text" on stderr, at most 1 KiB, control characters shown
 * as '?'. */
void ps_log(const char *format, ...) _printf_(1, 2);
/* The same, only after ps_log_debug(1). */
void ps_debug(const char *format, ...) _printf_(1, 2);
/* "text: strerror(-error)"; returns error. */
int ps_log_error(int error, const char *format, ...) _printf_(2, 3);
_noreturn_ void ps_die(int code, const char *format, ...) _printf_(2, 3);
