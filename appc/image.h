#pragma once
/*
 * An image manifest (appc ImageManifest): hostile JSON text to a struct, and
 * nothing else.  Callers: unpack (to check it), conductor (to make a plan).
 * Every string is a C string, in the class that the format gives it; paths are
 * absolute and canonical.  JSON fields that the format does not know are
 * ignored; duplicate keys are not.  Nothing here says that the image may have
 * what it asks for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/isolator.h"

#define AC_ERROR 256 /* bytes of every error buffer */

#define AC_MAX_LABELS 32u
#define AC_MAX_LABEL 511u /* of NAME=VALUE */
#define AC_MAX_ARGS 512u
#define AC_MAX_ARG 32767u

struct ac_event {
	const char *name; /* pre-start or post-stop, each at most once */
	struct ac_strs exec;
};

struct ac_mount_point {
	const char *name, *path;
	bool read_only;
};

struct ac_port {
	const char *name, *protocol;
	uint16_t port;
	uint32_t count; /* port + count <= 65536 */
	bool socket_activated;
};

struct ac_app {
	struct ac_strs exec; /* may be empty */
	const char *user, *group;
	size_t n_gids;
	uint32_t *gids; /* supplementary */
	const char *working_dir; /* NULL: not said */
	struct ac_pairs environment;
	size_t n_events;
	struct ac_event *events;
	size_t n_mount_points;
	struct ac_mount_point *mount_points;
	size_t n_ports;
	struct ac_port *ports;
	struct ac_isolators isolators;
	struct ac_pairs user_annotations, user_labels;
};

struct ac_dependency {
	const char *image_name, *image_id; /* id: NULL if not said */
	struct ac_pairs labels;
	uint64_t size; /* 0: not said */
};

struct ac_image {
	const char *version; /* acVersion */
	const char *name;
	struct ac_pairs labels; /* sorted by name */
	bool has_app;
	struct ac_app app;
	size_t n_dependencies;
	struct ac_dependency *dependencies;
	struct ac_strs path_whitelist;
	struct ac_pairs annotations;
	struct ac_arena *arena; /* owns all of the above */
};

/* 0; -EINVAL: not such a manifest, and error[AC_ERROR] is one printable line
 * that names the field; -ENOMEM. */
int ac_image_parse(const char *text, size_t n, struct ac_image **ret,
    char *error);
void ac_image_free(struct ac_image *image);

/* The value of that name, or NULL. */
const char *ac_find(const struct ac_pairs *pairs, const char *name);

/* JSON objects are hashed with this; call once, before the first parse, where
 * the program cannot open /dev/urandom. */
void ac_seed(size_t seed);
