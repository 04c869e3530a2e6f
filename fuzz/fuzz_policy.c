/* link: privsep/policy.c privsep/kv.c privsep/name.c */
/*
 * Site policy.  Whatever the text: a refused file changes nothing and names a
 * line; an accepted one stays within every bound.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) do { if (!(x)) abort(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ps_policy p, before;
	char error[256] = "", *text = malloc(size + 1);

	ps_policy_default(&p);
	before = p;
	memcpy(text, data, size);
	if (ps_policy_apply(&p, text, size, error) < 0) {
		HOLDS(memcmp(&p, &before, sizeof(p)) == 0);
		HOLDS(strncmp(error, "line ", 5) == 0);
	} else {
		HOLDS((p.insecure & ~PS_INSECURE_ALL) == 0);
		HOLDS(p.caps_image >> 41 == 0 && p.caps_operator >> 41 == 0);
		HOLDS(p.max_image > 0 && p.max_tree > 0 && p.max_ratio > 0);
		HOLDS(p.id_first >= PS_RANGE && p.id_first % PS_RANGE == 0);
		HOLDS(p.id_count > 0 && p.id_first + (uint64_t)p.id_count * PS_RANGE <=
		    PS_FOREIGN_BASE);
		HOLDS(p.n_pin <= PS_MAX_LIST && p.n_deny_key <= PS_MAX_LIST);
		HOLDS(!p.data_dir || p.data_dir[0] == '/');
	}
	free(text);
	return 0;
}
