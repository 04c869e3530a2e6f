/*
 * --volume, as the conductor reads it.  What is accepted is in bounds, leaves
 * nothing of a former volume, and reads the same when it is written in full.
 */
/* link: privsep/volume.c privsep/name.c */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/limits.h"
#include "privsep/name.h"
#include "privsep/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static void
write_host(const struct ps_volume *v, char *to, size_t n)
{
	(void)snprintf(to, n, "%s,kind=host,source=%s,recursive=%d,idmap=%s%s",
	    v->name, v->source, v->recursive, v->idmap ? "pod" : "host",
	    v->has_readonly ? v->readonly ? ",readOnly=1" : ",readOnly=0" : "");
}

static void
write_own(const struct ps_volume *v, char *to, size_t n)
{
	char more[40] = "";

	if (v->size > 0)
		(void)snprintf(more, sizeof(more), ",size=%llu",
		    (unsigned long long)v->size);
	(void)snprintf(to, n, "%s,kind=%s,mode=%o,uid=%u,gid=%u%s%s", v->name,
	    v->kind == PS_VOLUME_TMPFS ? "tmpfs" : "empty", v->mode, v->uid,
	    v->gid, more,
	    v->has_readonly ? v->readonly ? ",readOnly=1" : ",readOnly=0" : "");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16384], again[16384];
	static struct ps_volume v, w;
	const char *wrong = NULL;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&v, 0x5a, sizeof(v));
	if (ps_volume_parse(text, &v, &wrong) != 0) {
		HOLDS(wrong && v.kind == 0x5a && v.uid == 0x5a5a5a5a);
		return 0;
	}
	HOLDS(ps_is_acname(v.name, strlen(v.name)));
	HOLDS(v.mode <= 07777 && v.uid < PS_RANGE && v.gid < PS_RANGE);
	if (v.kind == PS_VOLUME_HOST) {
		HOLDS(ps_is_abspath(v.source, strlen(v.source)) && v.size == 0);
		write_host(&v, again, sizeof(again));
	} else {
		HOLDS(v.source[0] == '\0' && !v.recursive);
		HOLDS(v.size == 0 || v.kind == PS_VOLUME_TMPFS);
		write_own(&v, again, sizeof(again));
	}
	HOLDS(ps_volume_parse(again, &w, &wrong) == 0);
	HOLDS(memcmp(&v, &w, sizeof(v)) == 0);
	return 0;
}
