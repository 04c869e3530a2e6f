#pragma once
/*
 * What the commands of rkt app share.  Conductor, user rkt; manifests of pods
 * are not trusted.
 */
#include "appc/pod.h"
#include "cli/cli.h"
#include "cli/pods.h"

/* The launcher compares the command's words with the request: so they stand
 * there in full.  0 or CLI_FAILED (said). */
int cli_in_full(const struct cli *c);
/* The pod of that UUID, which runs and is mutable, and its manifest; the caller
 * ends both.  0 or CLI_FAILED (said). */
int cli_find_mutable(struct cli *c, const char *uuid, struct cli_pod *pod,
    struct ac_pod **ret);
/* When the manifest that cli_find_mutable has read was written, ns. */
uint64_t cli_manifest_since(void);
/* Its place in the manifest; n_apps: none. */
size_t cli_app_index(const struct ac_pod *m, const char *name);
