#pragma once
/*
 * What an image argument means: rkt's order of decisions.  Pure, but that a
 * string without a scheme may be an existing file (the caller asks).
 */
#include <stdbool.h>

#include "cli/mem.h"
#include "privsep/record.h"

enum cli_image_kind {
	CLI_IMAGE_ID,
	CLI_IMAGE_PATH,
	CLI_IMAGE_URL,
	CLI_IMAGE_NAME
};

/* NAME[:VERSION][,LABEL=VALUE...] */
struct cli_app_name {
	const char *name;
	uint16_t n_label;
	const char *label[PS_MAX_LABELS]; /* "name=value", sorted by name */
	bool has_version;
};

struct cli_image_string {
	enum cli_image_kind kind;
	const char *text; /* id (lower case), path, or URL */
	struct cli_app_name app; /* CLI_IMAGE_NAME */
};

typedef bool cli_is_file(const char *path);

/* NULL, or what is wrong. */
const char *cli_classify_image(const char *s, cli_is_file *is_file,
    struct cli_image_string *ret);

const char *cli_parse_app_name(const char *s, struct cli_app_name *ret);
/* Adds os and arch of this host where they are missing. */
void cli_add_host_labels(struct cli_app_name *a);
/* The value of a "name=value" label, or NULL. */
const char *cli_find_label(const char *const *label, size_t n,
    const char *name);
/* NULL if this host runs images of these labels, or what does not fit. */
const char *cli_check_platform(const char *const *label, size_t n);
/* "sha512-" and two or more hex digits, at most 128. */
bool cli_is_image_id_prefix(const char *s);
