/*
 * Reading discovery documents.  Runs in the fetcher, behind its sandbox; the
 * page is hostile: the server wrote it, or who sits in its place.  Its encoding
 * is taken to be UTF-8 whatever it says, so that no converter is ever loaded.
 */
#include "fetcher/page.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "fetcher/url.h"
#include "privsep/attr.h"
#include "privsep/name.h"

struct scan {
	htmlParserCtxtPtr parser;
	const struct ft_want *want;
	struct ft_list *list;
	size_t tags;
	int error;
};

void
ft_list_done(struct ft_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->row[i].url);
		free(list->row[i].prefix);
	}
	*list = (struct ft_list){0};
}

/* count URLs, all or none: a pair is not torn. */
static int
add_urls(struct ft_list *list, const char *prefix, struct ft_url *const *urls,
    size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(urls[i]->text) + 3;
	if (count > FT_URLS_MAX - list->n || bytes > FT_LIST_MAX - list->bytes)
		return 0;
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *url = strdup(urls[i]->text);
		_cleanup_free_ char *p = strdup(prefix);

		if (url == NULL || p == NULL)
			return -ENOMEM;
		list->row[list->n].url = take_ptr(url);
		list->row[list->n++].prefix = take_ptr(p);
	}
	list->bytes += bytes;
	return 0;
}

static bool
may_use(const char *text, const struct ft_want *want, struct ft_url *ret)
{
	return ft_url_parse(text, ret) == 0 && (ret->https || want->may_http);
}

static int
add_image(const char *prefix, const char *template, const struct ft_want *want,
    struct ft_list *list)
{
	static const char *const ext[] = {"aci", "aci.asc"};
	struct ft_url url[2];
	char text[FT_URL_MAX + 1];

	for (size_t i = 0; i < PS_COUNT(ext); i++)
		if (ft_expand(template, &want->query, ext[i], text,
			sizeof(text)) < 0 ||
		    !may_use(text, want, &url[i]))
			return 0;
	return add_urls(
	    list, prefix, (struct ft_url *const[]){&url[0], &url[1]}, 2);
}

static int
add_key(const char *prefix, const char *text, const struct ft_want *want,
    struct ft_list *list)
{
	struct ft_url url;

	if (!may_use(text, want, &url))
		return 0;
	return add_urls(list, prefix, (struct ft_url *const[]){&url}, 1);
}

/* HOSTILE: content is "PREFIX TEMPLATE" or anything else. */
static int
add_tag(struct scan *s, const char *content)
{
	static const char blanks[] = " \t\r\n\f";
	const char *prefix = content + strspn(content, blanks);
	size_t n = strcspn(prefix, blanks), rest;
	const char *target = prefix + n + strspn(prefix + n, blanks);
	char speaks[256], text[FT_URL_MAX + 1];

	rest = strcspn(target, blanks);
	if (n == 0 || n >= sizeof(speaks) || rest == 0 ||
	    rest >= sizeof(text) ||
	    target[rest + strspn(target + rest, blanks)] != '\0')
		return 0;
	memcpy(speaks, prefix, n);
	speaks[n] = '\0';
	memcpy(text, target, rest);
	text[rest] = '\0';
	if (!ps_is_acid(speaks, n) ||
	    !ps_is_prefix(speaks, s->want->query.name))
		return 0;
	return (s->want->keys ? add_key : add_image)(
	    speaks, text, s->want, s->list);
}

static const char *
attribute(const xmlChar **attributes, const char *name)
{
	for (size_t i = 0; attributes && attributes[i]; i += 2)
		if (strcmp((const char *)attributes[i], name) == 0)
			return (const char *)attributes[i + 1];
	return NULL;
}

/* Is the element that was just opened a child of <head>?  libxml2 knows
 * elements in titles, browsers do not. */
static bool
is_in_head(const struct scan *s)
{
	int n = s->parser->nameNr;

	return n >= 2 &&
	       strcmp((const char *)s->parser->nameTab[n - 2], "head") == 0;
}

static void
on_start(void *data, const xmlChar *element, const xmlChar **attributes)
{
	struct scan *s = data;
	const char *name, *content;

	if (strcmp((const char *)element, "body") == 0 || s->error != 0) {
		xmlStopParser(s->parser);
		return;
	}
	if (strcmp((const char *)element, "meta") != 0 || !is_in_head(s))
		return;
	if (++s->tags > FT_TAGS_MAX) {
		xmlStopParser(s->parser);
		return;
	}
	name = attribute(attributes, "name");
	content = attribute(attributes, "content");
	if (name && content &&
	    strcmp(name,
		s->want->keys ? "ac-discovery-pubkeys" : "ac-discovery") == 0)
		s->error = add_tag(s, content);
}

static void
on_end(void *data, const xmlChar *element)
{
	struct scan *s = data;

	if (strcmp((const char *)element, "head") == 0)
		xmlStopParser(s->parser);
}

static void
be_quiet(void *data _unused_, xmlErrorPtr error _unused_)
{
}

int
ft_read_page(const char *page, size_t n, const struct ft_want *want,
    struct ft_list *list)
{
	struct scan s = {.want = want, .list = list};

	if (n == 0 || n > FT_PAGE_MAX)
		return 0;
	xmlSetStructuredErrorFunc(NULL, be_quiet);
	s.parser = htmlCreateMemoryParserCtxt(page, (int)n);
	if (s.parser == NULL)
		return -ENOMEM;
	(void)htmlCtxtUseOptions(
	    s.parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR |
			  HTML_PARSE_NOWARNING | HTML_PARSE_IGNORE_ENC);
	(void)xmlSwitchEncoding(s.parser, XML_CHAR_ENCODING_UTF8);
	memset(s.parser->sax, 0, sizeof(*s.parser->sax));
	s.parser->sax->startElement = on_start;
	s.parser->sax->endElement = on_end;
	s.parser->userData = &s;
	(void)htmlParseDocument(s.parser);
	if (s.parser->myDoc)
		xmlFreeDoc(s.parser->myDoc);
	htmlFreeParserCtxt(s.parser);
	return s.error;
}

int
ft_simple_discovery(const struct ft_want *want, struct ft_list *list)
{
	if (want->keys)
		return 0;
	/* Without os and arch among the labels this expands to nothing. */
	return add_image(want->query.name,
	    "https://{name}-{version}-{os}-{arch}.{ext}", want, list);
}
