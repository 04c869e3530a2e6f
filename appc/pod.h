#pragma once
/*
 * A pod manifest (appc PodManifest).  The conductor writes it for the file
 * `pod` and reads it back for list, status and cat-manifest, where the bytes
 * are those of a pod directory and not to be trusted.  What is written can be
 * read, and says the same.
 */
#include "appc/image.h"

#define AC_MAX_POD_APPS 32u
#define AC_MAX_VOLUMES 128u
#define AC_MAX_MOUNTS 32u

/* kind host, empty, or rkt's own tmpfs (with idmap and size, its words too). */
struct ac_volume {
	const char *name;   /* unique in a pod */
	const char *kind;   /* "host", "empty", "tmpfs" */
	const char *source; /* host: absolute, canonical; else NULL */
	bool has_read_only, read_only;
	bool recursive;	    /* host: true unless said */
	bool idmap_pod;	    /* host: "idmap": "pod" */
	uint32_t mode, uid, gid; /* others: 0755, 0, 0 unless said */
	uint64_t size;	    /* tmpfs: bytes; 0 not said */
};

struct ac_mount {
	const char *volume, *path;
	struct ac_volume *own; /* appVolume, of the same name; NULL: the pod's */
};

/* What a port of an image is on the host. */
struct ac_pod_port {
	const char *name;
	uint16_t host_port;
	const char *host_ip; /* NULL: any */
};

struct ac_pod_app {
	const char *name; /* unique */
	const char *image_name; /* NULL: not said */
	const char *image_id;	/* NULL: not said; one of both is */
	struct ac_pairs image_labels;
	bool has_app;
	struct ac_app app;
	bool readonly_rootfs;
	size_t n_mounts;
	struct ac_mount *mounts;
	struct ac_pairs annotations;
};

struct ac_pod {
	size_t n_apps;
	struct ac_pod_app *apps;
	size_t n_volumes;
	struct ac_volume *volumes;
	struct ac_isolators isolators; /* of all apps together */
	size_t n_ports;
	struct ac_pod_port *ports;
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
