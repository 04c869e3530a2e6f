/*
 * Image arguments, for the conductor, user rkt.  Input: the operator's words,
 * and labels that the launcher recorded of an image.
 */
#include "cli/image_string.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "privsep/name.h"

#if defined(__x86_64__)
#define HOST_ARCH "amd64"
#define HOST_ARCH_TOO "i386"
#elif defined(__aarch64__)
#define HOST_ARCH "aarch64"
#define HOST_ARCH_TOO "aarch64"
#elif defined(__i386__)
#define HOST_ARCH "i386"
#define HOST_ARCH_TOO "i386"
#elif defined(__powerpc64__)
#define HOST_ARCH "ppc64le"
#define HOST_ARCH_TOO "ppc64le"
#else
#define HOST_ARCH "unknown"
#define HOST_ARCH_TOO "unknown"
#endif

bool
cli_is_image_id_prefix(const char *s)
{
	size_t n = strlen(s);

	return n >= 9 && n <= PS_IMAGE_ID_LEN && memcmp(s, "sha512-", 7) == 0 &&
	    ps_is_hex(s + 7, n - 7);
}

static size_t
label_name_length(const char *label)
{
	return (size_t)(strchrnul(label, '=') - label);
}

const char *
cli_find_label(const char *const *label, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = label_name_length(label[i]);

		if (strlen(name) == length && label[i][length] == '=' &&
		    memcmp(label[i], name, length) == 0)
			return label[i] + length + 1;
	}
	return NULL;
}

static int
compare_labels(const char *a, const char *b)
{
	size_t na = label_name_length(a), nb = label_name_length(b);
	int d = memcmp(a, b, na < nb ? na : nb);

	return d != 0 ? d : (na > nb) - (na < nb);
}

static const char *
add_label(struct cli_app_name *a, const char *label)
{
	size_t length = label_name_length(label), i = a->n_label;

	if (label[length] != '=' || !ps_is_acid(label, length) ||
	    !ps_is_print(label, strlen(label)) || strlen(label) > 511 ||
	    (length == 4 && memcmp(label, "name", 4) == 0))
		return cli_format("invalid label \"%s\" (want NAME=VALUE)", label);
	if (cli_find_label(a->label, a->n_label, cli_copy_n(label, length)))
		return cli_format("label \"%.*s\" is given twice", (int)length,
		    label);
	if (i == PS_MAX_LABELS)
		return "too many labels";
	for (; i > 0 && compare_labels(a->label[i - 1], label) > 0; i--)
		a->label[i] = a->label[i - 1];
	a->label[i] = label;
	a->n_label++;
	return NULL;
}

const char *
cli_parse_app_name(const char *s, struct cli_app_name *ret)
{
	struct cli_app_name a = { 0 };
	const char *comma = strchrnul(s, ','), *wrong = NULL;
	char *name = cli_copy_n(s, (size_t)(comma - s));
	char *colon = strchr(name, ':');

	if (colon) {
		*colon++ = '\0';
		if (*colon == '\0' || strchr(colon, ':'))
			return cli_format("invalid image name \"%s\": want "
					  "NAME[:VERSION][,LABEL=VALUE]", s);
		a.has_version = true;
		wrong = add_label(&a, cli_format("version=%s", colon));
	}
	a.name = name;
	if (!wrong && (strlen(name) > 255 || !ps_is_acid(name, strlen(name))))
		return cli_format("invalid image name \"%s\"", name);
	while (!wrong && *comma != '\0') {
		const char *end = strchrnul(comma + 1, ',');
		char *label =
		    cli_copy_n(comma + 1, (size_t)(end - comma - 1));

		if (strncmp(label, "version=", 8) == 0)
			a.has_version = true;
		wrong = add_label(&a, label);
		comma = end;
	}
	if (wrong)
		return wrong;
	*ret = a;
	return NULL;
}

void
cli_add_host_labels(struct cli_app_name *a)
{
	if (!cli_find_label(a->label, a->n_label, "os"))
		(void)add_label(a, "os=linux");
	if (!cli_find_label(a->label, a->n_label, "arch"))
		(void)add_label(a, "arch=" HOST_ARCH);
}

const char *
cli_check_platform(const char *const *label, size_t n)
{
	const char *os = cli_find_label(label, n, "os");
	const char *arch = cli_find_label(label, n, "arch");

	if (os == NULL)
		return "missing os label in the image manifest";
	if (arch == NULL)
		return "missing arch label in the image manifest";
	if (strcmp(os, "linux") != 0)
		return cli_format("bad os \"%s\" (must be linux)", os);
	if (strcmp(arch, HOST_ARCH) != 0 && strcmp(arch, HOST_ARCH_TOO) != 0)
		return cli_format("bad arch \"%s\" (this host runs %s)", arch,
		    HOST_ARCH);
	return NULL;
}

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static const char *
classify_url(const char *s, const char *rest, struct cli_image_string *ret)
{
	const char *path = strncmp(rest, "//", 2) == 0 ? strchr(rest + 2, '/') : rest;
	char *clean = path ? cli_copy_n(path, strcspn(path, "?#")) : NULL;

	if (clean == NULL || !has_suffix(clean, ".aci"))
		return cli_format("invalid image string \"%s\": the path of an "
				  "image URL ends with .aci", s);
	if (strlen(s) > 2047 || !ps_is_print(s, strlen(s)))
		return "the image URL is too long, or not printable";
	ret->kind = CLI_IMAGE_URL;
	ret->text = s;
	if (strncasecmp(s, "file:", 5) == 0) {
		/* The launcher opens what stands there, and no more is read
		 * into it. */
		if (strncmp(s, "file:///", 8) != 0 || strpbrk(s, "?#"))
			return cli_format("invalid image string \"%s\": want "
					  "file:///PATH.aci, or the path alone", s);
		ret->kind = CLI_IMAGE_PATH;
		ret->text = clean;
	}
	return NULL;
}

/* The scheme's row, if s has one that rkt knows: others are names, because
 * NAME:VERSION looks like a scheme too. */
static const char *
classify_scheme(const char *s, struct cli_image_string *ret, bool *ret_done)
{
	static const struct {
		const char *scheme, *refusal;
	} rows[] = {
		{ "file", NULL },
		{ "http", NULL },
		{ "https", NULL },
		{ "docker", "docker images are not supported yet: fetch an ACI" },
		{ "cimd", "cimd image strings are not supported: give the name, "
			  "path or URL" },
	};
	size_t n = strcspn(s, ":/");

	*ret_done = false;
	if (s[n] != ':')
		return NULL;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (strlen(rows[i].scheme) != n ||
		    strncasecmp(rows[i].scheme, s, n) != 0)
			continue;
		*ret_done = true;
		if (rows[i].refusal)
			return rows[i].refusal;
		return classify_url(s, s + n + 1, ret);
	}
	*ret_done = strncmp(s + n, "://", 3) == 0;
	return *ret_done ? cli_format("invalid image string \"%s\": unknown "
				      "scheme", s) :
			   NULL;
}

const char *
cli_classify_image(const char *s, cli_is_file *is_file,
    struct cli_image_string *ret)
{
	struct cli_image_string im = { .text = s };
	const char *wrong;
	bool done;

	if (strncmp(s, "sha512-", 7) == 0) {
		if (!cli_is_image_id_prefix(s))
			return cli_format("invalid image ID \"%s\": want sha512- "
					  "and 2 to 128 lower case hex digits", s);
		im.kind = CLI_IMAGE_ID;
		*ret = im;
		return NULL;
	}
	wrong = classify_scheme(s, &im, &done);
	if (!wrong && !done) {
		bool path = s[0] == '/' || is_file(s) ||
		    (!strchr(s, ':') &&
			(strstr(s, "./") || has_suffix(s, ".aci")));

		im.kind = path ? CLI_IMAGE_PATH : CLI_IMAGE_NAME;
		if (!path)
			wrong = cli_parse_app_name(s, &im.app);
	}
	if (wrong)
		return wrong;
	*ret = im;
	return NULL;
}
