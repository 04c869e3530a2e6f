#pragma once
/* The rows of the table of commands: one file each, cmd_NAME.c. */
#include "cli/cli.h"

extern const struct cli_command cli_cmd_app_add, cli_cmd_app_exec,
    cli_cmd_app_list, cli_cmd_app_rm, cli_cmd_app_sandbox, cli_cmd_app_start,
    cli_cmd_app_status, cli_cmd_app_stop, cli_cmd_attach, cli_cmd_cat_manifest, cli_cmd_completion,
    cli_cmd_config,
    cli_cmd_enter, cli_cmd_export, cli_cmd_fetch, cli_cmd_gc,
    cli_cmd_help, cli_cmd_image_cat_manifest, cli_cmd_image_export,
    cli_cmd_image_extract, cli_cmd_image_gc, cli_cmd_image_list,
    cli_cmd_image_render, cli_cmd_image_rm, cli_cmd_image_verify, cli_cmd_list, cli_cmd_logs,
    cli_cmd_policy_lint,
    cli_cmd_prepare, cli_cmd_rm, cli_cmd_run, cli_cmd_run_prepared,
    cli_cmd_status, cli_cmd_stop, cli_cmd_trust, cli_cmd_version;
