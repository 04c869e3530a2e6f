#pragma once
/*
 * The commands of the table, by the files that they are in.  Each has said
 * what went wrong when it returns a negative number; b->manifest and b->attrs
 * are saved by the caller.
 */
#include "builder/build.h"
#include "builder/words.h"

typedef int bd_act(struct bd_build *b, const struct bd_call *c);

/* edits.c */
bd_act bd_set_name_act, bd_set_user, bd_set_group, bd_set_groups,
    bd_set_working_dir, bd_set_exec, bd_set_event, bd_label_add,
    bd_label_remove, bd_environment_add, bd_environment_remove,
    bd_annotation_add, bd_annotation_remove, bd_isolator_add,
    bd_isolator_remove, bd_mount_add, bd_mount_remove, bd_port_add,
    bd_port_remove, bd_dependency_add, bd_dependency_remove,
    bd_replace_manifest, bd_cat_manifest;
/* commands.c */
bd_act bd_begin, bd_copy, bd_copy_to_dir, bd_write, bd_end, bd_version;
/* script.c */
bd_act bd_script;
/* sign.c */
bd_act bd_sign;
/* run.c */
bd_act bd_run;

/* What the caller of write had. */
extern mode_t bd_umask;

/* A command line of a script, with the script's own global flags where it says
 * none.  0, or a negative number, said. */
int bd_one(int argc, char *const argv[], const struct bd_options *over);

/* A variable of our own environment, or NULL. */
const char *bd_environ(const char *name);
/* Runs a program with our environment, and waits: its exit code, or a
 * negative number, said. */
int bd_spawn(const char *const *argv);
