#pragma once
/*
 * Seccomp isolators to BPF: what narrows an app below the ceiling that the
 * launcher and appexec hold anyway.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/isolator.h"
#include "cli/mem.h"

#define CLI_MAX_FILTER 16384u /* bytes, as plan.def */

struct cli_filter {
	const uint8_t *code; /* struct sock_filter[], kept */
	size_t size;	     /* bytes; 0: nothing to narrow */
};

/* Before the sandbox closes: lets libseccomp ask the kernel what it can. */
void cli_filter_warm(void);

/* calls: names and @sets; error: NULL kills, else an errno's name.  wide: the
 * ceiling is not the default list (a call that cannot be named in a remove set
 * is then an error).  NULL, or what is wrong. */
const char *cli_filter_build(enum ac_set mode, const char *const *calls,
    size_t n, const char *error, bool wide, struct cli_filter *ret);

/* "mode=retain,errno=EPERM,NAME,..." NULL, or what is wrong. */
const char *cli_parse_seccomp(const char *text, enum ac_set *ret_mode,
    const char **ret_error, struct cli_list *ret_calls);
/* Number of an errno's name; 0 unknown. */
int cli_errno_number(const char *name);
