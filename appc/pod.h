#pragma once
/*
 * A pod manifest (appc PodManifest).  The conductor writes it for the file
 * `pod` and reads it back for list, status and cat-manifest, where the bytes
 * are those of a pod directory and not to be trusted.  What is written can be
 * read, and says the same.
 */
#include "appc/image.h"

#define AC_MAX_POD_APPS 32u

struct ac_pod_app {
	const char *name; /* unique */
	const char *image_name; /* NULL: not said */
	const char *image_id;
	struct ac_pairs image_labels;
	bool has_app;
	struct ac_app app;
	bool readonly_rootfs;
	struct ac_pairs annotations;
};

struct ac_pod {
	size_t n_apps;
	struct ac_pod_app *apps;
	struct ac_pairs annotations, user_annotations, user_labels;
	struct ac_arena *arena; /* only of a parsed one */
};

/* 0, -EINVAL (error[AC_ERROR] names the field), -ENOMEM. */
int ac_pod_parse(const char *text, size_t n, struct ac_pod **ret, char *error);
void ac_pod_free(struct ac_pod *pod);

/* JSON text, to be freed; on one line, or indented.  0, -ENOMEM, or -EINVAL: a
 * string is not UTF-8. */
int ac_pod_write(const struct ac_pod *pod, bool pretty, char **ret);

/* Any JSON text again, indented (cat-manifest --pretty-print).  Bound and
 * strict as the parsers are. */
int ac_pretty(const char *text, size_t n, char **ret, char *error);
