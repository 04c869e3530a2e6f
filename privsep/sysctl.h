#pragma once
/*
 * Which settings of the kernel a pod may have: of namespaces that are its own.
 * Pure.  Input: NAME=VALUE, printable, as a stranger may have written it.
 */
/* Who may say it: no one, the operator in a pod manifest, or also an image. */
enum ps_sysctl { PS_SYSCTL_NO, PS_SYSCTL_OPERATOR, PS_SYSCTL_IMAGE };
enum ps_sysctl ps_sysctl(const char *text);
