/*
 * Discovery documents.  Whatever the page says: what is listed is of our URL
 * grammar, over a permitted scheme, from a tag whose prefix speaks for the
 * name, and fits one message; images come in pairs.
 */
/* link: fetcher/page.c fetcher/template.c fetcher/url.c privsep/name.c -lxml2 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetcher/page.h"
#include "fetcher/url.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static void
check(const struct ft_list *list, const struct ft_want *want)
{
	size_t bytes = 0;

	HOLDS(list->n <= FT_URLS_MAX && (want->keys || list->n % 2 == 0));
	for (size_t i = 0; i < list->n; i++) {
		const char *url = list->row[i].url,
			   *prefix = list->row[i].prefix;
		struct ft_url u;

		bytes += strlen(url) + 3;
		HOLDS(ft_url_parse(url, &u) == 0 && strcmp(u.text, url) == 0);
		HOLDS(u.https || want->may_http);
		HOLDS(ps_is_print(url, strlen(url)));
		HOLDS(ps_is_acid(prefix, strlen(prefix)));
		HOLDS(ps_is_prefix(prefix, want->query.name));
	}
	HOLDS(bytes <= FT_LIST_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const labels[] = {
	    "arch=amd64", "os=linux", "x=@/?#"};
	struct ft_want want = {.query = {"example.com/a/b", labels, 3}};
	struct ft_list list = {0};

	if (size < 1)
		return 0;
	want.keys = (data[0] & 1) != 0;
	want.may_http = (data[0] & 2) != 0;
	(void)ft_read_page((const char *)data + 1, size - 1, &want, &list);
	check(&list, &want);
	ft_list_done(&list);
	return 0;
}
