#pragma once
/*
 * Writing JSON, as rkt prints it: in one line, or indented by tabs.  Strings
 * are escaped so that nothing reaches a terminal but printable UTF-8.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cli_json {
	FILE *out;
	bool pretty, has_members, after_key;
	unsigned depth;
};

/* bracket: '{' or '['; and their ends. */
void cli_json_open(struct cli_json *j, char bracket);
void cli_json_close(struct cli_json *j, char bracket);
void cli_json_key(struct cli_json *j, const char *key);
void cli_json_string(struct cli_json *j, const char *s);
void cli_json_int(struct cli_json *j, int64_t v);
void cli_json_bool(struct cli_json *j, bool v);

/* Prints a JSON text that a parser has accepted, indented or as it is. */
void cli_json_print(struct cli_json *j, const char *text, size_t n);
