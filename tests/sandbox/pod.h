#pragma once
/*
 * A pod that is none: a root directory with a door, behind which a process of
 * ours says what a pod would.  stage1-enter is started towards it as the
 * launcher becomes it.  Caller: root, in an empty directory of its own.
 */
#define POD_ID 1879048192u /* its root, as the host knows it */

/* stage1-enter with a command that ends with 7; 0 when it did.  *ret_status: as
 * the launcher sees it, 256 and the signal. */
int pod_enter(int *ret_status);
