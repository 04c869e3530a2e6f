/* link: stage1/common/unit.c stage1/nspawn/facts.c stage1/appexec/user.c */
/* link: stage1/appexec/sys.c privsep/fds.c privsep/kv.c privsep/name.c */
/* link: privsep/streams.c */
/*
 * Stage1's pure parts: facts, the unit of an app, tables of an image.
 * Properties: a unit that is made has as many lines as any other, and its
 * name and description are all that differ; an id that is found is a pod's.
 */
#include <stdlib.h>
#include <string.h>

#include "stage1/appexec/appexec.h"
#include "stage1/nspawn/nspawn.h"

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *s1_why = "";

static void
unit(const char *name, const char *image, unsigned bits)
{
	static struct ps_msg_PLAN_APP a;
	static char text[16384];
	const struct s1_unit u = {.app = &a,
	    .interactive = (bits & 1) != 0,
	    .mutable = (bits & 64) != 0};
	size_t lines = 0, starts = 0, want = 22;
	int n;

	a.name = name;
	a.image_name = image;
	a.notify = bits >> 1 & 1;
	a.n_pre_start = bits >> 2 & 1;
	a.n_post_stop = bits >> 3 & 1;
	a.std_in = bits >> 4 & 1;
	a.std_out = bits >> 5 & 1 ? PS_STDIO_NULL : 0;
	n = s1_format_service(&u, text, sizeof(text));
	if (n < 0)
		return;
	HOLDS((size_t)n == strlen(text) && text[n - 1] == '\n');
	for (char *p = text; *p; p++) {
		lines += *p == '\n';
		starts += strncmp(p, "\nExecStart=", 11) == 0;
	}
	want += (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3 & 1) +
		(bits >> 4 & 1) + (bits >> 6 & 1);
	HOLDS(lines == want && starts == 1);
	HOLDS(strpbrk(text, "\\\"'$;\r%") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char copy[4097];
	struct s1_facts f = {0};
	const char *second;
	uint32_t id;

	if (size == 0 || size > sizeof(copy) - 1)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	second = memchr(copy, '\0', size);
	second = second ? second + 1 : copy;
	unit(copy, second, data[0]);
	unit("hello", copy, data[0]);
	if (s1_find_id((const char *)data, size, "web", &id) == 0)
		HOLDS(id <= S1_MAX_ID);
	if (s1_parse_id(copy, &id) == 0)
		HOLDS(id <= S1_MAX_ID && strlen(copy) <= 5);
	if (s1_parse_facts(copy, size, &f) == 0)
		HOLDS(f.base % 65536 == 0 && f.base != 0);
	return 0;
}
