/*
 * protocol: writes docs/PROTOCOL.md from the .def files, the permit table of
 * launcher/dispatch.c, and the codec itself (the test vectors are encoded by
 * the code that root runs).  Runs at build time only, as whoever builds, from
 * the top of the tree; its input is our own source, so nothing is hostile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/log.h"
#include "privsep/name.h"
#include "privsep/proto.h"

struct field {
	const char *message, *type, *name, *count, *max, *class;
};

/* The fields of all messages in order; a row without type begins a message. */
#define ROW(...) {__VA_ARGS__},
#define U8(f) ROW(NULL, "u8", #f, NULL, NULL, NULL)
#define U16(f) ROW(NULL, "u16", #f, NULL, NULL, NULL)
#define U32(f) ROW(NULL, "u32", #f, NULL, NULL, NULL)
#define U64(f) ROW(NULL, "u64", #f, NULL, NULL, NULL)
#define I32(f) ROW(NULL, "i32", #f, NULL, NULL, NULL)
#define STR(f, max, c) ROW(NULL, "str", #f, NULL, #max, #c)
#define STRS(f, count, max, c) ROW(NULL, "list of str", #f, #count, #max, #c)
#define DATA(f, max) ROW(NULL, "data", #f, NULL, #max, NULL)
#define IDS(f, count) ROW(NULL, "list of u32", #f, #count, NULL, NULL)
#define DIGEST(f) ROW(NULL, "digest", #f, NULL, NULL, NULL)
#define MSG(name, from, least, most) ROW(#name, NULL, NULL, NULL, NULL, NULL)
#define END(name)
static const struct field fields[] = {
#include "privsep/control.def"
#include "privsep/fetch.def"
#include "privsep/plan.def"
#include "privsep/unpack.def"
#include "privsep/verify.def"
};

static const struct edge {
	const char *file, *title, *letters;
} edges[] = {
    {"control", "Control: conductor and launcher", "CL"},
    {"fetch", "Fetch: conductor and fetcher", "CF"},
    {"verify", "Verify: launcher and verify", "LV"},
    {"unpack", "Unpack: launcher and unpack", "LU"},
    {"plan", "Plan: records in a sealed memory file", "P"},
};

static const struct {
	char letter;
	const char *who;
} parties[] = {
    {'C', "the conductor"},
    {'L', "the launcher"},
    {'F', "the fetcher"},
    {'V', "verify"},
    {'U', "unpack"},
    {'P', "the conductor, as planner"},
};

static FILE *
source(const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		fprintf(stderr, "protocol: run me at the top of the tree: %s\n",
		    path);
		exit(1);
	}
	return f;
}

/* The text inside a comment, without its marks, in place. */
static char *
bare(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	if (strncmp(s, "/*", 2) == 0)
		s += 2;
	else if (*s == '*' && s[1] != '/')
		s++;
	s += strspn(s, " \t");
	n = strlen(s);
	while (
	    n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n >= 2 && strncmp(s + n - 2, "*/", 2) == 0)
		n -= 2;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	s[n] = '\0';
	return s;
}

static const char *
who(char letter)
{
	for (size_t i = 0; i < PS_COUNT(parties); i++)
		if (parties[i].letter == letter)
			return parties[i].who;
	return "?";
}

static const struct ps_info *
message(const char *name)
{
	const struct ps_info *row;

	for (size_t i = 0; (row = ps_info_at(i)) != NULL; i++)
		if (strcmp(row->name, name) == 0)
			return row;
	exit(1);
}

static void
say_field(const struct field *f, const char *comment)
{
	printf("| `%s` | %s | ", f->name, f->type);
	if (f->count)
		printf("at most %s", f->count);
	if (f->max)
		printf(
		    "%s%s bytes", f->count ? ", each of " : "at most ", f->max);
	if (strcmp(f->type, "digest") == 0)
		printf("64 bytes");
	printf(" | %s | %s |\n", f->class ? f->class : "", comment);
}

static const struct field *
fields_of(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(fields); i++)
		if (fields[i].message && strcmp(fields[i].message, name) == 0)
			return &fields[i + 1];
	exit(1);
}

static void
say_message(const char *name, const struct edge *e)
{
	const struct ps_info *row = message(name);

	printf("\n### %s (0x%03x)\n\n", name, row->type);
	if (e->letters[1] == '\0')
		printf("Written by %s.", who(row->from));
	else
		printf("From %s to %s.", who(row->from),
		    who(e->letters[e->letters[0] == row->from]));
	if (row->most_fds > 0)
		printf(" Descriptors: %d.", row->most_fds);
	printf("\n");
}

/* One .def file, top to bottom: its comments are the prose. */
static void
say_edge(const struct edge *e)
{
	char path[64], line[512], text[4096] = "";
	const struct field *field = NULL;
	bool in_comment = false, table = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "privsep/%s.def", e->file);
	f = source(path);
	printf("\n## %s\n", e->title);
	while (fgets(line, sizeof(line), f)) {
		char *mark = strstr(line, "/*");

		if (strncmp(line, "MSG(", 4) == 0) {
			line[4 + strcspn(line + 4, ",")] = '\0';
			say_message(line + 4, e);
			if (text[0])
				printf("\n%s", text);
			text[0] = '\0';
			field = fields_of(line + 4);
			table = false;
		} else if (line[0] == '\t' && field) {
			if (!table)
				printf("\n| field | type | bound | class | |\n"
				       "|---|---|---|---|---|\n");
			table = true;
			say_field(field++, mark ? bare(mark) : "");
		} else if (in_comment || strncmp(line, "/*", 2) == 0) {
			size_t n = strlen(text);
			const char *words;

			in_comment = strstr(line, "*/") == NULL;
			words = bare(line);
			if (in_comment || words[0])
				(void)snprintf(
				    text + n, sizeof(text) - n, "%s\n", words);
		} else if (line[0] == '\n' && text[0]) {
			printf("%s", text);
			text[0] = '\0';
		}
	}
	(void)fclose(f);
}

/* Rows of the permit table: { PS_NAME, states, once, handler }. */
static void
say_permits(void)
{
	FILE *f = source("launcher/dispatch.c");
	char line[512], name[64], states[128], once[16], handler[64];

	printf("\n## What the launcher permits\n\n"
	       "A frame that is no row of this table, in a state that its row "
	       "does not name, or a\nsecond frame of a row that is heard once, "
	       "ends the session (launcher/dispatch.c).\n\n"
	       "| message | states | once | handler |\n|---|---|---|---|\n");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			" { PS_%63[A-Z_], %127[^,], %15[a-z], %63[a-z_] }",
			name, states, once, handler) != 4)
			continue;
		printf("| %s | ", name);
		for (char *s = states; *s; s++)
			if (strncmp(s, "LN_", 3) == 0)
				s += 2;
			else
				(void)putchar(*s == '|' ? ',' : *s);
		printf(" | %s | `%s` |\n",
		    strcmp(once, "true") == 0 ? "yes" : "no", handler);
	}
	(void)fclose(f);
}

/* Named numbers of limits.h, with the comment beside or above them. */
static void
say_numbers(void)
{
	FILE *f = source("privsep/limits.h");
	char line[512], name[64], value[64], rest[256];

	printf("\n## Numbers\n\n| name | value | |\n|---|---|---|\n");
	while (fgets(line, sizeof(line), f)) {
		char *p = line, *mark = strstr(line, "/*");

		if (sscanf(line, "#define %63[A-Z_] %63[0-9a-fxu] %255[^\n]",
			name, value, rest) >= 2) {
			value[strcspn(value, "u")] = '\0';
			printf("| %s | %s | %s |\n", name, value,
			    mark ? bare(mark) : "");
			continue;
		}
		if (strncmp(line, "#define", 7) == 0)
			continue;
		if (mark)
			*mark++ = '\0';
		for (int n; (p = strstr(p, "PS_")) != NULL; p += n) {
			n = 3;
			if (sscanf(p, "%63[A-Z_] = %63[0-9]%n", name, value,
				&n) >= 2)
				printf("| %s | %s | %s |\n", name, value,
				    mark ? bare(mark) : "");
		}
	}
	(void)fclose(f);
}

static void
say_exit_codes(void)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
	    {PS_EXIT_OK, "done"},
	    {PS_EXIT_REFUSED, "refused by rule; the answer said so"},
	    {PS_EXIT_USAGE, "called in a wrong way"},
	    {PS_EXIT_SYSTEM, "the machine failed, or its peer went away"},
	    {PS_EXIT_PROTOCOL, "the peer broke the protocol"},
	};

	printf(
	    "\n## Exit codes between the programs\n\n| code | |\n|---|---|\n");
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		printf("| %d | %s |\n", rows[i].code, rows[i].text);
	printf(
	    "\nThe person sees 254 for an error of rkt itself, else the app's "
	    "code.\n");
}

static void
say_vector(const char *name, struct ps_writer *w)
{
	static uint8_t frame[PS_MAX_MSG];
	struct ps_writer head = {.p = frame, .size = sizeof(frame)};
	const struct ps_info *row = message(name);

	if (w->error != 0)
		exit(1);
	ps_put_header(&head, &(struct ps_header){.type = row->type,
				 .nfds = row->least_fds,
				 .length = (uint32_t)w->at,
				 .serial = 1});
	ps_put_bytes(&head, w->p, w->at);
	printf("\n```");
	for (size_t i = 0; i < head.at; i++)
		printf("%s%02x",
		    i % 32 == 0	 ? "\n"
		    : i % 4 == 0 ? " "
				 : "",
		    frame[i]);
	printf("\n```\n");
}

#define VECTOR(NAME, ...)                                                      \
	do {                                                                   \
		static uint8_t buffer[PS_MAX_MSG];                             \
		struct ps_writer w = {.p = buffer, .size = sizeof(buffer)};    \
		(void)ps_encode_##NAME(                                        \
		    &w, &(struct ps_msg_##NAME)__VA_ARGS__);                   \
		say_vector(#NAME, &w);                                         \
	} while (0)

static void
say_vectors(void)
{
	printf(
	    "\n## Test vectors\n\nOne frame of each edge, header and payload, "
	    "serial 1. Fields not named are zero or\nempty.\n");
	printf("\n`HELLO`: `dir` = \"/srv/rkt\".\n");
	VECTOR(HELLO,
	    {.dir = "/srv/rkt", .system_config = "", .local_config = ""});
	printf("\n`GET`: `url` = \"https://example.test/hello.aci\", "
	       "`max_size` = 1048576.\n");
	VECTOR(GET, {.url = "https://example.test/hello.aci",
			.max_size = 1048576,
			.etag = "",
			.authorization = ""});
	printf("\n`CHECK`: `name` = \"example.test/hello\", `now` = "
	       "1700000000.\n");
	VECTOR(CHECK, {.name = "example.test/hello", .now = 1700000000});
	printf("\n`UNPACK`: `max_tar` = 1073741824, `max_ratio` = 200, "
	       "`max_entries` = 1000, "
	       "`max_manifest` = 1048576.\n");
	VECTOR(UNPACK, {.max_tar = 1073741824,
			   .max_ratio = 200,
			   .max_entries = 1000,
			   .max_manifest = 1048576});
	printf("\n`PLAN_POD`: `version` = 1, `uuid` = "
	       "12345678-1234-4234-8234-123456789abc, "
	       "`hostname` = \"pod\",\n`net` = 1, `flavor` = 1, `apps` = 1, "
	       "`manifest` = \"{}\".\n");
	VECTOR(PLAN_POD, {.version = PS_PLAN_VERSION,
			     .uuid = "12345678-1234-4234-8234-123456789abc",
			     .hostname = "pod",
			     .net = PS_NET_HOST,
			     .flavor = PS_FLAVOR_NSPAWN,
			     .apps = 1,
			     .n_manifest = 2,
			     .manifest = (const uint8_t *)"{}"});
}

int
main(void)
{
	printf(
	    "# Messages between the programs of rkt\n\n"
	    "Made by docs/protocol.c from privsep/*.def, launcher/dispatch.c "
	    "and the codec; do\nnot edit. `make docs/PROTOCOL.md` writes it, "
	    "and the lint `protocol_is_fresh`\ncompares it.\n"
	    "\n## Form\n\n"
	    "An edge is one pair of SOCK_SEQPACKET sockets between two "
	    "programs; there is no bus.\nOne datagram is one message of at "
	    "most %u bytes, its header of %u bytes included.\nAll integers "
	    "are little-endian and of fixed width.\n\n"
	    "| bytes | header field | |\n|---|---|---|\n"
	    "| 0-3 | magic | 0x%08x |\n"
	    "| 4-5 | type | the number below |\n"
	    "| 6-7 | nfds | descriptors that came with it, at most %u |\n"
	    "| 8-11 | length | bytes of the payload, exactly |\n"
	    "| 12-15 | serial | 1, 2, 3, ... in each direction |\n\n",
	    PS_MAX_MSG, PS_HEADER, PS_MAGIC, PS_MAX_FDS);
	printf("| type | on the wire |\n|---|---|\n"
	       "| u8 u16 u32 u64 i32 | that many bits |\n"
	       "| str | u16 length, the bytes, one NUL that is not counted; no "
	       "NUL inside |\n"
	       "| list of str | u16 count, then as many str |\n"
	       "| list of u32 | u16 count, then as many u32 |\n"
	       "| data | u32 length, the bytes |\n"
	       "| digest | 64 bytes, SHA-512 |\n\n"
	       "The class of a string names the characters it may have "
	       "(`ps_is_CLASS` in\nprivsep/name.h). A payload with a byte too "
	       "few or too many, a string out of its\nclass or bound, a wrong "
	       "sender, serial or number of descriptors is no message: the\n"
	       "receiver ends its peer.\n");
	for (size_t i = 0; i < PS_COUNT(edges); i++)
		say_edge(&edges[i]);
	say_permits();
	say_numbers();
	say_exit_codes();
	say_vectors();
	return 0;
}
