#pragma once
/*
 * The machine's disks, for limits of block I/O, by /proc/partitions, whose
 * text the kernel wrote.  Pure.
 */
#include <stdbool.h>

#define PS_PARTITIONS 65536u /* bytes of it, at most */

/* The next "254:0" of *text; false: no more.  What is no whole disk is among
 * them: the kernel takes no limit for it (ENODEV). */
bool ps_next_disk(const char **text, char ret[32]);
