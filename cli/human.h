#pragma once
/*
 * Numbers and times as people read them.  Pure; the texts are those of rkt:
 * Go's durations and layouts, go-humanize's sizes and ages.
 */
#include <stddef.h>
#include <stdint.h>

#define CLI_SECOND INT64_C(1000000000)

/* "1h30m", "1.5h", "300ms", "0"; may be negative.  0 or -EINVAL. */
int cli_parse_duration(const char *s, int64_t *ret_ns);
/* "30m0s", "1.5s", "0s". */
const char *cli_format_duration(int64_t ns);

/* "13MiB" */
const char *cli_format_size(uint64_t bytes);
/* "3 minutes ago"; both in seconds since the epoch. */
const char *cli_format_age(int64_t then, int64_t now);
/* "2006-01-02 15:04:05.999 -0700 MST" in local time; ns since the epoch. */
const char *cli_format_time(int64_t ns);
