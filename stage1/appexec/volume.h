#pragma once
/*
 * Volumes in an app's root.  Runs as the pod's root.  HOSTILE: the app's tree,
 * and what other apps do with volumes that they share.
 */
#include <stdbool.h>

#include "privsep/proto.h"

#define S1_MAX_TARGET 1024u /* a path, with its NUL */

/*
 * walk.c: the object at target below root, O_PATH: a directory, or whatever it
 * is that is no directory.  What is missing is made: directories, and with
 * `file` an empty file at the end; nothing is removed.  ret_name is where it
 * is, without links and without a leading slash ("" is the root itself).
 */
int s1_walk(
    int root, const char *target, bool file, char ret_name[S1_MAX_TARGET]);

/* volume.c.  The mounts of an app, outer ones first.  s1_mount_volumes before
 * proc, sys and dev are there, s1_mount_devices behind it.  Sets s1_why. */
int s1_mount_volumes(int pod_root, int root, const struct ps_msg_PLAN_APP *a);
int s1_mount_devices(int pod_root, int root, const struct ps_msg_PLAN_APP *a);
