/* link: privsep/record.c privsep/kv.c privsep/name.c */
/*
 * Image records.  What is read is written again in one form, and that form
 * reads as the same record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) do { if (!(x)) abort(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char once[2 * PS_MAX_RECORD], twice[2 * PS_MAX_RECORD],
	    copy[2 * PS_MAX_RECORD];
	char *text = malloc(size + 1);
	struct ps_record r, again;
	int n, m;

	memcpy(text, data, size);
	if (size <= PS_MAX_RECORD && ps_record_parse(text, size, &r) == 0) {
		HOLDS(r.n_label <= PS_MAX_LABELS && r.n_signer <= PS_MAX_SIGNERS);
		n = ps_record_format(&r, once, sizeof(once));
		HOLDS(n > 0);
		memcpy(copy, once, (size_t)n);
		HOLDS(ps_record_parse(copy, (size_t)n, &again) == 0);
		m = ps_record_format(&again, twice, sizeof(twice));
		HOLDS(m == n && memcmp(once, twice, (size_t)n) == 0);
	}
	free(text);
	return 0;
}
