#pragma once
/*
 * The operator's --volume, in appc's words:
 *	NAME,kind=host,source=PATH[,readOnly=B][,recursive=B][,idmap=host|pod]
 *	NAME,kind=empty[,readOnly=B][,mode=OCTAL][,uid=N][,gid=N]
 *	NAME,kind=tmpfs[,... as empty][,size=BYTES]
 * and --mnt-volume, which has target=PATH besides.
 * The conductor reads it for the plan; launcher/plan.c, which proves that plan,
 * knows the keys and the first letters of the values.  Pure, total, no
 * allocation.
 */
#include <stdint.h>

struct ps_volume {
	char name[256];	   /* an AC name */
	uint8_t kind;	   /* PS_VOLUME_* */
	char source[4096]; /* HOST: absolute, no "." or "..", no "//"; else "" */
	uint8_t readonly, has_readonly; /* has: it was said, true or false */
	uint8_t recursive;		/* HOST: 1 unless said otherwise */
	uint8_t idmap;			/* HOST: PS_IDMAP_*, HOST by default */
	uint32_t mode, uid, gid;	/* EMPTY, TMPFS: 0755, 0, 0 by default */
	uint64_t size;			/* TMPFS: bytes; 0: not said */
	char target[1024]; /* as --mnt-volume has it: an absolute path; "" */
};

/* 0, or -EINVAL with a static text of what is wrong, *ret then untouched. */
int ps_volume_parse(const char *text, struct ps_volume *ret,
    const char **ret_wrong);

/* Bytes: digits and one of k M G T, Ki Mi Gi Ti, or none.  0 or -EINVAL. */
int ps_parse_size(const char *text, uint64_t *ret);
