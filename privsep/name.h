#pragma once
/*
 * Character classes: what a string that crosses a wall may consist of.  Pure,
 * total, no allocation.  Each takes bytes without NUL and answers yes or no;
 * the codec applies them by the class name in a .def file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* AC identifier and AC name (appc spec, schema/types; the strict regular
 * expressions: separators do not repeat). */
bool ps_is_acid(const char *s, size_t n);
bool ps_is_acname(const char *s, size_t n);
bool ps_is_acid0(const char *s, size_t n); /* or empty */
bool ps_is_hex(const char *s, size_t n);   /* lower case, not empty */
bool ps_is_hex0(const char *s, size_t n);
bool ps_is_uuid(const char *s, size_t n);  /* lower case, 8-4-4-4-12 */
bool ps_is_host(const char *s, size_t n);  /* RFC 1123 label(s), or empty */
/* Printable UTF-8: no control characters (C0, DEL, C1), may be empty. */
bool ps_is_print(const char *s, size_t n);
/* Any bytes without control characters, may be empty. */
bool ps_is_path(const char *s, size_t n);
/* Absolute, no empty, "." or ".." element, no control characters. */
bool ps_is_abspath(const char *s, size_t n);
bool ps_is_arg(const char *s, size_t n); /* anything */
/* NAME=VALUE with NAME ^[A-Za-z_][A-Za-z_0-9.-]*$ */
bool ps_is_env(const char *s, size_t n);

/* prefix speaks for name: equal, or name continues with '/'.  By path
 * element: "a.com/et" does not speak for "a.com/etcd". */
bool ps_is_prefix(const char *prefix, const char *name);

/* Decimal without sign, spaces or leading zeros, at most max. */
bool ps_parse_u64(const char *s, uint64_t max, uint64_t *ret);

/* 64 bytes <-> "sha512-" and 128 lower case hex digits. */
#define PS_IMAGE_ID_LEN 135
void ps_image_id(const uint8_t digest[64], char ret[PS_IMAGE_ID_LEN + 1]);
bool ps_parse_image_id(const char *s, uint8_t ret[64]);
