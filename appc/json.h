#pragma once
/*
 * Inside appc only: hostile JSON against tables of fields.  A getter turns one
 * JSON value into what lies at out, or says why not by ac_fail(); the first
 * failure names the field by its path from the top ("app.exec[2]").  Strings
 * point into the JSON tree, arrays into the arena: both belong to the result.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/image.h"

#define AC_MAX_DEPTH 32u

struct ac_arena {
	struct ac_chunk *chunks;
	json_t *json; /* the tree that strings point into */
};

struct ac_in {
	struct ac_arena *arena;
	char *error; /* AC_ERROR bytes */
	char path[128];
	size_t at; /* length of path */
};

typedef int ac_get(struct ac_in *in, json_t *v, void *out);

enum { AC_REQUIRED = 1 };

/* Rows end with name == NULL.  JSON fields without a row are ignored. */
struct ac_field {
	const char *name;
	ac_get *get;
	size_t offset; /* of the member in the struct at out */
	unsigned flags;
};

/* Zeroed memory that lives as long as the arena. */
void *ac_alloc(struct ac_arena *a, size_t n);
void ac_arena_free(struct ac_arena *a);

/* Bytes to JSON: size, depth, UTF-8, no NUL, no duplicate keys. */
int ac_load(struct ac_in *in, const char *text, size_t n, size_t max);

/* Always -EINVAL (or -ENOMEM for a NULL text). */
int ac_fail(struct ac_in *in, const char *text);
/* in->path gets one more part; ac_leave restores. */
size_t ac_enter(struct ac_in *in, const char *name, size_t index);
void ac_leave(struct ac_in *in, size_t at);

int ac_object(struct ac_in *in, json_t *v, const struct ac_field *f, void *out);

/* An array of at most max items of size bytes each; *ret_n is a size_t. */
struct ac_items {
	size_t max, size;
	ac_get *get;
};
int ac_array(struct ac_in *in, json_t *v, const struct ac_items *what,
    void *ret_items, size_t *ret_n);

/* What strings are right, and the words for it: "must be " and want. */
struct ac_class {
	size_t max; /* bytes */
	bool (*is)(const char *s, size_t n);
	const char *want; /* NULL: there is no such thing to say */
};
int ac_text(struct ac_in *in, json_t *v, const struct ac_class *c,
    const char **ret);
int ac_integer(struct ac_in *in, json_t *v, int64_t least, int64_t most,
    int64_t *ret);

/* Getters that more than one file needs; the type at out is in the comment. */
ac_get ac_get_acid;   /* const char * */
ac_get ac_get_acname; /* const char * */
ac_get ac_get_print;  /* const char *, printable, not empty, <= 255 */
ac_get ac_get_path;   /* const char *, absolute, made canonical */
ac_get ac_get_source; /* the same, a path of the host: up to 4095 bytes */
ac_get ac_get_bool;   /* bool */
ac_get ac_get_version;	   /* const char *, semantic version */
ac_get ac_get_labels;	   /* struct ac_pairs */
ac_get ac_get_annotations; /* struct ac_pairs */
ac_get ac_get_map;	   /* struct ac_pairs from a JSON object of strings */
ac_get ac_get_image_id;	   /* const char *, sha512-<128 hex> */
ac_get ac_get_app;	   /* struct ac_app */
ac_get ac_get_isolators;   /* struct ac_isolators */
ac_get ac_get_volumes;	   /* struct ac_pod, its volumes */
ac_get ac_get_pod_ports;   /* struct ac_pod, its ports */
ac_get ac_get_mounts;	   /* struct ac_pod_app, its mounts */
