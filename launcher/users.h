#pragma once
/* The service users' numbers, from /etc/passwd alone: no NSS in root. */
#include "launcher/session.h"

/* 0; -ENOENT no such user; -EINVAL it is root or its line is odd. */
int ln_find_user(const char *passwd, size_t n, const char *name,
    struct ln_user *ret);
/* Fills s->rkt, s->fetch and s->verify; on failure *ret_name is the missing
 * user. */
int ln_find_users(struct ln_session *s, const char **ret_name);
