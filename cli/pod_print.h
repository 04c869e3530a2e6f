#pragma once
/* What list and status print of a pod, whose files are not to be trusted. */
#include "cli/json.h"
#include "cli/pods.h"

/* --format: "" text, "json", "json-pretty". */
cli_setter cli_set_format; /* const char * */

/* The object of rkt's api/v1; the same of one app. */
void cli_pod_json(struct cli_json *j, const struct cli_pod *pod);
void cli_app_json(struct cli_json *j, const struct cli_pod *pod,
    const struct ac_pod *m, const struct ac_pod_app *app);
/* What the files of the pod say of an app. */
struct cli_app_state {
	const char *word; /* "unknown", "created", "running", "exited" */
	int64_t created, started, finished; /* ns since the epoch; 0 unknown */
	int code; /* exited: of its end */
	bool exited;
};
void cli_app_look(const struct cli_pod *pod, const char *app,
    struct cli_app_state *ret);
/* Of a mount of the app: the volume, NULL where there is none, and whether it
 * can be written. */
const struct ac_volume *cli_app_mount(const struct ac_pod *m,
    const struct ac_pod_app *app, const struct ac_mount *mount,
    bool *ret_read_only);
/* NAME or NAME:VERSION of an app's image; "" if the manifest does not say. */
const char *cli_pod_image_name(const struct ac_pod_app *app);
