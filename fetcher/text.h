#pragma once
/*
 * Lines for a person that quote what strangers sent.
 */
#include <stddef.h>

#include "privsep/attr.h"

#define FT_TEXT_MAX 1023u

/* Every byte that is not part of printable UTF-8 becomes '?'. */
void ft_sanitize(char *s);
/* snprintf, then sanitized; ret[size] may have been cut. */
void ft_text(char *ret, size_t size, const char *format, ...) _printf_(3, 4);
/* The same behind what ret holds. */
void ft_text_add(char *ret, size_t size, const char *format, ...)
    _printf_(3, 4);
