/* link: privsep/codec.c privsep/name.c privsep/proto.c */
/*
 * Messages of every edge.  Two bytes choose the type, the rest is the payload:
 * what decodes encodes to the same bytes, what does not leaves no trace in the
 * result (gen.h looks).
 */
#include "tests/unit/privsep/gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[PS_MAX_MSG];
	struct ps_writer w = { .p = bytes, .size = sizeof(bytes) };
	const struct gen_row *row;
	uint8_t *copy;

	if (size < 1 || size > PS_MAX_MSG)
		return 0;
	row = &gen_rows[data[0] % PS_COUNT(gen_rows)];
	copy = malloc(size); /* just so long: ASan sees the end */
	memcpy(copy, data + 1, size - 1);
	if (row->again(copy, size - 1, &w) == 0 &&
	    (w.at != size - 1 || memcmp(bytes, copy, w.at) != 0))
		abort();
	free(copy);
	return 0;
}
