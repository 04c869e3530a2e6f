#pragma once
/*
 * The proof of a plan: a pure function over the plan, the operator's argv and
 * the site policy.  What it accepts is no weaker than policy and argv allow.
 * Input: bytes of a sealed memfd that a compromised conductor wrote.
 */
#include <stddef.h>
#include <stdint.h>

#include "launcher/argv.h"
#include "launcher/layers.h"
#include "privsep/policy.h"
#include "privsep/proto.h"

struct ln_plan {
	struct ps_msg_PLAN_POD pod;
	struct ps_msg_PLAN_VOLUME volume[PS_MAX_VOLUMES];
	struct ps_msg_PLAN_APP app[PS_MAX_APPS];
	/* Not of the bytes: what image.c found for each app. */
	struct ln_lowers lowers[PS_MAX_APPS];
};

/* 0, or -EBADMSG.  Strings point into p. */
int ln_plan_decode(const uint8_t *p, size_t n, struct ln_plan *ret);

/* argv is this command's; made is that of the command that made the apps:
 * the same, but for a pod that was prepared.  0, or a PS_REFUSED_* code with
 * one line in error. */
uint32_t ln_plan_prove(const struct ln_plan *plan, struct ln_argv argv,
    struct ln_argv made, const struct ps_policy *policy, char error[256]);
