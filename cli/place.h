#pragma once
/*
 * What a pod sees of names and the world: network, host name, resolv.conf,
 * hosts.  Texts are made here, whole; no program but the apps reads them.
 */
#include "cli/run.h"
#include "privsep/proto.h"

#define CLI_MAX_RESOLV 4096u /* bytes, as plan.def */
#define CLI_MAX_HOSTS 16384u

/* Before the sandbox closes: reads the host's files where they are asked for.
 * 0 or CLI_FAILED (said). */
int cli_place_read(const struct cli_run_place *p);
/* Standard input can be an app's terminal.  0 or CLI_FAILED (said). */
int cli_place_stdin(void);
/* Fills net, hostname, interactive, resolv_conf and hosts of ret, which has
 * its UUID.  0 or CLI_FAILED (said). */
int cli_place_plan(const struct cli_run_place *p, struct ps_msg_PLAN_POD *ret);
