/*
 * A pod manifest: an operator's file, or what lies in a pod's directory.
 * What is accepted keeps each field in its class, and reads the same when it
 * is written.
 */
/* link: @appc privsep/name.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "appc/pod.h"
#include "privsep/limits.h"
#include "privsep/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

static void
check_volume(const struct ac_volume *v)
{
	bool host = strcmp(v->kind, "host") == 0;

	HOLDS(ps_is_acname(v->name, strlen(v->name)));
	HOLDS(host == (v->source != NULL));
	HOLDS(!host || ps_is_abspath(v->source, strlen(v->source)));
	HOLDS(v->mode <= 07777 && v->uid < PS_RANGE && v->gid < PS_RANGE);
	HOLDS(host || (!v->recursive && !v->idmap_pod));
	HOLDS(v->size == 0 || strcmp(v->kind, "tmpfs") == 0);
}

static void
check_app(const struct ac_pod_app *a)
{
	HOLDS(ps_is_acname(a->name, strlen(a->name)));
	HOLDS(a->image_id || a->image_name);
	HOLDS(a->n_mounts <= AC_MAX_MOUNTS);
	for (size_t i = 0; i < a->n_mounts; i++)
		HOLDS(ps_is_abspath(a->mounts[i].path,
		    strlen(a->mounts[i].path)));
}

/* What rkt refuses is kept by name alone, and not written; nor is the volume of
 * a mount, which by then is one of the pod. */
static bool
is_whole(const struct ac_pod *pod)
{
	bool whole = pod->isolators.unsupported.n == 0;

	for (size_t i = 0; i < pod->n_apps; i++) {
		const struct ac_pod_app *a = &pod->apps[i];

		whole = whole && a->app.isolators.unsupported.n == 0;
		for (size_t k = 0; k < a->n_mounts; k++)
			whole = whole && a->mounts[k].own == NULL;
	}
	return whole;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ac_pod *pod = NULL, *read = NULL;
	char error[AC_ERROR], *one, *two;

	if (ac_pod_parse((const char *)data, size, &pod, error) != 0) {
		HOLDS(!pod && ps_is_print(error, strlen(error)));
		return 0;
	}
	HOLDS(pod->n_apps <= AC_MAX_POD_APPS && pod->n_volumes <= AC_MAX_VOLUMES);
	for (size_t i = 0; i < pod->n_volumes; i++)
		check_volume(&pod->volumes[i]);
	for (size_t i = 0; i < pod->n_apps; i++)
		check_app(&pod->apps[i]);
	for (size_t i = 0; i < pod->n_ports; i++)
		HOLDS(pod->ports[i].host_port > 0);
	HOLDS(ac_pod_write(pod, false, &one) == 0);
	if (is_whole(pod) && strlen(one) < 1000000) {
		HOLDS(ac_pod_parse(one, strlen(one), &read, error) == 0);
		HOLDS(ac_pod_write(read, false, &two) == 0);
		HOLDS(strcmp(one, two) == 0);
		free(two);
		ac_pod_free(read);
	}
	free(one);
	ac_pod_free(pod);
	return 0;
}
