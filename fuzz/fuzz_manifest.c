/*
 * An image manifest, and a pod manifest made of it.  Whatever the text: what
 * is accepted keeps each field in its class, and the pod manifest that is
 * made of it can be read, and written again the same.
 */
/* link: @appc privsep/name.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "appc/pod.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static void
check_labels(const struct ac_pairs *p)
{
	HOLDS(p->n <= AC_MAX_LABELS);
	for (size_t i = 0; i < p->n; i++) {
		size_t n = strlen(p->v[i].name), v = strlen(p->v[i].value);

		HOLDS(ps_is_acid(p->v[i].name, n) && n + v < AC_MAX_LABEL);
		HOLDS(ps_is_print(p->v[i].value, v));
		HOLDS(i == 0 || strcmp(p->v[i - 1].name, p->v[i].name) < 0);
	}
}

static void
check_app(const struct ac_app *a)
{
	HOLDS(ps_is_print(a->user, strlen(a->user)) && a->user[0]);
	HOLDS(a->exec.n <= AC_MAX_ARGS);
	HOLDS(!a->working_dir ||
	    ps_is_abspath(a->working_dir, strlen(a->working_dir)));
	for (size_t i = 0; i < a->n_mount_points; i++)
		HOLDS(ps_is_abspath(a->mount_points[i].path,
		    strlen(a->mount_points[i].path)));
	for (size_t i = 0; i < a->n_ports; i++)
		HOLDS(a->ports[i].port > 0 && a->ports[i].count > 0 &&
		    a->ports[i].port + a->ports[i].count <= 65536);
	HOLDS((a->isolators.caps_set == AC_SET_NONE) == (a->isolators.caps == 0));
	HOLDS((a->isolators.seccomp_set == AC_SET_NONE) ==
	    (a->isolators.seccomp.n == 0));
}

static void
check_pod(const struct ac_image *image)
{
	static const uint8_t digest[64] = { 7 };
	char id[PS_IMAGE_ID_LEN + 1], error[AC_ERROR], *one, *two;
	struct ac_pod_app app = { .name = "a", .image_name = image->name,
		.image_id = id, .image_labels = image->labels,
		.has_app = image->has_app, .app = image->app };
	struct ac_pod pod = { .n_apps = 1, .apps = &app }, *read;

	ps_image_id(digest, id);
	HOLDS(ac_pod_write(&pod, false, &one) == 0);
	if (strlen(one) < 1000000) {
		HOLDS(ac_pod_parse(one, strlen(one), &read, error) == 0);
		HOLDS(ac_pod_write(read, false, &two) == 0);
		HOLDS(strcmp(one, two) == 0);
		free(two);
		ac_pod_free(read);
	}
	free(one);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_image *image = NULL;
	char error[AC_ERROR];

	if (ac_image_parse((const char *)data, size, &image, error) != 0) {
		HOLDS(!image && ps_is_print(error, strlen(error)));
		return 0;
	}
	HOLDS(ps_is_acid(image->name, strlen(image->name)));
	check_labels(&image->labels);
	if (image->has_app)
		check_app(&image->app);
	check_pod(image);
	ac_image_free(image);
	return 0;
}
