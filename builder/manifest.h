#pragma once
/*
 * Edits of an image manifest as JSON.  Pure: no file, no log.  What an edit
 * leaves behind is judged by bd_manifest_check, with the rules by which rkt
 * reads a manifest; fields that these do not know are kept.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BD_UNNAMED "acbuild-unnamed" /* what acbuild calls a new image */

/* A new image of this machine's architecture; NULL without memory. */
json_t *bd_manifest_new(void);

/* JSON text to a manifest: 0, or -EINVAL and error[AC_ERROR] says why. */
int bd_manifest_parse(const char *text, size_t n, json_t **ret, char *error);
/* The text that is stored, and written into an image; it has been checked. */
int bd_manifest_text(const json_t *m, char **ret, char *error);

/* Each edit: 0, -ENOENT: nothing there to remove, -ENOMEM.  What is put steals
 * item, and takes the place of the one of that name. */
int bd_put(json_t *object, const char *list, const char *key, json_t *item);
int bd_drop(json_t *object, const char *list, const char *key,
    const char *value);
/* A field of the app section, which is made where there is none. */
json_t *bd_app(json_t *m);
int bd_set_text(json_t *object, const char *key, const char *value);
int bd_set_words(json_t *object, const char *key, const char *const *v,
    size_t n);

/* The command, as acbuild notes it: annotation
 * coreos.com/acbuild/command-<number>. */
int bd_note(json_t *m, const char *command, const char *const *v, size_t n);
