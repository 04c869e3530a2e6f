#pragma once
/*
 * The machine's disks, for limits of block I/O.  Input: the kernel's
 * /sys/block.
 */
#include <stddef.h>

#define PS_MAX_DISKS 128

struct ps_disks {
	size_t n;
	char dev[PS_MAX_DISKS][16]; /* "254:0" */
};

/* Whole disks, of the open directory /sys/block.  Not loop devices, whose I/O
 * counts on the disk below, nor those in memory (ram, zram).  0, -E2BIG: more
 * than that; -ENODEV: none; or what it could not read. */
int ps_disks(int dir, struct ps_disks *ret);
