#pragma once
/* What list and status print of a pod, whose files are not to be trusted. */
#include "cli/json.h"
#include "cli/pods.h"

/* --format: "" text, "json", "json-pretty". */
cli_setter cli_set_format; /* const char * */

/* The object of rkt's api/v1. */
void cli_pod_json(struct cli_json *j, const struct cli_pod *pod);
/* NAME or NAME:VERSION of an app's image; "" if the manifest does not say. */
const char *cli_pod_image_name(const struct ac_pod_app *app);
